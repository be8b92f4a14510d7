/** What can be asked of the synced data. Every method rejects with `AXIS_NOT_SYNCED` before the first sync of its dataset. */

import type { NativeEngine } from "../native";
import type {
  EvalComparison,
  EvalCorrelation,
  EvalDistribution,
  EvalRadar,
  EvalScatter,
  EvalSummary,
} from "./evaluations";
import { type CallOptions, call, signalOf } from "./gate";
import { answer, options as written } from "./json";
import type { KpiCategories, KpiFilters, KpiTrends } from "./kpi";
import type {
  Anomalies,
  Breakdown,
  ClassDistribution,
  ClassificationBreakdown,
  ClassificationTrends,
  Correlation,
  Insights,
  LatencyDistribution,
  Summary,
  Trends,
} from "./monitoring";
import type * as requests from "./requests";
import type { SignalCases, SignalSchema } from "./signals";

/** Answers whose member `data` holds rows; of others it has members. */
const ROWS = new Set(["signals.cases"]);

/** Asks one question. */
export async function ask<T>(
  engine: NativeEngine,
  question: string,
  request: object | null | undefined,
  options: CallOptions | null | undefined,
): Promise<T> {
  const given = written(request, "the request");
  const text = await call(signalOf(options), (cancel) => engine.ask(question, given, cancel));
  return answer(text, ROWS.has(question) ? "data" : undefined);
}

/** {@link ask} of one engine. */
type Ask = <T>(question: string, request: object | null | undefined, options: CallOptions | null | undefined) => Promise<T>;

/** What can be asked, by dataset. */
export class Analytics {
  /** About `monitoring`. */
  readonly monitoring: MonitoringAnalytics;
  /** About `kpi`. */
  readonly kpi: KpiAnalytics;
  /** About `eval`. */
  readonly eval: EvalAnalytics;
  /** About people's feedback. */
  readonly signals: SignalsAnalytics;

  /** @internal */
  constructor(engine: NativeEngine) {
    const asked: Ask = (question, request, options) => ask(engine, question, request, options);
    this.monitoring = new MonitoringAnalytics(asked);
    this.kpi = new KpiAnalytics(asked);
    this.eval = new EvalAnalytics(asked);
    this.signals = new SignalsAnalytics(asked);
  }
}

/** What can be asked about `monitoring`. */
export class MonitoringAnalytics {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Returns the figures at the top: rows, mean score, pass rate, latencies. */
  summary(request?: requests.MonitoringFilter | null, options?: CallOptions | null): Promise<Summary> {
    return this.#ask("monitoring.summary", request, options);
  }

  /** Returns scores over time, by metric. */
  trends(request?: requests.TrendsRequest | null, options?: CallOptions | null): Promise<Trends> {
    return this.#ask("monitoring.trends", request, options);
  }

  /** Returns pass rates by metric, and by group. */
  breakdown(request?: requests.BreakdownRequest | null, options?: CallOptions | null): Promise<Breakdown> {
    return this.#ask("monitoring.breakdown", request, options);
  }

  /** Returns the latencies as a histogram, and by group. */
  latency(request?: requests.LatencyRequest | null, options?: CallOptions | null): Promise<LatencyDistribution> {
    return this.#ask("monitoring.latency", request, options);
  }

  /** Returns the values of a metric or column by group. */
  classes(request: requests.ClassesRequest, options?: CallOptions | null): Promise<ClassDistribution> {
    return this.#ask("monitoring.classes", request, options);
  }

  /** Returns how metrics go together. */
  correlation(request?: requests.MonitoringFilter | null, options?: CallOptions | null): Promise<Correlation> {
    return this.#ask("monitoring.correlation", request, options);
  }

  /** Returns the labels of classification metrics, by how often they occur. */
  classificationBreakdown(
    request?: requests.ClassificationRequest | null,
    options?: CallOptions | null,
  ): Promise<ClassificationBreakdown> {
    return this.#ask("monitoring.classification_breakdown", request, options);
  }

  /** Returns the labels of one metric over time. */
  classificationTrends(
    request: requests.ClassificationTrendsRequest,
    options?: CallOptions | null,
  ): Promise<ClassificationTrends> {
    return this.#ask("monitoring.classification_trends", request, options);
  }

  /** Returns what analyses say about single records, page by page. */
  insights(request?: requests.InsightsRequest | null, options?: CallOptions | null): Promise<Insights> {
    return this.#ask("monitoring.insights", request, options);
  }

  /** Returns where scores are out of the ordinary. */
  anomalies(request?: requests.TrendsRequest | null, options?: CallOptions | null): Promise<Anomalies> {
    return this.#ask("monitoring.anomalies", request, options);
  }
}

/** What can be asked about `kpi`. */
export class KpiAnalytics {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Returns the cards, by category. */
  categories(request?: requests.KpiRequest | null, options?: CallOptions | null): Promise<KpiCategories> {
    return this.#ask("kpi.categories", request, options);
  }

  /** Returns the values by day. */
  trends(request?: requests.KpiRequest | null, options?: CallOptions | null): Promise<KpiTrends> {
    return this.#ask("kpi.trends", request, options);
  }

  /** Returns what can be filtered by. */
  filters(request?: requests.NoRequest | null, options?: CallOptions | null): Promise<KpiFilters> {
    return this.#ask("kpi.filters", request, options);
  }
}

/** What can be asked about `eval`. */
export class EvalAnalytics {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Returns each metric in numbers. */
  summary(request?: requests.EvalFilter | null, options?: CallOptions | null): Promise<EvalSummary> {
    return this.#ask("eval.summary", request, options);
  }

  /** Returns the values of one metric, and their histogram. */
  distribution(request: requests.EvalDistributionRequest, options?: CallOptions | null): Promise<EvalDistribution> {
    return this.#ask("eval.distribution", request, options);
  }

  /** Returns metrics by group. */
  comparison(request: requests.EvalComparisonRequest, options?: CallOptions | null): Promise<EvalComparison> {
    return this.#ask("eval.comparison", request, options);
  }

  /** Returns how metrics go together. */
  correlation(request?: requests.EvalFilter | null, options?: CallOptions | null): Promise<EvalCorrelation> {
    return this.#ask("eval.correlation", request, options);
  }

  /** Returns the means of metrics, one trace a group. */
  radar(request?: requests.EvalRadarRequest | null, options?: CallOptions | null): Promise<EvalRadar> {
    return this.#ask("eval.radar", request, options);
  }

  /** Returns two metrics against each other, one point a record. */
  scatter(request: requests.EvalScatterRequest, options?: CallOptions | null): Promise<EvalScatter> {
    return this.#ask("eval.scatter", request, options);
  }
}

/** What can be asked about people's feedback. */
export class SignalsAnalytics {
  readonly #ask: Ask;

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Returns the cases, page by page. */
  cases(request?: requests.SignalCasesRequest | null, options?: CallOptions | null): Promise<SignalCases> {
    return this.#ask("signals.cases", request, options);
  }

  /** Returns what the signals look like, and how they are shown. */
  schema(request?: requests.NoRequest | null, options?: CallOptions | null): Promise<SignalSchema> {
    return this.#ask("signals.schema", request, options);
  }
}
