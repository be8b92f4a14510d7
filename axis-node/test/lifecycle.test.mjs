// Beginning and end: processes, worker threads, engines that nobody closes, and what is left behind.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Engine } from "axis-engine";
import { directory, ORDERS, ordersConfig, postgres, runText, soak, storePath } from "./support.mjs";

const server = postgres();
const clean = { code: 0, signal: null, stderr: "" };

/** A source in which a sync waits for a lock, and the text that begins one in another program. */
async function blocked() {
  const url = await server.database();
  await server.sql(url, ORDERS);
  await server.hold(url, url, "lock table orders in access exclusive mode");
  const store = storePath();
  const begin = `
    import { Engine } from "axis-engine";
    const engine = await Engine.open(${JSON.stringify(store)}, { config: ${JSON.stringify(ordersConfig(url))} });
    const planned = () => new Promise((resolve) => {
      sync = engine.dataset("orders").sync({ onProgress: ({ event }) => event === "started" && resolve() });
      sync.catch(() => undefined);
    });
    let sync;`;
  return { store, begin };
}

/** The store can be opened again: whoever had it has let go of it. */
const reopens = async (store) => (await Engine.open(store)).close();

test("a process ends when it has nothing more to do, with an engine that is open", async () => {
  const store = storePath();
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     globalThis.engine = await Engine.open(${JSON.stringify(store)});
     console.log((await engine.query("select 1 as one").rows())[0].one);
     process.on("beforeExit", () => console.log(process.getActiveResourcesInfo().filter((name) => !/Pipe|TTY|FSReq/.test(name)).join()));`,
  );
  assert.deepEqual({ ...ended, stdout }, { ...clean, stdout: "1\n\n" });
  await reopens(store);
});

test("an engine with a schedule that nobody holds any more is closed with the process", async () => {
  const store = storePath();
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     await (async () => void (await Engine.open({ store: ${JSON.stringify(store)}, config: {}, scheduler: true })))();
     for (let turn = 0; turn < 10; turn++) { gc(); await new Promise(setImmediate); }
     console.log(await Engine.open(${JSON.stringify(store)}).catch(({ code }) => code));`,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual({ ...ended, stdout }, { ...clean, stdout: "AXIS_LOCKED\n" });
  await reopens(store);
});

test("a process that exits during a sync ends at once and in order", async () => {
  for (const exit of ["process.exit(7)", "process.exitCode = 7; setImmediate(() => process.exit())"]) {
    const { store, begin } = await blocked();
    const { code, signal, stderr } = await runText(`${begin} await planned(); ${exit};`);
    assert.deepEqual({ code, signal, stderr }, { code: 7, signal: null, stderr: "" });
    await reopens(store);
  }
});

test("a process that exits during a query ends at once and in order", async () => {
  const store = storePath();
  const { code, signal, stderr } = await runText(
    `import { Engine } from "axis-engine";
     const engine = await Engine.open(${JSON.stringify(store)});
     engine.query("select count(*) from range(100000000000) a where a.range % 3 = 0").rows();
     while (!engine.queries().some(({ state }) => state === "running")) await new Promise(setImmediate);
     process.exit(5);`,
  );
  assert.deepEqual({ code, signal, stderr }, { code: 5, signal: null, stderr: "" });
  await reopens(store);
});

test("an uncaught exception during a sync ends the process as usual", async () => {
  const { store, begin } = await blocked();
  const { code, signal, stderr } = await runText(`${begin} await planned(); setImmediate(() => { throw new Error("mine"); });`);
  assert.deepEqual({ code, signal }, { code: 1, signal: null });
  assert.match(stderr, /Error: mine/);
  await reopens(store);
});

test("several workers have engines at the same time", async () => {
  const stores = Array.from({ length: 4 }, storePath);
  const { stdout, ...ended } = await runText(
    `import { Worker, isMainThread, workerData, parentPort } from "node:worker_threads";
     import { fileURLToPath } from "node:url";
     import { AxisError, Engine } from "axis-engine";
     if (isMainThread) {
       const answers = await Promise.all(${JSON.stringify(stores)}.map((store, index) => new Promise((resolve, reject) => {
         const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { store, index } });
         worker.once("message", resolve).once("error", reject);
       })));
       console.log(answers.join());
     } else {
       const engine = await Engine.open(workerData.store);
       const [{ n }] = await engine.query("select sum(range) + ? as n from range(1000)", [workerData.index]).rows();
       const code = await engine.query("nonsense").rows().catch((error) => error instanceof AxisError && error.code);
       if (workerData.index % 2) await engine.close();
       parentPort.postMessage(n + " " + code);
     }`,
  );
  const expected = "499500 AXIS_QUERY,499501 AXIS_QUERY,499502 AXIS_QUERY,499503 AXIS_QUERY\n";
  assert.deepEqual({ ...ended, stdout }, { ...clean, stdout: expected });
  await Promise.all(stores.map(reopens));
});

