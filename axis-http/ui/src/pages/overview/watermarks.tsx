/** Up to where each table was read, folded away. */

import type { Dataset } from '../../core/types';
import { count, minute, moment, time } from '../../lib/format';

export function Watermarks({ dataset }: { dataset: Dataset }) {
  const marks = Object.entries(dataset.watermarks);
  if (!dataset.incremental_column || marks.length === 0) {
    return <p class="dim small">{dataset.configured && 'No incremental column: every sync reads everything.'}</p>;
  }
  const rows = new Map(dataset.last_success?.tables.map((table) => [table.table, table.rows_total]));
  const newest = marks
    .map(([, value]) => value)
    .filter((value) => value !== null)
    .sort()
    .at(-1);
  return (
    <details class="watermarks">
      <summary>
        Read up to <b class="num">{newest ? readable(newest) : 'the beginning'}</b>
      </summary>
      <table>
        <thead>
          <tr>
            <th>Table</th>
            <th class="right">Rows</th>
            <th>{dataset.incremental_column}</th>
          </tr>
        </thead>
        <tbody>
          {marks.map(([table, value]) => (
            <tr key={table}>
              <td class="mono">{table}</td>
              <td class="right num">{count(rows.get(table))}</td>
              <td class="num" title={value ?? ''}>
                {value === null ? <span class="dim">reset</span> : full(value)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** Watermarks are times, mostly; numbers and texts stay as they are. */
function asTime(value: string): Date | null {
  return /^\d{4}-\d\d-\d\d/.test(value) ? time(value) : null;
}

function readable(value: string): string {
  const at = asTime(value);
  return at ? minute(at) : value;
}

function full(value: string): string {
  const at = asTime(value);
  return at ? moment(at) : value;
}
