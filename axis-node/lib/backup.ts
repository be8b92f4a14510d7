/** Backups of a store, restoring them, and compacting a store. */

import type { OpenOptions } from "./engine";
import { type CallOptions, split, watched } from "./gate";
import { answer, options as written, text } from "./json";
import { native } from "./native";

/** How far a backup, a restore or a compaction is. */
export interface BackupProgress {
  /** What is being done. */
  stage: "copying" | "writing" | "checking" | "loading";
  /** How much of the stage is done: bytes, or tables. */
  done: number;
  /** How much there is. */
  total: number;
}

/** Gets how far the work is. What it throws, or a promise that it returns rejects with, cancels the work. */
export type OnBackupProgress = (progress: BackupProgress) => unknown;

/** How to back up. */
export interface BackupOptions extends CallOptions {
  /** `duckdb`, the default, is one file; `parquet` a folder with a Parquet file a table. */
  format?: "duckdb" | "parquet";
  /** Hears how far it is. What it throws cancels the backup, and the promise rejects with it. */
  onProgress?: OnBackupProgress | null | undefined;
}

/** Which store to compact, as {@link OpenOptions} say which to open. */
export interface CompactOptions extends CallOptions, Pick<OpenOptions, "store" | "config" | "env"> {
  /** Hears how far it is. What it throws cancels the work, and the promise rejects with it. */
  onProgress?: OnBackupProgress | null | undefined;
}

/** Which store to make, and whether another one may be replaced. */
export interface RestoreOptions extends CompactOptions {
  /** Whether a store that is there already is replaced; it is refused by default. */
  force?: boolean;
}

/** What a backup holds, and who made it. */
export interface BackupManifest {
  /** The version of the form of backups. */
  version: number;
  /** One file, or a folder of Parquet files. */
  format: "duckdb" | "parquet";
  /** When the backup was begun. */
  createdAt: string;
  /** The version of AXIS. */
  axisVersion: string;
  /** The version of DuckDB. */
  duckdbVersion: string;
  /** The version of the layout of the store's own tables. */
  layout: number;
  /** The datasets, by name: the generation of each, and the run that made it. */
  datasets: Record<string, { generation: number; revision: string }>;
  /** The tables, the store's own in the schema `_axis` included. */
  tables: TableBackup[];
  /** The SQL of the views; of a folder alone. */
  views?: string[];
  /** The other files of the backup, with their checksums. */
  files: { name: string; bytes: number; sha256: string }[];
}

/** A table of a backup. */
export interface TableBackup {
  /** `main`, or `_axis` for the store's own. */
  schema: string;
  /** The name. */
  name: string;
  /** How many rows it has. */
  rows: number;
  /** Its file; of a folder alone. */
  file?: string;
  /** The SQL that makes it; of a folder alone. */
  create?: string;
}

/** What became of a backup. */
export interface BackupReport {
  /** The file or the folder. */
  path: string;
  /** Bytes of the backup on disk. */
  bytes: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
  /** What is in it. */
  manifest: BackupManifest;
}

/** How the backups go that `duckdb.backup` asks for. */
export interface BackupStatus {
  /** The folder that they are in. */
  directory: string;
  /** When the newest one was made; null when there is none, or no scheduler was asked for. */
  lastSuccess: string | null;
  /** When and why the last try failed; null when it did not. */
  lastFailure: { at: string; code: string; message: string } | null;
}

/** What became of a restore. */
export interface RestoreReport {
  /** The store. */
  store: string;
  /** Whether another store was there, and is gone. */
  replaced: boolean;
  /** Bytes of the store on disk. */
  bytes: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
  /** What was in the backup. */
  manifest: BackupManifest;
}

/** What became of a store that was compacted. */
export interface CompactReport {
  /** The store. */
  store: string;
  /** Bytes of its file before. */
  bytesBefore: number;
  /** Bytes of its file now. */
  bytesAfter: number;
  /** Tables that were written, the store's own included. */
  tables: number;
  /** Rows of all tables. */
  rows: number;
  /** How long it took, in milliseconds. */
  elapsedMs: number;
}

/**
 * Makes a store from a backup, a file or a folder. The store is the one that {@link Engine.open} would open; nobody may have it open.
 *
 * All checksums are compared before anything is written to where the store is, and it takes its place at once. Rejects with
 * `AXIS_INVALID_ARGUMENT` when there is a store already and `force` is not set, `AXIS_NOT_FOUND`, `AXIS_STORE` when the backup is damaged or
 * of a newer version, `AXIS_LOCKED`, `AXIS_CONFIG` or `AXIS_CANCELLED`. Whatever the error, what was there is left as it was.
 */
export async function restore(path: string, options?: RestoreOptions | null): Promise<RestoreReport> {
  const what = "the restore options";
  const file = text(path, "the path of the backup");
  const { signal, rest } = split(options, what);
  const { onProgress, ...given } = rest;
  const told = await watched({ signal, onProgress }, (cancel, listener) =>
    native.restore(file, written(given, what), JSON.stringify(process.env), cancel, listener),
  );
  return answer(told);
}

/**
 * Writes a store anew, without the room that is free in its file. Nobody may have it open.
 *
 * Rejects with `AXIS_NOT_FOUND` when there is none, `AXIS_LOCKED`, `AXIS_STORE`, `AXIS_CONFIG`, `AXIS_INVALID_ARGUMENT` or
 * `AXIS_CANCELLED`. Whatever the error, the store is left as it was.
 */
export async function compact(options?: CompactOptions | null): Promise<CompactReport> {
  const what = "the compact options";
  const { signal, rest } = split(options, what);
  const { onProgress, ...given } = rest;
  const told = await watched({ signal, onProgress }, (cancel, listener) =>
    native.compact(written(given, what), JSON.stringify(process.env), cancel, listener),
  );
  return answer(told);
}
