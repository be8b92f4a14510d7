/** Decides how an answer is drawn. */

import type { Result } from '../../core/sql';
import { cell, time } from '../../lib/format';
import { isNumeric } from '../../ui/table';

const MOST_LINES = 8;

export type Drawable =
  | { kind: 'lines'; time: boolean; x: number[]; lines: { label: string; values: (number | null)[] }[] }
  | { kind: 'bars'; labels: string[]; values: number[] };

/** The first column across, the columns of numbers upwards; `null` when there are none. */
export function drawable({ columns, rows }: Pick<Result, 'columns' | 'rows'>): Drawable | null {
  const [first, ...rest] = columns;
  const numbers = rest.filter((column) => isNumeric(column.type)).slice(0, MOST_LINES);
  if (!first || numbers.length === 0 || rows.length === 0) return null;
  const isTime = /^(?:TIMESTAMP|DATE)/.test(first.type);
  if (!isTime && !isNumeric(first.type)) {
    const name = numbers[0]?.name ?? '';
    return {
      kind: 'bars',
      labels: rows.map((row) => cell(row[first.name]) || '–'),
      values: rows.map((row) => Number(row[name] ?? 0)),
    };
  }
  const at = (value: unknown) =>
    isTime ? (time(cell(value))?.getTime() ?? Number.NaN) / 1000 : value === null ? Number.NaN : Number(value);
  const sorted = rows
    .map((row) => ({ row, x: at(row[first.name]) }))
    .filter(({ x }) => Number.isFinite(x))
    .sort((a, b) => a.x - b.x);
  const value = (of: unknown) => (of === null || of === undefined || !Number.isFinite(Number(of)) ? null : Number(of));
  return {
    kind: 'lines',
    time: isTime,
    x: sorted.map(({ x }) => x),
    lines: numbers.map((column) => ({ label: column.name, values: sorted.map(({ row }) => value(row[column.name])) })),
  };
}
