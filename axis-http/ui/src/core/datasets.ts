/** What is known about the datasets, kept true by events. */

import { batch, computed, signal } from '@preact/signals';
import { api } from './api';
import { ApiError } from './error';
import { follow } from './events';
import { given } from './key';
import type { Backup, Dataset, Run, Strategy, SyncEvent } from './types';
import { heard } from './verdicts';

/** A sync or a comparison that is going on, as the events tell it. */
export interface Live {
  run: string;
  verifying: boolean;
  /** By table, in the order in which they are planned. */
  tables: Map<string, { strategy: Strategy | null; rows: number; bytes: number; done: boolean }>;
}

export const datasets = signal<Dataset[] | null>(null);
export const runs = signal<Map<string, Run[]>>(new Map());
export const live = signal<Map<string, Live>>(new Map());
export const failed = signal<ApiError | null>(null);
export const storeEnabled = signal(true);
/** Nothing where no backups are asked for. */
export const backup = signal<Backup | null>(null);
export const readiness = signal<{ ready: boolean; degraded: boolean } | null>(null);

/** Grows with each change that readers of a dataset can see. */
export function generation(name: string): number {
  return datasets.value?.find((one) => one.dataset === name)?.generation ?? 0;
}

/** The datasets that are switched on, which are those that people look at. */
export const enabled = computed(() => datasets.value?.filter((one) => one.enabled) ?? null);

const RUNS = 32;
/** Events come in bursts; one question answers them all. In milliseconds. */
const GATHER = 120;
/** A sync that took less is still shown for as long, so that people see that there was one. In milliseconds. */
const SHOWN = 700;

let asked = 0;
/** Which question the status that is shown has answered, and the runs of each dataset: an answer may come after a newer one. */
let statusOf = 0;
const runsOf = new Map<string, number>();

/** Asks for everything anew; for the runs only of datasets that have changed, when that is known. */
export async function refresh(changed?: ReadonlySet<string>): Promise<void> {
  const question = ++asked;
  try {
    const status = await api<{ enabled: boolean; datasets: Dataset[]; backup: Backup | null }>('/api/store/datasets');
    const known = status.datasets.map((one) => one.dataset);
    const wanted = changed ? known.filter((name) => changed.has(name)) : known;
    const logs = await Promise.all(
      wanted.map((dataset) => api<{ runs: Run[] }>('/api/store/runs', { params: { dataset, limit: RUNS } })),
    );
    const grouped = new Map(runs.value);
    wanted.forEach((name, index) => {
      if ((runsOf.get(name) ?? 0) > question) return;
      runsOf.set(name, question);
      grouped.set(name, logs[index]?.runs ?? []);
    });
    batch(() => {
      runs.value = grouped;
      if (statusOf > question) return;
      statusOf = question;
      datasets.value = status.datasets;
      storeEnabled.value = status.enabled;
      backup.value = status.backup;
      failed.value = null;
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (statusOf < question) failed.value = error;
  }
}

let gathering: { changed: Set<string>; all: boolean } | null = null;

/** Asks soon, for this dataset or for all. */
function soon(dataset?: string): void {
  if (!gathering) {
    gathering = { changed: new Set(), all: false };
    setTimeout(() => {
      const { changed, all } = gathering ?? { changed: new Set(), all: true };
      gathering = null;
      void refresh(all ? undefined : changed);
    }, GATHER);
  }
  if (dataset) gathering.changed.add(dataset);
  else gathering.all = true;
}

/** Begins to follow the server, for as long as the page is open. */
export function start(): void {
  given.subscribe(() => void refresh());
  void follow(take, new AbortController().signal);
}

const began = new Map<string, number>();

function take(event: SyncEvent): void {
  switch (event.event) {
    case 'started':
      began.set(event.run_id, Date.now());
      change(event.dataset, () => ({ run: event.run_id, verifying: false, tables: new Map() }));
      break;
    case 'verifying':
      began.set(event.run_id, Date.now());
      change(event.dataset, () => ({
        run: event.run_id,
        verifying: true,
        tables: new Map(event.tables.map((table) => [table, { strategy: null, rows: 0, bytes: 0, done: false }])),
      }));
      break;
    case 'planned':
      change(event.dataset, (now) => ({
        run: event.run_id,
        verifying: now?.verifying ?? false,
        tables: new Map(event.tables.map(([table, strategy]) => [table, { strategy, rows: 0, bytes: 0, done: false }])),
      }));
      break;
    case 'progress':
      change(event.dataset, (now) => {
        const tables = new Map(now?.tables);
        const { rows, bytes, done } = event;
        tables.set(event.table, { strategy: tables.get(event.table)?.strategy ?? null, rows, bytes, done });
        return { run: event.run_id, verifying: now?.verifying ?? false, tables };
      });
      break;
    case 'committed':
      ended(event.report.dataset, event.report.run_id);
      break;
    case 'failed':
      ended(event.dataset, event.failure.run_id);
      break;
    case 'verified':
      heard(event);
      ended(event.dataset, event.run_id);
      break;
    case 'readiness':
      readiness.value = { ready: event.ready, degraded: event.degraded };
      soon();
      break;
    case 'lost':
      live.value = new Map();
      soon();
      break;
  }
}

function change(dataset: string, next: (now: Live | undefined) => Live): void {
  const all = new Map(live.value);
  all.set(dataset, next(all.get(dataset)));
  live.value = all;
}

function ended(dataset: string, run: string): void {
  const shown = Date.now() - (began.get(run) ?? 0);
  began.delete(run);
  const end = () => {
    // A comparison goes on where its sync has ended.
    if (live.value.get(dataset)?.run === run && !began.has(run)) {
      const all = new Map(live.value);
      all.delete(dataset);
      live.value = all;
    }
    soon(dataset);
  };
  if (shown >= SHOWN) end();
  else setTimeout(end, SHOWN - shown);
}
