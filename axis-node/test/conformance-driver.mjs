// Does one operation a line for the conformance suite, through the package as anybody would use it.
//
// A request is fields separated by tabs; the answer is `ok` or `error`, a tab, and JSON in the form that all languages share:
// members in snake_case, integers exact. Ends with stdin.
import { createInterface } from "node:readline";
import { setTimeout as after } from "node:timers/promises";
import { tableFromIPC } from "apache-arrow";
import { AxisError, Engine } from "axis-engine";
import { EvalAnalytics, KpiAnalytics, MonitoringAnalytics, SignalsAnalytics } from "../dist/analytics.js";

const engines = new Map();
const jobs = new Map();
const asked = new Map();

/** Longer than a query takes to begin, in milliseconds. */
const BEGINS = 30_000;

const engine = (name) => engines.get(name) ?? unknown(`engine ${name}`);
const dataset = (name, of) => engine(name).dataset(of);

/** Reads JSON with exact integers: those that a number would round become a `bigint`. */
const MARK = "integer:";
const json = (text) => {
  if (text === undefined || text === "") return undefined;
  const marked = text.replace(/"(?:[^"\\]|\\.)*"|-?\d{16,}(?![\d.eE])/g, (token) =>
    token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : `"${MARK}${token}"`,
  );
  const revive = (_, value) => (typeof value === "string" && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value);
  return marked === text ? JSON.parse(text) : JSON.parse(marked, revive);
};

/** Options as the package takes them; what is in their members is data. */
const camel = (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
const options = (text) => {
  const given = json(text);
  if (given === null || given === undefined) return undefined;
  if (typeof given !== "object" || Array.isArray(given)) return given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [camel(key), value]));
};

/** Answers in the form of all languages: the same members that the package renames, and no key of the data. */
const KEYED = ["byGroup", "categories", "context", "filterValues", "kpiOrder", "metrics", "signalTypes", "values", "watermarks"];
const DATA = ["comparison", "correlation", "displayConfig", "rows", "signals"];
const snake = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
function wire(value, { keyed = false, data } = {}) {
  if (value instanceof AxisError) return value.toJSON();
  if (Array.isArray(value)) return value.map((element) => wire(element, { data }));
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).map(([key, member]) => {
    const whole = !keyed && ((DATA.includes(key) && typeof member === "object") || key === data);
    return [keyed ? key : snake(key), whole ? member : wire(member, { keyed: !keyed && KEYED.includes(key), data })];
  });
  return Object.fromEntries(members);
}
const outcomes = (all) => Object.fromEntries(Object.entries(all).map(([name, outcome]) => [name, wire(outcome)]));

/** JSON with exact integers: a `bigint` is written with all its digits. */
function print(value) {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map((element) => print(element ?? null)).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${print(member)}`).join()}}`;
}

/** The method of a question: `monitoring.classification_trends` is `analytics.monitoring.classificationTrends`. */
function ask(of, question, request) {
  const [group, method] = question.split(".").map(camel);
  const asked = of.analytics[group]?.[method];
  return asked === undefined ? of.ask(question, request) : of.analytics[group][method](request);
}

async function query(name, sql, params, given) {
  const { columns, rows } = await engine(name).query(json(sql), json(params), given).result();
  return { columns, rows };
}

