/** The rows themselves: paged, sorted, searched, with the columns that are chosen. */

import { api } from '../../core/api';
import { enabled, generation } from '../../core/datasets';
import { useResource } from '../../core/resource';
import { href, query, setQuery } from '../../core/router';
import type { Metadata, Row } from '../../core/types';
import { picked, pageNumber } from '../../lib/url';
import { datasetTitle } from '../../lib/words';
import { Button, Search, Select, Tabs } from '../../ui/controls';
import { Empty, PageSkeleton, Problem, Skeleton } from '../../ui/feedback';
import { Page, Panel } from '../../ui/layout';
import { Pager, Table } from '../../ui/table';
import { ColumnChoice } from './columns';
import { Export } from './export';
import { RowDialog } from './row';
import { useState } from 'preact/hooks';

export const FILTERS = [
  ['environment', 'Environment'],
  ['source_name', 'Source'],
  ['source_component', 'Component'],
  ['source_type', 'Type'],
  ['metric_name', 'Metric'],
  ['metric_category', 'Category'],
] as const;
const NAMES = FILTERS.map(([name]) => name);
const SIZE = 50;
/** So many columns are shown until others are chosen. */
const FIRST = 8;

export default function Data() {
  const all = enabled.value;
  if (!all) return <PageSkeleton />;
  const names = all.filter((one) => one.relation).map((one) => one.dataset);
  const name = query.value.get('dataset') ?? names[0];
  if (!name) {
    return (
      <Page title="Data">
        <Empty icon="database" title="No dataset is configured" />
      </Page>
    );
  }
  return (
    <Page title="Data" lead="The rows as they are stored">
      <Tabs
        label="Datasets"
        value={name}
        tabs={names.map((one) => [one, datasetTitle(one)] as const)}
        controls="rows"
        onChange={(dataset) =>
          setQuery(
            Object.fromEntries(
              [...query.value.keys()]
                .map((key) => [key, key === 'dataset' ? dataset : null])
                .concat([['dataset', dataset]]),
            ),
          )
        }
      />
      <div id="rows" role="tabpanel" class="stack">
        <Rows key={name} name={name} />
      </div>
    </Page>
  );
}

function Rows({ name }: { name: string }) {
  const [open, setOpen] = useState<Row | null>(null);
  const version = generation(name);
  const path = `/api/store/data/${encodeURIComponent(name)}`;
  const metadata = useResource(
    name,
    (signal) => api<{ metadata: Metadata }>(`/api/store/metadata/${encodeURIComponent(name)}`, { signal }),
    version,
  );
  const known = metadata.data?.metadata.columns ?? [];
  const chosen = query.value
    .get('columns')
    ?.split(',')
    .filter((column) => known.some((one) => one.column_name === column));
  const columns = chosen && chosen.length > 0 ? chosen : usual(known.map((one) => one.column_name));
  const page = pageNumber(query.value.get('page'));
  const sort = query.value.get('sort_by') ?? (known.some((one) => one.column_name === 'timestamp') ? 'timestamp' : '');
  const descending = query.value.get('sort_dir') !== 'asc';
  const search = query.value.get('search') ?? '';
  const filters = picked(query.value, NAMES);
  const asked = { ...filters, search, sort_by: sort, sort_dir: descending ? 'desc' : 'asc' };
  const params = { ...asked, page, page_size: SIZE };
  const { data, error, loading, reload } = useResource(
    known.length > 0 || metadata.error ? JSON.stringify(params) : null,
    (signal) => api<{ data: Row[]; total: number }>(path, { params, signal }),
    version,
  );
  const values = metadata.data?.metadata.filter_values ?? {};
  const active = search !== '' || Object.keys(filters).length > 0;
  const clear = () => setQuery(Object.fromEntries([...NAMES, 'search', 'page'].map((key) => [key, null])));
  if (metadata.data && known.length === 0) {
    return (
      <Empty icon="table" title="Nothing was synced yet">
        Start the first sync of <b>{datasetTitle(name)}</b> on the <a href={href('overview')}>overview</a>.
      </Empty>
    );
  }
  return (
    <>
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        <Search
          label="Search rows"
          value={search}
          placeholder="Search rows"
          onChange={(value) => setQuery({ search: value, page: null }, 'replace')}
        />
        {FILTERS.map(([field, label]) =>
          (values[field]?.length ?? 0) > 1 || query.value.has(field) ? (
            <Select
              key={field}
              label={label}
              value={query.value.get(field) ?? ''}
              options={values[field] ?? []}
              any="All"
              onChange={(value) => setQuery({ [field]: value, page: null })}
            />
          ) : null,
        )}
        {active && (
          <Button small icon="x" onClick={clear}>
            Clear
          </Button>
        )}
        <span class="push" />
        <ColumnChoice all={known} chosen={columns} />
        <Export name={name} path={path} params={asked} columns={columns} total={data?.total ?? 0} />
      </form>
      {(error ?? metadata.error) && (
        <Problem error={(error ?? metadata.error)!} retry={error ? reload : metadata.reload} />
      )}
      <Panel busy={loading} class="flush">
        {!data && !error && <Skeleton lines={12} />}
        {data?.total === 0 && (
          <Empty icon="search" title="No row matches">
            {active ? 'Widen the filters or the search.' : 'The dataset is empty.'}
          </Empty>
        )}
        {data && data.total > 0 && (
          <>
            <Table
              label={`Rows of ${datasetTitle(name)}`}
              columns={columns.map((column) => ({
                key: column,
                label: column,
                type: known.find((one) => one.column_name === column)?.column_type,
              }))}
              rows={data.data}
              sort={{ key: sort, descending }}
              onSort={(key) =>
                setQuery({ sort_by: key, sort_dir: key === sort && descending ? 'asc' : null, page: null })
              }
              onOpen={setOpen}
              busy={loading}
            />
            <Pager
              page={page}
              size={SIZE}
              total={data.total}
              onPage={(to) => setQuery({ page: to === 1 ? null : to })}
            />
          </>
        )}
      </Panel>
      {open && <RowDialog row={open} columns={known} onClose={() => setOpen(null)} />}
    </>
  );
}

/** What people look for first, then whatever there is. */
const LIKED = [
  'timestamp',
  'created_at',
  'Timestamp',
  'Case_ID',
  'source_name',
  'Business',
  'environment',
  'kpi_name',
  'metric_name',
  'metric_score',
  'numeric_value',
  'evaluation_name',
  'model_name',
  'latency',
  'passed',
  'query',
  'Message_Count',
];

function usual(known: string[]): string[] {
  const liked = LIKED.filter((name) => known.includes(name));
  return [...liked, ...known.filter((name) => !liked.includes(name))].slice(
    0,
    Math.max(FIRST, Math.min(liked.length, FIRST + 2)),
  );
}
