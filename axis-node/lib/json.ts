/**
 * The JSON that crosses to the addon and back.
 *
 * Members are `snake_case` there and `camelCase` here. Keys that are data (names of metrics, tables, columns, labels) stay as
 * they are: it is known below which objects have such keys.
 */

import { invalid } from "./errors";
import { camelCase, snakeCase } from "./names";

/** Members whose object has data as keys; below them there are members again. */
const KEYED = new Set([
  "by_group",
  "categories",
  "context",
  "datasets",
  "filter_values",
  "kpi_order",
  "metrics",
  "signal_types",
  "values",
  "watermarks",
]);

/** Members that hold data all the way down. */
const DATA = new Set(["comparison", "correlation", "display_config", "rows", "signals"]);

const names = new Map<string, string>();

/** The names of answers are few, and come with every row. */
function known(key: string): string {
  let name = names.get(key);
  if (name === undefined) {
    name = camelCase(key);
    names.set(key, name);
  }
  return name;
}

/** Reads data; integers that a number would round become `bigint`: they are texts, and a second line has their places. */
export function parse(text: string): unknown {
  const end = text.indexOf("\n");
  if (end < 0) return JSON.parse(text);
  const value: unknown = JSON.parse(text.slice(0, end));
  for (const path of JSON.parse(text.slice(end + 1)) as (string | number)[][]) {
    const last = path.pop() as string | number;
    let holder = value as Record<string | number, unknown>;
    for (const key of path) holder = holder[key] as typeof holder;
    holder[last] = BigInt(holder[last] as string);
  }
  return value;
}

/** Reads an answer, whose members become `camelCase`; the member `data` holds data all the way down, too. */
export function answer<T>(text: string, data?: string): T {
  return members(parse(text), false, data) as T;
}

/** Returns an answer that was read as data with its members in `camelCase`. */
export function camelCased<T>(value: unknown): T {
  return members(value, false, undefined) as T;
}

function members(value: unknown, keyed: boolean, data: string | undefined): unknown {
  if (Array.isArray(value)) return value.map((element) => members(element, false, data));
  if (typeof value !== "object" || value === null) return value;
  const read: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    const whole = !keyed && ((DATA.has(key) && typeof member === "object") || key === data);
    set(read, keyed ? key : known(key), whole ? member : members(member, !keyed && KEYED.has(key), data));
  }
  return read;
}

/** A key of the data may be `__proto__`, which an assignment would not take for a key. */
function set(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__") Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}

/** Takes an object of options; null stands for an empty one. Whatever else it is would be taken for no options at all. */
export function object(given: unknown, what: string): object {
  if (given === undefined || given === null) return {};
  if (!isPlain(given)) throw invalid(`${what} are ${kind(given)}; allowed is an object`);
  return given;
}

/** Takes a text. Half of a surrogate pair would become another character on its way. */
export function text(given: unknown, what: string): string {
  if (typeof given !== "string") throw invalid(`${what} is no text`);
  if (/\p{Surrogate}/u.test(given)) throw invalid(`${what} has half of a surrogate pair; allowed is Unicode`);
  return given;
}

/** Writes options for the addon: their own members become `snake_case`, what is in them is data. */
export function options(given: unknown, what: string): string {
  const written = Object.entries(object(given, what)).filter(([, value]) => value !== undefined);
  return `{${written.map(([key, value]) => `${member(key, what)}:${write(value, key, 0)}`).join()}}`;
}

/** Writes the name of an option. There is one spelling of each, so that nobody finds out about the other by chance. */
function member(key: string, what: string): string {
  const name = camelCase(text(key, `a member of ${what}`));
  if (name !== key) throw invalid(`\`${key}\` is no member of ${what}; did you mean \`${name}\`?`);
  return JSON.stringify(snakeCase(key));
}

/** Writes data for the addon. A `Date` is its ISO 8601 text, a `bigint` an integer. */
export function data(value: unknown, what: string): string {
  return value === undefined ? "null" : write(value, what, 0);
}

/** Deeper than anybody means; an object that holds itself is found by it. */
const DEPTH = 100;

function write(value: unknown, what: string, depth: number): string {
  if (depth > DEPTH) throw invalid(`${what} is nested deeper than ${DEPTH} levels`);
  switch (typeof value) {
    case "string":
      return JSON.stringify(text(value, what));
    case "boolean":
      return String(value);
    case "bigint":
      if (value < -(2n ** 63n) || value >= 2n ** 64n) throw invalid(`${what} is an integer of more than 64 bits`);
      return value.toString();
    case "number":
      if (!Number.isFinite(value)) throw invalid(`${what} is ${value}; allowed are finite numbers`);
      return JSON.stringify(value);
    case "object":
      return writeObject(value, what, depth);
    default:
      throw invalid(`${what} is a ${typeof value}; allowed are texts, booleans, numbers, dates, null, lists and objects`);
  }
}

function writeObject(value: object | null, what: string, depth: number): string {
  if (value === null) return "null";
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw invalid(`${what} is an invalid date`);
    return JSON.stringify(value.toISOString());
  }
  if (Array.isArray(value)) {
    const elements = value.map((element, index) => write(element ?? null, `${what}[${index}]`, depth + 1));
    return `[${elements.join()}]`;
  }
  if (!isPlain(value)) throw invalid(`${what} is ${kind(value)}; allowed are plain objects`);
  const given = Object.entries(value).filter(([, member]) => member !== undefined);
  const written = given.map(([key, member]) => {
    return `${JSON.stringify(text(key, `a key of ${what}`))}:${write(member, `${what}.${key}`, depth + 1)}`;
  });
  return `{${written.join()}}`;
}

/** Tells whether something is an object of members; it may come from another realm. */
function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function kind(value: unknown): string {
  if (typeof value === "string") return "a text";
  if (typeof value !== "object" || value === null) return `a ${typeof value}`;
  return Array.isArray(value) ? "a list" : `of class ${value.constructor?.name ?? "unknown"}`;
}
