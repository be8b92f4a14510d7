//! Whether an open store may still be written: nobody has taken it over, and its file is where it was.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::{Connection, params};

use super::claim::logs;
use super::descriptor::{InUse, Shared};
use super::fault;
use super::identity::FileId;
use super::lease::Lease;
use crate::error::{Error, ErrorKind, Result, first_line};

/// Guards the commits of one open store. A look costs microseconds.
#[derive(Debug)]
pub(crate) struct Fence {
    lease: Arc<Lease>,
    /// The file that was opened, by the name that DuckDB knows.
    path: PathBuf,
    file: Option<FileId>,
    /// Dropped with the last connection, after DuckDB has closed the file.
    in_use: Option<InUse>,
    /// The write-ahead log that this store has written.
    log: Mutex<Option<FileId>>,
    /// Whether the store remembers the epoch.
    recorded: AtomicBool,
    /// Whether DuckDB has given up, so that the store must be opened again.
    invalid: Arc<AtomicBool>,
}

impl Fence {
    /// Looks at the file that was just opened.
    pub(super) fn new(lease: Arc<Lease>, path: PathBuf, invalid: Arc<AtomicBool>) -> Self {
        let file = FileId::at(&path);
        Self {
            file,
            in_use: file.map(InUse::new),
            log: Mutex::new(log_of(&path)),
            recorded: AtomicBool::new(false),
            lease,
            path,
            invalid,
        }
    }

    /// Returns the path of the file, by the name that DuckDB knows.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file for reading, without letting go of DuckDB's lock on it.
    ///
    /// # Errors
    /// `Store` when it is not where it was.
    pub(super) fn reader(&self) -> Result<Shared> {
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let reader = self
            .in_use
            .as_ref()
            .ok_or_else(gone)
            .and_then(|file| file.reader(&self.path));
        reader.map_err(|error| {
            Error::new(ErrorKind::Store, "the file of the store cannot be read")
                .during("store.file")
                .with("store", self.lease.names.store.display())
                .because(error)
        })
    }

    /// Tells whether a commit may be made, and afterwards whether it went where readers will find it.
    ///
    /// # Errors
    /// `Locked` when another process took the store over, `Store` when its file was replaced or deleted.
    pub(crate) fn check(&self) -> Result<()> {
        self.lease.check()?;
        self.check_file()
    }

    fn check_file(&self) -> Result<()> {
        let message = match (FileId::at(&self.lease.names.store), self.file) {
            (Some(now), Some(then)) if now == then => return Ok(()),
            (Some(_), _) => "the file of the store was replaced while it was open; the next sync opens the new one",
            (None, _) => "the file of the store was deleted while it was open; the next sync makes a new one",
        };
        Err(Error::new(ErrorKind::Store, message)
            .during("store.file")
            .with("store", self.lease.names.store.display()))
    }

    /// Tells whether the engine itself can get out of its state, by opening the store again.
    pub(super) fn wants_reopening(&self) -> bool {
        self.lease.is_unlinked() || (self.lease.check().is_ok() && self.check_file().is_err())
    }

    /// Tells whether a checkpoint would have little to write. One that finds the disk full ends the whole database.
    pub(crate) fn has_short_log(&self) -> bool {
        let [log, ..] = logs(&self.path);
        std::fs::metadata(log).is_ok_and(|log| log.len() <= SHORT_LOG)
    }

    /// Runs the end of a transaction: looks, commits, looks again.
    ///
    /// # Errors
    /// Those of [`check`](Self::check), and `Store` when the commit fails. The transaction is to be rolled back.
    pub(crate) fn commit(&self, connection: &Connection, operation: &'static str) -> Result<()> {
        self.check()?;
        let fault = fault::store(operation);
        let first = !self.recorded.load(Ordering::SeqCst);
        if first {
            self.record(connection, operation)?;
        }
        match connection.execute_batch("commit") {
            // What came after it failed: DuckDB found no room to move the write-ahead log into the file.
            Err(error) if fault::is_durable(&error) => {
                tracing::error!(
                    error = first_line(&error),
                    "the store was invalidated after a commit; its next use opens it again"
                );
                self.invalid.store(true, Ordering::SeqCst);
            }
            committed => committed.map_err(&fault)?,
        }
        self.check()?;
        if first {
            self.recorded.store(true, Ordering::SeqCst);
        }
        self.remember_log();
        Ok(())
    }

    /// Remembers which write-ahead log is ours. The file must have been seen in its place since the log was last written.
    pub(super) fn remember_log(&self) {
        *self.log.lock().unwrap_or_else(PoisonError::into_inner) = log_of(&self.path);
    }

    /// Lets the store remember the epoch, in the first commit that it makes anyway.
    fn record(&self, connection: &Connection, operation: &'static str) -> Result<()> {
        let epoch = i64::try_from(self.lease.epoch()).unwrap_or(i64::MAX);
        connection
            .execute("update _axis.store set epoch = ?", params![epoch])
            .map_err(fault::store(operation))?;
        Ok(())
    }

    /// When the file has gone, removes its write-ahead log: it would be taken for the log of the file that comes.
    pub(super) fn forget_lost_file(&self) {
        if self.check_file().is_ok() {
            return;
        }
        let ours = *self.log.lock().unwrap_or_else(PoisonError::into_inner);
        let private = self.path != self.lease.names.store;
        if private || (ours.is_some() && ours == log_of(&self.path)) {
            logs(&self.path).iter().for_each(|log| remove(log));
        }
        if private {
            remove(&self.path);
        }
    }
}

/// A write-ahead log of at most this many bytes holds hardly any rows.
const SHORT_LOG: u64 = 1 << 20;

fn log_of(path: &Path) -> Option<FileId> {
    let [log, ..] = logs(path);
    FileId::at(&log)
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::debug!(%error, "a file of a store that has gone stays");
    }
}
