/** How long answers take, and how often. */

import { duration } from '../../lib/format';
import { Histogram } from '../../ui/bars';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { useAnalytics } from './ask';
import type { Asked } from './index';
import type { Latency } from './types';

const BINS = 32;

export function LatencyPanel({ filters, version }: Asked) {
  const { data, error, loading, reload } = useAnalytics<Latency>(
    'latency-distribution',
    { ...filters, bins: BINS },
    version,
  );
  const seconds = (value: number) => duration(value * 1000);
  const { p50, p95, p99 } = data?.percentiles ?? { p50: null, p95: null, p99: null };
  const marks = [
    { label: 'p50', value: p50 },
    { label: 'p95', value: p95 },
    { label: 'p99', value: p99 },
  ].filter((mark): mark is { label: string; value: number } => mark.value !== null);
  return (
    <Panel title="Latency" class="fill" busy={loading}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton height={220} />}
      {data &&
        (data.histogram.counts.length === 0 ? (
          <Empty icon="clock" title="No latencies match" />
        ) : (
          <Histogram
            label={`Histogram of latencies; ${marks.map((mark) => `${mark.label} is ${seconds(mark.value)}`).join(', ')}`}
            counts={data.histogram.counts}
            edges={data.histogram.edges}
            marks={marks}
            format={seconds}
          />
        ))}
    </Panel>
  );
}