for (const main of ["that uses the addon itself", "that does not"]) {
  test(`a worker is terminated while it syncs, in a process ${main}`, async () => {
    const { store, begin } = await blocked();
    const worker = `${begin.replaceAll("`", "")}
      import { parentPort } from "node:worker_threads";
      await planned(); parentPort.postMessage("syncing"); await sync;`;
    // What the worker held, another thread can have as soon as it has ended.
    const next = `
      import { Engine } from "axis-engine"; import { parentPort } from "node:worker_threads";
      const engine = await Engine.open(${JSON.stringify(store)});
      parentPort.postMessage(engine.dataset("monitoring").status().state); await engine.close();`;
    const { stdout, ...ended } = await runText(
      `import { Worker } from "node:worker_threads";
       import { writeFileSync } from "node:fs";
       ${main === "that does not" ? "" : 'await import("axis-engine");'}
       const start = (text, name) => {
         const path = new URL("./." + process.pid + name + ".mjs", import.meta.url);
         writeFileSync(path, text);
         process.once("exit", () => rmSync(path));
         return new Worker(path);
       };
       import { rmSync } from "node:fs";
       const message = (worker) => new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
       const worker = start(${JSON.stringify(worker)}, "worker");
       console.log(await message(worker));
       await worker.terminate();
       console.log(await message(start(${JSON.stringify(next)}, "next")));`,
    );
    assert.deepEqual({ ...ended, stdout }, { ...clean, stdout: "syncing\nnot_synced\n" });
    await reopens(store);
  });
}

test("engines that are opened and closed leave nothing behind", { timeout: soak ? 3_600_000 : 300_000 }, async (t) => {
  const count = soak ? 10_000 : 150;
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     import { readdirSync } from "node:fs";
     const facts = () => { gc(); return { rss: process.memoryUsage.rss(), files: readdirSync("/proc/self/fd").length, threads: readdirSync("/proc/self/task").length }; };
     for (let index = 0; index < 50; index++) await loop(index);
     const before = facts();
     for (let index = 0; index < ${count}; index++) await loop(index);
     const after = facts();
     console.log(JSON.stringify({ before, after }));
     async function loop(index) {
       const engine = await Engine.open(${JSON.stringify(directory())} + "/" + (index % 10) + ".duckdb");
       await engine.query("select ? as n", [index]).rows();
       try { engine.dataset("nothing"); } catch {}
       engine.dataset("kpi").status();
       await engine.close();
     }`,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual(ended, clean);
  t.diagnostic(stdout.trim());
  const { before, after: left } = JSON.parse(stdout);
  assert.ok(left.files <= before.files + 2, stdout);
  assert.ok(left.threads <= before.threads + 4, stdout);
  // An engine holds megabytes: if one in ten were left, a hundred would be.
  assert.ok(left.rss < before.rss + 48 * 2 ** 20, stdout);
});

test("thousands of rejections leave nothing behind", async () => {
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     const engine = await Engine.open(${JSON.stringify(storePath())});
     const loop = async (count) => {
       for (let index = 0; index < count; index++) {
         await engine.cancelQuery("nonsense").catch(() => undefined);
         try { engine.dataset("nothing"); } catch {}
         await engine.usage();
       }
       gc();
       return process.memoryUsage.rss();
     };
     const before = await loop(3000);
     console.log((await loop(12000)) - before);
     await engine.close();`,
    { args: ["--expose-gc"] },
  );
  assert.deepEqual(ended, clean);
  assert.ok(Number(stdout) < 16 * 2 ** 20, stdout);
});

test("await using closes the engine, also where Node does not know the symbol", async () => {
  const store = storePath();
  // What a compiler makes of `await using`, in short; Node 18 has no Symbol.asyncDispose before 18.18.
  const { stdout, ...ended } = await runText(
    `const hidden = Symbol.asyncDispose;
     const known = Symbol;
     globalThis.Symbol = new Proxy(() => {}, { get: (_, key) => (key === "asyncDispose" ? undefined : known[key]) });
     const { Engine } = await import("axis-engine");
     const engine = await Engine.open(${JSON.stringify(store)});
     await engine[Symbol.for("Symbol.asyncDispose")]();
     console.log(engine.closed, hidden in engine, "undefined" in engine);`,
  );
  assert.deepEqual({ ...ended, stdout }, { ...clean, stdout: "true false false\n" });
  const engine = await Engine.open(store);
  await engine[Symbol.asyncDispose]();
  assert.equal(engine.closed, true);
});
