/**
 * What syncs, verifications, datasets and queries report.
 *
 * Instants are ISO 8601 texts with microseconds, which a `Date` would cut off; `new Date(text)` reads them.
 */

/** How a table was brought up to date: read whole, for a reason, or only a window of it. */
export type Strategy = { type: "full"; because: FullReason } | { type: "incremental" };

/** What differs in a column: its values, its type, or that only one side has it. */
export type Difference =
  | { difference: "values" | "only_in_source" | "only_in_store" }
  | { difference: "type"; source: string; store: string };

/** A typed value of a cursor column. Integers that a number would round are a `bigint`. */
export type CursorValue =
  | { type: "integer"; value: number | bigint }
  | { type: "decimal"; value: { unscaled: string; scale: number } }
  | { type: "double" | "date"; value: number }
  | { type: "timestamp"; value: { micros: number | bigint; utc: boolean } }
  | { type: "uuid" | "text"; value: string };

/** What happens to a dataset during a sync. Slow listeners lose events; they never hold up a sync. */
export type SyncEvent =
  | { event: "started"; dataset: string; runId: string }
  | { event: "planned"; dataset: string; runId: string; tables: [table: string, strategy: Strategy][] }
  | {
      event: "progress";
      dataset: string;
      runId: string;
      table: string;
      /** Rows read so far. */
      rows: number;
      /** Bytes read so far. */
      bytes: number;
      /** Whether the table has been read to its end. */
      done: boolean;
    }
  | { event: "committed"; report: SyncReport }
  | { event: "failed"; dataset: string; failure: Failure };

/** Something that happened in an engine. */
export type EngineEvent = {
  /** Names it among the events of this engine, for `after`; another engine, also of the same store, has other names. */
  id: string;
  /** When it happened: ISO 8601. */
  at: string;
} & (
  | SyncEvent
  | { event: "verifying"; dataset: string; runId: string; tables: string[] }
  | {
      event: "verified";
      dataset: string;
      runId: string;
      /** Whether both sides are equal; null when the comparison failed. */
      equal: boolean | null;
    }
  | {
      event: "readiness";
      /** Whether every enabled dataset can be read. */
      ready: boolean;
      /** Whether the last sync of one that can be read has failed. */
      degraded: boolean;
    }
  /** Events are missing here: 1,024 are kept. The status of the datasets tells what is. */
  | { event: "lost" }
);

/** How much of its resources an engine uses. */
export interface Usage {
  /** Bytes of the store and its log on disk. */
  storeBytes: number;
  /** Queries that may run at once. */
  querySlots: number;
  /** Queries that are running. */
  queriesRunning: number;
  /** Queries that wait for a slot. */
  queriesWaiting: number;
}

/** One row: keys in the order of the columns. */
export type Row = Record<string, unknown>;

/** What one sync of one dataset did. */
export interface SyncReport {
  /** Identifies the run, in the log and in events. */
  runId: string;
  /** The dataset. */
  dataset: string;
  /** Full when any table was rebuilt. */
  strategy: Strategy;
  /** Whether readers see anything new. */
  changed: boolean;
  /** The dataset's generation after the run; grows by one with every change. */
  generation: number;
  /** When the run began. */
  startedAt: string;
  /** When it had committed. */
  finishedAt: string;
  /** The source's clock at the snapshot that the store now equals. */
  snapshotAt: string;
  /** Milliseconds from start to commit. */
  elapsedMs: number;
  /** Rows read from the source. */
  rowsRead: number;
  /** Bytes read from the source. */
  bytesRead: number;
  /** Whether a row cap cut a table. */
  truncated: boolean;
  /** One entry a table, in the order of the configuration. */
  tables: TableReport[];
}

/** What a sync did to one table. */
export interface TableReport {
  /** The table. */
  table: string;
  /** Rebuilt, or only a window of it. */
  strategy: Strategy;
  /** The ranges in which it was read; null when there is nothing to cut it by, and for a window. */
  ranges: Ranges | null;
  /** Rows read from the source. */
  rowsRead: number;
  /** Bytes read from the source. */
  bytesRead: number;
  /** Rows that were removed or replaced. */
  rowsDeleted: number;
  /** Rows that were written. */
  rowsInserted: number;
  /** Rows that the table now has. */
  rowsTotal: number;
  /** Whether the row cap cut it. */
  truncated: boolean;
  /** What a comparison of all keys found, when there was one. */
  reconciled: Reconciliation | null;
  /** The cursor's greatest stored value, for people. */
  watermark: string | null;
  /** What changed in the columns, when something did. */
  schemaChange: string | null;
  /** Aliases that kept their own name because the canonical one was taken. */
  keptAliases: KeptAlias[];
  /** Columns that the analytics of this dataset need and the query does not return; without them the analytics fail. */
  missingColumns?: string[];
}

