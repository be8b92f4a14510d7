/** All rows of a question, page by page, all of them of the same generation. */

import { ApiError } from '../../core/error';
import type { Row } from '../../core/types';
import { count } from '../../lib/format';

/** The most rows that a page may have. */
const PAGE = 500;
/** More than this is for the SQL page, which streams. */
export const MOST_ROWS = 200_000;
const ATTEMPTS = 4;

export interface Source {
  page: (page: number, size: number) => Promise<{ data: Row[]; total: number }>;
  /** The generation that readers see now. */
  generation: () => Promise<number>;
  progress: (rows: number) => void;
}

/** Reads everything. Begins anew when the data has changed meanwhile: a row could be there twice, or not at all. */
export async function exported(source: Source): Promise<Row[]> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const before = await source.generation();
    const rows = await everything(source);
    if ((await source.generation()) === before) return rows;
  }
  throw new ApiError('the data changes faster than it can be exported; narrow the filters, or use a SELECT', 0, null);
}

async function everything(source: Source): Promise<Row[]> {
  const rows: Row[] = [];
  for (let page = 1; ; page += 1) {
    const { data, total } = await source.page(page, PAGE);
    if (total > MOST_ROWS) {
      throw new ApiError(
        `${count(total)} rows are more than the ${count(MOST_ROWS)} that are exported from here; narrow the filters, or use a SELECT`,
        0,
        null,
      );
    }
    rows.push(...data);
    source.progress(rows.length);
    if (data.length < PAGE || rows.length >= total) return rows;
  }
}
