/** What the monitoring analytics answer. */

export interface Summary {
  total_records: number;
  avg_score: number;
  pass_rate: number;
  p50_latency: number | null;
  p95_latency: number | null;
  p99_latency: number | null;
  records: number;
}

export interface Findings {
  enabled: boolean;
  granularity: string;
  findings: {
    metric: string;
    rule: 'z_score' | 'moving_average' | 'rate_of_change';
    severity: 'info' | 'warning' | 'error';
    timestamp: string;
    value: number;
    expected: number;
    deviation: number;
    threshold: number;
  }[];
}

export interface Trends {
  data: { timestamp: string; metric: string; avg: number; p50: number; p95: number; p99: number; count: number }[];
  metrics: string[];
}

export interface Scores {
  pass_rate: number;
  avg: number;
  count: number;
}

export interface Breakdown {
  metrics: (Scores & { name: string; by_group: Record<string, Scores> | null })[];
  groups_omitted: number;
}

export interface Latency {
  histogram: { counts: number[]; edges: number[] };
  percentiles: { p50: number | null; p95: number | null; p99: number | null };
}

/** The values of one group; null is one, too. */
export interface ClassGroup {
  group: string | null;
  values: number[];
  stats: { mean: number; std: number; min: number; max: number; median: number; count: number };
}

export interface Distribution {
  data: ClassGroup[];
  groups_omitted: number;
}

/** Coefficients in the order of the metrics, both ways. */
export interface Correlation {
  metrics: string[];
  matrix: number[][];
}

export interface Classes {
  metrics: {
    metric_name: string;
    categories: { value: string; count: number; percentage: number }[];
    total_count: number;
    other_count: number;
  }[];
}

export interface ClassTrends {
  data: { timestamp: string; categories: Record<string, number>; other_count: number }[];
}

export interface Insights {
  records: {
    dataset_id: string;
    timestamp: string;
    metric_name: string;
    query: string | null;
    actual_output: string | null;
    explanation: string | null;
    signals: unknown;
    source_info: Record<string, string | null>;
  }[];
  total?: number;
}

export interface Thresholds {
  good: number;
  pass: number;
}

export interface DbConfig {
  thresholds: { default: Thresholds; per_source: Record<string, Thresholds> };
}
