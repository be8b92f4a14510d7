// Answers of SQL: rows and their types, Arrow, batches, backpressure, parameters, limits, cancellation.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { tableFromIPC } from "apache-arrow";
import { AxisError, Engine } from "axis-engine";
import { runText, storePath } from "./support.mjs";

/** Runs until somebody stops it. */
const ENDLESS = "select count(*) as n from range(1000000000000) a where a.range % 7 = 3";

const engine = await Engine.open(storePath());
after(() => engine.close());

/** Resolves when something is so. */
async function until(check) {
  const end = Date.now() + 20_000;
  while (!(await check())) {
    if (Date.now() > end) assert.fail(`it never came to pass: ${check}`);
    await sleep(5);
  }
}

test("an integer is a number when a number holds it exactly, and a bigint otherwise", async () => {
  const [row] = await engine
    .query(
      `select 9007199254740991::bigint as safe, 9007199254740992::bigint as beyond, -9007199254740993::bigint as below,
              18446744073709551615::ubigint as most, [1, 9223372036854775807] as list, '12345678901234567890' as digits,
              0.12345678901234568::double as fraction, 170141183460469231731687303715884105727::hugeint as huge`,
    )
    .rows();
  assert.deepEqual(row, {
    safe: 9007199254740991,
    beyond: 9007199254740992n,
    below: -9007199254740993n,
    most: 18446744073709551615n,
    list: [1, 9223372036854775807n],
    digits: "12345678901234567890",
    fraction: 0.12345678901234568,
    huge: "170141183460469231731687303715884105727",
  });
});

test("other types are what the documentation says", async () => {
  const { columns, rows, truncated } = await engine
    .query(
      `select 1.25::decimal(10, 2) as price, 1234567890123456.78::decimal(18, 2) as large, date '2026-02-03' as day,
              timestamp '2026-02-03 04:05:06.789012' as local, timestamptz '2026-02-03 04:05:06+00' as instant, true as flag,
              'NaN'::double as nan, null as nothing, '\\xAB'::blob as bytes, {'a b': 1} as struct`,
    )
    .result();
  assert.equal(truncated, false);
  assert.deepEqual(rows, [
    {
      price: 1.25,
      large: "1234567890123456.78",
      day: "2026-02-03",
      local: "2026-02-03T04:05:06.789012",
      instant: "2026-02-03T04:05:06Z",
      flag: true,
      nan: null,
      nothing: null,
      bytes: "\\xab",
      struct: { "a b": 1 },
    },
  ]);
  assert.deepEqual(columns.slice(0, 3), [
    { name: "price", type: "DECIMAL(10,2)" },
    { name: "large", type: "DECIMAL(18,2)" },
    { name: "day", type: "DATE" },
  ]);
});

test("keys of rows are data", async () => {
  const [row] = await engine.query(`select 1 as snake_case, 2 as "camelCase", 3 as "__proto__", 4 as "with space"`).rows();
  assert.deepEqual(Object.entries(row), [
    ["snake_case", 1],
    ["camelCase", 2],
    ["__proto__", 3],
    ["with space", 4],
  ]);
});

test("parameters by position and by name", async () => {
  const day = new Date("2026-02-03T04:05:06.789Z");
  const [row] = await engine
    .query("select ? as text, ? as int, ? as big, ? as float, ? as flag, ? as nothing, ?::timestamptz as instant", [
      "it's", 7, 9223372036854775807n, 1.5, false, null, day,
    ])
    .rows();
  assert.deepEqual(row, {
    text: "it's", int: 7, big: 9223372036854775807n, float: 1.5, flag: false, nothing: null, instant: "2026-02-03T04:05:06.789Z",
  });
  assert.deepEqual(await engine.query("select $a - $b as n", { a: 5, b: 3 }).rows(), [{ n: 2 }]);
  await assert.rejects(engine.query("select ?", []).rows(), { code: "AXIS_QUERY" });
});

