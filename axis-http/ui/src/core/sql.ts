/** SELECTs by `POST /api/query`. */

import { api, type Options } from './api';
import type { Row } from './types';

export interface Result {
  columns: { name: string; type: string }[];
  rows: Row[];
  row_count: number;
  truncated: boolean;
  elapsed_ms: number;
  error?: { detail: string; code: string | null };
}

interface Asked {
  sql: string;
  params?: unknown[];
  max_rows?: number;
}

export function select(asked: Asked, options: Pick<Options, 'signal' | 'headers'> = {}): Promise<Result> {
  return api<Result>('/api/query', { method: 'POST', body: asked, ...options });
}

/** A name for a query, by which it can be cancelled. `crypto.randomUUID` exists on secure origins only. */
export function queryId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
