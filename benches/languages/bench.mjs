// Node's part of `language-bench`: options in JSON, rounds, calls; one line of JSON.

import { performance } from "node:perf_hooks";

let begun = performance.now();
const { Engine } = await import("axis-engine");
const import_ms = performance.now() - begun;

const [options, rounds, calls] = [JSON.parse(process.argv[2]), Number(process.argv[3]), Number(process.argv[4])];
const engine = await Engine.open(options);
const query_ms = [];
let rows = 0;
for (let round = 0; round < rounds; round++) {
  begun = performance.now();
  const table = await engine.query("select * from rows").arrow();
  query_ms.push(performance.now() - begun);
  rows = table.numRows;
}
const dataset = engine.dataset("rows");
begun = performance.now();
for (let call = 0; call < calls; call++) {
  dataset.status();
}
const status_us = ((performance.now() - begun) * 1e3) / calls;
await engine.close();
console.log(JSON.stringify({ query_ms, status_us, rows, import_ms }));
