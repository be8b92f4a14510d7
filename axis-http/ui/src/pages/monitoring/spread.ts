/** How values are spread, as bars; and how metrics go together, in words. */

import { number } from '../../lib/format';

/** Between which values bars are drawn: those of a score, 0 to 1, unless there are others. */
export function domain(groups: readonly { min: number; max: number }[]): [number, number] {
  const low = Math.min(...groups.map((group) => group.min));
  const high = Math.max(...groups.map((group) => group.max));
  if (!Number.isFinite(low) || !Number.isFinite(high) || (low >= 0 && high <= 1)) return [0, 1];
  return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** The shares of the values that fall into each of so many equal bins; the greatest value belongs to the last. */
export function shares(values: readonly number[], [low, high]: readonly [number, number], bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const bin = Math.floor(((value - low) / (high - low)) * bins);
    const at = Math.min(bins - 1, Math.max(0, bin));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts.map((count) => (values.length > 0 ? count / values.length : 0));
}

/** The coefficient of two metrics; nothing where it is not defined, because one of them does not vary. */
export function coefficient(matrix: readonly (readonly number[])[], a: number, b: number): number | null {
  if (!matrix[a]?.[a] || !matrix[b]?.[b]) return null;
  return matrix[a][b] ?? null;
}

/** What a coefficient means. */
export function meaning(value: number | null): string {
  if (value === null) return 'not known, because one of them does not vary';
  const size = Math.abs(value);
  if (size < 0.1) return 'not related';
  const strength = size < 0.3 ? 'weakly' : size < 0.6 ? 'clearly' : 'strongly';
  return value > 0 ? `${strength} together` : `${strength} against each other`;
}

/** The pair of different metrics that is related most, in words. */
export function closest(metrics: readonly string[], matrix: readonly (readonly number[])[]): string | null {
  let most: { a: string; b: string; value: number } | null = null;
  for (const [i, a] of metrics.entries()) {
    for (const [j, b] of metrics.slice(0, i).entries()) {
      const value = coefficient(matrix, i, j);
      if (value !== null && Math.abs(value) > Math.abs(most?.value ?? 0)) most = { a: b, b: a, value };
    }
  }
  return most && `${most.a} and ${most.b}: ${number(most.value, 2)}, ${meaning(most.value)}`;
}
