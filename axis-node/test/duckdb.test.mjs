// The addon beside `@duckdb/node-api`, which brings a libduckdb of its own under the name that ours had.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageRoot, runText, storePath } from "./support.mjs";

const axis = `
  const { Engine } = await import("axis-engine");
  const engine = await Engine.open(${JSON.stringify(storePath())});
  const ours = async () => (await engine.query("select version() as v, sum(range) as n from range(100000)").rows())[0];`;
const duckdb = `
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const theirs = async () => {
    const reader = await connection.runAndReadAll("select version() as v, sum(range)::double as n from range(100000)");
    return reader.getRowObjectsJson()[0];
  };`;
const use = `
  const [a, b] = await Promise.all([ours(), theirs()]);
  console.log(JSON.stringify([await ours(), await theirs(), a, b]));
  const codes = [await engine.query("nonsense").rows().catch((error) => error.code), await connection.run("nonsense").catch((error) => error.constructor.name)];
  console.log(codes.join());
  const { readFileSync } = await import("node:fs");
  const maps = readFileSync("/proc/self/maps", "utf8");
  console.log(new Set(maps.match(/\\S*libduckdb\\S*/g)).size);
  connection.closeSync();
  await engine.close();`;

for (const [order, text] of [
  ["ours first", axis + duckdb + use],
  ["theirs first", duckdb + axis + use],
]) {
  test(`both are used in one process: ${order}`, async () => {
    const { code, signal, stdout, stderr } = await runText(text);
    assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    const [answers, codes, libraries] = stdout.trim().split("\n");
    const [ours, theirs, ...again] = JSON.parse(answers);
    assert.equal(ours.n, 4999950000);
    assert.equal(theirs.n, 4999950000);
    assert.deepEqual(again, [ours, theirs]);
    assert.notEqual(ours.v, theirs.v, "two versions, so that it shows who answers");
    assert.equal(codes, "AXIS_QUERY,Error");
    assert.equal(libraries, "2");
  });
}

test("the package has no file of the name that others look up", () => {
  const files = readdirSync(join(packageRoot, "native"), { recursive: true }).map(String);
  assert.ok(files.some((file) => file.endsWith("axis.node")));
  assert.ok(!files.some((file) => file.endsWith("libduckdb.so")), files.join());
});
