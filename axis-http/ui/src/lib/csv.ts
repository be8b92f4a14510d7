/** Rows as CSV (RFC 4180) for spreadsheets, and a file for the reader. */

import { cell } from './format';

/** What spreadsheets take for a formula, and run; who writes traces may have thought of that. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

function quoted(value: unknown): string {
  const plain = cell(value);
  const text = FORMULA.test(plain) && !NUMBER.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** One line for the heads, one for each row, each with its end. */
export function csv(columns: readonly string[], rows: readonly Record<string, unknown>[], heads = true): string {
  const lines = rows.map((row) => columns.map((column) => quoted(row[column])).join(','));
  if (heads) lines.unshift(columns.map(quoted).join(','));
  return lines.map((line) => `${line}\r\n`).join('');
}

/** Hands a file to the reader. */
export function download(name: string, parts: BlobPart[], type = 'text/csv;charset=utf-8'): void {
  const address = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The download has begun when the click returns; the address is needed no longer than it takes to read it.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
