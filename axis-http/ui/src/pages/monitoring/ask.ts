/** Asks one of the analytics with the filters, and again when the data has changed. */

import { api, type Params } from '../../core/api';
import { type Resource, useResource } from '../../core/resource';

export function useAnalytics<T>(name: string, params: Params, version: number): Resource<T> {
  const key = `${name}?${JSON.stringify(params)}`;
  return useResource<T>(key, (signal) => api<T>(`/api/monitoring/analytics/${name}`, { params, signal }), version);
}
