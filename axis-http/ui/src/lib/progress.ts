/** How far a sync has come. */

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

/** Until the commit nothing is complete. */
const ALMOST = 0.99;

export function progressOf(dataset: Dataset, live: Live | undefined): Progress | null {
  const running = dataset.running;
  if (!live && !running) return null;
  const tables = [...(live?.tables ?? [])];
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const rows = Math.max(sum(tables.map(([, table]) => table.rows)), running?.rows ?? 0);
  const bytes = Math.max(sum(tables.map(([, table]) => table.bytes)), running?.bytes ?? 0);
  const done = tables.length > 0 && tables.every(([, table]) => table.done);
  const expected = total(dataset, live);
  const verifying = live?.verifying || running?.work === 'verify';
  return {
    words: verifying ? 'Comparing with the source' : done ? 'Committing' : 'Reading',
    rows,
    bytes,
    expected,
    share: expected === null ? null : done ? 1 : Math.min(ALMOST, rows / expected),
    tables: tables.map(([name, table]) => [name, table.rows]),
  };
}

/** The rows that the tables had, when every one of them is read whole and was there before. */
function total(dataset: Dataset, live: Live | undefined): number | null {
  const before = new Map(dataset.last_success?.tables.map((table) => [table.table, table.rows_total]));
  let expected = 0;
  for (const [name, table] of live?.tables ?? []) {
    const rows = before.get(name);
    if (table.strategy?.type !== 'full' || !rows) return null;
    expected += rows;
  }
  return expected > 0 ? expected : null;
}
