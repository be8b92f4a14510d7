/** What the analytics of monitoring answer. */

/** The length of buckets. */
export type Granularity = "hourly" | "daily" | "weekly";

/** How grave a finding is. */
export type Severity = "warning" | "error";

/** The answer of [`summary`]. */
export interface Summary {
  /** The figures. */
  kpis: SummaryKpis;
}

/** Figures over the rows with a score. */
export interface SummaryKpis {
  /** Rows with a score; a record has one for each of its metrics. */
  totalRecords: number;
  /** Mean score. */
  avgScore: number;
  /** Percentage of scores at or above 0.5. */
  passRate: number;
  /** Median of the latency over these rows, interpolated. */
  p50Latency: number;
  /** 95th percentile. */
  p95Latency: number;
  /** 99th percentile. */
  p99Latency: number;
  /** Different records (`dataset_id`) among these rows. */
  records: number;
}

/** The answer of [`trends`]. */
export interface Trends {
  /** One point for each bucket and metric that have rows, by bucket, then by metric. */
  data: TrendPoint[];
  /** The metrics among them, ascending. */
  metrics: string[];
  /** The length of the buckets. */
  granularity: Granularity;
}

/** The scores of one metric in one bucket. */
export interface TrendPoint {
  /** When the bucket begins: `YYYY-MM-DD HH:MM:SS`, with `+00:00` when the column is an instant. */
  timestamp: string;
  /** The metric. */
  metric: string;
  /** Mean score. */
  avg: number;
  /** Median, interpolated. */
  p50: number;
  /** 95th percentile. */
  p95: number;
  /** 99th percentile. */
  p99: number;
  /** Scores. */
  count: number;
}

/** The answer of [`breakdown`]. */
export interface Breakdown {
  /** The metrics that have scores, by name. */
  metrics: MetricBreakdown[];
  /** Groups that are not listed, because there are more than 1,000: those with the fewest rows. */
  groupsOmitted: number;
}

/** How one metric does. */
export interface MetricBreakdown {
  /** The metric. */
  name: string;
  /** Percentage of scores at or above the threshold. */
  passRate: number;
  /** Mean score. */
  avg: number;
  /** Scores. */
  count: number;
  /** The groups by name, without NULL; null when they were not asked for, or the relation has no such column. */
  byGroup: Record<string, GroupScore> | null;
}

/** How one metric does in one group. */
export interface GroupScore {
  /** Percentage of scores at or above the threshold. */
  passRate: number;
  /** Mean score. */
  avg: number;
  /** Scores. */
  count: number;
}

/** The answer of [`latency`]. */
export interface LatencyDistribution {
  /** The histogram; empty without rows. */
  histogram: Histogram;
  /** The percentiles. */
  percentiles: Percentiles;
  /** The groups by name, without NULL; null when they were not asked for, or the relation has no such column. */
  byGroup: Record<string, GroupLatency> | null;
  /** Groups that are not listed, because there are more than 1,000: those with the fewest rows. */
  groupsOmitted: number;
}

/** Bars of equal width from the least to the greatest value, which is in the last one. */
export interface Histogram {
  /** Rows in each bar. */
  counts: number[];
  /** Where the bars begin, and where the last one ends. */
  edges: number[];
}

/** Interpolated percentiles. */
export interface Percentiles {
  /** Median. */
  p50: number;
  /** 95th percentile. */
  p95: number;
  /** 99th percentile. */
  p99: number;
}

/** The latencies of one group. */
export interface GroupLatency {
  /** Rows in each bar of the whole histogram. */
  counts: number[];
  /** The percentiles. */
  percentiles: Percentiles;
}

/** The answer of [`classes`]. */
export interface ClassDistribution {
  /** The groups that have values, by name, NULL last. */
  data: ClassValues[];
  /** The column, or the metric. */
  metric: string;
  /** By what the values are divided. */
  groupBy: string;
  /** The most values that are listed of a group. */
  maxValues: number;
  /** Groups that are not listed, because there are more than 1,000: those with the fewest rows. */
  groupsOmitted: number;
}

/** The values of one group. */
export interface ClassValues {
  /** The group; null is its own. */
  group: string | null;
  /** Values in ascending order. Of more than `max_values` there are as many, from the least to the greatest, at even distances in their order. */
  values: number[];
  /** Whether values are missing from the list. */
  sampled: boolean;
  /** Figures over all values. */
  stats: ClassStats;
}

