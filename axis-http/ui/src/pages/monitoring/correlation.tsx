/** How metrics go together: a coefficient for each pair, coloured by its size. */

import { api } from '../../core/api';
import { useResource } from '../../core/resource';
import { number, plural, title } from '../../lib/format';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import type { Asked } from './index';
import { closest, coefficient, meaning } from './spread';
import type { Breakdown, Correlation } from './types';

/** More columns than anybody reads. */
const MOST = 12;
/** The share of the colour at a coefficient of 1: the figure can still be read on it. */
const DEEPEST = 50;

export function CorrelationPanel({ filters, version }: Asked) {
  // One metric goes with nothing: here are all of them.
  const { metric_name: only, ...rest } = filters;
  const key = `correlation?${JSON.stringify(rest)}`;
  const { data, error, loading, reload } = useResource(key, (signal) => load(rest, signal), version);
  const metrics = data?.metrics ?? [];
  const names = metrics.map(title);
  const matrix = data?.matrix ?? [];
  const some = names.length > 1 && matrix.length === names.length;
  return (
    <Panel title="Correlation" lead={`Of scores of the same trace${only ? ', for all metrics' : ''}`} busy={loading}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton height={220} />}
      {data && !some && (
        <Empty icon="hash" title="Nothing to compare">
          It takes two metrics with scores.
        </Empty>
      )}
      {some && (
        <>
          <div class="scroll" tabIndex={0} role="region" aria-label="Correlation">
            <table class="matrix">
              <thead>
                <tr>
                  <td />
                  {names.map((name, column) => (
                    <th key={metrics[column]} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {names.map((name, row) => (
                  <tr key={metrics[row]}>
                    <th scope="row">{name}</th>
                    {names.map((other, column) => (
                      <Cell
                        key={metrics[column]}
                        pair={row === column ? null : `${name} and ${other}`}
                        value={coefficient(matrix, row, column)}
                      />
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <p class="dim small">
            {closest(names, matrix) ?? 'No pair is related'}.{' '}
            {data && data.omitted > 0 && `${plural(data.omitted, 'metric')} with fewer scores not shown. `}1: high
            together; −1: one high, the other low; 0: unrelated.
          </p>
        </>
      )}
    </Panel>
  );
}

/** A metric with itself is no pair. */
function Cell({ pair, value }: { pair: string | null; value: number | null }) {
  if (pair === null) return <td class="num own">{number(value, 2)}</td>;
  return (
    <td
      class={`num ${(value ?? 0) < 0 ? 'against' : ''}`}
      title={`${pair}: ${meaning(value)}`}
      style={{ '--share': `${Math.round(Math.abs(value ?? 0) * DEEPEST)}%` }}
    >
      {number(value, 2)}
    </td>
  );
}

/** Asks which metrics have scores, and then about those with the most. */
async function load(params: Record<string, string>, signal: AbortSignal): Promise<Correlation & { omitted: number }> {
  const ask = <T,>(name: string, more: Record<string, string> = {}) =>
    api<T>(`/api/monitoring/analytics/${name}`, { params: { ...params, ...more }, signal });
  const { metrics } = await ask<Breakdown>('metric-breakdown');
  const most = [...metrics].sort((a, b) => b.count - a.count).slice(0, MOST);
  const omitted = metrics.length - most.length;
  if (most.length < 2) return { metrics: most.map((metric) => metric.name), matrix: [], omitted };
  const names = most.map((metric) => metric.name).sort();
  return { ...(await ask<Correlation>('correlation', { metrics: names.join(',') })), omitted };
}
