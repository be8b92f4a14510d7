/** SQL against the store. */

import type { NativeEngine } from "../native";
import { type ArrowTable, library, table } from "./arrow";
import { type CallOptions, call, split } from "./gate";
import { data, options as written, parse, text } from "./json";
import { Parts } from "./parts";
import type { Row } from "./reports";

/** Values of a query: a list for `?` and `$1`, an object for `$name`. A `Date` is bound as its ISO 8601 text. */
export type Parameter = string | number | bigint | boolean | Date | null;
/** See {@link Parameter}. */
export type Parameters = readonly Parameter[] | Readonly<Record<string, Parameter>>;

/** How a query may run. */
export interface QueryOptions extends CallOptions {
  /** The longest time in milliseconds, waiting for a slot included. */
  timeoutMs?: number;
  /** The most rows; the query is stopped once there is one more. */
  maxRows?: number;
  /** A UUID by which `engine.cancelQuery` knows it; a new one by default. */
  id?: string;
  /** Who asks, for `engine.queries()`. */
  client?: string;
}

/** A column of an answer. */
export interface Column {
  /** The key of it in rows. */
  name: string;
  /** DuckDB's type. */
  type: string;
}

/** A whole answer. */
export interface QueryResult<R = Row> {
  columns: Column[];
  rows: R[];
  /** Whether there were more rows than `maxRows`. */
  truncated: boolean;
}

/**
 * One SELECT, run when its answer is asked for, and again each time. `engine.query(…)` returns it.
 *
 * In rows, an integer is a `number` when a number holds it exactly (up to 2^53 - 1) and a `bigint` otherwise. Of other types: a
 * `DECIMAL` is a number as long as that holds its digits (15) and text beyond; dates, times and timestamps are ISO 8601 text,
 * instants with `Z`; NaN and infinities are null; blobs are text in hexadecimal (`\x…`). Arrow has every value as it is.
 *
 * Rejects with `AXIS_QUERY` when the SQL is no single SELECT or fails, `AXIS_INVALID_ARGUMENT`, `AXIS_TIMEOUT`,
 * `AXIS_CANCELLED` or `AXIS_CLOSED`.
 */
export class Query<R = Row> implements AsyncIterable<R> {
  readonly #engine: NativeEngine;
  readonly #sql: string;
  readonly #params: string;
  readonly #options: string;
  readonly #signal: AbortSignal | undefined;

  /** @internal */
  constructor(engine: NativeEngine, sql: string, params?: Parameters | null, options?: QueryOptions | null) {
    const { signal, rest } = split(options, "the query options");
    this.#engine = engine;
    this.#sql = text(sql, "`sql`");
    this.#params = data(params, "params");
    this.#options = written(rest, "the query options");
    this.#signal = signal;
  }

  /** Returns all rows as objects. */
  async rows(): Promise<R[]> {
    return (await this.result()).rows;
  }

  /** Returns all rows, the columns, and whether `maxRows` cut them. */
  async result(): Promise<QueryResult<R>> {
    return call(this.#signal, async (cancel) => {
      const stream = await this.#engine.query(this.#sql, this.#params, this.#options, cancel);
      try {
        const columns = parse(stream.columns()) as Column[];
        const rows: R[] = [];
        for (let text = await stream.rows(); text != null; text = await stream.rows()) {
          for (const row of parse(text) as R[]) rows.push(row);
        }
        return { columns, rows, truncated: await stream.truncated() };
      } finally {
        stream.close();
      }
    });
  }

  /**
   * Returns everything as a table of `apache-arrow`, which must be installed; without it this rejects with `AXIS_CONFIG`. The
   * table lies in the memory that DuckDB's answer was gathered in, and is not copied.
   */
  async arrow(): Promise<ArrowTable> {
    const arrow = await library();
    return call(this.#signal, async (cancel) => {
      return table(arrow, await this.#engine.table(this.#sql, this.#params, this.#options, cancel));
    });
  }

  /** Returns everything as one Arrow IPC stream, to be stored or sent; for `tableFromIPC` of `apache-arrow`. */
  async arrowIpc(): Promise<Uint8Array> {
    return call(this.#signal, (cancel) => this.#engine.arrow(this.#sql, this.#params, this.#options, cancel));
  }

  /**
   * Iterates over the answer in Arrow IPC streams of some thousand rows each. DuckDB waits for whoever iterates, and leaving the
   * loop cancels the query.
   */
  batches(): AsyncIterableIterator<Uint8Array> {
    return new Parts(
      (call) => this.#engine.query(this.#sql, this.#params, this.#options, call.cancel),
      (stream) => stream.batch(),
      this.#signal,
      (stream) => stream.close(),
    );
  }

  /** Iterates over the rows. DuckDB waits for whoever iterates, and leaving the loop cancels the query. */
  async *[Symbol.asyncIterator](): AsyncGenerator<R, void, undefined> {
    const batches = new Parts(
      (call) => this.#engine.query(this.#sql, this.#params, this.#options, call.cancel),
      async (stream) => {
        const text = await stream.rows();
        return text == null ? null : (parse(text) as R[]);
      },
      this.#signal,
      (stream) => stream.close(),
    );
    for await (const rows of batches) yield* rows;
  }
}
