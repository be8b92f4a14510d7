/** One KPI: its value, where it is going and whether that is good. */

import { setQuery } from '../../core/router';
import { Spark } from '../../ui/bars';
import { Icon, type IconName } from '../../ui/icons';
import type { KpiCard } from './types';
import { shown } from './units';

const ARROWS: Record<KpiCard['trend_direction'], IconName> = {
  up: 'trending-up',
  down: 'trending-down',
  flat: 'minus',
};
const PERIODS: Record<string, string> = {
  avg_7d: 'mean of 7 days',
  avg_30d: 'mean of 30 days',
  daily: 'last day',
  latest: 'last day',
};

/** Whether the direction is the one that is wanted. */
export function isGood(card: KpiCard): boolean | null {
  if (card.trend_direction === 'flat') return null;
  return (card.trend_direction === 'up') === (card.polarity === 'higher_better');
}

export function Card({ card }: { card: KpiCard }) {
  const good = isGood(card);
  const tone = good === null ? '' : good ? 'good' : 'bad';
  const words = card.trend_direction === 'flat' ? 'steady' : `${card.trend_direction}, ${good ? 'better' : 'worse'}`;
  return (
    <button type="button" class="kpi-card" onClick={() => setQuery({ open: card.kpi_name })}>
      <span class="kpi-name">{card.display_name}</span>
      <span class="kpi-row">
        <span class="kpi-value num">{shown(card.current_value, card.unit)}</span>
        <span class={`kpi-trend ${tone}`}>
          <Icon name={ARROWS[card.trend_direction]} size={14} />
          {words}
        </span>
      </span>
      <Spark
        values={card.sparkline.map((point) => point.value)}
        label={`The last ${card.sparkline.length} days`}
        color={good === false ? '--bad' : '--accent'}
      />
      <span class="dim small">{PERIODS[card.card_display_value] ?? card.card_display_value}</span>
    </button>
  );
}
