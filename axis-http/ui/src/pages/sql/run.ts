/** One query at a time, which can be cancelled. */

import { useEffect, useRef, useState } from 'preact/hooks';
import { api } from '../../core/api';
import { ApiError, isAbort } from '../../core/error';
import { queryId, type Result, select } from '../../core/sql';
import { complain } from '../../ui/feedback';

export interface Ended {
  rows: number | null;
  elapsed: number | null;
  failed: boolean;
}

/** Rows that are asked for; more nobody reads in a browser. */
const MOST = 5000;

export function useRun() {
  const [result, setResult] = useState<Result | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [running, setRunning] = useState<{ id: string; since: number } | null>(null);
  const current = useRef<AbortController | null>(null);
  // Whoever leaves the page does not need the answer; the server ends a query when its connection is closed.
  useEffect(() => () => current.current?.abort(), []);
  const run = async (sql: string): Promise<Ended> => {
    current.current?.abort();
    const abort = new AbortController();
    current.current = abort;
    const id = queryId();
    setError(null);
    setRunning({ id, since: Date.now() });
    try {
      const answer = await select({ sql, max_rows: MOST }, { headers: { 'X-Query-Id': id }, signal: abort.signal });
      if (answer.error) throw new ApiError(answer.error.detail, 0, answer.error.code);
      setResult(answer);
      return { rows: answer.row_count, elapsed: answer.elapsed_ms, failed: false };
    } catch (caught) {
      if (!isAbort(caught)) {
        setResult(null);
        setError(caught instanceof ApiError ? caught : new ApiError(String(caught), 0, null));
      }
      return { rows: null, elapsed: null, failed: true };
    } finally {
      if (current.current === abort) setRunning(null);
    }
  };
  const cancel = async () => {
    if (!running) return;
    try {
      await api(`/api/query/${running.id}`, { method: 'DELETE' });
    } catch (caught) {
      // It has ended by itself meanwhile.
      if (!(caught instanceof ApiError && caught.status === 404)) complain(caught);
    }
  };
  return { result, error, running: running !== null, since: running?.since ?? 0, run, cancel };
}
