// Meets a sync that is already running, and a store that another engine holds: both pass, so both are tried again.
//
// Usage: DATABASE_URL=postgresql://… node busy.mjs [store]     (the source has a table `orders`)
import { setTimeout as sleep } from "node:timers/promises";
import { AxisError, Engine } from "axis-engine";

const store = process.argv[2] ?? "orders.duckdb";
const config = {
  datasets: { orders: { url: process.env.DATABASE_URL, tables: { orders: { query: "select * from orders" } } } },
};

/** Tries until it works, as long as trying again may help; between two tries it waits. */
async function patiently(work, wait) {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AxisError && error.retryable)) throw error;
      if (tries === 1) console.log(error.code);
      await wait();
    }
  }
}

const engine = await Engine.open(store, { config });
const orders = engine.dataset("orders");
const running = orders.sync();
const second = await patiently(
  () => orders.sync(),
  () => sleep(50),
);
console.log((await running).rowsRead === second.rowsRead);

// Whoever holds the store is another program as a rule; here it is this one, which lets go of it.
const next = await patiently(
  () => Engine.open(store, { config }),
  () => engine.close(),
);
console.log(next.dataset("orders").status().state);
await next.close();
