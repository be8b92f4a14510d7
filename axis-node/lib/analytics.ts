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
import { type CallOptions, call } from "./gate";
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
import type * as ask from "./requests";
import type { SignalCases, SignalSchema } from "./signals";

/** Asks one question. */
type Ask = <T>(question: string, request: object | undefined, options: CallOptions | undefined, data?: string) => Promise<T>;

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
    const ask: Ask = async (question, request, options, data) => {
      const text = call(options?.signal, (cancel) => engine.ask(question, written(request, "the request"), cancel));
      return answer(await text, data);
    };
    this.monitoring = new MonitoringAnalytics(ask);
    this.kpi = new KpiAnalytics(ask);
    this.eval = new EvalAnalytics(ask);
    this.signals = new SignalsAnalytics(ask);
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
  summary(request?: ask.MonitoringFilter, options?: CallOptions): Promise<Summary> {
    return this.#ask("monitoring.summary", request, options);
  }

  /** Returns scores over time, by metric. */
  trends(request?: ask.TrendsRequest, options?: CallOptions): Promise<Trends> {
    return this.#ask("monitoring.trends", request, options);
  }

  /** Returns pass rates by metric, and by group. */
  breakdown(request?: ask.BreakdownRequest, options?: CallOptions): Promise<Breakdown> {
    return this.#ask("monitoring.breakdown", request, options);
  }

  /** Returns the latencies as a histogram, and by group. */
  latency(request?: ask.LatencyRequest, options?: CallOptions): Promise<LatencyDistribution> {
    return this.#ask("monitoring.latency", request, options);
  }

  /** Returns the values of a metric or column by group. */
  classes(request: ask.ClassesRequest, options?: CallOptions): Promise<ClassDistribution> {
    return this.#ask("monitoring.classes", request, options);
  }

  /** Returns how metrics go together. */
  correlation(request?: ask.MonitoringFilter, options?: CallOptions): Promise<Correlation> {
    return this.#ask("monitoring.correlation", request, options);
  }

  /** Returns the labels of classification metrics, by how often they occur. */
  classificationBreakdown(
    request?: ask.ClassificationRequest,
    options?: CallOptions,
  ): Promise<ClassificationBreakdown> {
    return this.#ask("monitoring.classification_breakdown", request, options);
  }

  /** Returns the labels of one metric over time. */
  classificationTrends(
    request: ask.ClassificationTrendsRequest,
    options?: CallOptions,
  ): Promise<ClassificationTrends> {
    return this.#ask("monitoring.classification_trends", request, options);
  }

  /** Returns what analyses say about single records, page by page. */
  insights(request?: ask.InsightsRequest, options?: CallOptions): Promise<Insights> {
    return this.#ask("monitoring.insights", request, options);
  }

  /** Returns where scores are out of the ordinary. */
  anomalies(request?: ask.TrendsRequest, options?: CallOptions): Promise<Anomalies> {
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
  categories(request?: ask.KpiRequest, options?: CallOptions): Promise<KpiCategories> {
    return this.#ask("kpi.categories", request, options);
  }

  /** Returns the values by day. */
  trends(request?: ask.KpiRequest, options?: CallOptions): Promise<KpiTrends> {
    return this.#ask("kpi.trends", request, options);
  }

  /** Returns what can be filtered by. */
  filters(request?: ask.NoRequest, options?: CallOptions): Promise<KpiFilters> {
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
  summary(request?: ask.EvalFilter, options?: CallOptions): Promise<EvalSummary> {
    return this.#ask("eval.summary", request, options);
  }

  /** Returns the values of one metric, and their histogram. */
  distribution(request: ask.EvalDistributionRequest, options?: CallOptions): Promise<EvalDistribution> {
    return this.#ask("eval.distribution", request, options);
  }

  /** Returns metrics by group. */
  comparison(request: ask.EvalComparisonRequest, options?: CallOptions): Promise<EvalComparison> {
    return this.#ask("eval.comparison", request, options);
  }

  /** Returns how metrics go together. */
  correlation(request?: ask.EvalFilter, options?: CallOptions): Promise<EvalCorrelation> {
    return this.#ask("eval.correlation", request, options);
  }

  /** Returns the means of metrics, one trace a group. */
  radar(request?: ask.EvalRadarRequest, options?: CallOptions): Promise<EvalRadar> {
    return this.#ask("eval.radar", request, options);
  }

  /** Returns two metrics against each other, one point a record. */
  scatter(request: ask.EvalScatterRequest, options?: CallOptions): Promise<EvalScatter> {
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
  cases(request?: ask.SignalCasesRequest, options?: CallOptions): Promise<SignalCases> {
    return this.#ask("signals.cases", request, options, "data");
  }

  /** Returns what the signals look like, and how they are shown. */
  schema(request?: ask.NoRequest, options?: CallOptions): Promise<SignalSchema> {
    return this.#ask("signals.schema", request, options);
  }
}
