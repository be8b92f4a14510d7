/// <reference lib="esnext.disposable" preserve="true" />
/** The engine: opens the store, hands out datasets, syncs, answers queries, closes. */

import type { NativeEngine } from "../native";
import { Analytics, ask } from "./analytics";
import type { BackupOptions, BackupReport, BackupStatus } from "./backup";
import { Dataset, type SyncOptions, type VerifyOptions } from "./dataset";
import { AxisError, type AxisErrorJson, invalid } from "./errors";
import { type CallOptions, call, now, split, watched } from "./gate";
import { answer, camelCased, object, options as written, parse, text } from "./json";
import { native } from "./native";
import { Parts } from "./parts";
import { type Parameters, Query, type QueryOptions } from "./query";
import type { EngineEvent, QueryStatus, Row, RunRecord, SyncReport, Usage, VerifyReport } from "./reports";

/** What an engine is opened with. */
export interface OpenOptions {
  /** The path of the store, in place of `duckdb.path` of the configuration. */
  store?: string;
  /**
   * A directory as `axis --custom-dir` takes; or the files themselves by name (`monitoring_db`, `datasets`, …), each as its text
   * or as an object. Without it a store alone has no datasets configured; without either it is the directory that the `axis`
   * command would take.
   */
  config?: string | Record<string, unknown>;
  /** Variables for the configuration, in addition to `process.env`, over which they win. */
  env?: Record<string, string>;
  /** Whether datasets are synced by their schedules; they are not by default. */
  scheduler?: boolean;
  /** Takes the store over from a process that has given no sign of life for so many seconds, at least 3. */
  takeOverSeconds?: number;
}

/** Which events. */
export interface EventOptions extends CallOptions {
  /** The `id` of the last event that was seen. Of an id of another engine, or one whose events are gone, `lost` is told first. */
  after?: string | null | undefined;
}

/** What became of one dataset among several. */
export type Outcome<T> = { ok: T; error?: undefined } | { ok?: undefined; error: AxisError };

/** The symbol of `await using`; older Node has none, and then it is the one that polyfills look up. */
const asyncDispose: typeof Symbol.asyncDispose = Symbol.asyncDispose ?? Symbol.for("Symbol.asyncDispose");

/** An open engine. An engine that is not closed does not keep the process alive; it is closed when the process ends. */
export class Engine {
  readonly #native: NativeEngine;
  readonly #datasets = new Map<string, Dataset>();
  #closed = false;
  /** What is asked of the synced data. */
  readonly analytics: Analytics;

  private constructor(engine: NativeEngine) {
    this.#native = engine;
    this.analytics = new Analytics(engine);
  }

  /**
   * Opens an engine, by the path of its store or by options.
   *
   * Rejects with `AXIS_LOCKED` when another engine holds the store (the message names its process), `AXIS_CONFIG` or
   * `AXIS_STORE`.
   */
  static async open(store: string, options?: OpenOptions | null): Promise<Engine>;
  static async open(options?: OpenOptions | null): Promise<Engine>;
  static async open(first?: string | OpenOptions | null, options?: OpenOptions | null): Promise<Engine> {
    const what = "the open options";
    const more = object(options, what);
    if (typeof first !== "string" && options != null) throw invalid("the path of the store is no text");
    if (typeof first === "string" && "store" in more) throw invalid(`\`store\` of ${what} is the path that comes before them`);
    const given = written(typeof first === "string" ? { ...more, store: first } : first, what);
    const environment = JSON.stringify(process.env);
    return new Engine(await call(undefined, () => native.open(given, environment)));
  }

  /** The version of AXIS. */
  static get version(): string {
    return native.version();
  }

