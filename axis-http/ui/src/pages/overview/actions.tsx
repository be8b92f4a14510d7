/** What can be done with a dataset. */

import { useState } from 'preact/hooks';
import { api, type Options } from '../../core/api';
import { ApiError } from '../../core/error';
import { type Live, refresh } from '../../core/datasets';
import { compare } from '../../core/verdicts';
import type { Dataset } from '../../core/types';
import { count } from '../../lib/format';
import { isVerifying } from '../../lib/progress';
import { datasetTitle } from '../../lib/words';
import { Button } from '../../ui/controls';
import { confirm } from '../../ui/dialog';
import { complain, note } from '../../ui/feedback';

/** Compares with the source. */
export async function verify({ dataset }: Dataset, sync = false): Promise<void> {
  try {
    await compare(dataset, sync);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'AXIS_CANCELLED')
      note(`The comparison of ${datasetTitle(dataset)} was cancelled.`);
    else complain(error);
  } finally {
    void refresh();
  }
}

export function Actions({ dataset, live }: { dataset: Dataset; live: Live | undefined }) {
  const [busy, setBusy] = useState(false);
  const name = dataset.dataset;
  const title = datasetTitle(name);
  const path = `/api/store/sync/${encodeURIComponent(name)}`;
  const running = dataset.running !== null || live !== undefined;
  const act = async (options: Options, where: string, done: string) => {
    setBusy(true);
    try {
      const { success, message } = await api<{ success: boolean; message?: string }>(where, options);
      note(success ? done : (message ?? done));
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
      void refresh();
    }
  };
  const rebuild = () =>
    confirm({
      title: `Rebuild ${title} from scratch?`,
      text: (
        <p>
          All rows are read from the source again{dataset.rows ? ` (about ${count(dataset.rows)})` : ''}. What is there
          now is served until the new copy is complete.
        </p>
      ),
      action: 'Full rebuild',
      then: () => void act({ method: 'POST', params: { full: true } }, path, `${title} is being rebuilt.`),
    });
  const reset = () =>
    confirm({
      title: `Forget how far ${title} was read?`,
      text: <p>The data stays. The next sync reads everything again, which may take long and burdens the source.</p>,
      action: 'Reset watermarks',
      danger: true,
      then: () =>
        void act(
          { method: 'POST' },
          `${path}/reset-watermark`,
          `The watermarks of ${title} are reset; the next sync is a full one.`,
        ),
    });
  return (
    <footer class="card-foot">
      {running ? (
        <Button
          key="cancel"
          small
          kind="danger"
          icon="square"
          disabled={busy}
          onClick={() =>
            void act(
              { method: 'DELETE' },
              path,
              `The ${isVerifying(dataset, live) ? 'comparison' : 'sync'} of ${title} is being cancelled.`,
            )
          }
        >
          Cancel
        </Button>
      ) : (
        <Button
          key="sync"
          small
          kind="primary"
          icon="refresh"
          disabled={busy || !dataset.configured}
          onClick={() => void act({ method: 'POST' }, path, `${title} is being synced.`)}
        >
          Sync
        </Button>
      )}
      <Button small disabled={busy || running || !dataset.configured} onClick={rebuild}>
        Full rebuild
      </Button>
      <Button
        small
        disabled={busy || running || !dataset.configured || !dataset.last_success}
        title="Compares every row and value with the source"
        onClick={() => void verify(dataset)}
      >
        Verify
      </Button>
      <Button small disabled={busy || running || !dataset.incremental_column} onClick={reset}>
        Reset watermarks
      </Button>
    </footer>
  );
}
