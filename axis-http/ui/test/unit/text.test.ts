import { expect, test } from 'vitest';
import { csv } from '../../src/lib/csv';
import { cases, charts, column, rows, signal, tiles } from '../../src/lib/signals-sql';
import { EventParser } from '../../src/lib/sse';
import { drawable } from '../../src/pages/sql/drawable';
import { indented } from '../../src/pages/sql/indent';
import { exported } from '../../src/pages/data/export-rows';

test('events are complete however the stream is cut', () => {
  const stream =
    'retry: 2000\n\n: alive\n\nid: a-1\nevent: started\ndata: {"a":1}\n\nid: a-2\r\ndata: x\r\ndata: y\r\n\r\nevent: nothing\n\n';
  const expected = [
    { id: 'a-1', event: 'started', data: '{"a":1}' },
    { id: 'a-2', event: 'message', data: 'x\ny' },
  ];
  for (let step = 1; step <= stream.length; step += 1) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < stream.length; at += step) found.push(...parser.push(stream.slice(at, at + step)));
    expect(found, `in steps of ${step}`).toEqual(expected);
  }
});

test('csv quotes what needs it', () => {
  const row = { a: 'plain', b: 'with "quotes", and\nlines', c: null, d: { x: 1 } };
  const formulas = { a: '=1+1', b: '- a list', c: '-1.5e3', d: -7 };
  expect(csv(['a', 'b', 'c', 'd'], [formulas], false)).toBe("'=1+1,'- a list,-1.5e3,-7\r\n");
  expect(csv(['a', 'b', 'c', 'd'], [row])).toBe('a,b,c,d\r\nplain,"with ""quotes"", and\nlines",,"{""x"":1}"\r\n');
});

test('values are bound and names are quoted', () => {
  const of = cases('cases"x', { equal: { source_name: "a'b", 'm.it\'s "so"': 'v' }, search: 'S' });
  expect(of.params).toEqual(["a'b", 'v', 'S']);
  expect(of.sql).toContain(
    'from "cases""x" where "source_name" = $1 and json_extract_string(signals, \'$."m"."it\'\'s \\"so\\""\') = $2 and (',
  );
  expect(cases('c', { equal: {}, search: '' })).toEqual({ sql: 'with c as (select * from "c") ', params: [] });
});

test('tiles, charts and rows are one statement each', () => {
  const of = cases('c', { equal: {}, search: '' });
  const strip = tiles(of, [
    { label: 'n', aggregate: 'total_cases' },
    { label: 'm', metric: 'a', signal: 'b', aggregation: 'median' },
  ]).sql;
  expect(strip).toContain('count(*)::double as t0');
  expect(strip).toContain(`median(try_cast(${signal('a', 'b')} as double)) as t1`);
  const drawn = charts(of, [{ metric: 'a', signal: 'b', type: 'bar', title: 'B' }], () => true).sql;
  expect(drawn).toContain('unnest(from_json(');
  expect(column('a__b', ['a'])).toBe(signal('a', 'b'));
  expect(column('reviewer', ['a', 'b'])).toMatch(/^coalesce\(/);
  const page = rows(of, {
    columns: ['Case_ID', 'a__b'],
    metrics: ['a'],
    sort: 'Timestamp',
    descending: true,
    page: 3,
    size: 25,
  }).sql;
  expect(page).toMatch(/order by "Timestamp" desc nulls last, "Case_ID" limit 25 offset 50$/);
});

test('tab indents the cursor or the lines that are selected', () => {
  expect(indented('ab', 1, 1, false)).toEqual({ text: 'a  b', start: 3, end: 3 });
  expect(indented('a\nb\nc', 0, 3, false)).toEqual({ text: '  a\n  b\nc', start: 2, end: 7 });
  expect(indented('  a\n b', 3, 6, true)).toEqual({ text: 'a\nb', start: 1, end: 3 });
  expect(indented('a', 0, 0, true)).toEqual({ text: 'a', start: 0, end: 0 });
});

test('an answer is drawn by its first column', () => {
  const columns = (first: string) => [
    { name: 'x', type: first },
    { name: 'y', type: 'DOUBLE' },
  ];
  expect(drawable({ columns: columns('VARCHAR'), rows: [{ x: 'a', y: 1 }] })).toEqual({
    kind: 'bars',
    labels: ['a'],
    values: [1],
  });
  const lines = drawable({
    columns: columns('DATE'),
    rows: [
      { x: '2026-01-02', y: 2 },
      { x: '2026-01-01', y: null },
    ],
  });
  expect(lines).toMatchObject({ kind: 'lines', time: true, lines: [{ label: 'y', values: [null, 2] }] });
  expect(drawable({ columns: [{ name: 'x', type: 'VARCHAR' }], rows: [{ x: 'a' }] })).toBeNull();
});

test('an export is of one generation', async () => {
  let generation = 1;
  let asked = 0;
  const page = (number: number) => {
    asked += 1;
    // A commit comes between the first two pages.
    if (asked === 2) generation += 1;
    return Promise.resolve({
      data: Array.from({ length: number === 1 ? 500 : 100 }, () => ({ g: generation })),
      total: 600,
    });
  };
  const found = await exported({ page, generation: () => Promise.resolve(generation), progress: () => {} });
  expect(asked).toBe(4);
  expect(found.length).toBe(600);
  expect(new Set(found.map((row) => row.g))).toEqual(new Set([2]));
  const restless = exported({ page, generation: () => Promise.resolve((generation += 1)), progress: () => {} });
  await expect(restless).rejects.toThrow('changes faster');
});
