//! The DuckDB file: one engine at a time, readers on limited slots, one writer, and everything about a sync in one commit.

mod catalog;
mod commit;
pub(crate) mod fault;
mod feed;
mod lock;
mod pool;
mod pressure;
mod stage;
mod stream;
mod vectors;

use std::path::Path;
use std::sync::Arc;

use duckdb::Connection;

pub use catalog::RunRecord;
pub(crate) use catalog::{
    Catalog, ColumnRecord, DatasetRecord, Mark, TableRecord, log_run, recent_runs, write as write_record,
};
pub(crate) use commit::{ChangeKind, Commit, TableChange, TableOutcome};
pub(crate) use feed::{Feed, Feeds};
pub(crate) use pool::{Limits, Pool, Reason, Session};
pub(crate) use stage::{drop_staging, stage_delta, stage_full, stage_more};
pub use stream::QueryStream;
pub(crate) use stream::{fetch, open_stream};
pub(crate) use vectors::VectorBatch;

use crate::config::StoreConfig;
use crate::error::{Error, ErrorKind, Result};
use lock::StoreLock;
use pressure::Pressure;

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) pool: Arc<Pool>,
    pub(crate) feeds: Feeds,
    /// Serialises commits, so that transactions of two datasets never conflict.
    pub(crate) writer: tokio::sync::Mutex<()>,
    lock: std::sync::Mutex<Option<StoreLock>>,
}

impl Store {
    /// Opens or creates the file, sweeps what a killed process has left, and reads the catalog.
    ///
    /// # Errors
    /// `Locked` when another engine holds it, `Store` when the file cannot be opened or was written by a newer DuckDB.
    pub(crate) async fn open(config: &StoreConfig) -> Result<(Self, Catalog)> {
        let config = config.clone();
        tokio::task::spawn_blocking(move || Self::open_blocking(&config))
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "opening the store panicked").during("store.open")))
    }

    fn open_blocking(config: &StoreConfig) -> Result<(Self, Catalog)> {
        let path = &config.path;
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|error| {
                Error::new(ErrorKind::Store, "the directory of the store cannot be created")
                    .during("store.open")
                    .with("directory", directory.display())
                    .because(error)
            })?;
        }
        let lock = StoreLock::take(path)?;
        let connection = connect(config)?;
        let feeds = Feeds::default();
        feeds.install(&connection).map_err(fault::store("store.open"))?;
        let catalog = catalog::open(&connection)?;
        stage::sweep(&connection)?;
        let pressure = pressure_of(&connection).map_err(fault::store("store.open"))?;
        let store = Self {
            pool: Arc::new(Pool::new(connection, config.query_concurrency, pressure)),
            feeds,
            writer: tokio::sync::Mutex::new(()),
            lock: std::sync::Mutex::new(Some(lock)),
        };
        Ok((store, catalog))
    }

    /// Refuses new work, checkpoints and lets go of the file. Idempotent.
    pub(crate) async fn close(&self) {
        // A commit that is running finishes first; readers are interrupted.
        let _writer = self.writer.lock().await;
        self.pool.close().await;
        self.lock
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take();
    }
}

/// Opens DuckDB with everything that must be set before anyone else's SQL runs.
fn connect(config: &StoreConfig) -> Result<Connection> {
    let flags = || -> duckdb::Result<duckdb::Config> {
        let mut flags = duckdb::Config::default()
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")?
            // The storage format of the 1.5 line: its string compression costs a fifth less time and a quarter less space
            // than the oldest format, which is the default for the sake of readers that cannot open our files anyway.
            .with("storage_compatibility_version", "v1.5.0")?
            // A load holds one row group in memory instead of several: a third less memory at the same speed.
            .with("write_buffer_row_group_count", "1")?;
        if let Some(limit) = config.memory_limit {
            flags = flags.with("memory_limit", format!("{limit}B"))?;
        }
        if let Some(threads) = config.threads {
            flags = flags.with("threads", threads.to_string())?;
        }
        if let Some(directory) = &config.temp_directory {
            flags = flags.with("temp_directory", directory.to_string_lossy())?;
        }
        Ok(flags)
    };
    let flags = flags().map_err(fault::store("store.open"))?;
    let connection = Connection::open_with_flags(&config.path, flags).map_err(|error| refused(&config.path, error))?;
    // Instants are UTC whatever the host's zone; without the icu extension there is no zone to set.
    let _ = connection.execute_batch("set global timezone = 'UTC'");
    if config.memory_limit.is_none() {
        quarter_of_memory(&connection).map_err(fault::store("store.open"))?;
    }
    // From here on no SQL reaches files or the network, and it cannot be switched back on.
    connection
        .execute_batch("set enable_external_access = false")
        .map_err(fault::store("store.open"))?;
    Ok(connection)
}

/// Reads the settings that hold outside of loads.
fn pressure_of(connection: &Connection) -> duckdb::Result<Pressure> {
    connection.query_row(
        "select current_setting('threads')::bigint, current_setting('memory_limit')",
        [],
        |row| {
            Ok(Pressure::new(
                row.get(0)?,
                bytes(&row.get::<_, String>(1)?).unwrap_or(u64::MAX >> 1),
            ))
        },
    )
}

/// Reads an amount of memory as DuckDB prints it, such as `4.6 GiB`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // An amount of memory is neither negative nor that large.
fn bytes(text: &str) -> Option<u64> {
    let (amount, unit) = text.split_once(' ')?;
    let power = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
        .iter()
        .position(|name| *name == unit)?;
    Some((amount.parse::<f64>().ok()? * 1024_f64.powi(i32::try_from(power).ok()?)) as u64)
}

/// Lowers DuckDB's own default, four fifths of the machine (or container), to a quarter of it: the store is a guest in a process.
fn quarter_of_memory(connection: &Connection) -> duckdb::Result<()> {
    let default: String = connection.query_row("select current_setting('memory_limit')", [], |row| row.get(0))?;
    match bytes(&default) {
        Some(default) => connection.execute_batch(&format!("set memory_limit = '{}B'", default / 16 * 5)),
        None => Ok(()),
    }
}

fn refused(path: &Path, error: duckdb::Error) -> Error {
    let text = error.to_string();
    if text.contains("Could not set lock") || text.contains("Conflicting lock") {
        let pid = text
            .split("PID ")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        return lock::locked(path, pid.unwrap_or_default()).because(error);
    }
    let message = if text.contains("version number") || text.contains("newer version") {
        "the store was written by a newer DuckDB than this one reads"
    } else if text.contains("not a valid DuckDB database file") {
        "the file is not a DuckDB database"
    } else if text.contains("Permission denied") || text.contains("Read-only file system") {
        "the store cannot be written; the file and its directory must be writable"
    } else {
        "the store cannot be opened"
    };
    Error::new(ErrorKind::Store, message)
        .during("store.open")
        .with("store", path.display())
        .because(error)
}
