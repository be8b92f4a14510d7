/** What the monitoring pages look at; all of it is in the address. */

import { now } from '../../core/clock';
import { query, setQuery } from '../../core/router';
import type { Metadata } from '../../core/types';
import { choice, picked, since } from '../../lib/url';
import { Button, Segments, Select } from '../../ui/controls';

const FIELDS = [
  ['environment', 'Environment'],
  ['source_name', 'Source'],
  ['source_component', 'Component'],
  ['source_type', 'Type'],
  ['metric_name', 'Metric'],
] as const;
const NAMES = FIELDS.map(([name]) => name);

export const GRANULARITIES = ['daily', 'hourly', 'weekly'] as const;
const SPANS = [
  ['', 'All'],
  ['30d', '30 d'],
  ['7d', '7 d'],
  ['24h', '24 h'],
] as const;

/** What the routes are asked with. */
export function filters(): Record<string, string> {
  const found = picked(query.value, NAMES);
  const start = query.value.get('time_start') ?? since(query.value.get('range'), now.peek());
  const end = query.value.get('time_end');
  if (start) found.time_start = start;
  if (end) found.time_end = end;
  return found;
}

export function granularity(): (typeof GRANULARITIES)[number] {
  return choice(query.value.get('granularity'), GRANULARITIES);
}

export function FilterBar({ metadata }: { metadata: Metadata | undefined }) {
  const values = metadata?.filter_values ?? {};
  const set = query.value;
  const range = set.get('range') ?? '';
  const active = NAMES.some((name) => set.has(name)) || range !== '' || set.has('time_start') || set.has('time_end');
  return (
    <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
      {FIELDS.map(([name, label]) => (
        <Select
          key={name}
          label={label}
          value={set.get(name) ?? ''}
          options={values[name] ?? []}
          any="All"
          onChange={(value) => setQuery({ [name]: value })}
        />
      ))}
      <div class="field">
        <span class="label">Time</span>
        <Segments
          label="Time"
          value={range}
          options={SPANS}
          onChange={(value) => setQuery({ range: value, time_start: null, time_end: null })}
        />
      </div>
      <Select
        label="By"
        value={granularity()}
        options={[
          { value: 'hourly', label: 'Hour' },
          { value: 'daily', label: 'Day' },
          { value: 'weekly', label: 'Week' },
        ]}
        onChange={(value) => setQuery({ granularity: value === 'daily' ? null : value })}
      />
      {active && (
        <Button
          small
          icon="x"
          onClick={() =>
            setQuery(Object.fromEntries([...NAMES, 'range', 'time_start', 'time_end'].map((name) => [name, null])))
          }
        >
          Clear
        </Button>
      )}
    </form>
  );
}
