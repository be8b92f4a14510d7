import { expect, test } from 'vitest';
import { ago, bytes, cell, count, duration, number, percent, plural, time, title } from '../../src/lib/format';

test('durations have two units at most', () => {
  const shown = [0, 39, 999, 1234, 12_400, 59_940, 59_960, 60_000, 98_000, 3_600_000, 7_500_000, 273_600_000].map(
    (ms) => duration(ms),
  );
  expect(shown).toEqual([
    '0 ms',
    '39 ms',
    '999 ms',
    '1.2 s',
    '12 s',
    '60 s',
    '1 min',
    '1 min',
    '1 min 38 s',
    '1 h',
    '2 h 5 min',
    '3 d 4 h',
  ]);
  expect(duration(null)).toBe('–');
});

test('sizes are in powers of a thousand', () => {
  expect([0, 999, 1000, 43_800_000, 999_900_000, 5e15].map(bytes)).toEqual([
    '0 B',
    '999 B',
    '1.0 kB',
    '43.8 MB',
    '1,000 MB',
    '5,000 TB',
  ]);
});

test('numbers have the digits that their size deserves', () => {
  expect([0.12345, 12.345, 123.45, 12_345.6].map((value) => number(value))).toEqual([
    '0.123',
    '12.35',
    '123.5',
    '12,346',
  ]);
  expect([count(1234.4), count(Number.NaN), percent(98.79), percent(undefined)]).toEqual(['1,234', '–', '98.8%', '–']);
  expect([plural(1, 'row'), plural(0, 'row'), plural(2, 'entry', 'entries')]).toEqual(['1 row', '0 rows', '2 entries']);
});

test('times without an offset are UTC', () => {
  const expected = Date.UTC(2026, 0, 31, 12, 30);
  for (const text of [
    '2026-01-31 12:30:00',
    '2026-01-31T12:30:00Z',
    '2026-01-31T14:30:00+02:00',
    '2026-01-31T12:30:00.000000',
  ]) {
    expect(time(text)?.getTime()).toBe(expected);
  }
  expect(time('2026-01-31')?.getTime()).toBe(Date.UTC(2026, 0, 31));
  expect([time(null), time(''), time('soon')]).toEqual([null, null, null]);
});

test('how long ago is one number and one unit', () => {
  const now = Date.UTC(2026, 0, 31, 12);
  const before = (seconds: number) => ago(new Date(now - seconds * 1000), now);
  expect([1, 12, 60, 119, 7200, 86_400, 5 * 86_400].map(before)).toEqual([
    'just now',
    '12 sec ago',
    '1 min ago',
    '1 min ago',
    '2 hr ago',
    '1 day ago',
    '5 days ago',
  ]);
  expect(ago(null, now)).toBe('never');
});

test('names and cells are readable', () => {
  expect(title('avg_handle-time')).toBe('Avg handle time');
  expect([cell(null), cell({ a: [1] }), cell(false), cell(0)]).toEqual(['', '{"a":[1]}', 'false', '0']);
});
