/** Metrics whose latest value is out of the ordinary, in words. */

import { setQuery } from '../../core/router';
import { minute, number, percent, time, title } from '../../lib/format';
import { Icon } from '../../ui/icons';
import { Button } from '../../ui/controls';
import { useAnalytics } from './ask';
import { granularity } from './filter';
import type { Asked } from './index';
import type { Findings } from './types';

export function Anomalies({ filters, version }: Asked) {
  const { data } = useAnalytics<Findings>('anomalies', { ...filters, granularity: granularity() }, version);
  if (!data?.enabled || data.findings.length === 0) return null;
  return (
    <ul class="anomalies" aria-label="Anomalies">
      {data.findings.map((finding) => (
        <li key={`${finding.metric} ${finding.rule}`} class={finding.severity === 'error' ? 'bad' : 'warn'}>
          <Icon name="alert-triangle" />
          <span>
            <b>{title(finding.metric)}</b> {explained(finding)}{' '}
            <span class="dim">({minute(time(finding.timestamp))})</span>
          </span>
          <Button small onClick={() => setQuery({ metric_name: finding.metric })}>
            Show
          </Button>
        </li>
      ))}
    </ul>
  );
}

function explained({ rule, value, expected, deviation }: Findings['findings'][number]): string {
  const direction = value < expected ? 'below' : 'above';
  switch (rule) {
    case 'z_score':
      return `is at ${number(value)}, ${number(Math.abs(deviation), 1)} standard deviations ${direction} its mean of ${number(expected)}`;
    case 'moving_average':
      return `is at ${number(value)}, ${percent(Math.abs(deviation) * 100)} ${direction} the average of the times before, ${number(expected)}`;
    case 'rate_of_change':
      return `went from ${number(expected)} to ${number(value)} at once, by ${percent(Math.abs(deviation) * 100)}`;
  }
}

export type { Findings };
