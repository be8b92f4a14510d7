// Backups while an engine is used, restoring them, and compacting.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, test } from "node:test";
import { Worker } from "node:worker_threads";
import { compact, Engine, restore } from "axis-engine";
import { directory, ORDERS, ordersConfig, postgres } from "./support.mjs";

const server = postgres();
const ALL = 'select id, item, price::varchar as price, "at"::varchar as time from orders order by id';
/** How often is tried to give up work before it is done, which may be quicker. */
const TRIES = 20;

/** An engine with a dataset `orders` of 100 rows, and a folder for what else is needed. */
async function shop() {
  const url = await server.database();
  await server.sql(url, ORDERS);
  const folder = directory();
  const store = join(folder, "store.duckdb");
  const config = ordersConfig(url);
  const engine = await Engine.open(store, { config });
  after(() => engine.close());
  await engine.dataset("orders").sync();
  return { url, folder, store, config, engine };
}

/** Asks again and again until the answer is one that is wanted. */
async function until(ask, isWanted) {
  for (const end = Date.now() + 60_000; ; ) {
    const answer = ask();
    if (isWanted(answer)) return answer;
    assert.ok(Date.now() < end, JSON.stringify(answer));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const stages = (steps) => [...new Set(steps.map(({ stage }) => stage))];

test("a backup goes on elsewhere where it was made", async () => {
  const { url, folder, config, engine } = await shop();
  const before = await engine.query(ALL).rows();
  const steps = [];
  const file = join(folder, "kept/monday.axis");
  const report = await engine.backup(file, { onProgress: (step) => steps.push(step) });
  assert.deepEqual(stages(steps), ["copying", "writing"]);
  assert.deepEqual(steps.at(-1), { stage: "writing", done: report.bytes, total: report.bytes });
  assert.deepEqual([report.path, report.bytes], [file, statSync(file).size]);
  const { manifest } = report;
  assert.deepEqual([manifest.format, manifest.axisVersion], ["duckdb", Engine.version]);
  assert.equal(manifest.datasets.orders.generation, 1);
  assert.equal(manifest.tables.find(({ name }) => name === "orders").rows, 100);

  const store = join(folder, "other/other.duckdb");
  const checked = [];
  const restored = await restore(file, { store, onProgress: (step) => checked.push(step) });
  assert.deepEqual([restored.store, restored.replaced, restored.manifest], [store, false, manifest]);
  assert.deepEqual(stages(checked), ["checking"]);
  await server.sql(url, "insert into orders values (101, 'new', 1, now())");
  const other = await Engine.open(store, { config });
  assert.deepEqual(await other.query(ALL).rows(), before);
  assert.equal((await other.dataset("orders").sync()).strategy.type, "incremental");
  assert.equal((await other.dataset("orders").verify()).equal, true);
  await other.close();
});

test("a folder of Parquet comes back", async () => {
  const { folder, engine } = await shop();
  const path = join(folder, "folder");
  const { manifest } = await engine.backup(path, { format: "parquet" });
  const files = readdirSync(path).filter((name) => name.endsWith(".parquet"));
  assert.deepEqual([manifest.format, manifest.tables.length], ["parquet", files.length]);
  const steps = [];
  const config = { duckdb: { path: "${PLACE}/again.duckdb" } };
  const { store } = await restore(path, { config, env: { PLACE: folder }, onProgress: (step) => steps.push(step) });
  assert.deepEqual(stages(steps), ["checking", "loading"]);
  const other = await Engine.open(store);
  assert.deepEqual(await other.query(ALL).rows(), await engine.query(ALL).rows());
  await other.close();
  await assert.rejects(engine.backup(path, { format: "parquet" }), { code: "AXIS_INVALID_ARGUMENT", message: /exists already/ });
});

test("what is there is only replaced when that was meant", async () => {
  const { folder, store, engine } = await shop();
  const file = join(folder, "b.axis");
  const notes = join(folder, "notes");
  await engine.backup(file);
  await engine.backup(file, null);
  writeFileSync(notes, "mine");
  await assert.rejects(engine.backup(notes), { code: "AXIS_INVALID_ARGUMENT", message: /no backup/ });
  await assert.rejects(compact({ store }), { code: "AXIS_LOCKED" });
  await assert.rejects(restore(file, { store, force: true }), { code: "AXIS_LOCKED" });
  await engine.close();
  await assert.rejects(engine.backup(file), { code: "AXIS_CLOSED" });
  await assert.rejects(restore(file, { store }), { code: "AXIS_INVALID_ARGUMENT", message: /a store already/ });
  assert.equal((await restore(file, { store, force: true })).replaced, true);
  const steps = [];
  const report = await compact({ store, onProgress: (step) => steps.push(step) });
  assert.deepEqual(stages(steps), ["writing"]);
  assert.deepEqual([report.store, report.bytesAfter], [store, statSync(store).size]);
  assert.ok(report.rows >= 100 && report.tables > 1 && report.bytesBefore > 0);
  const again = await Engine.open(store);
  assert.deepEqual(await again.query("select count(*) as n from orders").rows(), [{ n: 100 }]);
  await again.close();
  await assert.rejects(compact({ store: join(folder, "none.duckdb") }), { code: "AXIS_NOT_FOUND" });
  await assert.rejects(restore(join(folder, "none.axis"), { store, force: true }), { code: "AXIS_NOT_FOUND" });
  await assert.rejects(restore(notes, { store, force: true }), { code: "AXIS_STORE" });
});

test("wrong options are named", async () => {
  const { folder, engine } = await shop();
  const file = join(folder, "b.axis");
  const store = join(folder, "other.duckdb");
  const before = readdirSync(folder).sort();
  for (const [begin, message] of [
    [() => engine.backup(file, { format: "zip" }), "`format` of the backup options is `zip`; allowed are duckdb, parquet"],
    [() => engine.backup(file, { colour: 1 }), "`colour` is no member of the backup options; there are format"],
    [() => engine.backup(5), "the path of the backup is no text"],
    [() => engine.backup(file, { onProgress: 1 }), "`onProgress` is no function"],
    [() => engine.backup(file, { signal: 1 }), "`signal` of the backup options is no AbortSignal"],
    [() => restore(file, { store, scheduler: true }), "`scheduler` is no member of the restore options; there are store, config, env, force"],
    [() => restore(file, { store, takeOverSeconds: 3 }), "`takeOverSeconds` is no member of the restore options; there are store, config, env, force"],
    [() => restore(file, { store, force: 1 }), "`force` of the restore options is wrong; allowed is a boolean"],
    [() => compact({ store, force: true }), "`force` is no member of the compact options; there are store, config, env"],
    [() => compact(store), "the compact options are a text; allowed is an object"],
  ]) {
    await assert.rejects(begin, { name: "AxisError", code: "AXIS_INVALID_ARGUMENT", message });
  }
  await assert.rejects(restore(file, { store, config: { duckdb: "duckdb: [" } }), { code: "AXIS_CONFIG" });
  assert.deepEqual(readdirSync(folder).sort(), before);
});

test("what is aborted, or whose callback throws, leaves nothing behind", async () => {
  const { folder, engine } = await shop();
  const file = join(folder, "b.axis");
  const kept = join(folder, "kept");
  await engine.backup(file);
  const mine = new Error("mine");
  const throws = () => ({
    onProgress: () => {
      throw mine;
    },
  });
  const aborts = () => {
    const abort = new AbortController();
    return { signal: abort.signal, onProgress: () => abort.abort(mine) };
  };
  const givenUp = async (work, made) => {
    for (const [options, isMine] of [
      [throws, (error) => error === mine],
      [aborts, ({ code, cause }) => code === "AXIS_CANCELLED" && cause === mine],
    ]) {
      let tries = 0;
      while (await work(options()).then(() => true, (error) => !isMine(error) || statSync(made, { throwIfNoEntry: false }))) {
        assert.ok(++tries < TRIES, "it was never given up in time");
        rmSync(made, { force: true });
      }
    }
  };
  await givenUp((options) => engine.backup(join(kept, "b"), options), join(kept, "b"));
  assert.deepEqual(readdirSync(kept), []);
  const store = join(kept, "s.duckdb");
  await givenUp((options) => restore(file, { store, ...options }), store);
  assert.deepEqual(readdirSync(kept), ["s.duckdb.lock"]);
  const aborted = AbortSignal.abort(mine);
  for (const work of [engine.backup(file, { signal: aborted }), restore(file, { store, signal: aborted }), compact({ store, signal: aborted })]) {
    await assert.rejects(work, { code: "AXIS_CANCELLED", cause: mine });
  }
  // Nothing holds either of them.
  await engine.backup(join(kept, "b"));
  await restore(join(kept, "b"), { store });
});

test("a worker that is terminated meanwhile leaves nothing half made", async () => {
  const { folder, engine } = await shop();
  const file = join(folder, "b.axis");
  const store = join(folder, "other.duckdb");
  await engine.backup(file);
  const text = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { restore } = require(workerData.engine);
    restore(workerData.file, { store: workerData.store, onProgress: ({ stage }) => parentPort.postMessage(stage) });`;
  const worker = new Worker(text, { eval: true, workerData: { engine: createRequire(import.meta.url).resolve("axis-engine"), file, store } });
  assert.deepEqual(await once(worker, "message"), ["checking"]);
  await worker.terminate();
  assert.deepEqual(readdirSync(folder).filter((name) => name.includes("partial")), []);
  // Nobody holds the store.
  await restore(file, { store, force: true });
});

test("scheduled backups tell how they go", async () => {
  const { folder, engine } = await shop();
  assert.equal(engine.backupStatus(), null);
  const blocked = join(folder, "blocked");
  writeFileSync(blocked, "no folder can be made here");
  const open = (name, where) => Engine.open(join(folder, name), { config: { duckdb: { backup: { directory: where } } }, scheduler: true });
  const own = await open("own.duckdb", blocked);
  const failed = await until(() => own.backupStatus(), ({ lastFailure }) => lastFailure);
  assert.deepEqual([failed.directory, failed.lastSuccess, failed.lastFailure.code], [blocked, null, "AXIS_STORE"]);
  await own.close();
  const other = await open("other.duckdb", join(folder, "by-the-clock"));
  const made = await until(() => other.backupStatus(), ({ lastSuccess }) => lastSuccess);
  assert.equal(made.lastFailure, null);
  await other.close();
  assert.equal(readdirSync(join(folder, "by-the-clock")).length, 1);
});
