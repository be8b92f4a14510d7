//! The DuckDB file: one engine at a time, readers on limited slots, one writer, and everything about a sync in one commit.

mod catalog;
mod checksum;
mod claim;
mod commit;
mod derived;
mod descriptor;
pub(crate) mod fault;
mod feed;
mod fence;
mod identity;
mod image;
mod keeper;
mod lease;
mod link;
mod lock;
mod offline;
mod pool;
mod pressure;
mod reason;
mod reconcile;
mod stage;
mod stream;
mod swap;
mod takeover;
mod vectors;
mod versions;

use std::path::Path;
use std::sync::Arc;

use duckdb::Connection;

pub use catalog::RunRecord;
pub(crate) use catalog::{
    Catalog, ColumnRecord, DatasetRecord, Mark, TableRecord, UploadRecord, generation as stored_generation, log_run,
    read as read_catalog, recent_runs, write as write_record,
};
pub(crate) use checksum::{Hashed, Sums, stored_columns, sum_feed, sum_table};
pub(crate) use commit::{ChangeKind, Commit, TableChange, TableOutcome};
pub(crate) use derived::{Derivation, DerivedRecord, Made, OPERATION as DERIVING, Scope, description};
pub(crate) use descriptor::is_open_here;
pub(crate) use feed::{Feed, Feeds};
pub(crate) use fence::Fence;
pub(crate) use keeper::Keeper;
pub(crate) use offline::{Access, duckdb_version, has_log, open_copy, open_memory, settle};
pub(crate) use pool::{Limits, Pool, RunningLoad, Session, for_queries};
pub(crate) use reason::Reason;
pub(crate) use reconcile::{Found, Reconciled, reconcile};
pub(crate) use stage::{drop_staging, stage_delta, stage_full, stage_more};
pub use stream::QueryStream;
pub(crate) use stream::{each_batch, fetch, open_stream};
pub(crate) use swap::Vacant;
pub(crate) use vectors::VectorBatch;
pub(crate) use versions::{LAYOUT, check_versions, engine_version};

use crate::config::StoreConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use descriptor::Opening;
use lease::Lease;
use link::Link;
use pressure::Pressure;

/// An open store. It stays what it is: when its file is lost or DuckDB gives up, the [`Keeper`] opens another one.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) pool: Arc<Pool>,
    pub(crate) feeds: Feeds,
    /// Serialises commits, so that transactions of two datasets never conflict.
    pub(crate) writer: tokio::sync::Mutex<()>,
    /// Every transaction that writes asks it.
    pub(crate) fence: Arc<Fence>,
}

impl Store {
    /// Opens or creates the file that the lease stands for, sweeps what a killed process has left, and reads the catalog.
    fn open(config: &StoreConfig, lease: &Arc<Lease>) -> Result<(Self, Catalog)> {
        let _opening = Opening::begin();
        let connection = takeover::open(lease, |path| connect(config, path))?;
        let invalid = Arc::default();
        let fence = Arc::new(Fence::new(Arc::clone(lease), lease.path(), Arc::clone(&invalid)));
        let root = Link::new(connection, Arc::clone(&fence));
        reach(Step::Opened);
        // Opening may have taken so long that somebody took the store over.
        fence.check().inspect_err(|_| root.leave_files_alone())?;
        let feeds = Feeds::default();
        feeds.install(&root).map_err(fault::store("store.open"))?;
        let catalog = catalog::open(&root)?;
        lease.exceed(catalog.epoch)?;
        reach(Step::Catalogued);
        stage::sweep(&root);
        reach(Step::Swept);
        fence.remember_log();
        let pressure = pressure_of(&root).map_err(fault::store("store.open"))?;
        let store = Self {
            pool: Arc::new(Pool::new(root, config.query_concurrency, pressure, invalid)),
            feeds,
            writer: tokio::sync::Mutex::new(()),
            fence,
        };
        Ok((store, catalog))
    }
}

impl Store {
    /// Announces that whole tables are being loaded, until the guard is dropped.
    pub(crate) async fn load(&self) -> RunningLoad {
        self.pool.load(self.fence.has_short_log()).await
    }
}

/// Opens DuckDB with everything that must be set before anyone else's SQL runs.
fn connect(config: &StoreConfig, path: &Path) -> Result<Connection> {
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
        flags = flags.with(
            "max_temp_directory_size",
            format!("{}B", config.max_temp_directory_size),
        )?;
        if let Some(threads) = config.threads {
            flags = flags.with("threads", threads.to_string())?;
        }
        if let Some(directory) = &config.temp_directory {
            // A process that wakes up again must not find our files under the names of its own.
            let directory = match path.extension() {
                Some(private) if path != config.path && path.file_stem() == config.path.file_name() => {
                    directory.join(private)
                }
                _ => directory.clone(),
            };
            flags = flags.with("temp_directory", directory.to_string_lossy())?;
        }
        Ok(flags)
    };
    let open = || Connection::open_with_flags(path, flags()?);
    let opened = match open() {
        Err(error) if is_about_another_log(&error) && set_logs_aside(path) => open(),
        opened => opened,
    };
    let connection = opened.map_err(|error| refused(&config.path, error))?;
    // Instants are UTC whatever the host's zone; without the icu extension there is no zone to set.
    let _ = connection.execute_batch("set global timezone = 'UTC'");
    if config.memory_limit.is_none() {
        quarter_of_memory(&connection).map_err(fault::store("store.open"))?;
    }
    // From here on no SQL reaches files or the network, and nothing but what loads change (`pressure`) can be set at all.
    connection
        .execute_batch(
            "set enable_external_access = false;
             set allowed_configs = ['threads', 'memory_limit'];
             set lock_configuration = true",
        )
        .map_err(fault::store("store.open"))?;
    Ok(connection)
}

/// Tells whether DuckDB has found a write-ahead log that belongs to another file, or to another state of it: somebody has put
/// a backup in the place of the store.
fn is_about_another_log(error: &duckdb::Error) -> bool {
    let text = error.to_string();
    text.contains("WAL checkpoint iteration does not match") || text.contains("WAL does not match database file")
}

/// Gives the write-ahead logs of a file other names, under which they are nobody's; false when that fails.
fn set_logs_aside(path: &Path) -> bool {
    let logs = claim::logs(path);
    let moved = logs.iter().filter(|log| log.exists()).try_for_each(|log| {
        let mut aside = log.clone().into_os_string();
        aside.push(".refused");
        std::fs::rename(log, aside)
    });
    match moved {
        Ok(()) => tracing::warn!("the write-ahead log beside the store is not of this file; it was set aside"),
        Err(ref error) => tracing::debug!(%error, "a write-ahead log that is not of the store stays"),
    }
    moved.is_ok()
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
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next())
            .and_then(|pid| pid.parse().ok());
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
