/** How far a sync has come: rows read against those of the last time, where there was one. */

import type { Live } from '../../core/datasets';
import type { Dataset } from '../../core/types';
import { bytes, compact, count } from '../../lib/format';
import { progressOf } from '../../lib/progress';

interface Props {
  dataset: Dataset;
  live: Live | undefined;
}

export function ProgressBar({ dataset, live }: Props) {
  const progress = progressOf(dataset, live);
  if (!progress) return null;
  const { words, share } = progress;
  return (
    <div
      class={`progress ${share === null ? 'endless' : ''}`}
      role="progressbar"
      aria-label={`${words} ${dataset.dataset}`}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === null ? undefined : Math.round(share * 100)}
    >
      <span style={{ width: share === null ? undefined : `${share * 100}%` }} />
    </div>
  );
}

export function ProgressText({ dataset, live }: Props) {
  const progress = progressOf(dataset, live);
  if (!progress) return null;
  const { words, rows, bytes: read, expected, tables } = progress;
  return (
    <p class="progress-text num" title={tables.map(([table, rows]) => `${table}: ${count(rows)} rows`).join('\n')}>
      {words} · {count(rows)} {expected !== null && `of about ${compact(expected)} `}rows
      {read > 0 && ` · ${bytes(read)}`}
    </p>
  );
}