/** Figures over all values of a group. */
export interface ClassStats {
  /** Mean. */
  mean: number;
  /** Sample standard deviation; 0 of one value. */
  std: number;
  /** Least value. */
  min: number;
  /** Greatest value. */
  max: number;
  /** Median, interpolated. */
  median: number;
  /** Values. */
  count: number;
}

/** The answer of [`correlation`]. */
export interface Correlation {
  /** Pearson's coefficient of each pair, in the order of `metrics`; 0 where it is not defined. Empty for fewer than two metrics. */
  matrix: number[][];
  /** The metrics that there are, in the order of the request; those of the request when it names fewer than two. */
  metrics: string[];
}

/** The answer of [`classification_breakdown`]. */
export interface ClassificationBreakdown {
  /** The metrics that have labels, by name. */
  metrics: ClassificationMetric[];
}

/** The labels of one metric. */
export interface ClassificationMetric {
  /** The metric. */
  metricName: string;
  /** Up to 100 labels, the most frequent first, equally frequent ones by text. */
  categories: Category[];
  /** Rows with a label. */
  totalCount: number;
  /** Those of them whose label is not listed: it is rarer, or longer than 256 characters. */
  otherCount: number;
}

/** One label. */
export interface Category {
  /** The label. */
  value: string;
  /** Rows with it. */
  count: number;
  /** Their percentage, to one decimal, halves to even. */
  percentage: number;
}

/** The answer of [`classification_trends`]. */
export interface ClassificationTrends {
  /** The buckets that have labels, ascending. */
  data: ClassificationPoint[];
  /** The metric. */
  metricName: string;
  /** The length of the buckets. */
  granularity: Granularity;
  /** The labels that are listed, ascending: the 100 most frequent ones. */
  uniqueCategories: string[];
}

/** The labels of one bucket. */
export interface ClassificationPoint {
  /** When the bucket begins. */
  timestamp: string;
  /** Rows of each label that the bucket has. */
  categories: Record<string, number>;
  /** Rows whose label is not listed. */
  otherCount: number;
}

/** The answer of [`insights`]. */
export interface Insights {
  /** By `timestamp`, newest first and those without one last; then by `dataset_id`, `metric_name` and `explanation` as text. */
  records: Insight[];
  /** Records on all pages. */
  totalCount: number;
  /** The page. */
  page: number;
  /** Records a page. */
  limit: number;
  /** The metrics of all pages, ascending. */
  metricNames: string[];
}

/** One analysis. */
export interface Insight {
  /** The record. */
  datasetId: string | null;
  /** When it was. */
  timestamp: string | null;
  /** The metric. */
  metricName: string | null;
  /** What was asked; null when it is empty. */
  query: string | null;
  /** What was answered; null when it is empty. */
  actualOutput: string | null;
  /** What the analysis says; null when it is empty. */
  explanation: string | null;
  /** An object or an array where the text is one, else the text. */
  signals: unknown;
  /** Where the record is from. */
  sourceInfo: SourceInfo;
}

/** Where a record is from. */
export interface SourceInfo {
  /** `environment` */
  environment: string | null;
  /** `source_name` */
  sourceName: string | null;
  /** `source_component` */
  sourceComponent: string | null;
}

/** The answer of [`anomalies`]. */
export interface Anomalies {
  /** Whether anomalies are looked for: `anomaly_detection.enabled`. */
  enabled: boolean;
  /** The length of the buckets. */
  granularity: Granularity;
  /** By metric, then in the order z-score, moving average, rate of change. */
  findings: AnomalyFinding[];
}

/** What a rule says of the latest bucket of a metric. */
export interface AnomalyFinding {
  /** The metric. */
  metric: string;
  /** The rule. */
  rule: AnomalyRuleName;
  /** How grave it is. */
  severity: Severity;
  /** When the bucket begins. */
  timestamp: string;
  /** Its mean score. */
  value: number;
  /** What the rule compares it with: the mean of the buckets that it looks at, or the bucket before. */
  expected: number;
  /** How far off it is; of the z-score in standard deviations. */
  deviation: number;
  /** How far off is too far. */
  threshold: number;
}

/** A rule by name. */
export type AnomalyRuleName = "z_score" | "moving_average" | "rate_of_change";
