/** One KPI large: each day, and its means. */

import { useMemo } from 'preact/hooks';
import { api, type Params } from '../../core/api';
import { useResource } from '../../core/resource';
import { setQuery } from '../../core/router';
import { count, time } from '../../lib/format';
import { Dialog } from '../../ui/dialog';
import { Problem, Skeleton } from '../../ui/feedback';
import { LineChart, type Line } from '../../ui/line-chart';
import type { KpiCard, KpiTrends } from './types';
import { shown } from './units';

export function TrendDialog({ card, params, version }: { card: KpiCard; params: Params; version: number }) {
  const asked = { ...params, kpi_names: card.kpi_name };
  const trends = useResource(
    JSON.stringify(asked),
    (signal) => api<KpiTrends>('/api/kpi/trends', { params: asked, signal }),
    version,
  );
  const { x, lines } = useMemo(() => arranged(trends.data), [trends.data]);
  return (
    <Dialog wide title={card.display_name} onClose={() => setQuery({ open: null })}>
      {trends.error && <Problem error={trends.error} retry={trends.reload} />}
      {!trends.data && !trends.error && <Skeleton height={300} />}
      {trends.data && (
        <LineChart
          label={`${card.display_name} by day`}
          x={x}
          lines={lines}
          height={300}
          format={(value) => shown(value, card.unit)}
          scale="days"
        />
      )}
      <p class="dim small">
        Made of {count(card.record_count)} records. {card.polarity === 'lower_better' ? 'Lower' : 'Higher'} is better.
      </p>
    </Dialog>
  );
}

function arranged(trends: KpiTrends | undefined): { x: number[]; lines: Line[] } {
  const data = trends?.data ?? [];
  return {
    x: data.map((point) => (time(point.date)?.getTime() ?? 0) / 1000),
    lines: [
      { label: 'Day', values: data.map((point) => point.value), color: '--c3', thin: true },
      { label: '7 days', values: data.map((point) => point.avg_7d), color: '--c1' },
      { label: '30 days', values: data.map((point) => point.avg_30d), color: '--c2', dashed: true },
    ],
  };
}
