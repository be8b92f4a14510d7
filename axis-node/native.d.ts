// Generated from src/*.rs by scripts/node.sh; do not edit.

/** Writes a store into a new file; `listener` hears how far it is. */
export declare function compact(options: string, environment: string, cancel: NativeCancel, listener?: ((arg: string) => void) | undefined | null): Promise<string>

/** Writes what happens to stderr, as far as a filter lets it; whatever was asked for first in this process holds. */
export declare function log(filter: string): void

/** Opens an engine. */
export declare function open(options: string, environment: string): Promise<NativeEngine>

/** Returns the questions of the analytics. */
export declare function questions(): Array<string>

/** Makes a store from a backup; `listener` hears how far it is. */
export declare function restore(path: string, options: string, environment: string, cancel: NativeCancel, listener?: ((arg: string) => void) | undefined | null): Promise<string>

/** Returns the version of AXIS. */
export declare function version(): string

/** What JavaScript cancels work with. */
export declare class NativeCancel {
  /** Creates one that nothing has cancelled. */
  constructor()
  /** Cancels whatever it was given to. */
  cancel(): void
}

/** A dataset of an open engine. */
export declare class NativeDataset {
  /** Syncs; `listener` gets the events. */
  sync(options: string, cancel: NativeCancel, listener?: ((arg: string) => void) | undefined | null): Promise<string>
  /** Compares with the source. */
  verify(options: string, cancel: NativeCancel): Promise<string>
  /** Cancels the running sync or verification; tells whether there was one. */
  cancelSync(): boolean
  /** Returns what is known without I/O. */
  status(): string
  /** Returns the watermarks. */
  watermarks(): string
  /** Forgets the watermarks; returns how many there were. */
  resetWatermarks(): Promise<number>
  /** Returns a page of rows. */
  page(request: string, cancel: NativeCancel): Promise<string>
  /** Returns what the relation holds; `null` before the first sync. */
  metadata(cancel: NativeCancel): Promise<string>
}

/** An open engine. */
export declare class NativeEngine {
  /** Cancels what runs and lets go of the store. */
  close(): Promise<undefined>
  /** Returns the names of the datasets. */
  datasets(): Array<string>
  /** Returns a dataset. */
  dataset(name: string): NativeDataset
  /** Syncs every dataset that can be; `listener` gets the events. */
  sync(options: string, cancel: NativeCancel, listener?: ((arg: string) => void) | undefined | null): Promise<string>
  /** Compares every dataset that can be synced with its source. */
  verify(options: string, cancel: NativeCancel): Promise<string>
  /** Writes a backup; `listener` hears how far it is. */
  backup(path: string, options: string, cancel: NativeCancel, listener?: ((arg: string) => void) | undefined | null): Promise<string>
  /** Starts a query. */
  query(sql: string, params: string, options: string, cancel: NativeCancel): Promise<NativeStream>
  /** Runs a query and returns its whole answer as one Arrow IPC stream. */
  arrow(sql: string, params: string, options: string, cancel: NativeCancel): Promise<Uint8Array>
  /** Runs a query and returns its whole answer in its buffers. */
  table(sql: string, params: string, options: string, cancel: NativeCancel): Promise<NativeTable>
  /** Returns how the scheduled backups go. */
  backupStatus(): string
  /** Returns the queries that wait or run. */
  queries(): string
  /** Cancels a query; tells whether it has ended. */
  cancelQuery(id: string): Promise<boolean>
  /** Listens to what happens from now on, or has happened after an event. */
  events(after?: string | undefined | null): NativeEvents
  /** Answers a question of the analytics. */
  ask(question: string, request: string, cancel: NativeCancel): Promise<string>
  /** Returns the newest runs. */
  runs(limit: number): Promise<string>
  /** Returns how much is in use. */
  usage(): Promise<string>
}

/** Somebody who listens. It holds nothing of the engine. */
export declare class NativeEvents {
  /** Returns the next event, also when it has happened before; `null` when the engine is closed and all was told. */
  next(cancel: NativeCancel): Promise<string | undefined | null>
}

/** A query that runs. Its producer waits for whoever reads, four batches ahead at most. */
export declare class NativeStream {
  /** Returns the columns: keys of the rows, and DuckDB's types. */
  columns(): string
  /** Returns the next rows; `null` at the end. */
  rows(): Promise<string | undefined | null>
  /** Returns the next rows as one Arrow IPC stream; `null` at the end. */
  batch(): Promise<Uint8Array | undefined | null>
  /** Tells, at the end, whether there were more rows than `max_rows`. */
  truncated(): Promise<boolean>
  /** Stops the query unless it has ended, and lets go of what it holds. */
  close(): void
}

/**
 * A whole answer. It is gathered whether or not somebody asks for its parts, so that JavaScript makes something of one while
 * DuckDB goes on.
 */
export declare class NativeTable {
  /** Returns an Arrow IPC stream: of everything when some column is of a kind that is only told so, of the schema otherwise. */
  ipc(): Uint8Array
  /** Returns the next part; `null` at the end, at once when `ipc` has everything. */
  next(): Promise<NativeBatch | undefined | null>
}

/** A part of a table. Every array of it has two numbers and three buffers: the columns first to last, each before its children. */
export interface NativeBatch {
  /** How many rows there are. */
  rows: number
  /** Of each array, its length and how many of its values are null. */
  lengths: Array<number>
  /** Of each array, which values are not null, offsets, and values; null where it has none. */
  buffers: Array<Memory | undefined | null>
}

/** A buffer. JavaScript frees it: a vector of any type can be given away, but only as what it was allocated for. */
export type Memory = Uint8Array | Uint16Array | Int32Array | BigInt64Array
