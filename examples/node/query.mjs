// Asks the store in SQL: as rows, as an Arrow table, and in batches when the answer is larger than memory.
//
// Usage: node query.mjs [store]
import { tableFromIPC } from "apache-arrow";
import { Engine } from "axis-engine";

const engine = await Engine.open(process.argv[2] ?? "orders.duckdb");

const query = engine.query("select range as n, range * range as square from range(?) order by n", [100_000]);
const top = await engine.query("select max(square) as square from (select range * range as square from range($n))", { n: 5 }).rows();
console.log(top);

const table = await query.arrow();
console.log(table.numRows, table.schema.names.join(", "));

let rows = 0;
for await (const ipc of query.batches()) {
  rows += tableFromIPC(ipc).numRows;
  if (rows > 10_000) break; // cancels the rest
}
console.log(rows > 10_000 && rows < 100_000);

await engine.close();
