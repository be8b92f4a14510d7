import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Live } from '../../src/core/datasets';
import type { Dataset } from '../../src/core/types';
import { contrast, readable } from '../../src/lib/contrast';
import { freshAt, health } from '../../src/lib/fresh';
import { progressOf } from '../../src/lib/progress';
import { changed, choice, pageNumber, picked, since } from '../../src/lib/url';
import { explain, strategy } from '../../src/lib/words';

test('parameters are set, removed and ordered', () => {
  const before = new URLSearchParams('b=2&a=1');
  expect(changed(before, { c: 3, a: null }).toString()).toBe('b=2&c=3');
  expect(changed(before, { b: '' }).toString()).toBe('a=1');
  expect(before.toString()).toBe('b=2&a=1');
  expect(picked(new URLSearchParams('a=1&b=&c=3'), ['a', 'b', 'd'])).toEqual({ a: '1' });
});

test('what an address says may be nonsense', () => {
  expect(['3', '0', '-1', 'x', '1.5', null].map(pageNumber)).toEqual([3, 1, 1, 1, 1, 1]);
  expect([choice('b', ['a', 'b']), choice('z', ['a', 'b']), choice(null, ['a', 'b'])]).toEqual(['b', 'a', 'a']);
  const now = Date.UTC(2026, 0, 31, 12, 0, 59);
  expect([since('24h', now), since('7y', now), since(null, now)]).toEqual(['2026-01-30T12:00:00.000Z', null, null]);
});

test('every code of the engine is explained', () => {
  const codes = JSON.parse(readFileSync(new URL('../../../../conformance/errors.json', import.meta.url), 'utf8')) as {
    code: string;
  }[];
  const unknown = explain('AXIS_UNHEARD_OF');
  expect(codes.length).toBeGreaterThan(10);
  for (const { code } of codes) expect(explain(code), code).not.toEqual(unknown);
  expect(explain(null, 429).title).toBe('Too many requests');
});

test('a strategy is said with its reason', () => {
  expect(strategy({ type: 'full', because: 'first_sync' })).toBe('Full: it was the first sync');
  expect(strategy({ type: 'incremental' })).toMatch(/^Incremental/);
});

const NOW = Date.UTC(2026, 0, 31, 12);

function dataset(fields: Partial<Dataset>): Dataset {
  const table = { table: 't', strategy: { type: 'full', because: 'requested' }, rows_total: 1000 };
  return {
    dataset: 'd',
    configured: true,
    state: 'ready',
    running: null,
    refresh_interval_minutes: 5,
    last_success: { snapshot_at: new Date(NOW - 60_000).toISOString(), tables: [table] },
    ...fields,
  } as Dataset;
}

test('data is stale when a refresh was missed', () => {
  expect(freshAt(dataset({}))?.getTime()).toBe(NOW - 60_000);
  expect(health(dataset({}), false, NOW)).toBe('fresh');
  expect(health(dataset({}), true, NOW)).toBe('syncing');
  expect(health(dataset({}), false, NOW + 12 * 60_000)).toBe('stale');
  expect(health(dataset({ refresh_interval_minutes: 0 }), false, NOW + 12 * 60_000)).toBe('fresh');
  expect(health(dataset({ state: 'error' }), false, NOW)).toBe('failed');
  expect(health(dataset({ last_success: null, state: 'not_synced' }), false, NOW)).toBe('missing');
  expect(health(dataset({ last_success: null, state: 'not_synced', configured: false }), false, NOW)).toBe('unset');
});

test('progress is measured by the last time where everything is read anew', () => {
  const live = (because: 'full' | 'incremental', rows: number, done = false): Live => ({
    run: 'r',
    verifying: false,
    tables: new Map([
      [
        't',
        {
          strategy: because === 'full' ? { type: 'full', because: 'requested' } : { type: 'incremental' },
          rows,
          bytes: 0,
          done,
        },
      ],
    ]),
  });
  expect(progressOf(dataset({}), undefined)).toBeNull();
  expect(progressOf(dataset({}), live('full', 250))).toMatchObject({
    share: 0.25,
    expected: 1000,
    rows: 250,
    words: 'Reading',
  });
  expect(progressOf(dataset({}), live('full', 5000))?.share).toBe(0.99);
  expect(progressOf(dataset({}), live('full', 1000, true))).toMatchObject({ share: 1, words: 'Committing' });
  expect(progressOf(dataset({}), live('incremental', 250))).toMatchObject({ share: null, expected: null });
  expect(progressOf(dataset({ last_success: null }), live('full', 250))?.share).toBeNull();
  // A comparison reads all of it, and then the store.
  const comparing = (rows: number, done = false) => ({ ...live('incremental', rows, done), verifying: true });
  expect(progressOf(dataset({}), comparing(250))).toMatchObject({ share: 0.25, words: 'Comparing with the source' });
  expect(progressOf(dataset({}), comparing(1000, true))?.share).toBe(0.99);
  const running = { work: 'verify', run_id: 'r', since: '', rows: 7, bytes: 0 };
  expect(progressOf(dataset({ running }), undefined)).toMatchObject({ rows: 7, words: 'Comparing with the source' });
  expect(progressOf(dataset({ running }), live('full', 7))?.words).toBe('Reading');
});

test('colours of a theme are taken where they can be read', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21);
  expect(contrast('#767676', '#FFFFFF')).toBeGreaterThan(4.5);
  expect(contrast('red', '#ffffff')).toBe(1);
  expect(readable([null, '#8B9F4F', '#6B7A3A', '#000000'], '#ffffff')).toBe('#6B7A3A');
  expect(readable(['#ffff00', undefined], '#ffffff')).toBeNull();
});
