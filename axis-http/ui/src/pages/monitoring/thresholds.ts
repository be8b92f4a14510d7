/** What counts as good and as passed, by source where it is configured so. */

import { api } from '../../core/api';
import { useResource } from '../../core/resource';
import { query } from '../../core/router';
import type { DbConfig, Thresholds } from './types';

export function useThresholds(): Thresholds | null {
  const config = useResource('thresholds', (signal) => api<DbConfig>('/api/monitoring/db-config', { signal }));
  const thresholds = config.data?.thresholds;
  if (!thresholds) return null;
  return thresholds.per_source[query.value.get('source_name') ?? ''] ?? thresholds.default;
}

/** The colour of a score. */
export function tone(score: number, thresholds: Thresholds | null): 'good' | 'warn' | 'bad' | undefined {
  if (!thresholds) return undefined;
  if (score >= thresholds.good) return 'good';
  return score >= thresholds.pass ? 'warn' : 'bad';
}
