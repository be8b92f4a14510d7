/** Each metric by itself, and by group. */

import { query, setQuery } from '../../core/router';
import { count, number, percent, title } from '../../lib/format';
import { Select } from '../../ui/controls';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { useAnalytics } from './ask';
import type { Asked } from './index';
import { tone } from './thresholds';
import type { Breakdown, Scores, Thresholds } from './types';

/** What scores can be divided by, beside the metric. */
export const GROUPS = [
  { value: 'source_name', label: 'Source' },
  { value: 'source_component', label: 'Component' },
  { value: 'source_type', label: 'Type' },
  { value: 'environment', label: 'Environment' },
  { value: 'model_name', label: 'Model' },
  { value: 'evaluation_name', label: 'Evaluation' },
];

export function BreakdownPanel({ filters, version, thresholds }: Asked & { thresholds: Thresholds | null }) {
  const group = query.value.get('group_by') ?? '';
  const params = { ...filters, group_by: group, threshold: thresholds?.pass ?? null };
  const { data, error, loading, reload } = useAnalytics<Breakdown>('metric-breakdown', params, version);
  return (
    <Panel
      title="Metrics"
      busy={loading}
      actions={
        <Select
          label="Group by"
          value={group}
          options={GROUPS}
          any="Nothing"
          onChange={(value) => setQuery({ group_by: value })}
        />
      }
    >
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton lines={5} />}
      {data?.metrics.length === 0 && <Empty icon="gauge" title="No scores match" />}
      {data && data.metrics.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Metrics">
          <table class="table breakdown">
            <thead>
              <tr>
                <th>Metric</th>
                <th>Mean score</th>
                <th class="right">Pass rate</th>
                <th class="right">Scores</th>
              </tr>
            </thead>
            <tbody>
              {data.metrics.map((metric) => (
                <>
                  <Line key={metric.name} name={title(metric.name)} scores={metric} thresholds={thresholds} />
                  {Object.entries(metric.by_group ?? {}).map(([name, scores]) => (
                    <Line key={`${metric.name}/${name}`} name={name} scores={scores} thresholds={thresholds} inner />
                  ))}
                </>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && data.groups_omitted > 0 && (
        <p class="dim small">{count(data.groups_omitted)} more groups are not shown.</p>
      )}
    </Panel>
  );
}

function Line({
  name,
  scores,
  thresholds,
  inner,
}: {
  name: string;
  scores: Scores;
  thresholds: Thresholds | null;
  inner?: boolean;
}) {
  const colour = tone(scores.avg, thresholds) ?? 'accent';
  return (
    <tr class={inner ? 'inner' : ''}>
      <td>{name}</td>
      <td>
        <span class="meter">
          <span class="bar-track" aria-hidden="true">
            <span
              class="bar-fill"
              style={{ width: `${Math.min(100, Math.max(0, scores.avg * 100))}%`, background: `var(--${colour})` }}
            />
          </span>
          <span class="num">{number(scores.avg, 3)}</span>
        </span>
      </td>
      <td class="right num">{percent(scores.pass_rate)}</td>
      <td class="right num">{count(scores.count)}</td>
    </tr>
  );
}
