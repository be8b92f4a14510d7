/** Values of KPIs with their units. */

import { compact, count, duration, number, percent } from '../../lib/format';

/** A value as its unit wants it. */
export function shown(value: number | null | undefined, unit: string): string {
  if (value === null || value === undefined) return '–';
  switch (unit) {
    case 'percent':
    case 'percentage':
    case '%':
      return percent(value);
    case 'count':
      return Math.abs(value) >= 100_000 ? compact(value) : count(value);
    case 'seconds':
      return duration(value * 1000);
    case 'milliseconds':
    case 'ms':
      return duration(value);
    case 'minutes':
      return duration(value * 60_000);
    default:
      return number(value);
  }
}
