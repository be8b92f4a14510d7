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
    [/no object/, () => Engine.open(1)],
    [/no text/, () => Engine.open(null, {})],
    [/`stoer`.*store, config/, () => Engine.open({ stoer: "x" })],
    [/`store`/, () => Engine.open({ store: 5 })],
    [/env/, () => Engine.open({ store: storePath(), env: { A: 1 } })],
    [/config.*deeper/, () => Engine.open({ config: circle })],
    [/no text/, () => engine.dataset(5)],
    [/no text/, () => engine.dataset()],
    [/`mode`.*auto, full/, () => monitoring.sync({ mode: "ful" })],
    [/`timeout_ms`/, () => monitoring.sync({ timeoutMs: "1" })],
    [/finite/, () => monitoring.sync({ timeoutMs: Number.NaN })],
    [/no AbortSignal/, () => monitoring.sync({ signal: {} })],
    [/no function/, () => monitoring.sync({ onProgress: "print" })],
    [/function/, () => monitoring.verify({ sync: () => true })],
    [/no object/, () => monitoring.page("x")],
    [/`page`|page/, () => monitoring.page({ page: 0 })],
    [/direction/, () => monitoring.page({ direction: "up" })],
    [/no text/, () => engine.query(5).rows()],
    [/params/, () => engine.query("select ?", "x").rows()],
    [/params\[0\].*symbol/, () => engine.query("select ?", [Symbol("x")]).rows()],
    [/params\[0\].*invalid date/, () => engine.query("select ?", [new Date("x")]).rows()],
    [/params\[0\].*Uint8Array/, () => engine.query("select ?", [new Uint8Array(1)]).rows()],
    [/64 bits/, () => engine.query("select ?", [2n ** 64n]).rows()],
    [/parameter 1/, () => engine.query("select ?", [[1]]).rows()],
    [/max_rows/, () => engine.query("select 1", [], { maxRows: -1 }).rows()],
    [/positive/, () => engine.runs(-1)],
    [/UUID/, () => engine.cancelQuery("x")],
    [/group_by|required/, () => engine.analytics.monitoring.classes({ metric: "x" })],
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
});

test("a closed engine says so, and may be closed again, also at the same time", async () => {
  const store = storePath();
  const engine = await Engine.open(store);
  const monitoring = engine.dataset("monitoring");
  assert.equal(engine.closed, false);
  await Promise.all([engine.close(), engine.close(), engine.close()]);
  await engine.close();
  assert.equal(engine.closed, true);
  await fails("AXIS_CLOSED", () => engine.query("select 1").rows());
  await fails("AXIS_CLOSED", () => engine.query("select 1").arrowIpc());
  await fails("AXIS_CLOSED", () => monitoring.sync());
  await fails("AXIS_CLOSED", () => monitoring.page());
  assert.equal(monitoring.status().state, "not_synced");
  await (await Engine.open(store)).close();
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
