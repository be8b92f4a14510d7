// Opens a store, syncs a table of PostgreSQL into it, and says what was done and why.
//
// Usage: DATABASE_URL=postgresql://… node sync.mjs [store]     (the source has a table `orders` with an `id`)
import { Engine } from "axis-engine";

const engine = await Engine.open(process.argv[2] ?? "orders.duckdb", {
  config: {
    datasets: {
      orders: {
        url: process.env.DATABASE_URL,
        tables: { orders: { query: "select * from orders", primary_key: "id", incremental_column: "id" } },
      },
    },
  },
});

const orders = engine.dataset("orders");
for (let turn = 0; turn < 2; turn++) {
  const { strategy, rowsRead, tables } = await orders.sync({ mode: "auto" });
  const why = strategy.type === "full" ? ` because: ${strategy.because}` : "";
  console.log(`${strategy.type}${why}, ${rowsRead} rows read, ${tables[0].rowsTotal} in the store`);
}
console.log(`${orders.status().state}, up to id ${orders.status().watermarks.orders}`);

await engine.close();
