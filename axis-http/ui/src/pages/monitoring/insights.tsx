/** What analyses found in single conversations, newest first. */

import { useState } from 'preact/hooks';
import { title } from '../../lib/format';
import { Button } from '../../ui/controls';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Ago, Panel } from '../../ui/layout';
import { useAnalytics } from './ask';
import type { Asked } from './index';
import type { Insights } from './types';

const PAGE = 6;
const MOST = 96;

export function InsightsPanel({ filters, version }: Asked) {
  const [limit, setLimit] = useState(PAGE);
  const { data, error, loading, reload } = useAnalytics<Insights>('analysis-insights', { ...filters, limit }, version);
  return (
    <Panel title="Insights" lead="What analyses found, newest first" busy={loading}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton lines={6} />}
      {data?.records.length === 0 && <Empty icon="message-square" title="No analyses match" />}
      <ul class="insights">
        {data?.records.map((record) => (
          <li key={`${record.dataset_id} ${record.metric_name}`}>
            <p class="insight-text">{record.explanation ?? title(record.metric_name)}</p>
            <p class="chips">
              {Object.entries(asObject(record.signals)).map(([name, value]) => (
                <span key={name} class="chip">
                  {name}: <b>{String(value)}</b>
                </span>
              ))}
            </p>
            <details>
              <summary>Conversation</summary>
              {record.query && <blockquote>{record.query}</blockquote>}
              {record.actual_output && <blockquote class="answer">{record.actual_output}</blockquote>}
            </details>
            <p class="dim small">
              {[record.source_info.source_name, record.source_info.source_component, record.source_info.environment]
                .filter(Boolean)
                .join(' · ')}{' '}
              · <Ago at={record.timestamp} />
            </p>
          </li>
        ))}
      </ul>
      {data && data.records.length === limit && limit < MOST && (
        <Button small onClick={() => setLimit(Math.min(MOST, limit * 2))}>
          Show more
        </Button>
      )}
    </Panel>
  );
}

function asObject(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
