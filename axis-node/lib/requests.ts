/** What questions take. Times are a `Date` or ISO 8601 text, both ends inclusive. */

import type { Granularity } from "./monitoring";

/** Which rows of `monitoring`; all by default. */
export interface MonitoringFilter {
  environment?: string;
  sourceName?: string;
  sourceComponent?: string;
  sourceType?: string;
  metricCategory?: string;
  metricName?: string;
  /** Any of these metrics. */
  metrics?: string[];
  timeStart?: string | Date;
  timeEnd?: string | Date;
}

/** A column to group by. */
export type GroupBy =
  | "environment"
  | "evaluation_name"
  | "metric_name"
  | "model_name"
  | "source_component"
  | "source_name"
  | "source_type";

/** The column that holds the labels of classification metrics. */
export type CategorySource = "explanation" | "actual_output" | "metric_score";

export interface TrendsRequest extends MonitoringFilter {
  /** The length of the buckets; `daily` by default. */
  granularity?: Granularity;
}

export interface BreakdownRequest extends MonitoringFilter {
  /** The score that passes (default 0.5). */
  threshold?: number;
  /** By what each metric is divided again. */
  groupBy?: GroupBy;
}

export interface LatencyRequest extends MonitoringFilter {
  /** Bars of the histogram, 5 to 100 (default 20). */
  bins?: number;
  /** By what the latencies are divided again. */
  groupBy?: GroupBy;
}

export interface ClassesRequest extends MonitoringFilter {
  /** A column, such as `metric_score`; or the name of a metric, which means its scores. */
  metric: string;
  /** By what the values are divided. */
  groupBy: GroupBy;
  /** The most values that are listed of a group, 0 to 10,000 (default 1,000). */
  maxValues?: number;
}

export interface ClassificationRequest extends MonitoringFilter {
  /** Where the labels are; `explanation` by default. */
  categorySource?: CategorySource;
}

export interface ClassificationTrendsRequest extends ClassificationRequest {
  metricName: string;
  /** The length of the buckets; `daily` by default. */
  granularity?: Granularity;
}

export interface InsightsRequest extends MonitoringFilter {
  /** From 1. */
  page?: number;
  /** Records a page, 1 to 100 (default 20). */
  limit?: number;
}

export interface KpiRequest {
  /** The source, whose settings apply. */
  sourceName?: string;
  environment?: string;
  sourceType?: string;
  segment?: string;
  kpiCategory?: string;
  timeStart?: string | Date;
  timeEnd?: string | Date;
  /** The KPIs, whether visible or not; the visible ones by default. */
  kpiNames?: string[];
}

export interface EvalFilter {
  /** The metrics; all by default. */
  metrics?: string[];
  metricCategory?: string;
}

export interface EvalDistributionRequest {
  metric: string;
  /** Bins of the histogram, 1 to 1,000 (default 20). */
  bins?: number;
  /** The most values to return, up to 100,000 (default 10,000); more are thinned out evenly. */
  maxValues?: number;
}

export interface EvalComparisonRequest extends EvalFilter {
  /** The column to group by. */
  groupBy: string;
}

export interface EvalRadarRequest extends EvalFilter {
  /** The column to group by; one trace of everything without it. */
  groupBy?: string;
}

export interface EvalScatterRequest {
  /** The metric to the right. */
  xMetric: string;
  /** The metric upwards. */
  yMetric: string;
  /** The column that colours the points. */
  colorBy?: string;
  /** The most points to return, up to 100,000 (default 10,000); more are thinned out evenly. */
  maxPoints?: number;
}

export interface SignalCasesRequest {
  /** From 1. */
  page?: number;
  /** Cases a page (default 50). */
  pageSize?: number;
}

/** The request of a question that takes nothing. */
export type NoRequest = Record<string, never>;
