/** What the API answers, as far as these pages read it. */

export type SyncState = 'not_synced' | 'syncing' | 'ready' | 'error';
export type RunOutcome = 'ok' | 'unchanged' | 'failed' | 'cancelled';

export type FullReason =
  | 'requested'
  | 'no_incremental_column'
  | 'first_sync'
  | 'watermark_missing'
  | 'no_safe_window'
  | 'definition_changed'
  | 'schema_changed'
  | 'source_replaced'
  | 'truncated'
  | 'interval'
  | 'no_primary_key'
  | 'keys_missing'
  | 'uploaded';

export type Strategy = { type: 'full'; because: FullReason } | { type: 'incremental' };

export interface TableReport {
  table: string;
  strategy: Strategy;
  rows_read: number;
  rows_deleted: number;
  rows_inserted: number;
  rows_total: number;
  truncated: boolean;
  watermark: string | null;
  schema_change: string | null;
  missing_columns?: string[];
}

export interface SyncReport {
  run_id: string;
  dataset: string;
  strategy: Strategy;
  changed: boolean;
  generation: number;
  started_at: string;
  finished_at: string;
  snapshot_at: string;
  elapsed_ms: number;
  rows_read: number;
  bytes_read: number;
  truncated: boolean;
  tables: TableReport[];
}

export interface Failure {
  run_id: string;
  at: string;
  code: string;
  message: string;
  retryable: boolean;
}

/** How the scheduled backups go. */
export interface Backup {
  directory: string;
  last_success: string | null;
  last_failure: { at: string; code: string; message: string } | null;
}

export interface Dataset {
  dataset: string;
  relation: string | null;
  enabled: boolean;
  configured: boolean;
  state: SyncState;
  generation: number;
  running: { work: string; run_id: string; since: string; rows: number; bytes: number } | null;
  last_success: SyncReport | null;
  last_incremental: string | null;
  last_failure: Failure | null;
  watermarks: Record<string, string | null>;
  incremental_column: string | null;
  refresh_interval_minutes: number;
  derived?: { relation: string; rows: number; added: number; error: string | null };
  rows: number | null;
}

export interface Run {
  run_id: string;
  dataset: string;
  started_at: string;
  elapsed_ms: number;
  outcome: RunOutcome;
  strategy: string;
  because: string | null;
  rows_read: number;
  generation: number;
  code: string | null;
  message: string | null;
}

export interface ColumnDifference {
  column: string;
  difference: 'values' | 'type' | 'only_in_source' | 'only_in_store';
  /** The types, where they differ. */
  source?: string;
  store?: string;
}

export interface TableVerification {
  table: string;
  equal: boolean;
  truncated: boolean;
  rows: { source: number; store: number };
  columns: ColumnDifference[];
}

export interface VerifyReport {
  run_id: string;
  dataset: string;
  equal: boolean;
  synced: SyncReport | null;
  generation: number;
  finished_at: string;
  elapsed_ms: number;
  tables: TableVerification[];
}

export type SyncEvent =
  | { event: 'started'; at: string; dataset: string; run_id: string }
  | { event: 'planned'; at: string; dataset: string; run_id: string; tables: [string, Strategy][] }
  | {
      event: 'progress';
      at: string;
      dataset: string;
      run_id: string;
      table: string;
      rows: number;
      bytes: number;
      done: boolean;
    }
  | { event: 'committed'; at: string; report: SyncReport }
  | { event: 'failed'; at: string; dataset: string; failure: Failure }
  | { event: 'verifying'; at: string; dataset: string; run_id: string; tables: string[] }
  | { event: 'verified'; at: string; dataset: string; run_id: string; equal: boolean | null }
  | { event: 'readiness'; at: string; ready: boolean; degraded: boolean }
  | { event: 'lost'; at: string };

export interface Column {
  column_name: string;
  column_type: string;
}

export interface Metadata {
  row_count?: number;
  columns?: Column[];
  filter_values?: Record<string, string[]>;
  filter_values_truncated?: string[];
  time_range?: { min: string | null; max: string | null };
}

export type Row = Record<string, unknown>;
