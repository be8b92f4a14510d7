// What tests share: a PostgreSQL of their own, stores in directories that go away, and programs of their own.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

export const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** A directory that is removed after the test, or outside of one after all of the file. */
export function directory() {
  const path = mkdtempSync(join(tmpdir(), "axis-node-"));
  after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export const storePath = () => join(directory(), "store.duckdb");

/** Starts a throw-away PostgreSQL that ends with the tests of the file. To be called outside of tests and hooks. */
export function postgres() {
  const program = process.env.AXIS_TEST_POSTGRES;
  if (!program) throw new Error("AXIS_TEST_POSTGRES is not set; run the tests with scripts/node.sh test");
  const child = spawn(program, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error("the server has ended");
    return value;
  };
  const ended = new Promise((resolve) => child.once("exit", resolve));
  after(async () => {
    child.stdin.end();
    await ended;
  });
  let last = line();
  const request = (...fields) => {
    const answered = last.then(async () => {
      child.stdin.write(`${fields.join("\t")}\n`);
      const answer = await line();
      if (answer.startsWith("error\t")) throw new Error(JSON.parse(answer.slice(6)));
      return answer;
    });
    last = answered.catch(() => undefined);
    return answered;
  };
  return {
    database: () => request("database"),
    sql: async (url, sql) => JSON.parse((await request("sql", url, JSON.stringify(sql))).slice(3) || "null"),
    hold: (name, url, sql) => request("hold", name, url, JSON.stringify(sql)),
    release: (name) => request("release", name),
  };
}

/** The configuration of a dataset `orders` over a table of that name. */
export function ordersConfig(url, query = "select id, item, price, at from orders") {
  return { datasets: { orders: { url, tables: { orders: { query, incremental_column: "id", primary_key: "id" } } } } };
}

export const ORDERS = `
  create table orders (id bigint primary key, item text, price numeric(10, 2), at timestamptz);
  insert into orders select n, 'item ' || n, n + 0.25, timestamptz '2026-01-01 00:00:00.123456+00' + n * interval '1 minute'
    from generate_series(1, 100) n;`;

/** Runs a program of Node and returns what became of it. */
export function run(args, { cwd = packageRoot, env = {}, input } = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env } });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data) => (stdout += data));
    child.stderr.on("data", (data) => (stderr += data));
    child.stdin.end(input ?? "");
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** Runs the text of a module. */
export function runText(text, { args = [], extension = "mjs", ...options } = {}) {
  const path = join(packageRoot, `test/.${process.pid}-${Math.random().toString(36).slice(2)}.${extension}`);
  writeFileSync(path, text);
  return run([...args, path], options).finally(() => rmSync(path, { force: true }));
}

export const soak = process.env.AXIS_SOAK === "1";