const operations = {
  open: async (name, given) => void engines.set(name, await Engine.open(options(given))),
  close: async (name) => void (await engine(name).close()),
  version: () => Engine.version,
  datasets: (name) => engine(name).datasets,
  status: (name, of) => wire(dataset(name, of).status()),
  watermarks: (name, of) => wire(dataset(name, of).watermarks()),
  reset_watermarks: (name, of) => dataset(name, of).resetWatermarks(),
  sync: async (name, of, given) => wire(await dataset(name, of).sync(options(given))),
  sync_all: async (name, given) => outcomes(await engine(name).sync(options(given))),
  sync_start: async (job, name, of, given) => {
    const abort = new AbortController();
    let report;
    const started = new Promise((onProgress) => {
      report = dataset(name, of).sync({ ...options(given), signal: abort.signal, onProgress });
    });
    // A sync that cannot start rejects without an event; whatever else becomes of it is told when somebody waits.
    await Promise.race([started, report]);
    report.catch(() => undefined);
    jobs.set(job, { abort, report });
  },
  sync_wait: async (job) => wire(await (jobs.get(job) ?? unknown(`job ${job}`)).report),
  sync_cancel: (job) => (jobs.get(job) ?? unknown(`job ${job}`)).abort.abort(),
  cancel_sync: (name, of) => dataset(name, of).cancelSync(),
  verify: async (name, of, given) => wire(await dataset(name, of).verify(options(given))),
  verify_all: async (name, given) => outcomes(await engine(name).verify(options(given))),
  query: (name, sql, params, given) => query(name, sql, params, options(given)),
  query_arrow: async (name, sql, params, given) => {
    const table = tableFromIPC(await engine(name).query(json(sql), json(params), options(given)).arrowIpc());
    return { rows: table.numRows, columns: table.schema.fields.map((field) => field.name) };
  },
  query_start: async (id, name, sql, params, given) => {
    let over = false;
    const answer = query(name, sql, params, { ...options(given), id }).finally(() => {
      over = true;
    });
    // Whatever becomes of it is told when somebody waits.
    answer.catch(() => undefined);
    asked.set(id, answer);
    const runs = () => engine(name).queries().some((listed) => listed.id === id && listed.state === "running");
    for (const begun = Date.now(); !over && !runs(); await after(5)) {
      if (Date.now() > begun + BEGINS) refuse("AXIS_TIMEOUT", 205, "the query does not begin");
    }
  },
  query_wait: async (id) => await (asked.get(id) ?? unknown(`query ${id}`)),
  queries: (name) => wire(engine(name).queries()),
  cancel_query: (name, id) => engine(name).cancelQuery(id),
  page: async (name, of, request) => wire(await dataset(name, of).page(options(request))),
  metadata: async (name, of) => wire(await dataset(name, of).metadata()),
  ask: async (name, question, request) =>
    wire(await ask(engine(name), question, options(request)), { data: question === "signals.cases" ? "data" : undefined }),
  runs: async (name, limit) => wire(await engine(name).runs(limit === undefined ? undefined : Number(limit))),
  questions: () => questions(),
  progress: async (name, of, given) => {
    const seen = new Set();
    await dataset(name, of).sync({ ...options(given), onProgress: ({ event }) => seen.add(event) });
    return [...seen];
  },
};

/** The questions that have a method, in the order of their definition. */
function questions() {
  const groups = { monitoring: MonitoringAnalytics, kpi: KpiAnalytics, eval: EvalAnalytics, signals: SignalsAnalytics };
  return Object.entries(groups).flatMap(([group, { prototype }]) => {
    const methods = Object.getOwnPropertyNames(prototype).filter((name) => name !== "constructor");
    return methods.map((method) => `${group}.${snake(method)}`);
  });
}

function unknown(what) {
  refuse("AXIS_NOT_FOUND", 102, `there is no ${what}`);
}

function refuse(code, number, message) {
  throw new AxisError({ code, number, message, operation: "", retryable: false, context: {} });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [operation, ...fields] = line.split("\t");
  try {
    const work = operations[operation] ?? unknown(`operation ${operation}`);
    console.log(`ok\t${print((await work(...fields)) ?? null)}`);
  } catch (error) {
    if (!(error instanceof AxisError)) throw error;
    // An option is told by its name in JavaScript.
    const message = error.message.replace(/^`\w+`(?= of the \w+ options)/, snake);
    console.log(`error\t${print({ ...error.toJSON(), message })}`);
  }
}
await Promise.all([...engines.values()].map((open) => open.close()));
