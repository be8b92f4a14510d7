// Events of an engine: who listens from when, to what, until when.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { Engine } from "axis-engine";
import { directory, ORDERS, ordersConfig, postgres, runText, storePath } from "./support.mjs";

const server = postgres();

/** An engine over a source that has orders, or that does not even have its file. */
async function opened(config) {
  const engine = await Engine.open(storePath(), { config });
  after(() => engine.close());
  return engine;
}
async function orders() {
  const url = await server.database();
  await server.sql(url, ORDERS);
  return opened(ordersConfig(url));
}
const nowhere = () => opened(ordersConfig(`sqlite:${join(directory(), "nothing.sqlite")}`));

/** Takes events up to the first of a kind. */
async function upTo(events, kind) {
  const taken = [];
  for (;;) {
    const { value, done } = await events.next();
    if (done) assert.fail(`no ${kind} came: ${JSON.stringify(taken)}`);
    taken.push(value);
    if (value.event === kind) return taken;
  }
}

test("whoever listens hears what anybody begins, from the call on", async () => {
  const engine = await orders();
  const dataset = engine.dataset("orders");
  const [events, others] = [engine.events(), engine.events(null)];
  const told = [];
  const report = await dataset.sync({ onProgress: (event) => told.push(event) });
  const synced = await upTo(events, "committed");
  // The same as the progress of that sync, with `id` and `at`.
  assert.deepEqual(synced.filter(({ event }) => event !== "readiness").map(({ id, at, ...event }) => event), told);
  assert.deepEqual([synced[0].event, synced.at(-1).report], ["started", report]);
  for (const { id, at } of synced) {
    assert.match(id, /^[0-9a-f]+-\d+$/);
    assert.ok(Math.abs(new Date(at) - Date.now()) < 60_000, at);
  }
  assert.equal(new Set(synced.map(({ id }) => id)).size, synced.length);

  await dataset.verify();
  const [verifying, verified] = (await upTo(events, "verified")).filter(({ event }) => event.startsWith("verif"));
  assert.deepEqual([verifying.event, verifying.tables, verifying.dataset], ["verifying", ["orders"], "orders"]);
  assert.deepEqual([verified.equal, verified.runId], [true, verifying.runId]);
  assert.deepEqual((await upTo(others, "committed")).map(({ id }) => id), synced.map(({ id }) => id));
});

test("a listener goes on after the event that it has seen last", async () => {
  const engine = await nowhere();
  const dataset = engine.dataset("orders");
  const events = engine.events();
  await assert.rejects(dataset.sync());
  const [started, ...rest] = await upTo(events, "failed");
  assert.equal(rest.at(-1).failure.runId, started.runId);
  assert.equal(rest.at(-1).failure.message.length > 0, true);
  const resumed = await upTo(engine.events({ after: started.id }), "failed");
  assert.deepEqual(resumed, rest);
  const [lost, first] = await upTo(engine.events({ after: "of another engine" }), "started");
  assert.deepEqual([lost.event, first], ["lost", started]);
});

test("whoever is too slow loses the oldest events, and is told so", async () => {
  const engine = await nowhere();
  const dataset = engine.dataset("orders");
  const events = engine.events();
  const began = [];
  for (let sync = 0; sync < 520; sync++) {
    await assert.rejects(dataset.sync({ onProgress: ({ event, runId }) => event === "started" && began.push(runId) }));
  }
  const { value: lost } = await events.next();
  assert.equal(lost.event, "lost");
  const left = await upTo(engine.events({ after: lost.id }), "started");
  assert.ok(began.indexOf(left.at(-1).runId) > 0, "the first sync is forgotten");
  assert.deepEqual((await upTo(events, "started")).map(({ id }) => id), left.map(({ id }) => id));
});

test("the loop ends with the engine, after everything was told", async () => {
  const engine = await nowhere();
  const [idle, behind] = [engine.events(), engine.events()];
  const waiting = idle.next();
  await assert.rejects(engine.dataset("orders").sync());
  assert.equal((await waiting).value.event, "started");
  const ended = (async () => {
    const kinds = [];
    for await (const { event } of behind) kinds.push(event);
    return kinds;
  })();
  await engine.close();
  assert.deepEqual((await ended).filter((kind) => kind !== "readiness"), ["started", "failed"]);
  assert.deepEqual(await behind.next(), { done: true, value: undefined });
  assert.throws(() => engine.events(), { code: "AXIS_CLOSED" });
});

test("a listener can be aborted and left while it waits", async () => {
  const engine = await nowhere();
  const abort = new AbortController();
  const waiting = engine.events({ signal: abort.signal }).next();
  abort.abort("enough");
  await assert.rejects(waiting, { code: "AXIS_CANCELLED", cause: "enough" });
  await assert.rejects(engine.events({ signal: abort.signal }).next(), { code: "AXIS_CANCELLED", cause: "enough" });
  const events = engine.events();
  const next = events.next();
  assert.deepEqual(await events.return(), { done: true, value: undefined });
  assert.deepEqual(await next, { done: true, value: undefined });
  for (const [pattern, options] of [
    [/event options are a text/, "1-2"],
    [/`before`.*after, signal/, { before: "1-2" }],
    [/`after`.*no text/, { after: 5 }],
    [/`signal`.*no AbortSignal/, { signal: {} }],
  ]) {
    assert.throws(() => engine.events(options), (error) => error.code === "AXIS_INVALID_ARGUMENT" && pattern.test(error.message));
  }
});

test("a process with a listener ends in order", async () => {
  const { stdout, ...ended } = await runText(
    `import { Engine } from "axis-engine";
     const engine = await Engine.open(${JSON.stringify(storePath())});
     engine.events();
     const told = (async () => { for await (const event of engine.events()) console.log(event); console.log("ended"); })();
     setImmediate(async () => { await engine.close(); await told; });`,
  );
  assert.deepEqual({ ...ended, stdout }, { code: 0, signal: null, stderr: "", stdout: "ended\n" });
});
