/** What the data says, in a few figures that lead to the pages behind them. */

import { api } from '../../core/api';
import { datasets, generation } from '../../core/datasets';
import { useResource } from '../../core/resource';
import { href } from '../../core/router';
import { compact, number, percent, plural } from '../../lib/format';
import { Stat } from '../../ui/layout';
import type { KpiAnswer } from '../kpi/types';
import { shown } from '../kpi/units';
import type { Findings, Summary } from '../monitoring/types';

export function Headlines() {
  const has = (name: string) => (datasets.value?.find((one) => one.dataset === name)?.generation ?? 0) > 0;
  const monitoring = useResource(has('monitoring') ? 'monitoring' : null, loadMonitoring, generation('monitoring'));
  const kpi = useResource(
    has('kpi') ? 'kpi' : null,
    (signal) => api<KpiAnswer>('/api/kpi/categories', { signal }),
    generation('kpi'),
  );
  const summary = monitoring.data?.summary;
  const findings = monitoring.data?.findings ?? [];
  const cards = kpi.data?.categories.flatMap((category) => category.kpis.slice(0, 1)) ?? [];
  if (!summary && cards.length === 0) return null;
  return (
    <section class="headlines" aria-label="What the data says">
      <h2>What it says</h2>
      <div class="stats">
        {summary && (
          <>
            <a href={href('monitoring')}>
              <Stat
                label="Average score"
                value={number(summary.avg_score, 3)}
                note={`${compact(summary.total_records)} scores`}
                icon="gauge"
              />
            </a>
            <a href={href('monitoring')}>
              <Stat
                label="Pass rate"
                value={percent(summary.pass_rate)}
                note={`95% within ${number(summary.p95_latency, 2)} s`}
                icon="check-circle"
              />
            </a>
            <a href={href('monitoring')}>
              <Stat
                label="Anomalies"
                value={findings.length}
                note={
                  findings.length === 0
                    ? 'nothing out of the ordinary'
                    : plural(new Set(findings.map((one) => one.metric)).size, 'metric')
                }
                tone={
                  findings.length === 0 ? undefined : findings.some((one) => one.severity === 'error') ? 'bad' : 'warn'
                }
                icon="alert-triangle"
              />
            </a>
          </>
        )}
        {cards.map((card) => (
          <a key={card.kpi_name} href={href('kpi', { open: card.kpi_name })}>
            <Stat
              label={card.display_name}
              value={shown(card.current_value, card.unit)}
              note={card.trend_direction === 'flat' ? 'steady' : `going ${card.trend_direction}`}
              icon="target"
            />
          </a>
        ))}
      </div>
    </section>
  );
}

async function loadMonitoring(signal: AbortSignal): Promise<{ summary: Summary; findings: Findings['findings'] }> {
  const [{ kpis }, { findings }] = await Promise.all([
    api<{ kpis: Summary }>('/api/monitoring/analytics/summary', { signal }),
    api<Findings>('/api/monitoring/analytics/anomalies', { signal }),
  ]);
  return { summary: kpis, findings };
}
