// Syncs against a real PostgreSQL: reports, progress, cancellation, several at once, and what is asked afterwards.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AxisError, Engine } from "axis-engine";
import { ORDERS, ordersConfig, postgres, runText, storePath } from "./support.mjs";

const server = postgres();

/** An engine with a dataset `orders` of 100 rows. */
async function shop(query) {
  const url = await server.database();
  await server.sql(url, ORDERS);
  const engine = await Engine.open(storePath(), { config: ordersConfig(url, query) });
  after(() => engine.close());
  return { url, engine, orders: engine.dataset("orders") };
}

/** A source in which the sync waits for a lock, and what lets it go on. */
async function blocked() {
  const all = await shop();
  const name = `lock of ${all.url}`;
  await server.hold(name, all.url, "lock table orders in access exclusive mode");
  return { ...all, release: () => server.release(name) };
}

test("full, then incremental, then nothing new", async () => {
  const { url, engine, orders } = await shop();
  assert.equal(orders.name, "orders");
  assert.equal(orders.status().state, "not_synced");
  assert.equal(await orders.metadata(), null);
  const full = await orders.sync();
  assert.deepEqual(full.strategy, { type: "full", because: "first_sync" });
  assert.equal(full.rowsRead, 100);
  assert.equal(typeof full.elapsedMs, "number");
  assert.ok(!Number.isNaN(new Date(full.snapshotAt).getTime()));
  await server.sql(url, "insert into orders values (101, 'more', 1, now())");
  const more = await orders.sync({ mode: "auto" });
  assert.deepEqual(more.strategy, { type: "incremental" });
  assert.equal(more.tables[0].rowsTotal, 101);
  assert.equal((await orders.sync({ mode: "full" })).strategy.because, "requested");
  assert.deepEqual(await engine.query("select count(*) as n, sum(price) as sum from orders").rows(), [{ n: 101, sum: 5076 }]);

  const status = orders.status();
  assert.equal(orders.status(), status, "nothing has changed");
  assert.ok(Object.isFrozen(status.lastSuccess.tables[0]));
  assert.equal(status.state, "ready");
  assert.equal(status.lastSuccess.rowsRead, 101);
  assert.deepEqual(status.watermarks, { orders: "101" });
  assert.deepEqual(orders.watermarks(), [{ table: "orders", column: "id", value: { type: "integer", value: 101 } }]);
  assert.equal(await orders.resetWatermarks(), 1);
  assert.notEqual(orders.status(), status);
  assert.deepEqual(orders.status().watermarks, { orders: null });
  assert.deepEqual(orders.watermarks(), []);

  const page = await orders.page({ pageSize: 2, sortBy: "id", direction: "asc", columns: ["id", "item"] });
  assert.deepEqual(page, { rows: [{ id: 1, item: "item 1" }, { id: 2, item: "item 2" }], total: 101, page: 1, pageSize: 2 });
  const metadata = await orders.metadata();
  assert.equal(metadata.rowCount, 101);
  assert.deepEqual(metadata.columns[0], { columnName: "id", columnType: "BIGINT" });
  const runs = await engine.runs(2);
  assert.deepEqual(runs.map(({ dataset, outcome, rowsRead }) => [dataset, outcome, rowsRead]), [
    ["orders", runs[0].outcome, 101],
    ["orders", "ok", runs[1].rowsRead],
  ]);
  assert.ok((await engine.usage()).storeBytes > 0);
});

test("a watermark that a number would round is a bigint", async () => {
  const { url, orders } = await shop();
  await server.sql(url, "insert into orders values (9007199254740993, 'far', 1, now())");
  await orders.sync();
  assert.equal(orders.watermarks()[0].value.value, 9007199254740993n);
  const { rows } = await orders.page({ sortBy: "id", pageSize: 1, columns: ["id"] });
  assert.deepEqual(rows, [{ id: 9007199254740993n }]);
});

