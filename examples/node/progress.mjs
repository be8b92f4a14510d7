// Watches a sync, and stops one that somebody no longer wants.
//
// Usage: DATABASE_URL=postgresql://… node progress.mjs [store]     (the source has a table `orders`)
import { AxisError, Engine } from "axis-engine";

const config = {
  datasets: { orders: { url: process.env.DATABASE_URL, tables: { orders: { query: "select * from orders" } } } },
};
const engine = await Engine.open(process.argv[2] ?? "orders.duckdb", { config });
const orders = engine.dataset("orders");

await orders.sync({
  onProgress: (event) => {
    if (event.event === "planned") console.log("planned", event.tables.map(([table, { type }]) => `${table}: ${type}`).join());
    else if (event.event === "progress" && event.done) console.log("read", event.table, event.rows);
    else if (event.event === "committed") console.log("committed", event.report.generation);
  },
});

const abort = new AbortController();
try {
  await orders.sync({ mode: "full", signal: abort.signal, onProgress: () => abort.abort(new Error("the page was closed")) });
} catch (error) {
  if (!(error instanceof AxisError)) throw error;
  console.log(error.code, error.cause.message);
}

await engine.close();
