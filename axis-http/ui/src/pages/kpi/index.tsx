/** Key performance indicators: a panel for each category, a card for each KPI, and one of them large. */

import { api, type Params } from '../../core/api';
import { datasets, generation } from '../../core/datasets';
import { now } from '../../core/clock';
import { useResource } from '../../core/resource';
import { href, query, setQuery } from '../../core/router';
import { day, time } from '../../lib/format';
import { picked, since } from '../../lib/url';
import { Button, Segments, Select } from '../../ui/controls';
import { Empty, PageSkeleton, Problem } from '../../ui/feedback';
import { configured, Icon } from '../../ui/icons';
import { Page } from '../../ui/layout';
import { Card } from './card';
import { Compositions } from './composition';
import { TrendDialog } from './trend';
import type { KpiAnswer, KpiFilters } from './types';

const FIELDS = [
  ['source_name', 'Source', 'source_names'],
  ['environment', 'Environment', 'environments'],
  ['source_type', 'Type', 'source_types'],
  ['segment', 'Segment', 'segments'],
  ['kpi_category', 'Category', 'kpi_categories'],
] as const;
const NAMES = FIELDS.map(([name]) => name);
const SPANS = [
  ['', 'All'],
  ['30d', '30 d'],
  ['7d', '7 d'],
] as const;

export default function Kpi() {
  const version = generation('kpi');
  const params: Params = { ...picked(query.value, NAMES), time_start: since(query.value.get('range'), now.peek()) };
  const key = JSON.stringify(params);
  const lists = useResource('filters', (signal) => api<KpiFilters>('/api/kpi/filters', { signal }), version);
  const answer = useResource(key, (signal) => api<KpiAnswer>('/api/kpi/categories', { params, signal }), version);
  const status = datasets.value?.find((one) => one.dataset === 'kpi');
  if (status && status.generation === 0) {
    return (
      <Page title="KPI">
        <Empty icon="target" title="Nothing was synced yet">
          Start the first sync of <b>KPI</b> on the <a href={href('overview')}>overview</a>.
        </Empty>
      </Page>
    );
  }
  if (!answer.data && answer.loading) return <PageSkeleton />;
  const range = answer.data?.date_range;
  const categories = answer.data?.categories ?? [];
  const cards = categories.flatMap((category) => category.kpis);
  const open = cards.find((card) => card.kpi_name === query.value.get('open'));
  return (
    <Page
      title="KPI"
      lead={
        range?.min_date && range.max_date ? `${day(time(range.min_date))} to ${day(time(range.max_date))}` : undefined
      }
    >
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        {FIELDS.map(([name, label, list]) =>
          (lists.data?.[list].length ?? 0) > 1 || query.value.has(name) ? (
            <Select
              key={name}
              label={label}
              value={query.value.get(name) ?? ''}
              options={lists.data?.[list] ?? []}
              any="All"
              onChange={(value) => setQuery({ [name]: value })}
            />
          ) : null,
        )}
        <div class="field">
          <span class="label">Time</span>
          <Segments
            label="Time"
            value={query.value.get('range') ?? ''}
            options={SPANS}
            onChange={(value) => setQuery({ range: value })}
          />
        </div>
        {NAMES.some((name) => query.value.has(name)) && (
          <Button small icon="x" onClick={() => setQuery(Object.fromEntries(NAMES.map((name) => [name, null])))}>
            Clear
          </Button>
        )}
      </form>
      {answer.error && <Problem error={answer.error} retry={answer.reload} />}
      {answer.data && cards.length === 0 && (
        <Empty icon="target" title="No KPI matches">
          Widen the filters, or look into <code>visible_kpis</code> of the configuration.
        </Empty>
      )}
      <div class="kpi-board">
        {categories.map((category) => (
          <section
            key={category.category}
            class="kpi-category"
            aria-label={category.display_name}
            style={{ '--kpis': category.kpis.length }}
          >
            <h2>
              <Icon name={configured(category.icon, 'target')} size={18} />
              {category.display_name}
            </h2>
            <div class="kpi-cards">
              {category.kpis.map((card) => (
                <Card key={card.kpi_name} card={card} />
              ))}
            </div>
          </section>
        ))}
      </div>
      <Compositions charts={lists.data?.composition_charts ?? []} cards={cards} />
      {open && <TrendDialog card={open} params={params} version={version} />}
    </Page>
  );
}
