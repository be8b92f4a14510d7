/** KPIs that are parts of a hundred, as they are configured. */

import { percent, title } from '../../lib/format';
import { nth } from '../../lib/colors';
import { Stacked } from '../../ui/bars';
import { Panel } from '../../ui/layout';
import type { Composition, KpiCard } from './types';

export function Compositions({ charts, cards }: { charts: Composition[]; cards: KpiCard[] }) {
  const drawn = charts.map((chart) => ({ chart, parts: parts(chart, cards) })).filter(({ parts }) => parts.length > 0);
  if (drawn.length === 0) return null;
  return (
    <div class="grid-2">
      {drawn.map(({ chart, parts }) => (
        <Panel key={chart.title} title={chart.title}>
          <Stacked parts={parts} label={chart.title} />
        </Panel>
      ))}
    </div>
  );
}

function parts(chart: Composition, cards: KpiCard[]) {
  const found = chart.kpis.flatMap((part, index) => {
    const value = cards.find((card) => card.kpi_name === part.kpi_name)?.current_value;
    if (value === null || value === undefined || value < 0) return [];
    return [
      { label: part.label ?? title(part.kpi_name), value, text: percent(value), color: part.color ?? nth(index) },
    ];
  });
  const rest = 100 - found.reduce((sum, part) => sum + part.value, 0);
  if (found.length > 0 && chart.show_remainder && rest > 0) {
    found.push({
      label: chart.remainder_label ?? 'Rest',
      value: rest,
      text: percent(rest),
      color: chart.remainder_color ?? '--text-3',
    });
  }
  return found;
}