test("a query runs when its answer is asked for, and each time anew", async () => {
  const wrong = engine.query("this is no SQL");
  await assert.rejects(wrong.rows(), { code: "AXIS_QUERY" });
  const query = engine.query("select uuid() as id");
  assert.notDeepEqual(await query.rows(), await query.rows());
});

test("Arrow: everything at once, and batch by batch", async () => {
  const query = engine.query("select range as n, 'text ' || range as t, range::decimal(10, 1) as d from range(10000)");
  const ipc = await query.arrowIpc();
  assert.ok(ipc instanceof Uint8Array);
  const table = tableFromIPC(ipc);
  assert.equal(table.numRows, 10_000);
  assert.equal(table.get(9_999).t, "text 9999");
  let rows = 0;
  let batches = 0;
  for await (const batch of query.batches()) {
    const part = tableFromIPC(batch);
    assert.deepEqual(part.schema.names, ["n", "t", "d"]);
    assert.equal(part.get(0).n, BigInt(rows));
    rows += part.numRows;
    batches += 1;
  }
  assert.equal(rows, 10_000);
  assert.ok(batches > 1);
  assert.equal(tableFromIPC(await engine.query("select 1 as n where false").arrowIpc()).schema.fields[0].name, "n");
});

/** A column of each type that DuckDB has, over `range`. */
const COLUMNS = {
  nothing: "null",
  flag: "range % 3 = 0",
  tiny: "(range % 100)::tinyint",
  tiny_unsigned: "(range % 100)::utinyint",
  small: "(range % 1000)::smallint",
  small_unsigned: "(range % 1000)::usmallint",
  whole: "range::int",
  whole_unsigned: "range::uinteger",
  big: "range",
  big_unsigned: "range::ubigint",
  huge: "range::hugeint",
  single: "range::float",
  double: "range::double",
  price: "range::decimal(9, 1)",
  large: "range::decimal(38, 3)",
  text: "'text ' || range",
  bytes: "('x' || range)::blob",
  bits: "'1010'::bit",
  id: "('00000000-0000-0000-0000-' || lpad(range::text, 12, '0'))::uuid",
  day: "date '2020-01-01' + range::int",
  hour: "time '01:02:03.000004'",
  local: "make_timestamp(range)",
  seconds: "make_timestamp(range)::timestamp_s",
  nanoseconds: "make_timestamp(range)::timestamp_ns",
  instant: "make_timestamp(range)::timestamptz",
  span: "to_days(range::int)",
  list: "[range, null, range + 1]",
  empty: "case when range % 2 = 0 then [] else [range::text] end",
  lists: "[[range], null, []]",
  array: "array_value(range, 1)",
  struct: "{'a': range % 2 = 0, 'b': {'c': range::text, 'd': [range]}}",
  structs: "[{'a': range}]",
  map: "map([range::text], [range])",
  word: "(case when range % 2 = 0 then 'x' else 'y' end)::enum('x', 'y', 'z')",
  words: "[(case when range % 2 = 0 then 'x' else 'y' end)::enum('x', 'y', 'z')]",
};
/** Each column twice, with NULL among the values and without; DuckDB has no CASE of arrays. */
const selected = Object.entries(COLUMNS).map(([name, sql]) => {
  const nullable = name === "array" ? sql : `case when range % 5 = 1 then null else ${sql} end`;
  return `${sql} as ${name}, ${nullable} as ${name}_or_null`;
});

test("a table of Arrow is the one that its IPC stream has, whatever the types", async () => {
  const told = (table) => [
    table.numRows,
    table.schema.fields.map(String),
    table.schema.fields.map(({ name }) => table.getChild(name).nullCount),
    [0, 1, 2, 6, 69_998, 69_999].filter((row) => row < table.numRows).map((row) => `${table.get(row)}`),
  ];
  for (const rows of [0, 1, 2000, 70_000]) {
    const query = engine.query(`select ${selected.join()} from range(${rows})`);
    assert.deepEqual(told(await query.arrow()), told(tableFromIPC(await query.arrowIpc())), `${rows} rows`);
  }
  const cut = await engine.query(`select ${selected.join()} from range(100)`, [], { maxRows: 7 }).arrow();
  assert.equal(cut.numRows, 7);
  assert.deepEqual(cut.getChild("whole").toArray(), Int32Array.of(0, 1, 2, 3, 4, 5, 6));
  assert.deepEqual(cut.getChild("flag").toJSON(), [true, false, false, true, false, false, true]);
});

