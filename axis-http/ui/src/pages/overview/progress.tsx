/** How far a sync has come: rows read against those of the last time, where there was one. */

import type { Live } from '../../core/datasets';
import type { Dataset } from '../../core/types';
import { bytes, compact, count } from '../../lib/format';

export function Progress({ dataset, live }: { dataset: Dataset; live: Live | undefined }) {
  const running = dataset.running;
  if (!live && !running) return <div class="progress idle" />;
  const tables = [...(live?.tables ?? [])];
  const rows = Math.max(sum(tables.map(([, table]) => table.rows)), running?.rows ?? 0);
  const read = Math.max(sum(tables.map(([, table]) => table.bytes)), running?.bytes ?? 0);
  const expected = total(dataset, live);
  const share = expected === null ? null : Math.min(0.99, rows / expected);
  const done = tables.length > 0 && tables.every(([, table]) => table.done);
  const words = live?.verifying ? 'Comparing with the source' : done ? 'Committing' : 'Reading';
  return (
    <>
      <div
        class={`progress ${share === null ? 'endless' : ''}`}
        role="progressbar"
        aria-label={`${words} ${dataset.dataset}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={share === null ? undefined : Math.round((done ? 1 : share) * 100)}
      >
        <span style={{ width: share === null ? undefined : `${(done ? 1 : share) * 100}%` }} />
      </div>
      <p class="progress-text num" title={tables.map(([table, { rows }]) => `${table}: ${count(rows)} rows`).join('\n')}>
        {words} · {count(rows)} {expected !== null && `of about ${compact(expected)} `}rows{read > 0 && ` · ${bytes(read)}`}
      </p>
    </>
  );
}

/** How many rows will be read, when every table is read whole and was so before. */
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

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
