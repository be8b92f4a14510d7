/** What is known about one dataset. */

import { now } from '../../core/clock';
import { type Live, live, runs } from '../../core/datasets';
import { href } from '../../core/router';
import { comparing, verdicts } from '../../core/verdicts';
import type { Dataset } from '../../core/types';
import { count, duration } from '../../lib/format';
import { freshAt, HEALTH, health } from '../../lib/fresh';
import { isVerifying } from '../../lib/progress';
import { datasetTitle } from '../../lib/words';
import { Icon, type IconName } from '../../ui/icons';
import { Ago } from '../../ui/layout';
import { Actions, verify } from './actions';
import { FailureNote } from './failure';
import { ProgressBar, ProgressText } from './progress';
import { Runs } from './runs';
import { VerdictNote } from './verdict';
import { Watermarks } from './watermarks';

const ICONS: Record<string, IconName> = {
  good: 'check-circle',
  warn: 'clock',
  bad: 'circle-alert',
  busy: 'refresh',
  idle: 'circle-slash',
};

/** A comparison that was asked for and of which no event tells yet. */
const BEGINNING: Live = { run: '', verifying: true, tables: new Map() };

export function DatasetCard({ dataset }: { dataset: Dataset }) {
  const name = dataset.dataset;
  const going = live.value.get(name) ?? (comparing.value.has(name) ? BEGINNING : undefined);
  const verdict = verdicts.value.get(name);
  const running = going !== undefined || dataset.running !== null;
  const { word, tone } = HEALTH[health(dataset, running, now.value)];
  const failure = dataset.last_failure;
  const interval = dataset.refresh_interval_minutes;
  return (
    <article class={`card ${tone}`} aria-labelledby={`card-${name}`} data-dataset={name}>
      <ProgressBar dataset={dataset} live={going} />
      <header class="card-head">
        <div>
          <h2 id={`card-${name}`}>{datasetTitle(name)}</h2>
          {running ? (
            <ProgressText dataset={dataset} live={going} />
          ) : (
            <p class="dim mono">{dataset.relation ?? name}</p>
          )}
        </div>
        <span class={`badge ${tone}`}>
          <Icon name={ICONS[tone] ?? 'circle-dashed'} size={14} />
          {isVerifying(dataset, going) ? 'Verifying' : word}
        </span>
      </header>
      <div class="card-body">
        <div class="card-side">
          <dl class="facts">
            <div>
              <dt>Rows</dt>
              <dd class="num">
                <a href={href('data', { dataset: name })}>{count(dataset.rows)}</a>
              </dd>
            </div>
            <div>
              <dt>Fresh as of</dt>
              <dd class="num">
                <Ago at={freshAt(dataset)} />
              </dd>
            </div>
            <div>
              <dt>Generation</dt>
              <dd class="num" title="Grows by one with every change that readers see">
                {count(dataset.generation)}
              </dd>
            </div>
            <div>
              <dt>Schedule</dt>
              <dd class="num">{interval > 0 ? `every ${duration(interval * 60_000)}` : 'by hand'}</dd>
            </div>
          </dl>
          <Watermarks dataset={dataset} />
        </div>
        <Runs name={datasetTitle(name)} runs={runs.value.get(name) ?? []} report={dataset.last_success} />
      </div>
      {failure && (
        <FailureNote
          code={failure.code}
          message={failure.message}
          at={failure.at}
          still={dataset.generation > 0 && 'What was read before is still served.'}
        />
      )}
      {dataset.derived?.error && <FailureNote code="AXIS_SCHEMA_MISMATCH" message={dataset.derived.error} at={null} />}
      {!dataset.configured && !dataset.last_success && (
        <p class="card-note">
          No connection is configured. Rows may be uploaded, or configure a connection and queries.
        </p>
      )}
      <div class="verdict-place" role="status">
        {verdict && <VerdictNote dataset={dataset} verdict={verdict} onSync={() => void verify(dataset, true)} />}
      </div>
      <Actions dataset={dataset} live={going} />
    </article>
  );
}
