/** Scores over time, with what counts as good and as passed, and what is out of the ordinary. */

import { useMemo } from 'preact/hooks';
import { query, setQuery } from '../../core/router';
import { number, time, title } from '../../lib/format';
import { nth } from '../../lib/colors';
import { choice } from '../../lib/url';
import { Segments } from '../../ui/controls';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { LineChart, type Limit, type Mark } from '../../ui/line-chart';
import { useAnalytics } from './ask';
import { granularity } from './filter';
import type { Asked } from './index';
import type { Findings, Thresholds, Trends } from './types';

const STATISTICS = ['avg', 'p50', 'p95', 'p99'] as const;
const NAMES = [
  ['avg', 'Mean'],
  ['p50', 'p50'],
  ['p95', 'p95'],
  ['p99', 'p99'],
] as const;

export function TrendsPanel({ filters, version, thresholds }: Asked & { thresholds: Thresholds | null }) {
  const params = { ...filters, granularity: granularity() };
  const trends = useAnalytics<Trends>('trends', params, version);
  const findings = useAnalytics<Findings>('anomalies', params, version);
  const statistic = choice(query.value.get('statistic'), STATISTICS);
  const { x, lines } = useMemo(() => arranged(trends.data, statistic), [trends.data, statistic]);
  const limits = useMemo<Limit[]>(
    () =>
      thresholds
        ? [
            { label: 'good', value: thresholds.good, color: '--good' },
            { label: 'pass', value: thresholds.pass, color: '--warn' },
          ]
        : [],
    [thresholds?.good, thresholds?.pass],
  );
  const marks = useMemo(() => (statistic === 'avg' ? marked(findings.data) : []), [findings.data, statistic]);
  return (
    <Panel
      title="Scores over time"
      busy={trends.loading}
      actions={
        <Segments
          label="Statistic"
          value={statistic}
          options={NAMES}
          onChange={(value) => setQuery({ statistic: value === 'avg' ? null : value })}
        />
      }
    >
      {trends.error && <Problem error={trends.error} retry={trends.reload} />}
      {!trends.data && !trends.error && <Skeleton height={280} />}
      {trends.data &&
        (x.length === 0 ? (
          <Empty icon="line-chart" title="No scores match">
            Widen the filters or the time.
          </Empty>
        ) : (
          <LineChart
            label={`Scores of ${lines.map((line) => line.label).join(', ')} over time`}
            x={x}
            lines={lines}
            limits={limits}
            marks={marks}
            scale={granularity() === 'hourly' ? 'time' : 'days'}
            height={260}
            format={(value) => number(value, 3)}
          />
        ))}
    </Panel>
  );
}

function arranged(trends: Trends | undefined, statistic: (typeof STATISTICS)[number]) {
  const times = [...new Set(trends?.data.map((point) => point.timestamp))].sort();
  const at = new Map(times.map((text, index) => [text, index]));
  const lines = (trends?.metrics ?? []).map((metric, index) => {
    const values: (number | null)[] = times.map(() => null);
    for (const point of trends?.data ?? []) {
      const place = at.get(point.timestamp);
      if (point.metric === metric && place !== undefined) values[place] = point[statistic];
    }
    return { label: title(metric), values, color: nth(index) };
  });
  return { x: times.map((text) => (time(text)?.getTime() ?? 0) / 1000), lines };
}

function marked(findings: Findings | undefined): Mark[] {
  return (findings?.findings ?? []).map((finding) => ({
    x: (time(finding.timestamp)?.getTime() ?? 0) / 1000,
    y: finding.value,
    text: finding.rule,
  }));
}
