/** What can be asked: relations and their columns. */

import { enabled, generation } from '../../core/datasets';
import { useResource } from '../../core/resource';
import type { Dataset } from '../../core/types';
import { select } from '../../core/sql';
import { count } from '../../lib/format';
import { Skeleton } from '../../ui/feedback';
import { Icon } from '../../ui/icons';
import { identifier } from '../../lib/signals-sql';

export function Schema({ onInsert }: { onInsert: (relation: string) => void }) {
  const relations = (enabled.value ?? []).filter((one) => one.generation > 0).flatMap(named);
  return (
    <section aria-label="Relations">
      <h2>
        <Icon name="database" /> Relations
      </h2>
      {!enabled.value && <Skeleton lines={4} />}
      {enabled.value && relations.length === 0 && <p class="dim small">Nothing was synced yet.</p>}
      {relations.map(({ relation, rows, dataset }) => (
        <Relation key={relation} relation={relation} rows={rows} version={generation(dataset)} onInsert={onInsert} />
      ))}
    </section>
  );
}

function named(one: Dataset) {
  const found = one.relation ? [{ relation: one.relation, rows: one.rows, dataset: one.dataset }] : [];
  if (one.derived && !one.derived.error)
    found.push({ relation: one.derived.relation, rows: one.derived.rows, dataset: one.dataset });
  return found;
}

function Relation({
  relation,
  rows,
  version,
  onInsert,
}: {
  relation: string;
  rows: number | null;
  version: number;
  onInsert: (relation: string) => void;
}) {
  const columns = useResource(
    relation,
    async (signal) => (await select({ sql: `select * from ${identifier(relation)} limit 0` }, { signal })).columns,
    version,
  );
  return (
    <details class="relation">
      <summary>
        <span class="mono">{relation}</span> <span class="dim small num">{count(rows)}</span>
      </summary>
      <button type="button" class="link small" onClick={() => onInsert(relation)}>
        Select its first rows
      </button>
      <ul>
        {columns.data?.map((column) => (
          <li key={column.name}>
            <span class="mono">{column.name}</span> <span class="dim small">{column.type.toLowerCase()}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}
