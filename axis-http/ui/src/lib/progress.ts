/** How far a sync or a comparison has come. */

import type { Live } from '../core/datasets';
import type { Dataset } from '../core/types';

export interface Progress {
  words: string;
  rows: number;
  bytes: number;
  /** How many rows will be read, where the last time tells. */
  expected: number | null;
  /** From 0 to 1, where it is known how much there is. */
  share: number | null;
  /** Rows by table. */
  tables: [string, number][];
}

/** Until the commit nothing is complete, and a comparison reads the store when it has read the source. */
const ALMOST = 0.99;

/** Whether it is a comparison that runs. Events know better than the status, for which a sync before it is part of it. */
export function isVerifying(dataset: Dataset, live: Live | undefined): boolean {
  return live ? live.verifying : dataset.running?.work === 'verify';
}

export function progressOf(dataset: Dataset, live: Live | undefined): Progress | null {
  const running = dataset.running;
  if (!live && !running) return null;
  const tables = [...(live?.tables ?? [])];
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const rows = Math.max(sum(tables.map(([, table]) => table.rows)), running?.rows ?? 0);
  const bytes = Math.max(sum(tables.map(([, table]) => table.bytes)), running?.bytes ?? 0);
  const done = tables.length > 0 && tables.every(([, table]) => table.done);
  const verifying = isVerifying(dataset, live);
  const expected = total(dataset, live);
  return {
    words: verifying ? 'Comparing with the source' : done ? 'Committing' : 'Reading',
    rows,
    bytes,
    expected,
    share: expected === null ? null : done && !verifying ? 1 : Math.min(ALMOST, rows / expected),
    tables: tables.map(([name, table]) => [name, table.rows]),
  };
}

/** The rows that the tables had, when every one of them is read whole, as a comparison does, and was there before. */
function total(dataset: Dataset, live: Live | undefined): number | null {
  const before = new Map(dataset.last_success?.tables.map((table) => [table.table, table.rows_total]));
  let expected = 0;
  for (const [name, table] of live?.tables ?? []) {
    const rows = before.get(name);
    if (!(live?.verifying || table.strategy?.type === 'full') || !rows) return null;
    expected += rows;
  }
  return expected > 0 ? expected : null;
}
