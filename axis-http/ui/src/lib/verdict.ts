/** What a comparison with the source has found, in plain words. */

import type { ColumnDifference, TableVerification, VerifyReport } from '../core/types';
import { count, duration, plural } from './format';

export interface Words {
  title: string;
  lead: string;
  /** How to take a difference. */
  hint: string | null;
  /** The tables that differ, and in what. */
  tables: { table: string; words: string[] }[];
}

export function verdict(report: VerifyReport): Words {
  const { tables } = report;
  const differing = tables.filter((table) => !table.equal);
  const read = tables.reduce((sum, table) => sum + table.rows.source, 0);
  const where = tables.length === 1 ? '' : ` in ${count(tables.length)} tables`;
  const how = report.synced ? 'Synced, then compared' : 'Compared';
  return {
    title: report.equal
      ? 'Equal: the store has what the source has'
      : tables.length === 1
        ? 'The store differs from the source'
        : `${count(differing.length)} of ${count(tables.length)} tables ${differing.length === 1 ? 'differs' : 'differ'} from the source`,
    lead: `${how} with ${plural(read, 'row')} of the source${where}, which took ${duration(report.elapsed_ms)}.`,
    hint: hint(report, differing),
    tables: differing.map((table) => ({ table: table.table, words: differences(table) })),
  };
}

function hint(report: VerifyReport, differing: TableVerification[]): string | null {
  if (differing.length === 0) return null;
  if (!report.synced) return 'What came to the source since the last sync counts as a difference.';
  if (differing.some((table) => table.truncated)) return 'Raise max_sync_rows to have all rows.';
  return 'It was compared in the snapshot of the sync, so this is no delay. A full rebuild puts it right.';
}

function differences(table: TableVerification): string[] {
  const { source, store } = table.rows;
  const words: string[] = [];
  if (source !== store) {
    const rows = plural(Math.abs(source - store), 'row');
    words.push(
      `the store has ${rows} ${store < source ? 'fewer' : 'more'}: ${count(store)}, the source ${count(source)}`,
    );
  }
  if (table.truncated) words.push('a row limit cut the last sync');
  const values = table.columns.filter((one) => one.difference === 'values').map((one) => one.column);
  if (values.length > 0) words.push(`values differ in ${values.join(', ')}`);
  words.push(...table.columns.flatMap(described));
  if (words.length === 0) words.push('as many rows, but values stand in other rows than in the source');
  return words;
}

/** A column that both sides describe differently. */
function described(one: ColumnDifference): string[] {
  switch (one.difference) {
    case 'type':
      return [`${one.column} is ${one.store} in the store and ${one.source} in the source`];
    case 'only_in_source':
      return [`only the source has the column ${one.column}`];
    case 'only_in_store':
      return [`only the store has the column ${one.column}`];
    default:
      return [];
  }
}
