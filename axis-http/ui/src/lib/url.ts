/** The part of a page's state that is in its address. */

export type Changes = Record<string, string | number | null | undefined>;

/** The parameters with some of them changed; nothing, and an empty text, removes one. */
export function changed(before: URLSearchParams, changes: Changes): URLSearchParams {
  const after = new URLSearchParams(before);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') after.delete(name);
    else after.set(name, String(value));
  }
  after.sort();
  return after;
}

/** Those of the named parameters that are there. */
export function picked(from: URLSearchParams, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = from.get(name);
    if (value) found[name] = value;
  }
  return found;
}

/** A page number from 1; anything else is the first page. */
export function pageNumber(text: string | null): number {
  const value = Number(text ?? '1');
  return Number.isSafeInteger(value) && value >= 1 ? value : 1;
}

/** One of the choices, the first unless it is. */
export function choice<T extends string>(text: string | null, choices: readonly [T, ...T[]]): T {
  return choices.find((one) => one === text) ?? choices[0];
}

/** How far back a preset of time reaches, in milliseconds. */
export const RANGES = { '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 } as const;
export type Range = keyof typeof RANGES;

/** Turns a preset into the earliest time, to the minute so that equal questions are equal. */
export function since(range: string | null, now: number): string | null {
  if (!range || !(range in RANGES)) return null;
  const start = Math.floor((now - RANGES[range as Range]) / 60_000) * 60_000;
  return new Date(start).toISOString();
}
