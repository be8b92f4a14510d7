/** One sentence about all datasets. */

import { now } from '../../core/clock';
import { live } from '../../core/datasets';
import type { Backup, Dataset } from '../../core/types';
import { count, plural } from '../../lib/format';
import { freshAt, health } from '../../lib/fresh';
import { Icon, type IconName } from '../../ui/icons';
import { Ago } from '../../ui/layout';

export function Summary({ datasets, backup }: { datasets: Dataset[]; backup: Backup | null }) {
  const by = datasets.map((dataset) => health(dataset, live.value.has(dataset.dataset), now.value));
  const failed = by.filter((one) => one === 'failed').length;
  const waiting = by.filter((one) => one === 'stale' || one === 'missing').length;
  const rows = datasets.reduce((sum, dataset) => sum + (dataset.rows ?? 0), 0);
  const newest = datasets.map(freshAt).reduce((a, b) => (a && b ? (a > b ? a : b) : (a ?? b)), null);
  const [tone, icon, text] = verdict(datasets.length, failed, waiting);
  return (
    <div class={`summary ${tone}`}>
      <Icon name={icon} size={22} />
      <p class="summary-text" role="status">
        {text}
      </p>
      <p class="summary-facts">
        <span>
          <b class="num">{count(rows)}</b> rows
        </span>
        <span>
          last read <b class="num">{newest ? <Ago at={newest} /> : 'never'}</b>
        </span>
        {backup && (
          <span>
            last backup <b class="num">{backup.last_success ? <Ago at={backup.last_success} /> : 'never'}</b>
          </span>
        )}
      </p>
    </div>
  );
}

function verdict(all: number, failed: number, waiting: number): ['good' | 'warn' | 'bad', IconName, string] {
  if (failed > 0)
    return [
      'bad',
      'circle-alert',
      `${count(failed)} of ${plural(all, 'dataset')} could not be synced; what was read before is still served.`,
    ];
  if (waiting > 0)
    return [
      'warn',
      'clock',
      `${count(waiting)} of ${plural(all, 'dataset')} ${waiting === 1 ? 'is' : 'are'} not up to date.`,
    ];
  return [
    'good',
    'check-circle',
    all === 1 ? 'The dataset is up to date.' : `All ${count(all)} datasets are up to date.`,
  ];
}
