//! Where rows come from: one trait for the connection, one for a snapshot, one reader for each kind of source.
//!
//! A source knows nothing of the store. It describes a query's columns, reads the query's rows in one consistent
//! snapshot, and writes values through [`BatchWriter`].

mod cut;
mod facts;
mod horizon;
pub mod ident;
pub mod postgres;
mod shared;
pub mod sql_text;
pub mod sqlite;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

pub use cut::{CutBy, Parts, Weight};
pub use facts::{ClockDifference, RoleFacts, SessionFacts};
pub(crate) use horizon::decimal_text;
pub use horizon::{CursorValue, Horizon};
pub(crate) use shared::share;

use crate::clock::Clock;
use crate::column::{BatchWriter, Column, ColumnType};
use crate::config::{Connection, TypePolicy};
use crate::error::Result;

/// A configured source that can be connected to. Creating one does no I/O.
#[async_trait]
pub trait Source: Send + Sync + std::fmt::Debug {
    /// Connects and opens one consistent snapshot, together with its [`Horizon`].
    ///
    /// # Errors
    /// `SourceUnavailable` when the source cannot be reached in time, `SourceRejected` when it refuses the credentials,
    /// `Cancelled` when `cancel` fires first.
    async fn snapshot(&self, cancel: &CancellationToken) -> Result<Box<dyn Snapshot>>;
}

/// One session that sees one snapshot of the source.
#[async_trait]
pub trait Snapshot: Send {
    /// What was still being written when the snapshot was taken.
    fn horizon(&self) -> &Horizon;

    /// Names what has answered, so that another server or database behind the same address is noticed; empty when the address
    /// says it all.
    fn server(&self) -> &str {
        ""
    }

    /// Describes the columns of a query without running it. `types` maps source names, compared without regard to case, to policies.
    ///
    /// # Errors
    /// `SourceRejected` for a missing table or a syntax error, `Config` when the answer has two columns of one name or when
    /// `types` names a type that the column cannot be cast to.
    async fn describe(&mut self, query: &str, types: &BTreeMap<String, TypePolicy>) -> Result<Vec<SourceColumn>>;

    /// Tells, without running it, how much a query returns.
    async fn weigh(&mut self, query: &str) -> Result<Weight>;

    /// Cuts a query, which must be repeatable, into at most so many parts for several sessions of this snapshot: together they
    /// return each of its rows exactly once. `columns` are its columns as [`describe`](Self::describe) gave them.
    ///
    /// # Errors
    /// As [`describe`](Self::describe). That it cannot be cut is no error: [`Parts`] then says why.
    async fn cut(&mut self, query: &str, columns: &[SourceColumn], by: &CutBy, pieces: usize) -> Result<Parts>;

    /// Starts reading. The session is busy until the reader has reached its end; a reader that is given up before ends the session.
    async fn read(&mut self, request: ReadRequest) -> Result<Reader>;

    /// Opens another session on the very same snapshot; `None` when the source cannot, and then this one reads everything.
    async fn fork(&mut self) -> Result<Option<Box<dyn Snapshot>>>;

    /// Tells whether everything that was read is of this snapshot; called after the last read.
    ///
    /// # Errors
    /// `SourceUnavailable` when the source has changed a table in a way that does not respect snapshots, or is gone.
    async fn confirm(&mut self) -> Result<()>;

    /// Tells how the session is encrypted, what its role may do, and how far the source's clock is from `clock`.
    async fn facts(&mut self, clock: &dyn Clock) -> Result<SessionFacts>;

    /// Tells whether the session can do more work: it is connected, and no read was given up in it.
    fn is_usable(&self) -> bool;

    /// Ends the session politely. Dropping it instead is allowed.
    async fn close(self: Box<Self>);
}

/// Creates the source for a connection.
#[must_use]
pub fn open(connection: &Connection) -> Arc<dyn Source> {
    match connection {
        Connection::Postgres(settings) => Arc::new(postgres::PostgresSource::new(settings.clone())),
        Connection::Sqlite { path } => Arc::new(sqlite::SqliteSource::new(path.clone())),
    }
}

/// A column as the source describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// The name and the type that the store will keep.
    pub column: Column,
    /// The source's own name of the type, such as `numeric(12,6)`: for messages, and to notice a changed type.
    pub source_type: String,
    /// What happens to a value that the type cannot hold.
    pub on_bad_value: OnBadValue,
    /// The table's and the column's number where it is a plain column: another table of the same name has another one.
    pub origin: Option<(u32, i16)>,
    /// How the reader finds the value; opaque outside of the source.
    pub(crate) wire: Wire,
}

/// What happens to a value that cannot be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBadValue {
    /// The sync fails and names the column.
    Fail,
    /// The value becomes NULL.
    Null,
}

/// How a source delivers a column's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// In PostgreSQL's binary format.
    Postgres(postgres::PgWire),
    /// As SQLite's storage classes.
    Sqlite,
}

/// One read of one query.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The user's query, without semicolons or comments at its end.
    pub query: String,
    /// The columns as [`Snapshot::describe`] gave them, in that order.
    pub columns: Vec<SourceColumn>,
    /// Only rows of this window; all rows when `None`.
    pub window: Option<Window>,
    /// Stop after this many rows. Ask for one more than the cap to learn whether the cap cuts.
    pub limit: Option<u64>,
    /// Counts what is read, for progress.
    pub progress: Arc<ReadProgress>,
    /// Stops the read with `Cancelled`.
    pub cancel: CancellationToken,
}

/// Rows whose cursor is at or above a value, or NULL.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// The cursor column, by its source name.
    pub column: String,
    /// The cursor column's type in the store.
    pub ty: ColumnType,
    /// The lower bound, inclusive.
    pub from: CursorValue,
}

/// Counters that a reader keeps and anyone may look at.
#[derive(Debug, Default)]
pub struct ReadProgress {
    /// Rows decoded.
    pub rows: AtomicU64,
    /// Bytes received.
    pub bytes: AtomicU64,
}

impl ReadProgress {
    /// Adds to both counters.
    pub fn add(&self, rows: u64, bytes: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Reads batches. Blocking: it is called on a thread that may wait, never on an async executor.
#[derive(Debug)]
pub enum Reader {
    /// A running COPY.
    Postgres(postgres::CopyReader),
    /// A stepped statement.
    Sqlite(sqlite::StatementReader),
}

impl Reader {
    /// Fills the batch with up to [`BATCH_ROWS`](crate::column::BATCH_ROWS) rows and returns their number; 0 means the end.
    ///
    /// # Errors
    /// `SourceUnavailable`, `SourceRejected`, `SchemaMismatch` for a value that cannot be carried (names the column),
    /// `Cancelled`, `Timeout`. After an error the reader must be dropped.
    pub fn fill<B: BatchWriter>(&mut self, batch: &mut B) -> Result<usize> {
        match self {
            Self::Postgres(reader) => reader.fill(batch),
            Self::Sqlite(reader) => reader.fill(batch),
        }
    }
}
