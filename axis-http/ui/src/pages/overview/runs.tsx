/** The last runs: a bar for each by its duration, and the newest in words. */

import type { Run, SyncReport } from '../../core/types';
import { bytes, count, duration, minute, time } from '../../lib/format';
import { OUTCOMES, reason, strategy } from '../../lib/words';
import { Ago } from '../../ui/layout';

const BARS = 28;
const LINES = 3;

export function Runs({ name, runs, report }: { name: string; runs: Run[]; report: SyncReport | null }) {
  const bars = runs.slice(0, BARS).reverse();
  // Durations differ by powers of ten.
  const height = (run: Run) => Math.log10(Math.max(run.elapsed_ms, 1) + 1);
  const most = Math.max(...bars.map(height), 1);
  return (
    <section class="runs" aria-label={`Last runs of ${name}`}>
      <div class="runs-bars" aria-hidden="true">
        {bars.map((run) => (
          <span
            key={run.run_id}
            class={run.outcome}
            title={describe(run)}
            style={{ height: `${Math.max(12, (100 * height(run)) / most)}%` }}
          />
        ))}
        {bars.length === 0 && <p class="dim">No runs yet</p>}
      </div>
      <ol class="runs-list">
        {runs.slice(0, LINES).map((run) => (
          <li key={run.run_id} title={describe(run)}>
            <span class={`dot ${run.outcome}`} aria-hidden="true" />
            <span class="runs-what">
              {run.outcome === 'ok' || run.outcome === 'unchanged' ? run.strategy : OUTCOMES[run.outcome]}
            </span>
            <span class="num dim">{run.outcome === 'failed' ? run.code : `${count(run.rows_read)} rows`}</span>
            <span class="num">{duration(run.elapsed_ms)}</span>
            <span class="num dim">
              <Ago at={run.started_at} />
            </span>
            {run.because && <span class="runs-why dim">{reason(run.because)}</span>}
          </li>
        ))}
      </ol>
      {report && (
        <p class="why" title={`${count(report.rows_read)} rows and ${bytes(report.bytes_read)} read`}>
          {strategy(report.strategy)}.{report.truncated && ' A row limit cut it.'}
        </p>
      )}
    </section>
  );
}

function describe(run: Run): string {
  const what = [OUTCOMES[run.outcome], run.strategy, `${count(run.rows_read)} rows read`, duration(run.elapsed_ms)];
  const lines = [minute(time(run.started_at)), what.filter(Boolean).join(' · ')];
  if (run.because) lines.push(`Full: ${reason(run.because)}`);
  if (run.message) lines.push(run.message);
  return lines.join('\n');
}
