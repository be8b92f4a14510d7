/** Which columns are shown. */

import { setQuery } from '../../core/router';
import type { Column } from '../../core/types';
import { Icon } from '../../ui/icons';

export function ColumnChoice({ all, chosen }: { all: Column[]; chosen: string[] }) {
  const set = (names: string[]) => setQuery({ columns: names.join(',') }, 'replace');
  const toggle = (name: string) => {
    // In the order of the relation; the last one stays.
    const next = all
      .map((column) => column.column_name)
      .filter((column) => (column === name) !== chosen.includes(column));
    if (next.length > 0) set(next);
  };
  return (
    <details class="menu" onKeyDown={(event) => event.key === 'Escape' && event.currentTarget.removeAttribute('open')}>
      <summary class="button small">
        <Icon name="columns" size={14} />
        Columns <span class="dim num">{`${chosen.length}/${all.length}`}</span>
      </summary>
      <div class="menu-body">
        <div class="menu-head">
          <button type="button" class="link" onClick={() => set(all.map((column) => column.column_name))}>
            All
          </button>
          <button type="button" class="link" onClick={() => setQuery({ columns: null }, 'replace')}>
            Usual
          </button>
        </div>
        {all.map((column) => (
          <label key={column.column_name} class="check">
            <input
              type="checkbox"
              checked={chosen.includes(column.column_name)}
              onChange={() => toggle(column.column_name)}
            />
            <span>{column.column_name}</span>
            <span class="dim small">{column.column_type.toLowerCase()}</span>
          </label>
        ))}
      </div>
    </details>
  );
}
