/** Whether the data is fresh: a sentence for all datasets, and a card for each. */

import { backup, enabled, failed, refresh, storeEnabled } from '../../core/datasets';
import { api } from '../../core/api';
import { Button } from '../../ui/controls';
import { Empty, Problem, Skeleton, complain, note } from '../../ui/feedback';
import { Page } from '../../ui/layout';
import { DatasetCard } from './card';
import { FailureNote } from './failure';
import { Headlines } from './headlines';
import { Summary } from './summary';

export default function Overview() {
  const datasets = enabled.value;
  const error = failed.value;
  const unsaved = backup.value?.last_failure;
  return (
    <Page
      title="Overview"
      lead="Is the data fresh, and what does it say?"
      actions={
        <Button icon="refresh" onClick={() => void syncAll()} disabled={!datasets?.some((one) => one.configured)}>
          Sync all
        </Button>
      }
    >
      {error && <Problem error={error} retry={() => void refresh()} />}
      {!storeEnabled.value && (
        <Empty icon="circle-slash" title="The store is switched off">
          Set <code>duckdb.enabled: true</code> in the configuration and start the server again.
        </Empty>
      )}
      {datasets && datasets.length > 0 && <Summary datasets={datasets} backup={backup.value} />}
      {unsaved && <FailureNote what="The last backup failed" {...unsaved} still="It is tried again by itself." />}
      <div class="cards">
        {datasets?.map((dataset) => (
          <DatasetCard key={dataset.dataset} dataset={dataset} />
        ))}
        {!datasets && !error && [0, 1, 2, 3].map((key) => <Skeleton key={key} height={300} />)}
      </div>
      {datasets?.length === 0 && storeEnabled.value && (
        <Empty icon="database" title="No dataset is configured">
          Describe one in the folder <code>config</code>, with a connection and queries; <code>axis demo --once</code>{' '}
          writes an example.
        </Empty>
      )}
      {datasets && datasets.length > 0 && <Headlines />}
    </Page>
  );
}

async function syncAll(): Promise<void> {
  try {
    await api('/api/store/sync', { method: 'POST' });
    note('All datasets are being synced.');
  } catch (error) {
    complain(error);
  }
}
