//! Writing a store anew, without the room that is free in its file.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::Serialize;

use super::job::{Job, elapsed_ms};
use super::manifest::Facts;
use super::options::CompactOptions;
use super::partial::{COMPACTED, Partial};
use super::restore::settle;
use super::{BackupStage, digest, taken};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::literal;
use crate::store::fault::store as fault;
use crate::store::{Keeper, Vacant, has_log, open_memory};

/// What became of a store that was compacted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CompactReport {
    /// The store.
    pub store: PathBuf,
    /// Bytes of its file before.
    pub bytes_before: u64,
    /// Bytes of its file now.
    pub bytes_after: u64,
    /// Tables that were written, the store's own included.
    pub tables: usize,
    /// Rows of all tables.
    pub rows: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// Writes the store of a configuration into a new file, compares what both hold, and puts the new one in its place at once.
/// Nobody may have the store open, and its directory has room for both until then.
///
/// # Errors
/// `NotFound` when there is no store, `Locked` when somebody has it open, `Store` when it cannot be read or written, `Cancelled`.
///
/// # Cancellation
/// By the token of the options, or by dropping the future. The store is left as it was.
pub async fn compact(config: &Config, options: CompactOptions) -> Result<CompactReport> {
    let since = Instant::now();
    let store = config.store.path.clone();
    if !store.exists() {
        let message = format!("there is no store at {}", store.display());
        return Err(Error::new(ErrorKind::NotFound, message).during("compact"));
    }
    let bytes_before = std::fs::metadata(&store).map_or(0, |file| file.len());
    // Opening it as an engine does takes in the log, and drops what a killed process has left.
    let (keeper, _) = Box::pin(Keeper::open(&config.store, None)).await?;
    keeper.close().await;
    drop(keeper);
    options
        .job()
        .on_thread(move |job| {
            let vacant = Vacant::take(&store)?;
            let old = vacant.file().unwrap_or_else(|| store.clone());
            if has_log(&old) {
                let message = "the log of the store cannot be taken into its file; there must be room on the disk";
                return Err(Error::new(ErrorKind::Store, message).during("compact"));
            }
            let partial = Partial::beside(vacant.path(), COMPACTED)?;
            let facts = rewrite(&old, partial.path(), job)?;
            let bytes_after = settle(partial.path(), Some(&old))?;
            job.check()?;
            vacant.replace(partial.path())?;
            Ok(CompactReport {
                store,
                bytes_before,
                bytes_after,
                tables: facts.tables.len(),
                rows: facts.tables.iter().map(|table| table.rows).sum(),
                elapsed_ms: elapsed_ms(since),
            })
        })
        .await
}

/// Copies everything from one file to a new one, and makes sure of it.
fn rewrite(old: &Path, new: &Path, job: &Job) -> Result<Facts> {
    let before = taken::looked_at(old, job)?;
    let connection = open_memory()?;
    let attach = format!(
        "attach {} as before (read_only); attach {} as after (storage_version 'v1.5.0')",
        literal(&old.to_string_lossy()),
        literal(&new.to_string_lossy())
    );
    let fault = fault("compact");
    connection.execute_batch(&attach).map_err(&fault)?;
    // It gets the rights of the old one at the end.
    crate::private::restrict(new).map_err(digest::unwritable)?;
    // What is used now is about what will be written.
    let used = "select used_blocks * block_size from pragma_database_size() where database_name = 'before'";
    let used: i64 = connection.query_row(used, [], |row| row.get(0)).map_err(&fault)?;
    let (used, growing) = (used.cast_unsigned(), new.to_owned());
    let written = move |job: &Job| {
        let bytes = std::fs::metadata(&growing).map_or(0, |file| file.len());
        job.told(BackupStage::Writing, bytes.min(used), used);
    };
    written(job);
    job.run_watched(&connection, written, |connection| {
        let copy = "copy from database before to after; detach before; detach after";
        connection.execute_batch(copy).map_err(&fault)
    })?;
    drop(connection);
    job.told(BackupStage::Writing, used, used);
    let after = taken::looked_at(new, job)?;
    if after.datasets == before.datasets && after.tables == before.tables && after.views == before.views {
        return Ok(after);
    }
    let message = "the compacted store does not hold what the store holds; it is left as it was";
    Err(Error::new(ErrorKind::Internal, message).during("compact"))
}
