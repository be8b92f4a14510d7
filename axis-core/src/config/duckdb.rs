//! `duckdb.yaml`: the store and how it is kept up to date.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::dataset::MAX_MINUTES;
use super::node::Block;
use super::{BackupConfig, StoreConfig, SyncMode};
use crate::backup::BackupFormat;

/// The most bytes that are spilled unless configured.
const SPILLED: u64 = 10_000_000_000;
/// Minutes between two scheduled backups unless configured.
const DAY: u64 = 24 * 60;
/// Where the store is unless configured.
pub(super) const DEFAULT_PATH: &str = "data/local_store.duckdb";

/// Reads the block; an empty one gives the defaults.
pub(super) fn read(block: &Block<'_>, root: &Path) -> StoreConfig {
    let enabled = block.bool("enabled", true);
    let path = root.join(
        block
            .string_or("path", DEFAULT_PATH)
            .unwrap_or_else(|| DEFAULT_PATH.to_owned()),
    );
    let sync_mode = sync_mode(block);
    let scheduler = block.bool("scheduler", sync_mode == SyncMode::Startup);
    // Old files have it; batches are sized by the store itself.
    block.optional_integer("sync_chunk_size", 1..=u64::MAX, "rows", "none");
    let config = StoreConfig {
        enabled,
        path,
        sync_mode,
        scheduler,
        max_sync_rows: block.optional_integer("max_sync_rows", 1..=u64::MAX, "rows", "none"),
        query_concurrency: to_usize(block.integer_or("query_concurrency", 1..=1024, "", 8)),
        sync_workers: to_usize(block.integer_or("sync_workers", 1..=64, "", 2)),
        memory_limit: amount(block, "memory_limit", "auto"),
        frame_memory_limit: amount(block, "frame_memory_limit", "auto"),
        threads: block.optional_integer("threads", 1..=1024, "", "auto").map(to_usize),
        temp_directory: block
            .string_or("temp_directory", "auto")
            .map(|path| root.join(PathBuf::from(path))),
        max_temp_directory_size: amount(block, "max_temp_directory_size", "10GB").unwrap_or(SPILLED),
        query_timeout: Duration::from_secs(block.integer_or("query_timeout_seconds", 1..=600, "seconds", 30)),
        query_max_rows: block.integer_or("query_max_rows", 1..=1_000_000_000, "rows", 1_000_000),
        backup: backup(block, root),
    };
    block.finish();
    config
}

/// Reads `backup`, if there is one.
fn backup(block: &Block<'_>, root: &Path) -> Option<BackupConfig> {
    block.entry("backup")?;
    let own = block.child("backup");
    let directory = own.string("directory");
    if directory.is_none() {
        own.wrong(
            "directory",
            &own.place,
            "is missing, scheduled backups need a folder of their own",
        );
    }
    let formats = [("duckdb", BackupFormat::Duckdb), ("parquet", BackupFormat::Parquet)];
    let config = BackupConfig {
        directory: root.join(directory.unwrap_or_default()),
        interval: Duration::from_secs(60 * own.integer_or("interval_minutes", 1..=MAX_MINUTES, "minutes", DAY)),
        keep: to_usize(own.integer_or("keep", 1..=10_000, "backups", 7)),
        format: own.choice("format", &formats, "duckdb").unwrap_or_default(),
    };
    own.finish();
    Some(config)
}

fn sync_mode(block: &Block<'_>) -> SyncMode {
    let modes = [("startup", SyncMode::Startup), ("manual", SyncMode::Manual)];
    let legacy = block.entry("auto_sync_on_startup").map(|entry| entry.place.clone());
    if block.text("sync_mode").is_some() {
        if let Some(place) = &legacy {
            block.odd(
                "auto_sync_on_startup",
                place,
                format!("has no effect beside `{}`", block.key("sync_mode")),
            );
        }
        return block
            .choice("sync_mode", &modes, "startup")
            .unwrap_or(SyncMode::Startup);
    }
    let Some(place) = legacy else {
        return block
            .choice("sync_mode", &modes, "startup")
            .unwrap_or(SyncMode::Startup);
    };
    let (mode, word) = if block.bool("auto_sync_on_startup", true) {
        (SyncMode::Startup, "startup")
    } else {
        (SyncMode::Manual, "manual")
    };
    block.ledger.set(block.key("sync_mode"), word, Some(&place));
    mode
}

/// Reads an amount of memory; `default` is what is shown when there is none.
fn amount(block: &Block<'_>, key: &str, default: &str) -> Option<u64> {
    let allowed = "a number of bytes, or one with a unit such as 512MB or 2GiB, of at least 1 MB";
    let Some(text) = block.text_as(key, allowed) else {
        block.default(key, default);
        return None;
    };
    match bytes(text.value.trim()) {
        Some(bytes) => {
            block.record(key, Some(&text), "");
            Some(bytes)
        }
        None => {
            block.bad(key, &text.place, text.found(), allowed);
            None
        }
    }
}

/// Reads `512MB`, `2 GiB` or `1000000`.
fn bytes(text: &str) -> Option<u64> {
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.replace('_', "").parse().ok()?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" | "bytes" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    let bytes = number * factor;
    // Far below 2^53, so that the conversion is exact enough.
    (1e6..=1e15).contains(&bytes).then_some(bytes as u64)
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
