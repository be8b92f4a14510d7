/** Whether one colour can be read on another, as WCAG measures it. */

/** What text needs. */
export const READABLE = 4.5;

function channels(hex: string): number[] | null {
  const found = /^#([0-9a-f]{6})$/i.exec(hex.trim());
  return found?.[1] ? [0, 2, 4].map((at) => Number.parseInt(found[1]!.slice(at, at + 2), 16) / 255) : null;
}

function luminance(hex: string): number | null {
  const linear = channels(hex)?.map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
  if (!linear) return null;
  const [red = 0, green = 0, blue = 0] = linear;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1 to 21; 1 when one of them is no colour of six digits. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  if (a === null || b === null) return 1;
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** The first of the colours that can be read there. */
export function readable(colours: readonly (string | null | undefined)[], on: string): string | null {
  return colours.find((colour) => typeof colour === 'string' && contrast(colour, on) >= READABLE) ?? null;
}
