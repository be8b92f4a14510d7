/** What is answered about people's feedback. */

import type { SyncState } from "./reports";

/** Cases, what they look like, and how they are shown. */
export interface SignalCases extends Partial<Standing> {
  /** True. */
  success: boolean;
  /** `hitl_feedback`. */
  format: string;
  /** How many cases there are, on all pages. */
  rowCount: number;
  /** The keys of every case, in order. */
  columns: string[];
  /** The cases, ascending by `Case_ID`. Each has every key, null where it has nothing. */
  data: Record<string, unknown>[];
  /** What this is, in words. */
  message: string;
  /** What the signals look like, of the metrics that are shown. */
  metricSchema: MetricSchema;
  /** `kpi_strip`, `chart_sections`, `filters`, `table_columns` and `color_maps`. */
  displayConfig: Record<string, unknown>;
  /** What `signals_metrics.yaml` says that cannot be followed. */
  displayWarnings?: string[];
  /** `duckdb` for what is stored. */
  source?: string;
  /** The page, from 1. */
  page?: number;
  /** Cases a page. */
  pageSize?: number;
}

/** How stored cases stand to their source. */
export interface Standing {
  /** Whether a sync is running, and how the last one ended. */
  state: SyncState;
  /** When the last sync that succeeded ended. */
  lastSync: string | null;
  /** Why the last sync failed, or why there are no cases. */
  error: string | null;
  /** Whether there are more cases than are returned. */
  truncated: boolean;
}

/** What the signals look like, and how they are shown. */
export interface SignalSchema {
  /** True. */
  success: boolean;
  /** What the signals look like, of the metrics that are shown. */
  metricSchema: MetricSchema;
  /** `kpi_strip`, `chart_sections`, `filters`, `table_columns` and `color_maps`. */
  displayConfig: Record<string, unknown>;
  /** What `signals_metrics.yaml` says that cannot be followed. */
  displayWarnings?: string[];
}

/** What the signals of all cases look like. */
export interface MetricSchema {
  /** The metrics, by name. */
  metrics: Record<string, MetricSignals>;
  /** Those of `source_name`, `source_component`, `source_type` and `environment` that the data has, in this order. */
  sourceFields: string[];
  /** Whether the data has a `timestamp`. */
  hasTimestamp: boolean;
}

/** The signals of one metric. */
export interface MetricSignals {
  /** `metric_category` of the first case that has the metric, in lower case. */
  category: string;
  /** The signals, in order of first appearance in the cases, which are ordered by `Case_ID`. */
  signals: string[];
  /** The type of each signal, that of its first value. */
  signalTypes: Record<string, SignalType>;
  /** The distinct texts of signals that are texts, ascending; at most 200 each. */
  values: Record<string, string[]>;
  /** The signals that have more values than are listed. */
  valuesTruncated?: string[];
}

/** What a signal holds. */
export type SignalType = "boolean" | "number" | "array" | "object" | "string" | "unknown";
