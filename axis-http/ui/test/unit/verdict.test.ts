import { expect, test } from 'vitest';
import type { TableVerification, VerifyReport } from '../../src/core/types';
import { verdict } from '../../src/lib/verdict';
import { closest, coefficient, domain, meaning, shares } from '../../src/pages/monitoring/spread';

function table(fields: Partial<TableVerification>): TableVerification {
  return { table: 't', equal: false, truncated: false, rows: { source: 1200, store: 1200 }, columns: [], ...fields };
}

function report(tables: TableVerification[], fields: Partial<VerifyReport> = {}): VerifyReport {
  return {
    run_id: 'r',
    dataset: 'd',
    equal: tables.every((one) => one.equal),
    synced: null,
    generation: 3,
    finished_at: '2026-01-31T12:00:00Z',
    elapsed_ms: 78,
    tables,
    ...fields,
  };
}

const SYNCED = { synced: {} as VerifyReport['synced'] };

test('both sides are equal', () => {
  expect(verdict(report([table({ equal: true })]))).toEqual({
    title: 'Equal: the store has what the source has',
    lead: 'Compared with 1,200 rows of the source, which took 78 ms.',
    hint: null,
    tables: [],
  });
  const both = [table({ equal: true }), table({ equal: true, rows: { source: 1, store: 1 } })];
  expect(verdict(report(both, SYNCED)).lead).toBe(
    'Synced, then compared with 1,201 rows of the source in 2 tables, which took 78 ms.',
  );
});

test('only tables that differ are told', () => {
  const said = verdict(report([table({ table: 'a', equal: true }), table({ table: 'b' })]));
  expect(said.title).toBe('1 of 2 tables differs from the source');
  expect(said.tables.map((one) => one.table)).toEqual(['b']);
  expect(verdict(report([table({}), table({})])).title).toBe('2 of 2 tables differ from the source');
  expect(verdict(report([table({})])).title).toBe('The store differs from the source');
});

test('it is said in what a table differs', () => {
  const words = (fields: Partial<TableVerification>) => verdict(report([table(fields)])).tables[0]?.words;
  expect(words({ rows: { source: 1203, store: 1200 } })).toEqual([
    'the store has 3 rows fewer: 1,200, the source 1,203',
  ]);
  expect(words({ rows: { source: 0, store: 1 }, truncated: true })).toEqual([
    'the store has 1 row more: 1, the source 0',
    'a row limit cut the last sync',
  ]);
  expect(
    words({
      columns: [
        { column: 'a', difference: 'values' },
        { column: 'b', difference: 'type', source: 'BIGINT', store: 'VARCHAR' },
        { column: 'c', difference: 'only_in_source' },
        { column: 'd', difference: 'only_in_store' },
        { column: 'e', difference: 'values' },
      ],
    }),
  ).toEqual([
    'values differ in a, e',
    'b is VARCHAR in the store and BIGINT in the source',
    'only the source has the column c',
    'only the store has the column d',
  ]);
  expect(words({})).toEqual(['as many rows, but values stand in other rows than in the source']);
});

test('a difference comes with what to do about it', () => {
  expect(verdict(report([table({})])).hint).toMatch(/since the last sync/);
  expect(verdict(report([table({})], SYNCED)).hint).toMatch(/full rebuild/);
  expect(verdict(report([table({ truncated: true })], SYNCED)).hint).toMatch(/max_sync_rows/);
});

test('scores lie between 0 and 1, and other values where they lie', () => {
  expect(domain([{ min: 0.2, max: 0.9 }])).toEqual([0, 1]);
  expect(
    domain([
      { min: -2, max: 3 },
      { min: 0, max: 5 },
    ]),
  ).toEqual([-2, 5]);
  expect(domain([{ min: 7, max: 7 }])).toEqual([6.5, 7.5]);
  expect(domain([])).toEqual([0, 1]);
});

test('every value is in one bin', () => {
  expect(shares([0, 0.24, 0.25, 1], [0, 1], 4)).toEqual([0.5, 0.25, 0, 0.25]);
  expect(shares([], [0, 1], 2)).toEqual([0, 0]);
  expect(shares([-2, 5], [-2, 5], 2)).toEqual([0.5, 0.5]);
});

test('a metric that does not vary is related to none', () => {
  const matrix = [
    [1, 0, -0.7],
    [0, 0, 0],
    [-0.7, 0, 1],
  ];
  expect([coefficient(matrix, 0, 2), coefficient(matrix, 0, 1), coefficient(matrix, 1, 1)]).toEqual([-0.7, null, null]);
  expect(coefficient(matrix, 0, 9)).toBeNull();
  expect(closest(['a', 'b', 'c'], matrix)).toBe('a and c: -0.70, strongly against each other');
  expect(closest(['b'], [[0]])).toBeNull();
  expect([0.05, 0.2, -0.4, 0.9].map(meaning)).toEqual([
    'not related',
    'weakly together',
    'clearly against each other',
    'strongly together',
  ]);
  expect(meaning(null)).toMatch(/does not vary/);
});
