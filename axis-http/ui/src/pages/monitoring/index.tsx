/** How good the answers of the monitored systems are. */

import { api } from '../../core/api';
import { ApiError } from '../../core/error';
import { datasets, generation } from '../../core/datasets';
import { useResource } from '../../core/resource';
import { href } from '../../core/router';
import type { Metadata } from '../../core/types';
import { plural } from '../../lib/format';
import { Empty, PageSkeleton } from '../../ui/feedback';
import { Ago, Page } from '../../ui/layout';
import { freshAt } from '../../lib/fresh';
import { Anomalies } from './anomalies';
import { BreakdownPanel } from './breakdown';
import { Classification } from './classification';
import { CorrelationPanel } from './correlation';
import { DistributionPanel } from './distribution';
import { FilterBar, filters } from './filter';
import { InsightsPanel } from './insights';
import { LatencyPanel } from './latency';
import { SummaryPanel } from './summary';
import { useThresholds } from './thresholds';
import { TrendsPanel } from './trends';

const NAME = 'monitoring';

export default function Monitoring() {
  const version = generation(NAME);
  const status = datasets.value?.find((one) => one.dataset === NAME);
  const metadata = useResource(NAME, loadMetadata, version);
  const thresholds = useThresholds();
  if (status && status.generation === 0) {
    return (
      <Page title="Monitoring">
        <Empty icon="activity" title="Nothing was synced yet">
          Start the first sync of <b>Monitoring</b> on the <a href={href('overview')}>overview</a>.
        </Empty>
      </Page>
    );
  }
  if (!metadata.data && metadata.loading) return <PageSkeleton />;
  const asked = { filters: filters(), version };
  return (
    <Page
      title="Monitoring"
      lead={
        <>
          {plural(metadata.data?.row_count ?? 0, 'row')}, fresh as of <Ago at={status ? freshAt(status) : null} />
        </>
      }
    >
      <FilterBar metadata={metadata.data} />
      <SummaryPanel {...asked} thresholds={thresholds} />
      <Anomalies {...asked} />
      <TrendsPanel {...asked} thresholds={thresholds} />
      <div class="grid-2">
        <BreakdownPanel {...asked} thresholds={thresholds} />
        <LatencyPanel {...asked} />
      </div>
      <div class="grid-2">
        <DistributionPanel {...asked} />
        <CorrelationPanel {...asked} />
      </div>
      <Classification {...asked} />
      <InsightsPanel {...asked} />
    </Page>
  );
}

/** What the panels have in common. */
export interface Asked {
  filters: Record<string, string>;
  version: number;
}

async function loadMetadata(signal: AbortSignal): Promise<Metadata> {
  try {
    return (await api<{ metadata: Metadata }>(`/api/store/metadata/${NAME}`, { signal })).metadata;
  } catch (error) {
    // The panels tell it better.
    if (error instanceof ApiError) return {};
    throw error;
  }
}
