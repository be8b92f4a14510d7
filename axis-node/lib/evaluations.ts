/** What the analytics of evaluations answer. */

/** One group: its name as `group` and, under the name of each metric, its numbers. */
export type ComparisonGroup = { group: string } & Record<string, GroupStats | string>;

/** Metric by metric. */
export type Matrix = Record<string, Record<string, number>>;

/** Where rows came from. */
export type RowSource = "body" | "store";

/** Every metric in numbers. */
export interface EvalSummary {
  /** Always true. */
  success: boolean;
  /** The metrics: of wide rows in the order of the columns, of long rows by name. */
  summary: MetricSummary[];
  /** Records. */
  totalRecords: number;
  /** Rows; of long rows there are several for each record. */
  totalRows: number;
  /** Where the rows came from. */
  source: RowSource;
}

/** One metric in numbers. */
export interface MetricSummary {
  /** The metric. */
  metricName: string;
  /** Mean. */
  mean: number;
  /** Deviation of a sample; 0 of a single value. */
  std: number;
  /** Least. */
  min: number;
  /** Greatest. */
  max: number;
  /** Records that have it. */
  count: number;
  /** Fraction (0 to 1) of values at or above 0.5. */
  passingRate: number;
}

/** The values of one metric. */
export interface EvalDistribution {
  /** Always true. */
  success: boolean;
  /** The metric. */
  metric: string;
  /** Its values, in the order of the records. */
  values: number[];
  /** Whether there are more values than are listed; everything else is made of all of them. */
  valuesTruncated: boolean;
  /** How many there are. */
  count: number;
  /** Values by bin. */
  histogram: EvalHistogram;
  /** The values in numbers. */
  stats: DistributionStats;
  /** Where the rows came from. */
  source: RowSource;
}

/** Bins of one width from the least to the greatest value; the last holds its upper edge, too. */
export interface EvalHistogram {
  /** Values in each bin. */
  counts: number[];
  /** The edges: one more than bins. */
  binEdges: number[];
}

/** The values of a metric in numbers. */
export interface DistributionStats {
  /** Mean. */
  mean: number;
  /** Median, interpolated. */
  median: number;
  /** Deviation of a sample; 0 of a single value. */
  std: number;
  /** First quartile, interpolated. */
  q25: number;
  /** Third quartile, interpolated. */
  q75: number;
}

/** Metrics by group. */
export interface EvalComparison {
  /** Always true. */
  success: boolean;
  /** One object a group, by name. */
  comparison: ComparisonGroup[];
  /** The metrics. */
  metrics: string[];
  /** The groups, by name. */
  groups: string[];
  /** Where the rows came from. */
  source: RowSource;
}

/** One metric in one group; of no values all are 0. */
export interface GroupStats {
  /** Mean. */
  mean: number;
  /** Deviation of a sample; 0 of a single value. */
  std: number;
  /** Records that have the metric. */
  count: number;
}

/** How every metric goes with every other. */
export interface EvalCorrelation {
  /** Always true. */
  success: boolean;
  /** Metric by metric, Pearson's coefficient; 0 where it is not defined. */
  correlation: Matrix;
  /** The metrics. */
  metrics: string[];
  /** Where the rows came from. */
  source: RowSource;
}

/** The mean of each metric, for all records or by group. */
export interface EvalRadar {
  /** Always true. */
  success: boolean;
  /** The metrics. */
  metrics: string[];
  /** One trace a group, by name; `Overall` without groups. */
  traces: RadarTrace[];
  /** Where the rows came from. */
  source: RowSource;
}

/** The means of one group. */
export interface RadarTrace {
  /** The group. */
  name: string;
  /** The means, in the order of the metrics; 0 where a group has no value. */
  values: number[];
}

/** The records that have both metrics, in their order. */
export interface EvalScatter {
  /** Always true. */
  success: boolean;
  /** The values to the right. */
  x: number[];
  /** The values upwards. */
  y: number[];
  /** The metric to the right. */
  xMetric: string;
  /** The metric upwards. */
  yMetric: string;
  /** The colour of each point: a text, a number, or null. */
  color?: (string | number)[];
  /** The column that colours the points. */
  colorBy?: string;
  /** The `dataset_id` of each point, when there is that column. */
  ids?: (string | number)[];
  /** How many records have both metrics. */
  count: number;
  /** Whether there are more points than are listed. */
  truncated: boolean;
  /** Where the rows came from. */
  source: RowSource;
}
