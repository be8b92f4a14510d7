/** One dataset of an open engine. */

import type { NativeDataset } from "../native";
import { type CallOptions, call, now, type OnProgress, signalOf, split, watched } from "./gate";
import { answer, options as written } from "./json";
import type { DatasetMetadata, DatasetStatus, Page, SyncReport, VerifyReport, Watermark } from "./reports";

/** How to sync. */
export interface SyncOptions extends CallOptions {
  /** `auto`, the default, is incremental when that is allowed; `full` rebuilds; `reconcile` also compares all keys. */
  mode?: "auto" | "full" | "reconcile";
  /** The longest time in milliseconds; the dataset's `sync_timeout` by default. */
  timeoutMs?: number;
  /** Gets what happens while it happens. What it throws cancels the sync, and the promise rejects with it. */
  onProgress?: OnProgress | null | undefined;
}

/** How to verify. */
export interface VerifyOptions extends CallOptions {
  /** Syncs first, and compares in the snapshot of that sync. */
  sync?: boolean;
  /** The longest time in milliseconds, the sync included. */
  timeoutMs?: number;
}

/** Which rows: columns that equal a value, a span of time, a text. */
export interface PageRequest {
  /** From 1. */
  page?: number;
  /** 1 to 500 (default 50). */
  pageSize?: number;
  /** The column to sort by; `timestamp` by default, when there is one. */
  sortBy?: string;
  /** `desc` by default; NULL comes last either way. */
  direction?: "asc" | "desc";
  /** The columns to return; all by default. */
  columns?: string[];
  environment?: string;
  sourceName?: string;
  sourceComponent?: string;
  sourceType?: string;
  metricName?: string;
  metricCategory?: string;
  /** Earliest `timestamp`, inclusive: ISO 8601. */
  timeStart?: string | Date;
  /** Latest `timestamp`, inclusive. */
  timeEnd?: string | Date;
  /** A text that a row contains. */
  search?: string;
}

/** A dataset: tables that are synced together, and the relation that readers see. `engine.dataset(name)` returns it. */
export class Dataset {
  readonly #native: NativeDataset;
  #statusText: string | undefined;
  #status: DatasetStatus | undefined;
  /** The name. */
  readonly name: string;

  /** @internal */
  constructor(native: NativeDataset, name: string) {
    this.#native = native;
    this.name = name;
  }

  /**
   * Brings the dataset up to date in one commit.
   *
   * Rejects with `AXIS_BUSY` while another sync or verification of it runs, `AXIS_CONFIG`, `AXIS_SOURCE_UNAVAILABLE`,
   * `AXIS_SOURCE_REJECTED`, `AXIS_SCHEMA_MISMATCH`, `AXIS_STORE`, `AXIS_TIMEOUT`, `AXIS_CANCELLED` or `AXIS_CLOSED`. Whatever
   * the error, the data of before is served and the next sync is exact. A commit that has begun when the signal aborts is
   * finished, and the promise then resolves.
   */
  async sync(options?: SyncOptions | null): Promise<SyncReport> {
    const { signal, rest: given } = split(options, "the sync options");
    const { onProgress, ...rest } = given;
    const text = await watched({ signal, onProgress }, (cancel, listener) =>
      this.#native.sync(written(rest, "the sync options"), cancel, listener),
    );
    return answer(text);
  }

  /** Cancels the running sync or verification, whoever started it; tells whether there was one. */
  cancelSync(): boolean {
    return now(() => this.#native.cancelSync());
  }

  /** Compares every row with the source, stores nothing, and names what differs. A difference is no error. */
  async verify(options?: VerifyOptions | null): Promise<VerifyReport> {
    const { signal, rest } = split(options, "the verify options");
    return answer(await call(signal, (cancel) => this.#native.verify(written(rest, "the verify options"), cancel)));
  }

  /** Returns what is known, at once and without I/O. The object is frozen, and the same one until something has changed. */
  status(): DatasetStatus {
    const text = now(() => this.#native.status());
    // Statuses are polled: reading one costs more than getting it.
    if (this.#status === undefined || this.#statusText !== text) {
      this.#status = freeze(answer<DatasetStatus>(text));
      this.#statusText = text;
    }
    return this.#status;
  }

  /** Returns the greatest stored cursor value of each table that has one. */
  watermarks(): Watermark[] {
    return answer(now(() => this.#native.watermarks()));
  }

  /** Forgets the watermarks, so that the next sync is a full rebuild. Data stays. Resolves to how many there were. */
  async resetWatermarks(): Promise<number> {
    return call(undefined, () => this.#native.resetWatermarks());
  }

  /** Returns one page of rows; an empty one when the dataset was never synced. Values are as {@link Query.rows} has them. */
  async page(request?: PageRequest | null, options?: CallOptions | null): Promise<Page> {
    const text = written(request, "the page request");
    return answer(await call(signalOf(options), (cancel) => this.#native.page(text, cancel)));
  }

  /** Returns what the relation holds: columns, values to filter by, span of time. `null` before the first sync. */
  async metadata(options?: CallOptions | null): Promise<DatasetMetadata | null> {
    return answer(await call(signalOf(options), (cancel) => this.#native.metadata(cancel)));
  }
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}
