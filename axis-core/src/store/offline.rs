//! Opens the file of a store that no engine has open: a copy, or one that is being made.

use std::path::Path;

use duckdb::{AccessMode, Config, Connection};

use super::claim::logs;
use super::{fault, quarter_of_memory, refused, stage, versions};
use crate::error::Result;

/// What is done with the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// It stays as it is.
    Read,
    /// It may be made.
    Write,
}

/// Opens a file by itself, with one thread beside an engine that runs. Files are within reach of its SQL, which is ours.
///
/// # Errors
/// `Store` when it is no DuckDB file, or was written by a newer DuckDB.
pub(crate) fn open_copy(path: &Path, access: Access, beside_engine: bool) -> Result<Connection> {
    let flags = || -> duckdb::Result<Config> {
        let mut flags = Config::default()
            .with("autoinstall_known_extensions", "false")?
            .with("autoload_known_extensions", "false")?
            .with("storage_compatibility_version", "v1.5.0")?
            .with("write_buffer_row_group_count", "1")?;
        if beside_engine {
            flags = flags.with("threads", "1")?;
        }
        if access == Access::Read {
            flags = flags.access_mode(AccessMode::ReadOnly)?;
        }
        Ok(flags)
    };
    let opened = flags().and_then(|flags| Connection::open_with_flags(path, flags));
    let connection = opened.map_err(|error| refused(path, error))?;
    // As in the store itself: instants are written as text in UTC.
    let _ = connection.execute_batch("set global timezone = 'UTC'");
    quarter_of_memory(&connection).map_err(fault::store("store.open"))?;
    Ok(connection)
}

/// Makes a copy whole by itself: what its log holds goes into the file, and what unfinished syncs have staged goes away.
///
/// # Errors
/// `Store` when it is no store of this version.
pub(crate) fn settle(connection: &Connection) -> Result<()> {
    stage::sweep(connection);
    connection
        .execute_batch("force checkpoint")
        .map_err(fault::store("backup.settle"))
}

/// Tells whether DuckDB has left a log beside a file.
pub(crate) fn has_log(path: &Path) -> bool {
    logs(path).iter().any(|log| log.exists())
}

/// Returns the version of the DuckDB that is linked.
///
/// # Errors
/// `Store` when DuckDB cannot be started.
pub(crate) fn duckdb_version() -> Result<String> {
    let connection = Connection::open_in_memory().map_err(fault::store("store.version"))?;
    versions::engine_version(&connection)
}

/// Opens a database in memory, to which files can be attached.
///
/// # Errors
/// `Store` when DuckDB cannot be started.
pub(crate) fn open_memory() -> Result<Connection> {
    open_copy(Path::new(":memory:"), Access::Write, false)
}
