/** The figures at the top. */

import { compact, count, duration, number, percent } from '../../lib/format';
import { Problem, Skeleton } from '../../ui/feedback';
import { Stat } from '../../ui/layout';
import { useAnalytics } from './ask';
import type { Asked } from './index';
import { tone } from './thresholds';
import type { Summary, Thresholds } from './types';

export function SummaryPanel({ filters, version, thresholds }: Asked & { thresholds: Thresholds | null }) {
  const { data, error, reload } = useAnalytics<{ kpis: Summary }>('summary', filters, version);
  if (error) return <Problem error={error} retry={reload} />;
  if (!data) return <Skeleton height={84} />;
  const { kpis } = data;
  const seconds = (value: number | null) => duration(value === null ? null : value * 1000);
  const some = kpis.total_records > 0;
  return (
    <div class="stats">
      <Stat label="Records" value={compact(kpis.records)} note="traces" icon="database" title={count(kpis.records)} />
      <Stat
        label="Scores"
        value={compact(kpis.total_records)}
        note="evaluations"
        icon="hash"
        title={count(kpis.total_records)}
      />
      <Stat
        label="Average score"
        value={some ? number(kpis.avg_score, 3) : '–'}
        note={thresholds ? `good from ${number(thresholds.good)}` : ' '}
        tone={some ? tone(kpis.avg_score, thresholds) : undefined}
        icon="gauge"
      />
      <Stat
        label="Pass rate"
        value={some ? percent(kpis.pass_rate) : '–'}
        note={thresholds ? `passed from ${number(thresholds.pass)}` : ' '}
        icon="check-circle"
      />
      <Stat label="Median latency" value={seconds(kpis.p50_latency)} note="half are faster" icon="clock" />
      <Stat
        label="95% within"
        value={seconds(kpis.p95_latency)}
        note={`99% within ${seconds(kpis.p99_latency)}`}
        icon="clock"
      />
    </div>
  );
}