test("verify names what differs", async () => {
  const { url, orders, engine } = await shop();
  await orders.sync();
  assert.equal((await orders.verify()).equal, true);
  await server.sql(url, "update orders set item = 'changed' where id = 3");
  const report = await orders.verify();
  assert.equal(report.equal, false);
  assert.deepEqual(report.tables[0].columns, [{ column: "item", difference: "values" }]);
  assert.deepEqual(report.tables[0].rows, { source: 100, store: 100 });
  const all = await engine.verify({ sync: true });
  assert.deepEqual(Object.keys(all), ["orders"]);
  assert.equal(all.orders.error, undefined);
});

test("all datasets: what fails is told beside what does not", async () => {
  const url = await server.database();
  await server.sql(url, ORDERS);
  const config = ordersConfig(url);
  config.datasets.snake_case = { url, tables: { gone: { query: "select * from nowhere" } } };
  const engine = await Engine.open(storePath(), { config });
  after(() => engine.close());
  assert.deepEqual(engine.datasets.filter((name) => config.datasets[name]), ["orders", "snake_case"]);
  const seen = [];
  const all = await engine.sync({ onProgress: (event) => seen.push(event) });
  assert.deepEqual(Object.keys(all), ["orders", "snake_case"]);
  assert.equal(all.orders.ok.rowsRead, 100);
  assert.ok(all.snake_case.error instanceof AxisError);
  assert.equal(all.snake_case.error.code, "AXIS_SOURCE_REJECTED");
  assert.equal(all.snake_case.error.context.dataset, "snake_case");
  const failed = seen.find(({ event }) => event === "failed");
  assert.equal(failed.failure.code, "AXIS_SOURCE_REJECTED");
  assert.ok(seen.some(({ event, report }) => event === "committed" && report.dataset === "orders"));
});

test("progress tells every step, in order, and all of it before the report", async () => {
  const { orders } = await shop();
  const seen = [];
  const report = await orders.sync({ onProgress: (event) => seen.push(event) });
  assert.deepEqual([...new Set(seen.map(({ event }) => event))], ["started", "planned", "progress", "committed"]);
  assert.deepEqual(seen.at(-1).report, report);
  assert.equal(seen[0].runId, report.runId);
  assert.deepEqual(seen[1].tables, [["orders", { type: "full", because: "first_sync" }]]);
  const { rows, done } = seen.filter(({ event }) => event === "progress").at(-1);
  assert.deepEqual({ rows, done }, { rows: 100, done: true });
});

test("what onProgress throws cancels the sync, and the promise rejects with it", async () => {
  const { release, orders } = await blocked();
  const mine = new Error("mine");
  let calls = 0;
  const thrown = orders.sync({
    onProgress: () => {
      calls += 1;
      throw mine;
    },
  });
  await assert.rejects(thrown, (error) => error === mine);
  assert.equal(calls, 1);
  const rejected = orders.sync({ onProgress: async () => Promise.reject(mine) });
  await assert.rejects(rejected, (error) => error === mine);
  await release();
  assert.equal((await orders.sync()).rowsRead, 100);
});

test("a second sync is refused at once, and the first is not", async () => {
  const { release, orders, engine } = await blocked();
  const first = orders.sync();
  const error = await orders.sync().catch((error) => error);
  assert.equal(error.code, "AXIS_BUSY");
  assert.equal(error.retryable, true);
  assert.equal(error.context.dataset, "orders");
  assert.equal((await engine.sync()).orders.error.code, "AXIS_BUSY");
  assert.equal(orders.status().running.work, "sync");
  await release();
  assert.equal((await first).rowsRead, 100);
});

test("a sync is aborted by its signal, by cancelSync, by timeoutMs and by close", async () => {
  const { release, orders, engine } = await blocked();
  const abort = new AbortController();
  const aborted = orders.sync({ signal: abort.signal });
  const reason = new Error("why");
  abort.abort(reason);
  await assert.rejects(aborted, { code: "AXIS_CANCELLED", cause: reason });
  await assert.rejects(orders.sync({ signal: abort.signal }), { code: "AXIS_CANCELLED", cause: reason });
  await assert.rejects(orders.sync({ timeoutMs: 50 }), { code: "AXIS_TIMEOUT" });
  assert.equal(orders.cancelSync(), false);
  const cancelled = orders.sync();
  assert.equal(orders.cancelSync(), true);
  await assert.rejects(cancelled, (error) => error.code === "AXIS_CANCELLED" && error.cause === undefined);
  const verify = new AbortController();
  const closed = orders.sync();
  const verified = orders.verify({ signal: verify.signal }).catch((error) => error);
  assert.equal((await verified).code, "AXIS_BUSY");
  await Promise.all([engine.close(), assert.rejects(closed, { code: "AXIS_CANCELLED" })]);
  await release();
});

