// Errors: coded rejections, one class for both kinds of modules, wrong arguments, closed handles.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { AxisError, Engine } from "axis-engine";
import { packageRoot, runText, storePath } from "./support.mjs";

const require = createRequire(import.meta.url);

/** Asserts that work fails with a code, and returns the error. */
export async function fails(code, work) {
  try {
    await work();
  } catch (error) {
    assert.ok(error instanceof AxisError, `${error?.stack}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  assert.fail(`nothing failed; ${code} was expected`);
}

test("a rejection carries the code, and everything else of the error", async () => {
  const store = storePath();
  const engine = await Engine.open(store);
  after(() => engine.close());
  const error = await fails("AXIS_LOCKED", () => Engine.open(store));
  assert.equal(error.name, "AxisError");
  assert.equal(error.retryable, true);
  assert.ok(error instanceof Error);
  assert.deepEqual(Object.keys(error.toJSON()), ["code", "number", "message", "operation", "retryable", "context"]);
  assert.equal(error.toJSON().number, 202);
  assert.match(error.stack, /errors\.test\.mjs/, "the stack leads to whoever awaited");
  const query = await fails("AXIS_QUERY", () => engine.query("select * from nowhere").rows());
  assert.equal(query.operation, "query");
  assert.equal(query.retryable, false);
});

test("what answers at once throws the same errors", async () => {
  const engine = await Engine.open(storePath());
  after(() => engine.close());
  const error = await fails("AXIS_NOT_FOUND", () => engine.dataset("nothing"));
  assert.match(error.message, /there are: monitoring/);
});

test("the codes are those of all languages", () => {
  const known = JSON.parse(readFileSync(join(packageRoot, "../conformance/errors.json"), "utf8"));
  const text = readFileSync(join(packageRoot, "dist/errors.d.ts"), "utf8");
  const declared = [...text.matchAll(/"(AXIS_[A-Z_]+)"/g)].map(([, code]) => code);
  const codes = (Array.isArray(known) ? known : known.kinds ?? known.errors).map(({ code }) => code);
  assert.ok(codes.length >= 15);
  assert.deepEqual([...new Set(declared)].sort(), codes.sort());
});

test("ESM and CommonJS have one implementation", async () => {
  const common = require("axis-engine");
  assert.equal(common.AxisError, AxisError);
  assert.equal(common.Engine, Engine);
  const { code, stdout, stderr } = await runText(
    `const { Engine, AxisError } = require("axis-engine");
     Engine.open(${JSON.stringify(storePath())}).then(async (engine) => {
       console.log((await engine.query("select 42 as answer").rows())[0].answer, typeof AxisError);
       await engine.close();
     });`,
    { extension: "cjs" },
  );
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "42 function\n", stderr: "" });
});

test("a rejection that nobody awaits surfaces as unhandledRejection", async () => {
  const { code, stdout } = await runText(
    `import { Engine } from "axis-engine";
     process.on("unhandledRejection", (error) => { console.log(error.code); process.exitCode = 3; });
     Engine.open({ nonsense: 1 });`,
  );
  assert.deepEqual({ code, stdout }, { code: 3, stdout: "AXIS_INVALID_ARGUMENT\n" });
  const unheard = await runText(`import { Engine } from "axis-engine"; Engine.open({ nonsense: 1 });`);
  assert.equal(unheard.code, 1);
  assert.match(unheard.stderr, /AxisError: `nonsense` is no member/);
});

test("wrong arguments are named with what is allowed", async () => {
  const engine = await Engine.open(storePath());
  after(() => engine.close());
  const monitoring = engine.dataset("monitoring");
  const circle = {};
  circle.circle = circle;
  const wrong = [
    [/open options are a number; allowed is an object/, () => Engine.open(1)],
    [/open options are a list/, () => Engine.open([])],
    [/open options are of class Map/, () => Engine.open(new Map())],
    [/open options are a text/, () => Engine.open(storePath(), "custom")],
    [/`store` of the open options/, () => Engine.open(storePath(), { store: "x" })],
    [/`takeOverSeconds`\?/, () => Engine.open(storePath(), { take_over_seconds: 5 })],
    [/surrogate/, () => Engine.open(`${storePath()}\ud800`)],
    [/no text/, () => Engine.open(null, {})],
    [/`stoer` is no member of the open options; there are store, config, .*takeOverSeconds/, () => Engine.open({ stoer: "x" })],
    [/`store`/, () => Engine.open({ store: 5 })],
    [/env/, () => Engine.open({ store: storePath(), env: { A: 1 } })],
    [/config.*deeper/, () => Engine.open({ config: circle })],
    [/no text/, () => engine.dataset(5)],
    [/no text/, () => engine.dataset()],
    [/`mode`.*auto, full/, () => monitoring.sync({ mode: "ful" })],
    [/^`timeoutMs` of the sync options is wrong; allowed is a whole number from 0$/, () => monitoring.sync({ timeoutMs: "1" })],
    [/^`timeOutMs` is no member of the sync options; there are mode, timeoutMs$/, () => monitoring.sync({ timeOutMs: 1 })],
    [/finite/, () => monitoring.sync({ timeoutMs: Number.NaN })],
    [/no AbortSignal/, () => monitoring.sync({ signal: {} })],
    [/sync options are a boolean/, () => monitoring.sync(true)],
    [/sync options are a list/, () => engine.sync([])],
    [/sync options are a function/, () => engine.sync(() => undefined)],
    [/`timeoutMs`\?/, () => monitoring.sync({ timeout_ms: 5 })],
    [/`timeoutMs`\?/, () => engine.verify({ timeout_ms: 5 })],
    [/verify options are a number/, () => monitoring.verify(1)],
    [/page request are a list/, () => monitoring.page([])],
    [/`pageSize`\?/, () => monitoring.page({ page_size: 5 })],
    [/call options are a number/, () => monitoring.page({}, 1)],
    [/call options are of class AbortSignal/, () => monitoring.metadata(new AbortController().signal)],
    [/`timeoutMs` is no member of the call options/, () => monitoring.metadata({ timeoutMs: 5 })],
    [/call options are a text/, () => engine.ask("kpi.filters", {}, "x")],
    [/call options are a list/, () => engine.analytics.kpi.filters({}, [])],
    [/request are a number/, () => engine.ask("kpi.filters", 1)],
    [/`metricName`\?/, () => engine.analytics.monitoring.summary({ metric_name: "x" })],
    [/query options are a number/, () => engine.query("select 1", [], 1).rows()],
    [/query options are a list/, () => engine.query("select 1", [], []).rows()],
    [/query options are a text/, () => engine.query("select 1", [], "x").rows()],
    [/`maxRows`\?/, () => engine.query("select 1", [], { max_rows: 1 }).rows()],
    [/`sql`.*surrogate/, () => engine.query("select '\ud800'").rows()],
    [/params\[0\].*surrogate/, () => engine.query("select ?", ["a\udc00"]).rows()],
    [/key.*surrogate/, () => engine.query("select $a", { "a\ud800": 1 }).rows()],
    [/client.*surrogate/, () => engine.query("select 1", [], { client: "\ud83d" }).rows()],
    [/dataset.*surrogate/, () => engine.dataset("\ud800")],
    [/question.*surrogate/, () => engine.ask("\ud800")],
    [/id of the query.*surrogate/, () => engine.cancelQuery("\ud800")],
    [/no function/, () => monitoring.sync({ onProgress: "print" })],
    [/function/, () => monitoring.verify({ sync: () => true })],
    [/page request are a text/, () => monitoring.page("x")],
    [/`page`|page/, () => monitoring.page({ page: 0 })],
    [/direction/, () => monitoring.page({ direction: "up" })],
    [/no text/, () => engine.query(5).rows()],
    [/params/, () => engine.query("select ?", "x").rows()],
    [/params\[0\].*symbol/, () => engine.query("select ?", [Symbol("x")]).rows()],
    [/params\[0\].*invalid date/, () => engine.query("select ?", [new Date("x")]).rows()],
    [/params\[0\].*Uint8Array/, () => engine.query("select ?", [new Uint8Array(1)]).rows()],
    [/64 bits/, () => engine.query("select ?", [2n ** 64n]).rows()],
    [/parameter 1/, () => engine.query("select ?", [[1]]).rows()],
    [/^`maxRows` of the query options is wrong/, () => engine.query("select 1", [], { maxRows: -1 }).rows()],
    [/^`colour` is no member of the query options; there are timeoutMs, maxRows,/, () => engine.query("select 1", [], { colour: 1 }).rows()],
    [/^`sort` is no member of the page request; there are page, pageSize, sortBy,/, () => monitoring.page({ sort: "x" })],
    [/positive/, () => engine.runs(-1)],
    [/UUID/, () => engine.cancelQuery("x")],
    [/^`groupBy` of the request is missing$/, () => engine.analytics.monitoring.classes({ metric: "x" })],
    [/granularity/, () => engine.analytics.monitoring.trends({ granularity: "yearly" })],
    [/bin/, () => engine.analytics.eval.distribution({ metric: "x", bin: 1 })],
  ];
  for (const [pattern, work] of wrong) {
    const error = await fails("AXIS_INVALID_ARGUMENT", async () => await work());
    assert.match(error.message, pattern);
  }
  assert.throws(() => engine.dataset(Symbol("x")), AxisError);
});

test("null and undefined stand for no options", async () => {
  const engine = await Engine.open(storePath());
  after(() => engine.close());
  assert.deepEqual(await engine.query("select 1 as one", null, null).rows(), [{ one: 1 }]);
  await fails("AXIS_CONFIG", () => engine.dataset("monitoring").sync(null));
  assert.deepEqual(await engine.sync(undefined), {});
  const none = { signal: null, onProgress: null };
  await fails("AXIS_CONFIG", () => engine.dataset("monitoring").sync(none));
  assert.deepEqual(await engine.sync({ signal: undefined, onProgress: undefined, mode: null, timeoutMs: null }), {});
  assert.deepEqual(await engine.verify(null), {});
  assert.deepEqual(await engine.query("select 1 as one", undefined, { signal: null, maxRows: null }).rows(), [{ one: 1 }]);
  assert.equal((await engine.dataset("monitoring").page(null, null)).total, 0);
  assert.equal(await engine.dataset("monitoring").metadata({ signal: null }), null);
  assert.deepEqual(await engine.runs(null), []);
  await fails("AXIS_NOT_SYNCED", () => engine.ask("monitoring.summary", null, null));
  await fails("AXIS_NOT_SYNCED", () => engine.analytics.monitoring.summary(null, null));
  await (await Engine.open(storePath(), null)).close();
});

test("texts keep every character that is one", async () => {
  const engine = await Engine.open(storePath());
  after(() => engine.close());
  const text = "a\u0001é中\u{1f600}\uffff";
  assert.deepEqual(await engine.query(`select '${text}' as sql, ? as param`, [text]).rows(), [{ sql: text, param: text }]);
});

test("an error can be made again of what it tells, as other threads need it", () => {
  const bare = new AxisError();
  assert.deepEqual([bare.code, bare.message, bare.retryable, bare.operation, bare.context], ["AXIS_INTERNAL", "", false, "", {}]);
  assert.equal(new AxisError(null).toJSON().number, 900);
  const json = { code: "AXIS_BUSY", number: 201, message: "a sync is running", operation: "sync", retryable: true, context: { dataset: "x" } };
  const error = AxisError.from(structuredClone(new AxisError(json).toJSON()), { cause: "there" });
  assert.ok(error instanceof AxisError);
  assert.deepEqual(error.toJSON(), json);
  assert.equal(error.cause, "there");
  for (const wrong of [undefined, null, {}, "AXIS_BUSY", new Error("x")]) {
    assert.throws(() => AxisError.from(wrong), { code: "AXIS_INVALID_ARGUMENT" });
  }
});

test("a closed engine says so, and may be closed again, also at the same time", async () => {
  const store = storePath();
  const engine = await Engine.open(store);
  const monitoring = engine.dataset("monitoring");
  assert.equal(engine.closed, false);
  await Promise.all([engine.close(), engine.close(), engine.close()]);
  await engine.close();
  assert.equal(engine.closed, true);
  assert.equal(typeof Engine.version, "string");
  const query = engine.query("select 1 as one");
  const calls = [
    () => query.rows(),
    () => query.result(),
    () => query.arrow(),
    () => query.arrowIpc(),
    () => query.batches().next(),
    () => query[Symbol.asyncIterator]().next(),
    () => engine.queries(),
    () => engine.cancelQuery("6f2b1c9e-3f5b-4a52-9d0c-0a4f6c1f1e11"),
    () => engine.datasets,
    () => engine.dataset("monitoring"),
    () => engine.sync(),
    () => engine.verify(),
    () => engine.runs(),
    () => engine.usage(),
    () => engine.events(),
    () => engine.ask("monitoring.summary"),
    () => engine.analytics.kpi.filters(),
    () => monitoring.sync(),
    () => monitoring.verify(),
    () => monitoring.cancelSync(),
    () => monitoring.status(),
    () => monitoring.watermarks(),
    () => monitoring.resetWatermarks(),
    () => monitoring.page(),
    () => monitoring.metadata(),
  ];
  for (const call of calls) {
    const error = await fails("AXIS_CLOSED", async () => await call());
    assert.equal(error.message, "the engine is closed", `${call}`);
  }
  await (await Engine.open(store)).close();
});

test("an engine is closed from the moment on that somebody closes it", async () => {
  const engine = await Engine.open(storePath());
  const monitoring = engine.dataset("monitoring");
  const closed = engine.close();
  assert.throws(() => monitoring.status(), { code: "AXIS_CLOSED" });
  assert.throws(() => engine.queries(), { code: "AXIS_CLOSED" });
  await closed;
});

test("calls that run while the engine is closed end, one way or the other", async () => {
  const engine = await Engine.open(storePath());
  const slow = engine.query("select count(*) as n from range(100000000000) a where a.range % 3 = 0").rows();
  const quick = Array.from({ length: 50 }, () => engine.query("select 1 as one").rows());
  const closed = engine.close();
  const ended = await Promise.allSettled([slow, ...quick]);
  await closed;
  for (const { status, reason } of ended) {
    if (status === "rejected") assert.match(reason.code, /^AXIS_(CANCELLED|CLOSED)$/);
  }
  assert.equal(ended[0].status, "rejected");
});
