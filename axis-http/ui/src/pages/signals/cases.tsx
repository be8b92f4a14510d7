/** The cases one by one. */

import { useResource } from '../../core/resource';
import { query, setQuery } from '../../core/router';
import { select } from '../../core/sql';
import { rows as sqlOf, type Sql } from '../../lib/signals-sql';
import { pageNumber } from '../../lib/url';
import { Empty, Problem, Skeleton } from '../../ui/feedback';
import { Panel } from '../../ui/layout';
import { Pager, Table } from '../../ui/table';
import type { Display } from './types';

const SIZE = 25;
/** How the columns that every case has look; signals are texts. */
const TYPES: Record<string, string> = { Case_ID: 'UUID', Message_Count: 'BIGINT', Timestamp: 'TIMESTAMP' };

interface Props {
  of: Sql;
  version: number;
  columns: Display['table_columns'];
  metrics: string[];
}

export function Cases({ of, version, columns, metrics }: Props) {
  const sort = columns.some((column) => column.key === query.value.get('sort'))
    ? (query.value.get('sort') ?? 'Timestamp')
    : 'Timestamp';
  const descending = query.value.get('dir') !== 'asc';
  const page = pageNumber(query.value.get('page'));
  const asked = sqlOf(of, {
    columns: columns.map((column) => column.key),
    metrics,
    sort,
    descending,
    page,
    size: SIZE,
  });
  const total = { sql: `${of.sql}select count(*) as n from c`, params: of.params };
  const { data, error, loading, reload } = useResource(
    JSON.stringify(asked),
    async (signal) => {
      const [rows, counted] = await Promise.all([select(asked, { signal }), select(total, { signal })]);
      return { rows: rows.rows, total: Number(counted.rows[0]?.n ?? 0) };
    },
    version,
  );
  const onSort = (key: string) => setQuery({ sort: key, dir: key === sort && descending ? 'asc' : null, page: null });
  return (
    <Panel title="Cases" lead="Open one to read the conversation" busy={loading}>
      {error && <Problem error={error} retry={reload} />}
      {!data && !error && <Skeleton lines={8} />}
      {data?.total === 0 && (
        <Empty icon="users" title="No case matches">
          Widen the filters or the search.
        </Empty>
      )}
      {data && data.total > 0 && (
        <>
          <Table
            label="Cases"
            columns={columns.map((column) => ({ ...column, type: TYPES[column.key] }))}
            rows={data.rows}
            sort={{ key: sort, descending }}
            onSort={onSort}
            onOpen={(row) => setQuery({ case: String(row.Case_ID) })}
          />
          <Pager page={page} size={SIZE} total={data.total} onPage={(to) => setQuery({ page: to === 1 ? null : to })} />
        </>
      )}
    </Panel>
  );
}