test("a verification, a page and a question are aborted by their signals", async () => {
  const { url, orders, engine } = await shop();
  await orders.sync();
  await server.hold(`${url} again`, url, "lock table orders in access exclusive mode");
  const abort = new AbortController();
  const verified = orders.verify({ signal: abort.signal });
  abort.abort("enough");
  await assert.rejects(verified, { code: "AXIS_CANCELLED", cause: "enough" });
  assert.equal((await engine.verify({ timeoutMs: 50 })).orders.error.code, "AXIS_TIMEOUT");
  await server.release(`${url} again`);
  const { signal } = abort;
  await assert.rejects(orders.page({}, { signal }), { code: "AXIS_CANCELLED", cause: "enough" });
  await assert.rejects(orders.metadata({ signal }), { code: "AXIS_CANCELLED", cause: "enough" });
  await assert.rejects(engine.analytics.monitoring.summary({}, { signal }), { code: "AXIS_CANCELLED", cause: "enough" });
  await assert.rejects(engine.ask("monitoring.summary", {}, { signal }), { code: "AXIS_CANCELLED", cause: "enough" });
  await assert.rejects(engine.analytics.monitoring.summary(), { code: "AXIS_NOT_SYNCED" });
  await assert.rejects(engine.ask("monitoring.weather"), { code: "AXIS_NOT_FOUND" });
});

test("AXIS_LOG writes what happens to stderr, and a wrong filter is a warning", async () => {
  const { url } = await shop();
  const text = `
    import { Engine } from "axis-engine";
    const engine = await Engine.open(${JSON.stringify(storePath())}, { config: ${JSON.stringify(ordersConfig(url))} });
    await engine.dataset("orders").sync();
    await engine.close();`;
  const told = await runText(text, { env: { AXIS_LOG: "info" } });
  assert.deepEqual({ code: told.code, stdout: told.stdout }, { code: 0, stdout: "" });
  assert.match(told.stderr, /INFO.*synced.*dataset=orders/);
  const silent = await runText(text);
  assert.deepEqual({ code: silent.code, stderr: silent.stderr }, { code: 0, stderr: "" });
  const wrong = await runText(text, { env: { AXIS_LOG: "info,=,=" } });
  assert.equal(wrong.code, 0);
  assert.match(wrong.stderr, /Warning: AXIS_LOG is not followed/);
});

test("onProgress may call the engine, and close it", async () => {
  const { orders, engine } = await shop();
  let closed;
  const outcome = orders.sync({
    onProgress: ({ event }) => {
      assert.equal(orders.status().running?.work ?? "sync", "sync");
      if (event === "started") closed = engine.close();
    },
  });
  await outcome.catch((error) => assert.match(error.code, /^AXIS_(CANCELLED|CLOSED)$/));
  await closed;
});

test("a source that cannot be reached", async () => {
  const engine = await Engine.open(storePath(), { config: ordersConfig("postgresql://nobody:geheim@127.0.0.1:1/none") });
  after(() => engine.close());
  const error = await engine.dataset("orders").sync().catch((error) => error);
  assert.equal(error.code, "AXIS_SOURCE_UNAVAILABLE");
  assert.doesNotMatch(JSON.stringify(error) + error.stack, /geheim/);
});

test("variables come from the process, and from `env` first", async () => {
  const url = await server.database();
  await server.sql(url, ORDERS);
  process.env.AXIS_TEST_URL = "postgresql://127.0.0.1:1/none";
  const engine = await Engine.open({ store: storePath(), config: ordersConfig("${AXIS_TEST_URL}"), env: { AXIS_TEST_URL: url } });
  after(() => engine.close());
  assert.equal((await engine.dataset("orders").sync()).rowsRead, 100);
});