test("a table whose types need IPC comes by IPC", async () => {
  const table = await engine.query("select union_value(n := range) as u, range as n from range(3000)").arrow();
  assert.equal(table.numRows, 3000);
  assert.equal(table.get(2999).u, 2999n);
});

test("a table of Arrow can be cancelled, and fails as its query does", async () => {
  const abort = new AbortController();
  const outcome = assert.rejects(engine.query(ENDLESS, [], { signal: abort.signal }).arrow(), { code: "AXIS_CANCELLED", cause: "enough" });
  await until(() => engine.queries().some(({ state }) => state === "running"));
  abort.abort("enough");
  await outcome;
  await assert.rejects(engine.query("select * from nowhere").arrow(), { code: "AXIS_QUERY" });
});

test("the memory of a table is known to the collector, and goes away with it", async () => {
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     const engine = await Engine.open(${JSON.stringify(storePath())});
     const query = engine.query("select range as n, range::double as d, 'text number ' || range as t from range(500000)");
     const external = () => { gc(); return process.memoryUsage().external; };
     const bytes = (table) => table.batches.flatMap(({ data }) => data.children).reduce((sum, { byteLength }) => sum + byteLength, 0);
     await query.arrow();
     const before = external();
     let table = await query.arrow();
     const held = (external() - before) / bytes(table);
     // A view keeps its memory when nothing else of the table is left.
     const kept = table.getChild("d").data.at(-1).values;
     table = undefined;
     await new Promise(setImmediate);
     const left = (external() - before) / 2 ** 20;
     for (let round = 0; round < 5; round++) await query.arrow();
     gc();
     const rss = process.memoryUsage.rss();
     // Forty tables of 18 MB, of which nobody asks the collector to take any away.
     for (let round = 0; round < 40; round++) await query.arrow();
     const grown = (process.memoryUsage.rss() - rss) / 2 ** 20;
     console.log(JSON.stringify({ held, left, last: kept.at(-1), grown }));
     await engine.close();`,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual(ended, { code: 0, signal: null, stderr: "" });
  const { held, left, last, grown } = JSON.parse(stdout);
  assert.ok(held > 0.95 && held < 1.2, stdout);
  assert.ok(left < 4, stdout);
  assert.equal(last, 499_999);
  assert.ok(grown < 500, stdout);
});

test("without apache-arrow everything but tables works", async () => {
  const { stdout, ...ended } = await runText(
    `import { register } from "node:module";
     register("data:text/javascript," + encodeURIComponent(\`export const resolve = (name, context, next) => {
       if (name === "apache-arrow") throw new Error("it is not there");
       return next(name, context);
     };\`));
     const { Engine } = await import("axis-engine");
     const engine = await Engine.open(${JSON.stringify(storePath())});
     const query = engine.query("select 1 as one");
     console.log(await query.arrow().catch(({ code, message }) => code + " " + message), (await query.arrowIpc()).length > 0);
     await engine.close();`,
  );
  assert.deepEqual(ended, { code: 0, signal: null, stderr: "" });
  assert.match(stdout, /^AXIS_CONFIG `apache-arrow` cannot be loaded.* true$/m);
});

test("rows one by one", async () => {
  let sum = 0;
  for await (const { n } of engine.query("select range as n from range(5000)")) sum += n;
  assert.equal(sum, (4999 * 5000) / 2);
});

test("maxRows cuts, and says so", async () => {
  const { rows, truncated } = await engine.query("select * from range(10)", [], { maxRows: 3 }).result();
  assert.deepEqual({ rows: rows.length, truncated }, { rows: 3, truncated: true });
});

test("timeoutMs stops a query", async () => {
  await assert.rejects(engine.query(ENDLESS, [], { timeoutMs: 50 }).rows(), { code: "AXIS_TIMEOUT", retryable: true });
});

test("an aborted query rejects with the reason as its cause", async () => {
  for (const ask of [(query) => query.rows(), (query) => query.arrowIpc(), (query) => query.batches().next()]) {
    const abort = new AbortController();
    const answer = ask(engine.query(ENDLESS, [], { signal: abort.signal }));
    const outcome = assert.rejects(answer, (error) => {
      assert.ok(error instanceof AxisError);
      assert.equal(error.code, "AXIS_CANCELLED");
      assert.equal(error.cause, "enough");
      return true;
    });
    await until(() => engine.queries().some(({ state }) => state === "running"));
    abort.abort("enough");
    await outcome;
    await until(() => engine.queries().length === 0);
  }
  const never = engine.query("select 1", [], { signal: AbortSignal.abort("before") });
  await assert.rejects(never.rows(), { code: "AXIS_CANCELLED", cause: "before" });
  await assert.rejects(never.batches().next(), { code: "AXIS_CANCELLED", cause: "before" });
});

test("queries are listed, and cancelled by their id", async () => {
  const id = "6f2b1c9e-3f5b-4a52-9d0c-0a4f6c1f1e11";
  const outcome = assert.rejects(engine.query(ENDLESS, [], { id, client: "a test" }).rows(), { code: "AXIS_CANCELLED" });
  await until(() => engine.queries().some(({ state }) => state === "running"));
  const [query] = engine.queries();
  assert.equal(query.id, id);
  assert.equal(query.client, "a test");
  assert.equal(typeof query.elapsedMs, "number");
  assert.equal(await engine.cancelQuery(id), true);
  await outcome;
  await assert.rejects(engine.cancelQuery(id), { code: "AXIS_NOT_FOUND" });
});

test("leaving a loop cancels the query", async () => {
  const long = "select range as n from range(100000000000)";
  for await (const batch of engine.query(long).batches()) {
    assert.ok(batch.length > 0);
    assert.equal(engine.queries().length, 1);
    break;
  }
  await until(() => engine.queries().length === 0);
  for await (const row of engine.query(long)) {
    assert.equal(row.n, 0);
    break;
  }
  await until(() => engine.queries().length === 0);
  const iterator = engine.query(ENDLESS).batches();
  const next = iterator.next();
  await until(() => engine.queries().length === 1);
  assert.deepEqual(await iterator.return(), { done: true, value: undefined });
  assert.deepEqual(await next, { done: true, value: undefined });
  await until(() => engine.queries().length === 0);
});

test("DuckDB waits for whoever reads", async () => {
  const iterator = engine.query("select range as n from range(100000000)").batches();
  await iterator.next();
  const rows = () => engine.queries()[0].rows;
  // What runs ahead stops by itself; a producer without a limit would have gone on for minutes.
  let before = -1;
  await until(async () => {
    const now = rows();
    const same = now === before;
    before = now;
    await sleep(100);
    return same;
  });
  assert.ok(rows() <= 64 * 2048, `${rows()} rows were produced ahead`);
  await iterator.return();
});

test("an iterator that is forgotten cancels its query", async () => {
  const { code, stdout, stderr } = await runText(
    `import { Engine } from "axis-engine";
     const engine = await Engine.open(${JSON.stringify(storePath())});
     await (async () => void (await engine.query("select range as n from range(100000000000)").batches().next()))();
     const end = Date.now() + 20000;
     while (engine.queries().length > 0 && Date.now() < end) { gc(); await new Promise((done) => setTimeout(done, 10)); }
     console.log(engine.queries().length);
     await engine.close();`,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "0\n", stderr: "" });
});
