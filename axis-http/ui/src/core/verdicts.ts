/** Comparisons with the source: which were started here, and what came of the last one of each dataset. */

import { signal } from '@preact/signals';
import { api } from './api';
import { ApiError } from './error';
import type { SyncEvent, VerifyReport } from './types';

export type Verdict =
  | { kind: 'report'; report: VerifyReport }
  | { kind: 'failed'; error: ApiError; at: Date }
  /** Somebody else compared; events tell no more than whether both sides are equal. */
  | { kind: 'told'; equal: boolean; at: string };

/** Datasets with a comparison that this page waits for. */
export const comparing = signal<ReadonlySet<string>>(new Set());
export const verdicts = signal<ReadonlyMap<string, Verdict>>(new Map());

/** Compares a dataset with its source. What goes wrong becomes the verdict; throws what says nothing about the data. */
export async function compare(dataset: string, sync: boolean): Promise<void> {
  forget(dataset);
  comparing.value = new Set([...comparing.value, dataset]);
  try {
    const path = `/api/store/verify/${encodeURIComponent(dataset)}`;
    const { report } = await api<{ report: VerifyReport }>(path, { method: 'POST', params: { sync: sync || null } });
    keep(dataset, { kind: 'report', report });
  } catch (error) {
    // It was stopped, or has not begun: the next one may begin at once.
    if (!(error instanceof ApiError) || PASSING.has(error.code ?? '')) throw error;
    keep(dataset, { kind: 'failed', error, at: new Date() });
  } finally {
    comparing.value = new Set([...comparing.value].filter((name) => name !== dataset));
  }
}

const PASSING = new Set(['AXIS_CANCELLED', 'AXIS_BUSY']);

/** Takes the end of a comparison from the events, unless this page gets the report of it. */
export function heard({ dataset, run_id, equal, at }: Extract<SyncEvent, { event: 'verified' }>): void {
  const before = verdicts.value.get(dataset);
  const own = comparing.value.has(dataset) || (before?.kind === 'report' && before.report.run_id === run_id);
  if (!own && equal !== null) keep(dataset, { kind: 'told', equal, at });
}

export function forget(dataset: string): void {
  const rest = new Map(verdicts.value);
  rest.delete(dataset);
  verdicts.value = rest;
}

function keep(dataset: string, verdict: Verdict): void {
  verdicts.value = new Map(verdicts.value).set(dataset, verdict);
}
