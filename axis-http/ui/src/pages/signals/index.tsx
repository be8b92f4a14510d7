/** Cases that people have judged: figures, charts, filters and columns are those of the display configuration. */

import { api } from '../../core/api';
import { datasets, generation } from '../../core/datasets';
import { useResource } from '../../core/resource';
import { href, query, setQuery } from '../../core/router';
import type { Metadata } from '../../core/types';
import { plural } from '../../lib/format';
import { freshAt } from '../../lib/fresh';
import { cases } from '../../lib/signals-sql';
import { picked } from '../../lib/url';
import { Button, Search, Select } from '../../ui/controls';
import { Empty, PageSkeleton, Problem } from '../../ui/feedback';
import { Ago, Page } from '../../ui/layout';
import { CaseDialog } from './case';
import { Cases } from './cases';
import { Charts } from './charts';
import { Strip } from './strip';
import { complete, parameter, type Schema } from './types';

const NAME = 'human_signals';

export default function Signals() {
  const version = generation(NAME);
  const status = datasets.value?.find((one) => one.dataset === NAME);
  const schema = useResource(
    'schema',
    (signal) => api<Schema>('/api/human-signals/metric-schema', { signal }),
    version,
  );
  const metadata = useResource(
    'metadata',
    (signal) => api<{ metadata: Metadata }>(`/api/store/metadata/${NAME}`, { signal }),
    version,
  );
  const relation = status?.derived?.relation;
  if (status && (status.generation === 0 || status.derived?.error)) {
    return (
      <Page title="Human signals">
        <Empty icon="users" title={status.derived?.error ? 'The cases could not be made' : 'Nothing was synced yet'}>
          {status.derived?.error ?? (
            <>
              Start the first sync of <b>Human signals</b> on the <a href={href('overview')}>overview</a>.
            </>
          )}
        </Empty>
      </Page>
    );
  }
  if (schema.error) {
    return (
      <Page title="Human signals">
        <Problem error={schema.error} retry={schema.reload} />
      </Page>
    );
  }
  if (!schema.data || !relation) return <PageSkeleton />;
  const display = complete(schema.data.display_config);
  const { metric_schema } = schema.data;
  const fields = display.filters.map(parameter);
  const search = query.value.get('search') ?? '';
  const of = cases(relation, { equal: picked(query.value, fields), search });
  const asked = { of, version };
  const open = query.value.get('case');
  const active = search !== '' || fields.some((name) => query.value.has(name));
  return (
    <Page
      title="Human signals"
      lead={
        <>
          {plural(status.derived?.rows ?? 0, 'case')}, fresh as of <Ago at={freshAt(status)} />
        </>
      }
    >
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <Search
          label="Search cases"
          value={search}
          placeholder="Search cases"
          onChange={(value) => setQuery({ search: value, page: null }, 'replace')}
        />
        {display.filters.map((filter) => {
          const name = parameter(filter);
          return (
            <Select
              key={name}
              label={filter.label}
              value={query.value.get(name) ?? ''}
              options={filter.options ?? metadata.data?.metadata.filter_values?.[name] ?? []}
              any="All"
              onChange={(value) => setQuery({ [name]: value, page: null })}
            />
          );
        })}
        {active && (
          <Button
            small
            icon="x"
            onClick={() => setQuery(Object.fromEntries([...fields, 'search', 'page'].map((name) => [name, null])))}
          >
            Clear
          </Button>
        )}
      </form>
      <Strip {...asked} tiles={display.kpi_strip} />
      <Charts {...asked} display={display} metrics={metric_schema.metrics} />
      <Cases {...asked} columns={display.table_columns} metrics={Object.keys(metric_schema.metrics)} />
      {open && <CaseDialog relation={relation} id={open} />}
    </Page>
  );
}
