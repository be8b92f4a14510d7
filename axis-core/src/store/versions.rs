//! Which versions have written a store, and whether this one may open it.

use duckdb::{Connection, params};

use super::catalog::pairs;
use super::fault;
use crate::error::{Error, ErrorKind, Result};

/// The version of the layout of `_axis`.
pub(crate) const LAYOUT: i64 = 1;

/// Returns the version of DuckDB.
pub(crate) fn engine_version(connection: &Connection) -> Result<String> {
    connection
        .query_row("select version()", [], |row| row.get(0))
        .map_err(fault::store("store.catalog"))
}

/// Records the engine's version, and refuses a store that a newer engine or a newer layout has written. Returns the epoch.
pub(super) fn stamp(connection: &Connection) -> Result<u64> {
    let fault = fault::store("store.catalog");
    let ours = engine_version(connection)?;
    let Some((engine, epoch)) = found(connection, &ours)? else {
        connection
            .execute(
                "insert into _axis.store values (?, ?, current_timestamp::timestamp, null)",
                params![LAYOUT, ours],
            )
            .map_err(&fault)?;
        return Ok(0);
    };
    if engine != ours {
        connection
            .execute("update _axis.store set engine = ?", params![ours])
            .map_err(&fault)?;
    }
    Ok(epoch)
}

/// Returns which engine wrote a store last, and the epoch.
pub(super) fn found(connection: &Connection, ours: &str) -> Result<Option<(String, u64)>> {
    // Asking `duckdb_columns()` would make DuckDB bind all its own views first, a quarter of the time that opening takes.
    let columns = "select name, type from pragma_table_info('_axis.store')";
    let has_epoch = pairs(connection, columns)?.iter().any(|(column, _)| column == "epoch");
    let epoch = if has_epoch { "coalesce(epoch, 0)" } else { "0" };
    let sql = format!("select format || ' ' || {epoch}, engine from _axis.store");
    let Some((numbers, engine)) = pairs(connection, &sql)?.pop() else {
        return Ok(None);
    };
    let (format, epoch) = numbers.split_once(' ').unwrap_or((&numbers, "0"));
    check_versions(format.parse().unwrap_or(0), &engine, ours)?;
    Ok(Some((engine, epoch.parse().unwrap_or(0))))
}

/// Refuses what a newer layout or a newer engine has written.
///
/// # Errors
/// `Store`.
pub(crate) fn check_versions(format: i64, engine: &str, ours: &str) -> Result<()> {
    if format <= LAYOUT && version(engine) <= version(ours) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Store,
        "the store was written by a newer version; open it with that version",
    )
    .during("store.open")
    .with("found", format!("layout {format}, DuckDB {engine}"))
    .with("allowed", format!("layout {LAYOUT}, DuckDB {ours} or older")))
}

/// The numbers of `v1.5.5`.
fn version(text: &str) -> Vec<u64> {
    let core = text.trim_start_matches('v').split('-').next().unwrap_or_default();
    core.split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
