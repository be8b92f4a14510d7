/** What the API says in codes, said in plain words. */

import type { FullReason, RunOutcome, Strategy, SyncState } from '../core/types';

export const STATES: Record<SyncState, string> = {
  not_synced: 'Not synced',
  syncing: 'Syncing',
  ready: 'Ready',
  error: 'Failed',
};

export const OUTCOMES: Record<RunOutcome, string> = {
  ok: 'Committed',
  unchanged: 'Nothing new',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

const REASONS: Record<FullReason, string> = {
  requested: 'a full rebuild was asked for',
  no_incremental_column: 'no incremental column is configured',
  first_sync: 'it was the first sync',
  watermark_missing: 'there was no watermark to continue from',
  no_safe_window: 'a transaction was open for too long to know a safe window',
  definition_changed: 'its configuration changed',
  schema_changed: 'the columns of the source changed',
  source_replaced: 'another database or table answers to the same name',
  truncated: 'the last sync was cut by max_sync_rows',
  interval: 'the interval for full refreshes had passed',
  no_primary_key: 'without a primary key only that finds deleted rows',
  keys_missing: 'rows were inserted below the window',
  uploaded: 'the rows were uploaded',
};

/** Full or incremental, and why. */
export function strategy(of: Strategy): string {
  if (of.type === 'incremental') return 'Incremental: only new and changed rows were read';
  return `Full: ${reason(of.because)}`;
}

/** Why rows were read whole. */
export function reason(because: string): string {
  return (REASONS as Record<string, string>)[because] ?? because.replaceAll('_', ' ');
}

interface Explanation {
  title: string;
  hint: string;
}

/** By the code of an error: what happened, and what to do next. */
const CODES: Record<string, Explanation> = {
  AXIS_CONFIG: {
    title: 'The configuration is wrong',
    hint: 'Correct it as the message says; `axis config check` shows file and line.',
  },
  AXIS_SOURCE_UNAVAILABLE: {
    title: 'The source cannot be reached',
    hint: 'Check that the database runs and that its address is right. Then try again.',
  },
  AXIS_SOURCE_REJECTED: {
    title: 'The source refused',
    hint: 'Check the login and run the configured SQL in the database itself.',
  },
  AXIS_SCHEMA_MISMATCH: {
    title: 'The data does not fit',
    hint: 'A column has another type or a value that cannot be kept; the message names it.',
  },
  AXIS_STORE: { title: 'The store cannot be read or written', hint: 'Check the disk for space and errors.' },
  AXIS_LOCKED: { title: 'Another process has the store', hint: 'Only one process may write. Stop the other one.' },
  AXIS_BUSY: { title: 'It is running already', hint: 'Wait until it has ended, or cancel it.' },
  AXIS_NOT_SYNCED: { title: 'Nothing was synced yet', hint: 'Start the first sync on the Overview page.' },
  AXIS_TIMEOUT: { title: 'It took too long', hint: 'Narrow the question, or raise the limit in the configuration.' },
  AXIS_CANCELLED: { title: 'It was cancelled', hint: 'Nothing was changed.' },
  AXIS_QUERY: {
    title: 'The SQL is not allowed or wrong',
    hint: 'Only one SELECT on the relations of datasets is answered.',
  },
  AXIS_NOT_FOUND: { title: 'There is no such thing', hint: 'The message says what there is.' },
  AXIS_INTERNAL: { title: 'The server made a mistake', hint: 'Its log says more; please report it.' },
  AXIS_INVALID_ARGUMENT: { title: 'A value is not allowed', hint: 'The message says what is.' },
  AXIS_UNAUTHENTICATED: { title: 'A key is needed', hint: 'Enter an API key or a token.' },
  AXIS_FORBIDDEN: { title: 'The key is not enough', hint: 'Ask for a key with the role that the message names.' },
  AXIS_UNKNOWN_HOST: {
    title: 'The address is not the server’s own',
    hint: 'Use its address, localhost, or a host of `server.origins`.',
  },
  AXIS_RATE_LIMITED: { title: 'Too many requests', hint: 'Wait a moment; the limit is `server.rate_limit`.' },
  AXIS_OVERLOADED: { title: 'The server has too much to do', hint: 'Wait a moment and try again.' },
  AXIS_CLOSED: { title: 'The server is stopping', hint: 'Try again when it is back.' },
  AXIS_UNREACHABLE: {
    title: 'The server does not answer',
    hint: 'Check that it runs and that the network reaches it.',
  },
};

const STATUSES: Record<number, Explanation> = {
  401: { title: 'A key is needed', hint: 'Enter an API key or a token.' },
  403: { title: 'The key is not enough', hint: 'Ask for a key with more rights.' },
  404: { title: 'It is not there', hint: 'It may not have been synced yet.' },
  409: { title: 'It is running already', hint: 'Wait until it has ended.' },
  413: { title: 'That is too large', hint: 'Send less at once.' },
  429: { title: 'Too many requests', hint: 'Wait a moment and try again.' },
  503: { title: 'Not available right now', hint: 'Wait a moment and try again.' },
  504: { title: 'It took too long', hint: 'Narrow the question.' },
};

/** Explains an error by its code, else by its status. */
export function explain(code: string | null | undefined, status?: number): Explanation {
  return (
    (code ? CODES[code] : undefined) ??
    (status ? STATUSES[status] : undefined) ?? {
      title: 'Something went wrong',
      hint: 'Try again; the log of the server says more.',
    }
  );
}

const DATASETS: Record<string, string> = {
  monitoring: 'Monitoring',
  human_signals: 'Human signals',
  eval: 'Evaluations',
  kpi: 'KPI',
};

/** The name of a dataset for a heading. */
export function datasetTitle(name: string): string {
  return DATASETS[name] ?? name;
}
