// Every example runs, and prints what it says.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { directory, ORDERS, packageRoot, postgres, run } from "./support.mjs";

const server = postgres();
const folder = join(packageRoot, "../examples/node");

const MONITORING = `
  create table traces (dataset_id text, created_at timestamptz, environment text);
  insert into traces values ('t1', '2026-01-05 10:00:00+00', 'prod'), ('t2', '2026-01-06 10:00:00+00', 'prod'), ('t3', '2026-01-06 11:00:00+00', 'test');
  create table metrics (dataset_id text, metric_name text, metric_score float8, metric_category text);
  insert into metrics values ('t1', 'a_b', 0.25, 'SCORE'), ('t2', 'a_b', 0.75, 'SCORE'), ('t3', 'a_b', 1, 'SCORE'), ('t3', 'c', 0, 'SCORE');`;

const expected = {
  "sync.mjs": `full because: first_sync, 100 rows read, 100 in the store
incremental, 1 rows read, 100 in the store
ready, up to id 100
`,
  "charts.mjs": `4 scores, 50 % pass, mean 0.500
a_b 2026-01-05 0.25, 2026-01-06 0.88
c 2026-01-06 0.00
a_b prod 50 %, test 100 %
c test 0 %
`,
  "query.mjs": `[ { square: 16 } ]
100000 n, square
true
`,
  "progress.mjs": `planned orders: full
read orders 100
committed 1
AXIS_CANCELLED the page was closed
`,
  "busy.mjs": `AXIS_BUSY
true
AXIS_LOCKED
ready
`,
};

test("every example is tested", () => {
  assert.deepEqual(readdirSync(folder).filter((name) => name.endsWith(".mjs")).sort(), Object.keys(expected).sort());
});

for (const [name, output] of Object.entries(expected)) {
  test(`examples/node/${name}`, async () => {
    const url = await server.database();
    await server.sql(url, ORDERS + MONITORING);
    // As a project that has installed the package.
    const project = directory();
    mkdirSync(join(project, "node_modules"));
    symlinkSync(packageRoot, join(project, "node_modules/axis-engine"));
    symlinkSync(join(packageRoot, "node_modules/apache-arrow"), join(project, "node_modules/apache-arrow"));
    copyFileSync(join(folder, name), join(project, name));
    const { code, stdout, stderr } = await run([name, "store.duckdb"], { cwd: project, env: { DATABASE_URL: url } });
    assert.deepEqual({ code, stderr, stdout }, { code: 0, stderr: "", stdout: output });
  });
}