  /** Whether {@link close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The names of the configured datasets. */
  get datasets(): string[] {
    return now(() => this.#native.datasets());
  }

  /** Returns a dataset by name; throws `AXIS_NOT_FOUND`, listing the known names. */
  dataset(name: string): Dataset {
    let dataset = this.#datasets.get(text(name, "the name of the dataset"));
    if (dataset === undefined) {
      dataset = new Dataset(
        now(() => this.#native.dataset(name)),
        name,
      );
      this.#datasets.set(name, dataset);
    }
    return dataset;
  }

  /**
   * Syncs every dataset that is enabled and configured, and resolves to what became of each. Datasets with equal connections are
   * read from one snapshot. The promise rejects for wrong options and for what `onProgress` throws, not for a failed dataset.
   */
  async sync(options?: SyncOptions | null): Promise<Record<string, Outcome<SyncReport>>> {
    const { signal, rest: given } = split(options, "the sync options");
    const { onProgress, ...rest } = given;
    const told = await watched({ signal, onProgress }, (cancel, listener) =>
      this.#native.sync(written(rest, "the sync options"), cancel, listener),
    );
    return outcomes(told);
  }

  /** Compares every dataset that is enabled and configured with its source, and resolves to what became of each. */
  async verify(options?: VerifyOptions | null): Promise<Record<string, Outcome<VerifyReport>>> {
    const { signal, rest } = split(options, "the verify options");
    return outcomes(await call(signal, (cancel) => this.#native.verify(written(rest, "the verify options"), cancel)));
  }

  /**
   * Writes a backup of everything that is committed now, while syncs and queries go on.
   *
   * A file takes the place of another backup; a folder must not exist yet, or be empty. It appears under its name once it is whole;
   * its directory has room for twice the store meanwhile. Rejects with `AXIS_INVALID_ARGUMENT` when something else is there, `AXIS_BUSY`
   * while another backup is made, `AXIS_STORE`, `AXIS_LOCKED`, `AXIS_CANCELLED` or `AXIS_CLOSED`; then nothing is left behind.
   */
  async backup(path: string, options?: BackupOptions | null): Promise<BackupReport> {
    const what = "the backup options";
    const file = text(path, "the path of the backup");
    const { signal, rest } = split(options, what);
    const { onProgress, ...given } = rest;
    const told = await watched({ signal, onProgress }, (cancel, listener) =>
      this.#native.backup(file, written(given, what), cancel, listener),
    );
    return answer(told);
  }

  /** Returns how the backups go that `duckdb.backup` asks for, which `scheduler: true` makes; null when it asks for none. */
  backupStatus(): BackupStatus | null {
    return answer(now(() => this.#native.backupStatus()));
  }

  /** Prepares a SELECT; it runs when its answer is asked for. */
  query<R = Row>(sql: string, params?: Parameters | null, options?: QueryOptions | null): Query<R> {
    return new Query<R>(this.#native, sql, params, options);
  }

  /** Returns the queries that wait or run, the oldest first. */
  queries(): QueryStatus[] {
    return answer(now(() => this.#native.queries()));
  }

  /** Cancels a query and waits up to two seconds for its end; tells whether it has ended. Rejects with `AXIS_NOT_FOUND`. */
  async cancelQuery(id: string): Promise<boolean> {
    const known = text(id, "the id of the query");
    return call(undefined, () => this.#native.cancelQuery(known));
  }

  /**
   * Listens to everything that happens, from this call on, whoever begins it; or from after an event, as far as events are kept.
   *
   * The loop ends when the engine is closed, and rejects with `AXIS_CANCELLED` when the signal aborts. While it waits, the process
   * stays alive. Whoever reads slowly holds nobody up: in place of the oldest of more than 1,024 events there is one `lost`.
   */
  events(options?: EventOptions | null): AsyncIterableIterator<EngineEvent> {
    const { signal, rest } = split(options, "the event options");
    const { after, ...others } = rest;
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw invalid(`\`${unknown}\` is no member of the event options; there are after, signal`);
    const id = after == null ? null : text(after, "`after` of the event options");
    const events = now(() => this.#native.events(id));
    return new Parts(
      () => Promise.resolve(events),
      async (listening, { cancel }) => {
        const told = await listening.next(cancel);
        return told == null ? null : answer<EngineEvent>(told);
      },
      signal,
    );
  }

  /** Answers a question of {@link analytics} by its name, such as `monitoring.summary`; an unknown one is `AXIS_NOT_FOUND`. */
  async ask(question: string, request?: object | null, options?: CallOptions | null): Promise<unknown> {
    return ask(this.#native, text(question, "the question"), request, options);
  }

  /** Returns the newest runs of all datasets, newest first; 50 by default. */
  async runs(limit?: number | null): Promise<RunRecord[]> {
    const most = limit ?? 50;
    if (!Number.isInteger(most) || most < 1 || most > 0xffff_ffff) throw invalid("`limit` is no positive integer");
    return answer(await call(undefined, () => this.#native.runs(most)));
  }

  /** Returns how much is in use right now. */
  async usage(): Promise<Usage> {
    return answer(await call(undefined, () => this.#native.usage()));
  }

  /**
   * Cancels running syncs (a commit that has begun is finished), answers whatever else is called with `AXIS_CLOSED`, and lets go
   * of the store. May be called again, and then waits for the same end.
   */
  async close(): Promise<void> {
    this.#closed = true;
    this.#datasets.clear();
    await call(undefined, () => this.#native.close());
  }
}

/** Closes the engine at the end of an `await using` block. */
export interface Engine {
  [Symbol.asyncDispose](): Promise<void>;
}

Object.defineProperty(Engine.prototype, asyncDispose, {
  value: function (this: Engine): Promise<void> {
    return this.close();
  },
  configurable: true,
  writable: true,
});

function outcomes<T>(text: string): Record<string, Outcome<T>> {
  const told = parse(text) as Record<string, { ok?: unknown; error?: AxisErrorJson }>;
  const all = Object.entries(told).map(([name, { ok, error }]): [string, Outcome<T>] => [
    name,
    error ? { error: new AxisError(error) } : { ok: camelCased<T>(ok) },
  ]);
  return Object.fromEntries(all);
}