/** What a comparison of all keys of a table found. Afterwards both sides have the same keys. */
export interface Reconciliation {
  /** Keys that the source has. */
  keys: number;
  /** Rows below the window whose key the source no longer has; they were deleted. */
  deleted: number;
  /** Keys that the source has and the store would not have had; then the table was rebuilt. */
  missing: number;
}

/** Into what a full read was cut, so that several sessions could share it. */
export interface Ranges {
  /** How many; 1 means that it was read whole. */
  count: number;
  /** What it is cut by: a column, or `blocks` of the table. */
  by: string;
  /** Where the bounds come from, or why it was read whole. */
  because: string;
}

/** Why a table was read whole. */
export type FullReason = "requested" | "no_incremental_column" | "first_sync" | "watermark_missing" | "no_safe_window" | "definition_changed" | "schema_changed" | "source_replaced" | "truncated" | "interval" | "no_primary_key" | "keys_missing" | "uploaded";

/** A failed sync, as it is kept and shown. */
export interface Failure {
  /** The run. */
  runId: string;
  /** When it failed. */
  at: string;
  /** The code of the error, such as `AXIS_SOURCE_UNAVAILABLE`. */
  code: string;
  /** The error's line. */
  message: string;
  /** Whether trying again may help. */
  retryable: boolean;
}

/** An alias that kept its own name. */
export interface KeptAlias {
  /** The source's name. */
  column: string;
  /** The canonical name that another column already has. */
  taken: string;
}

/** What a comparison of one dataset with its source found. */
export interface VerifyReport {
  /** Identifies the run, in the log and in events. */
  runId: string;
  /** The dataset. */
  dataset: string;
  /** Whether every table equals what its query returns. */
  equal: boolean;
  /** What the sync before the comparison did, when one was asked for. */
  synced: SyncReport | null;
  /** The dataset's generation that was compared. */
  generation: number;
  /** When the comparison began. */
  startedAt: string;
  /** When it ended. */
  finishedAt: string;
  /** The source's clock at the snapshot that was compared. */
  snapshotAt: string;
  /** Milliseconds of the comparison alone. */
  elapsedMs: number;
  /** One entry a table, in the order of the configuration. */
  tables: TableVerification[];
}

/** What the comparison of one table found. */
export interface TableVerification {
  /** The table. */
  table: string;
  /** Whether both sides have the same columns and the same rows, each as often. */
  equal: boolean;
  /** Whether the last sync was cut by the row cap; then the store has fewer rows than the source. */
  truncated: boolean;
  /** Rows of both sides. */
  rows: Sides<number>;
  /** A checksum of the rows that does not depend on their order, over the columns that both sides have: 32 hexadecimal digits. Another version of DuckDB may compute another. */
  checksum: Sides<string>;
  /** The columns that differ. When both sides have different numbers of rows, only columns that are described differently; when there are none although the checksums differ, values are in other rows than in the source, which a `primary_key` would tell by column. */
  columns: ColumnDifference[];
}

/** Something that both sides have. */
export interface Sides<T> {
  /** What the source has. */
  source: T;
  /** What the store has. */
  store: T;
}

/** A column that differs. */
export type ColumnDifference = {
  /** The column, by its final name. */
  column: string;
} & Difference;

/** Whether a dataset can be read, as clients poll it. */
export type SyncState = "not_synced" | "syncing" | "ready" | "error";

/** What is known about a dataset, without touching the source. Serialises to the form used in every surface. */
export interface DatasetStatus {
  /** The dataset. */
  dataset: string;
  /** The relation that readers see. */
  relation: string | null;
  /** Whether it can be synced: `enabled` in the configuration. */
  enabled: boolean;
  /** Whether a connection and queries are configured. */
  configured: boolean;
  /** Whether it can be read. */
  state: SyncState;
  /** Grows by one with every change that readers can see; 0 before the first. */
  generation: number;
  /** The sync or the verification that is running. */
  running: RunningStatus | null;
  /** The report of the last sync that succeeded, also of an earlier process. */
  lastSuccess: SyncReport | null;
  /** When data was last committed incrementally; null after a rebuild. */
  lastIncremental: string | null;
  /** The failure of the last sync, if it failed. */
  lastFailure: Failure | null;
  /** The greatest stored cursor value of each table, for people. */
  watermarks: Record<string, string | null>;
  /** `incremental_column` of the first table. */
  incrementalColumn: string | null;
  /** `refresh_interval_minutes`; 0 means no schedule. */
  refreshIntervalMinutes: number;
  /** The relation that each commit makes from this one; null when there is none, or not yet. */
  derived?: DerivedStatus;
}

