/** Whether data is as fresh as its schedule promises. */

import type { Dataset } from '../core/types';
import { time } from './format';

export type Health = 'fresh' | 'stale' | 'syncing' | 'failed' | 'missing' | 'unset';

/** Beyond twice its interval a refresh was missed; and a minute, because nothing is punctual. In milliseconds. */
const GRACE = 60_000;

/** When the store last equalled the source. */
export function freshAt(dataset: Dataset): Date | null {
  return time(dataset.last_success?.snapshot_at);
}

export function health(dataset: Dataset, syncing: boolean, now: number): Health {
  if (syncing || dataset.state === 'syncing') return 'syncing';
  if (dataset.state === 'error') return 'failed';
  if (!dataset.configured && !dataset.last_success) return 'unset';
  const at = freshAt(dataset);
  if (!at) return 'missing';
  const interval = dataset.refresh_interval_minutes * 60_000;
  return interval > 0 && now - at.getTime() > 2 * interval + GRACE ? 'stale' : 'fresh';
}

export const HEALTH: Record<Health, { word: string; tone: 'good' | 'warn' | 'bad' | 'busy' | 'idle' }> = {
  fresh: { word: 'Fresh', tone: 'good' },
  stale: { word: 'Stale', tone: 'warn' },
  syncing: { word: 'Syncing', tone: 'busy' },
  failed: { word: 'Failed', tone: 'bad' },
  missing: { word: 'Not synced', tone: 'warn' },
  unset: { word: 'Not set up', tone: 'idle' },
};
