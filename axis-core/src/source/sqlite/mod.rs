//! Reads a SQLite file: the embedded source, which needs no server.
//!
//! # Types
//!
//! SQLite types values, not columns, so the declared type of a column decides what the store keeps:
//!
//! | Declared | Kept as |
//! |---|---|
//! | `BOOLEAN`, `BOOL` | `BOOLEAN` |
//! | `DECIMAL(p,s)`, `NUMERIC(p,s)`, `DEC(p,s)` with p <= 38 | `DECIMAL(p,s)` |
//! | the same without digits, or with p > 38 | `DOUBLE` |
//! | `DATE` | `DATE` |
//! | `TIME` | `TIME` |
//! | `TIMESTAMP`, `DATETIME` | `TIMESTAMP` |
//! | `TIMESTAMPTZ`, `TIMESTAMP WITH TIME ZONE` | `TIMESTAMP WITH TIME ZONE` |
//! | `UUID`, `GUID` | `UUID` |
//! | `JSON`, `STRING`, anything with `CHAR`, `CLOB` or `TEXT` in it | `VARCHAR` |
//! | anything with `INT` in it | `BIGINT` |
//! | anything with `BLOB` in it | `BLOB` |
//! | anything with `REAL`, `FLOA` or `DOUB` in it | `DOUBLE` |
//! | nothing (an expression), or a name that is none of these | by its first values |
//!
//! "By its first values" runs the query for at most 100 rows: the first value that is not NULL decides (`BIGINT`, `DOUBLE`,
//! `VARCHAR` or `BLOB`), whole numbers that are followed by fractions give `DOUBLE`, and nothing but NULLs give `VARCHAR`.
//!
//! # Values
//!
//! A value is converted only when nothing is lost; anything else is a bad value (see `types` in the configuration). Whole numbers in a timestamp column are seconds since 1970.

mod convert;
mod describe;
mod failure;
mod reader;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tests;
mod text;
mod types;
mod window;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::Utc;
use rusqlite::{Connection, InterruptHandle, OpenFlags};
use tokio_util::sync::CancellationToken;

use super::{CutBy, Horizon, Parts, ReadRequest, Reader, SessionFacts, Snapshot, Source, SourceColumn, Weight};
use crate::clock::Clock;
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind, Result};

pub use reader::StatementReader;

/// How long a writer that holds the whole file is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteSource {
    path: PathBuf,
}

impl SqliteSource {
    /// Creates the source; the file is opened by [`snapshot`](Source::snapshot) only.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[async_trait]
impl Source for SqliteSource {
    async fn snapshot(&self, cancel: &CancellationToken) -> Result<Box<dyn Snapshot>> {
        let path = self.path.clone();
        let opening = tokio::task::spawn_blocking(move || SqliteSnapshot::open(&path));
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(cancelled().during("source.snapshot")),
            opened = opening => {
                let snapshot = opened.map_err(lost_task)?.map_err(|error| error.during("source.snapshot"))?;
                Ok(Box::new(snapshot) as Box<dyn Snapshot>)
            }
        }
    }
}

/// One read transaction: everything that is read through it is as of its begin, whatever is written meanwhile.
struct SqliteSnapshot {
    session: Arc<Session>,
    horizon: Horizon,
}

/// The connection, how to stop it, and what messages need to name it. A running read holds the lock.
struct Session {
    path: PathBuf,
    interrupt: InterruptHandle,
    connection: Mutex<Connection>,
}

impl Session {
    /// Waits for a running read. A panic in another thread leaves a connection that is still usable for reading.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteSnapshot {
    fn open(path: &Path) -> Result<Self> {
        let failed = |error| failure::classify(error, path);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        // Taken before the snapshot: a row that is stamped later than this may or may not be inside.
        let taken_at = Utc::now();
        // BEGIN alone takes no snapshot: the first read does.
        connection
            .execute_batch("begin; select 1 from sqlite_master limit 1")
            .map_err(failed)?;
        let interrupt = connection.get_interrupt_handle();
        Ok(Self {
            session: Arc::new(Session {
                path: path.to_owned(),
                interrupt,
                connection: Mutex::new(connection),
            }),
            horizon: Horizon {
                snapshot_at: Utc::now(),
                quiet: false,
                taken_at,
                oldest_writer: None,
                oldest_seen: taken_at,
                prepared: None,
                local: taken_at.naive_utc(),
                arrived: Instant::now(),
            },
        })
    }
}

#[async_trait]
impl Snapshot for SqliteSnapshot {
    fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    async fn describe(&mut self, query: &str, types: &BTreeMap<String, TypePolicy>) -> Result<Vec<SourceColumn>> {
        let (session, query, types) = (Arc::clone(&self.session), query.to_owned(), types.clone());
        tokio::task::spawn_blocking(move || describe::describe(&session, &query, &types))
            .await
            .map_err(lost_task)?
            .map_err(|error| error.during("source.describe"))
    }

    /// One session reads everything, so nothing is gained by knowing.
    async fn weigh(&mut self, _: &str) -> Result<Weight> {
        Ok(Weight {
            rows: 0,
            bytes: 0,
            repeatable: false,
        })
    }

    async fn cut(&mut self, _: &str, _: &[SourceColumn], _: &CutBy, _: usize) -> Result<Parts> {
        Ok(Parts::whole("a SQLite file is read by one session"))
    }

    async fn read(&mut self, request: ReadRequest) -> Result<Reader> {
        Ok(Reader::Sqlite(StatementReader::start(&self.session, request)?))
    }

    /// A second connection cannot join the transaction of the first, so one session reads everything.
    async fn fork(&mut self) -> Result<Option<Box<dyn Snapshot>>> {
        Ok(None)
    }

    async fn confirm(&mut self) -> Result<()> {
        // SQLite's snapshots hold for the schema as well.
        Ok(())
    }

    /// A file has no roles, no wire and no clock.
    async fn facts(&mut self, _: &dyn Clock) -> Result<SessionFacts> {
        Ok(SessionFacts::default())
    }

    fn is_usable(&self) -> bool {
        true
    }

    async fn close(self: Box<Self>) {
        // Closing the connection ends the transaction; it may wait for a reader that is still being dropped.
        let closing = tokio::task::spawn_blocking(move || drop(self));
        if closing.await.is_err() {
            tracing::debug!("the SQLite session ended with a panic");
        }
    }
}

/// Wraps a query so that a comment at its end, or its own LIMIT, stays inside.
fn wrap(query: &str) -> String {
    format!("select * from (\n{query}\n) as axis_q")
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the read was cancelled")
}

fn lost_task(error: tokio::task::JoinError) -> Error {
    if error.is_cancelled() {
        return Error::new(ErrorKind::Cancelled, "the runtime is shutting down").because(error);
    }
    Error::new(ErrorKind::Internal, "the SQLite session stopped unexpectedly").because(error)
}