/** A relation that is made from a dataset in each commit that changes it: it is never older or newer. */
export interface DerivedStatus {
  /** The relation. */
  relation: string;
  /** Its rows. */
  rows: number;
  /** Rows that the last commit added, less those that it removed; at least 0. */
  added: number;
  /** Why it could not be made; it is then empty. */
  error: string | null;
}

/** A sync, or other work on the dataset, that is going on. */
export interface RunningStatus {
  /** What it is. */
  work: Work;
  /** The run. */
  runId: string;
  /** When it began. */
  since: string;
  /** Rows read so far. */
  rows: number;
  /** Bytes read so far. */
  bytes: number;
}

/** The greatest stored value of a table's cursor; only a commit makes one. */
export interface Watermark {
  /** The table. */
  table: string;
  /** The cursor column, by its final name. */
  column: string;
  /** The value. */
  value: CursorValue;
}

/** What keeps a dataset busy. */
export type Work = "sync" | "verify" | "reset" | "upload";

/** What a relation holds. */
export interface DatasetMetadata {
  /** Rows of the relation that readers see. */
  rowCount: number;
  /** Its columns, in order. */
  columns: ColumnInfo[];
  /** Distinct values, ascending, of the columns that clients filter by; at most 200 each. */
  filterValues: Record<string, string[]>;
  /** The columns that have more values than are listed. */
  filterValuesTruncated: string[];
  /** Earliest and latest `timestamp`. */
  timeRange: TimeRange | null;
  /** Statistics of `metric_score`, when there is one. */
  summaryStats?: SummaryStats;
  /** `dataset_id`s that occur more than once on the dataset side, and therefore multiply their results; for joined datasets. */
  duplicateDatasetIds?: number;
  /** Results whose record is missing, and which therefore do not show; for joined datasets. */
  orphanedResults?: number;
}

/** One column of a relation. */
export interface ColumnInfo {
  /** Name. */
  columnName: string;
  /** DuckDB's name of the type. */
  columnType: string;
}

/** Earliest and latest time, as `YYYY-MM-DD HH:MM:SS[.ffffff][+00:00]`. */
export interface TimeRange {
  /** Earliest. */
  min: string;
  /** Latest. */
  max: string;
}

/** Statistics over the rows that have a numeric `metric_score` and category SCORE (or none). */
export interface SummaryStats {
  /** Such rows. */
  totalRecords: number;
  /** Mean score. */
  avgScore: number;
  /** Percentage of scores at or above 0.5. */
  passRate: number;
  /** Interpolated median of the latency. */
  p50Latency: number;
  /** 95th percentile. */
  p95Latency: number;
  /** 99th percentile. */
  p99Latency: number;
}

/** One page. */
export interface Page {
  /** The rows as objects. */
  rows: Row[];
  /** Rows that match, on all pages. */
  total: number;
  /** The page, from 1. */
  page: number;
  /** Rows a page. */
  pageSize: number;
}

/** A query that waits for its turn or runs. What it asks is not told. */
export interface QueryStatus {
  /** The query. */
  id: string;
  /** When it was asked. */
  since: string;
  /** Milliseconds since then. */
  elapsedMs: number;
  /** Who asks, as far as that is known. */
  client: string | null;
  /** The kind of the statement. */
  statement: string;
  /** `waiting` for one of `query_concurrency` slots, or `running`. */
  state: string;
  /** Rows that have been handed over so far. */
  rows: number;
}

/** One line of the run log. */
export interface RunRecord {
  /** The run. */
  runId: string;
  /** The dataset. */
  dataset: string;
  /** When it began. */
  startedAt: string;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
  /** `ok`, `unchanged`, `failed` or `cancelled`. */
  outcome: string;
  /** `full` or `incremental`; empty when the run failed before it was planned. */
  strategy: string;
  /** Why it was full; null when it was not. */
  because: FullReason | null;
  /** Rows read from the source. */
  rowsRead: number;
  /** The generation that it left. */
  generation: number;
  /** The code of the failure. */
  code: string | null;
  /** The message of the failure. */
  message: string | null;
}
