/** Something that is loaded from the server for a component: what there is, what went wrong, whether it is on its way. */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, isAbort } from './error';
import { given } from './key';

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

/**
 * Loads when `key` changes, and again, quietly, when `version` does. What was there stays until the new has come; only another
 * key with `fresh` empties it.
 */
export function useResource<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  version: unknown = 0,
): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; error?: ApiError; loading: boolean }>({
    key,
    loading: key !== null,
  });
  const [round, setRound] = useState(0);
  const refused = state.error?.status === 401;
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    latest
      .current(abort.signal)
      .then((data) => setState({ key, data, loading: false }))
      .catch((error: unknown) => {
        if (abort.signal.aborted || isAbort(error)) return;
        const known = error instanceof ApiError ? error : new ApiError(String(error), 0, null);
        setState((before) => ({ ...before, key, error: known, loading: false }));
      });
    return () => abort.abort();
  }, [key, version, round, refused ? given.value : 0]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { data: state.data, error: state.error, loading: state.loading, reload };
}
