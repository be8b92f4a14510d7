// What a release would hand out: the tarball in an empty project, the types, the README, the generated declarations.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { Engine } from "axis-engine";
import { EvalAnalytics, KpiAnalytics, MonitoringAnalytics, SignalsAnalytics } from "../dist/analytics.js";
import { directory, ORDERS, packageRoot, postgres, run } from "./support.mjs";

const server = postgres();
const execute = promisify(execFile);
const read = (path) => readFileSync(join(packageRoot, path), "utf8");
const quickStart = read("README.md").match(/```js\n([\s\S]*?)```/)[1];

/** Runs the quick start of the README in a directory where `axis-engine` can be found. */
async function quickStarts(cwd) {
  const url = await server.database();
  await server.sql(url, ORDERS);
  writeFileSync(join(cwd, "quick.mjs"), quickStart);
  const { code, stdout, stderr } = await run(["quick.mjs"], { cwd, env: { DATABASE_URL: url, LD_LIBRARY_PATH: "" } });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.trim().split("\n");
  assert.deepEqual(lines.slice(0, 2), ["started", "planned"]);
  assert.deepEqual(lines.slice(-4), ["committed", "full 100", "90", "AXIS_NOT_FOUND false"]);
  assert.ok(existsSync(join(cwd, "store.duckdb")));
}

test("the tarball installs into an empty project, and its quick start runs there", { timeout: 300_000 }, async () => {
  const project = directory();
  writeFileSync(join(project, "package.json"), '{ "name": "empty", "private": true }');
  await execute("npm", ["install", "--offline", "--no-audit", "--no-fund", "--omit=peer", "--loglevel=error", process.env.AXIS_NODE_TARBALL], { cwd: project });
  assert.ok(!existsSync(join(project, "node_modules/apache-arrow")), "Arrow is optional");
  assert.ok(!existsSync(join(project, "node_modules/axis-engine/src")));
  await quickStarts(project);
  writeFileSync(join(project, "common.cjs"), 'console.log(require("axis-engine").Engine.version)');
  const { stdout } = await run(["common.cjs"], { cwd: project });
  assert.equal(stdout.trim(), Engine.version);
  // The types say something without `apache-arrow`, too, also to those who let the compiler check what they installed.
  writeFileSync(
    join(project, "typed.ts"),
    `import { Engine } from "axis-engine";
     export const rows = async (engine: Engine): Promise<number> => (await engine.query("select 1").arrow()).numRows;
     // @ts-expect-error the path is a text
     export const wrong = Engine.open(5);`,
  );
  const types = ["--types", "node", "--typeRoots", join(packageRoot, "node_modules/@types")];
  const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "node16", ...types];
  assert.deepEqual(await run([join(packageRoot, "node_modules/typescript/bin/tsc"), ...options, "typed.ts"], { cwd: project }), {
    code: 0, signal: null, stdout: "", stderr: "",
  });
});

test("versions and declarations are those of the crate", async () => {
  assert.equal(JSON.parse(read("package.json")).version, Engine.version);
  const { code, stdout } = await run([join(packageRoot, "../scripts/node-types.mjs"), process.env.AXIS_NODE_OUT]);
  assert.equal(code, 0);
  assert.equal(stdout, read("native.d.ts"), "native.d.ts is stale; run scripts/node.sh bless");
});

test("the types are what the documentation says", { timeout: 120_000 }, async () => {
  const { code, stdout, stderr } = await run(["node_modules/typescript/bin/tsc", "-p", "test/tsconfig.json"]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "", stderr: "" });
});

test("every question has a method, and every method is a question", async () => {
  const { questions } = await import("../dist/native.js").then(({ native }) => native);
  const groups = { monitoring: MonitoringAnalytics, kpi: KpiAnalytics, eval: EvalAnalytics, signals: SignalsAnalytics };
  const methods = Object.entries(groups).flatMap(([group, { prototype }]) =>
    Object.getOwnPropertyNames(prototype)
      .filter((name) => name !== "constructor")
      .map((name) => `${group}.${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`),
  );
  assert.deepEqual(methods, questions());
});

test("only the gate has to do with threads, panics and errors of Node", () => {
  const files = readdirSync(join(packageRoot, "src")).filter((name) => name !== "gate.rs");
  assert.ok(files.length > 4);
  for (const name of files) assert.doesNotMatch(read(`src/${name}`), /catch_unwind|block_on|RUNTIME|spawn\(|napi::Error/, name);
});

test("the lock file names no host", () => {
  assert.doesNotMatch(read("package-lock.json"), /"resolved"/);
});
