/** Rows in columns, with heads that sort. */

import type { ComponentChildren } from 'preact';
import { cell, count, moment, number, time } from '../lib/format';
import { Button } from './controls';
import { Icon } from './icons';
import type { Row } from '../core/types';

export interface TableColumn {
  key: string;
  label: string;
  /** DuckDB's name of the type, which decides how a value looks. */
  type?: string | undefined;
}

interface Props {
  label: string;
  columns: TableColumn[];
  rows: Row[];
  sort?: { key: string; descending: boolean } | undefined;
  onSort?: (key: string) => void;
  onOpen?: (row: Row) => void;
  busy?: boolean;
}

const NUMBERS = /^(?:U?(?:TINY|SMALL|BIG|HUGE)?INT(?:EGER)?|DOUBLE|FLOAT|DECIMAL.*)$/;
/** Longer texts are cut; the whole is in the row's dialog. */
const MOST = 140;

export function isNumeric(type: string | undefined): boolean {
  return type !== undefined && NUMBERS.test(type);
}

/** A value as its type wants it. */
export function shownValue(value: unknown, type: string | undefined): ComponentChildren {
  if (value === null || value === undefined) return <span class="dim">–</span>;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number')
    return Number.isInteger(value)
      ? count(value)
      : number(value, Math.abs(value) < 10 ? 4 : 2)
          .replace(/([.,]\d*?)0+$/, '$1')
          .replace(/[.,]$/, '');
  if (type?.startsWith('TIMESTAMP') && typeof value === 'string') return moment(time(value));
  const text = cell(value);
  if (type === 'UUID') return <span class="mono" title={text}>{`${text.slice(0, 8)}…`}</span>;
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

export function Table({ label, columns, rows, sort, onSort, onOpen, busy }: Props) {
  const order = (key: string) => (sort?.key === key ? (sort.descending ? 'descending' : 'ascending') : 'none');
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={label} aria-busy={busy}>
      <table class={`table ${onOpen ? 'openable' : ''}`}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th
                key={column.key}
                scope="col"
                class={isNumeric(column.type) ? 'right' : ''}
                aria-sort={onSort ? order(column.key) : undefined}
                title={column.type}
              >
                {onSort ? (
                  <button type="button" class="sort" onClick={() => onSort(column.key)}>
                    {column.label}
                    {sort?.key === column.key && <Icon name={sort.descending ? 'arrow-down' : 'arrow-up'} size={12} />}
                  </button>
                ) : (
                  column.label
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr
              key={index}
              {...(onOpen && {
                tabIndex: 0,
                onClick: () => onOpen(row),
                onKeyDown: (event: KeyboardEvent) => event.key === 'Enter' && onOpen(row),
              })}
            >
              {columns.map((column) => (
                <td key={column.key} class={isNumeric(column.type) ? 'right num' : ''}>
                  {shownValue(row[column.key], column.type)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface PagerProps {
  page: number;
  size: number;
  total: number;
  onPage: (page: number) => void;
}

export function Pager({ page, size, total, onPage }: PagerProps) {
  const pages = Math.max(1, Math.ceil(total / size));
  const first = total === 0 ? 0 : (page - 1) * size + 1;
  return (
    <nav class="pager" aria-label="Pages of the table">
      <span class="dim num">
        {count(first)}–{count(Math.min(page * size, total))} of {count(total)}
      </span>
      <Button small icon="chevron-left" label="Previous page" disabled={page <= 1} onClick={() => onPage(page - 1)} />
      <span class="num small">
        {count(page)} / {count(pages)}
      </span>
      <Button small icon="chevron-right" label="Next page" disabled={page >= pages} onClick={() => onPage(page + 1)} />
    </nav>
  );
}
