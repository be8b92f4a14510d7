/** Numbers, lengths of time, sizes and dates as people read them. */

const locale = typeof navigator === 'undefined' ? 'en' : navigator.language;
const integers = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
const compacts = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' });
const absolute = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const minutes = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
const days = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeZone: 'UTC' });

/** What stands where there is no value. */
export const NOTHING = '–';

type Maybe = number | null | undefined;

function isNumber(value: Maybe): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

/** 12,345 */
export function count(value: Maybe): string {
  return isNumber(value) ? integers.format(value) : NOTHING;
}

/** 12.3K */
export function compact(value: Maybe): string {
  return isNumber(value) ? compacts.format(value) : NOTHING;
}

/** A number with as many digits as its size deserves. */
export function number(value: Maybe, digits?: number): string {
  if (!isNumber(value)) return NOTHING;
  const magnitude = Math.abs(value);
  const most = digits ?? (magnitude >= 1000 ? 0 : magnitude >= 100 ? 1 : magnitude >= 10 ? 2 : 3);
  return new Intl.NumberFormat(locale, {
    maximumFractionDigits: most,
    ...(digits === undefined ? {} : { minimumFractionDigits: digits }),
  }).format(value);
}

/** `value` of a hundred: 98.8% */
export function percent(value: Maybe, digits = 1): string {
  return isNumber(value) ? `${number(value, digits)}%` : NOTHING;
}

/** 39 ms, 1.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h */
export function duration(milliseconds: Maybe): string {
  if (!isNumber(milliseconds)) return NOTHING;
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${integers.format(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const parts: [number, string][] = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor((whole % 86_400) / 3600), 'h'],
    [Math.floor((whole % 3600) / 60), 'min'],
    [whole % 60, 's'],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  const shown = parts.slice(first, first + 2).filter(([amount]) => amount > 0);
  return shown.map(([amount, unit]) => `${amount} ${unit}`).join(' ');
}

/** 43.8 MB */
export function bytes(value: Maybe): string {
  if (!isNumber(value)) return NOTHING;
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(units.length - 1, value < 1 ? 0 : Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${number(scaled, power === 0 || scaled >= 100 ? 0 : 1)} ${units[power]}`;
}

/** Reads a time of the API; one without an offset is UTC. */
export function time(text: string | number | null | undefined): Date | null {
  if (text === null || text === undefined || text === '') return null;
  if (typeof text === 'number') return new Date(text);
  const iso = text.replace(' ', 'T');
  const hasOffset = /(?:Z|[+-]\d\d:?\d\d)$/i.test(iso);
  const date = new Date(iso.includes('T') ? (hasOffset ? iso : `${iso}Z`) : `${iso}T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Just now, 12 s ago, 2 min ago, 3 h ago, 5 d ago. */
export function ago(date: Date | null, now: number): string {
  if (!date) return 'never';
  const seconds = Math.round((now - date.getTime()) / 1000);
  if (Math.abs(seconds) < 2) return 'just now';
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [86_400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
    [1, 'second'],
  ];
  const [size, unit] = steps.find(([size]) => Math.abs(seconds) >= size) ?? [1, 'second'];
  return relative.format(-Math.trunc(seconds / size), unit).replace('.', '');
}

/** With seconds, in the reader's own time. */
export function moment(date: Date | null): string {
  return date ? absolute.format(date) : NOTHING;
}

/** To the minute, in the reader's own time. */
export function minute(date: Date | null): string {
  return date ? minutes.format(date) : NOTHING;
}

/** A day of UTC. */
export function day(date: Date | null): string {
  return date ? days.format(date) : NOTHING;
}

/** `avg_handle_time` becomes `Avg handle time`. */
export function title(name: string): string {
  const words = name.replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** One or many: `rows(1)` is "1 row". */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** A cell of a table as text. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}
