//! Reads rows: a thread steps the statement and hands over batches, the caller converts them.
//!
//! A statement borrows its connection, so whoever steps it must hold the lock from the first row to the last. A thread can;
//! a reader that is called now and then cannot.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, params_from_iter};

use super::convert::{self, Cell, Value};
use super::window::{self, Filter, Statement};
use super::{Session, cancelled, failure};
use crate::column::{BATCH_ROWS, BatchWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{OnBadValue, ReadRequest, SourceColumn};

/// How many batches wait between the thread and the caller.
const QUEUE: usize = 2;
/// A batch with this many bytes of text and blobs is handed over even if it has room for more rows.
const BATCH_BYTES: usize = 8 << 20;
/// How often a waiting reader looks whether it was cancelled.
const POLL: Duration = Duration::from_millis(20);

/// Reads the rows of one query. Dropping it ends the read at once.
pub struct StatementReader {
    batches: Receiver<Message>,
    thread: Option<JoinHandle<()>>,
    session: Arc<Session>,
    stop: Arc<AtomicBool>,
    request: ReadRequest,
    filter: Option<Filter>,
    /// Rows that may still be delivered.
    left: u64,
    ended: bool,
}

enum Message {
    Batch(RawBatch),
    Failed(Error),
    /// Tells the end of the rows from the end of the thread.
    End,
}

/// Rows as SQLite stores them, with the bytes of all texts and blobs in one buffer.
#[derive(Default)]
struct RawBatch {
    rows: usize,
    /// Row by row.
    cells: Vec<RawCell>,
    bytes: Vec<u8>,
}

enum RawCell {
    Null,
    Integer(i64),
    Real(f64),
    /// With the end of its bytes; they begin at the given place.
    Text(usize, usize),
    Blob(usize, usize),
}

impl StatementReader {
    pub(super) fn start(session: &Arc<Session>, request: ReadRequest) -> Result<Self> {
        let (statement, filter) = window::plan(&request)?;
        let (sender, batches) = mpsc::sync_channel(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = {
            let (session, stop, width) = (Arc::clone(session), Arc::clone(&stop), request.columns.len());
            let body = move || run(&session, &statement, width, &sender, &stop);
            let spawned = std::thread::Builder::new()
                .name("axis-sqlite-read".to_owned())
                .spawn(body);
            let message = "no thread can be started to read the SQLite file";
            spawned.map_err(|error| Error::new(ErrorKind::Internal, message).because(error))?
        };
        let left = request.limit.unwrap_or(u64::MAX);
        let (session, thread) = (Arc::clone(session), Some(thread));
        Ok(Self {
            batches,
            thread,
            session,
            stop,
            request,
            filter,
            left,
            ended: false,
        })
    }

    /// Fills the batch; see [`Reader::fill`](crate::source::Reader::fill).
    ///
    /// # Errors
    /// `Cancelled`, `SchemaMismatch` for a value that cannot be carried, and what SQLite reports.
    pub fn fill<B: BatchWriter>(&mut self, batch: &mut B) -> Result<usize> {
        while !self.ended && self.left > 0 {
            match self.next()? {
                Message::Batch(raw) => {
                    let rows = self.convert(&raw, batch)?;
                    if rows > 0 {
                        return Ok(rows);
                    }
                }
                Message::Failed(error) => return Err(error),
                Message::End => self.ended = true,
            }
        }
        self.finish();
        Ok(0)
    }

    /// Waits for the thread.
    fn next(&mut self) -> Result<Message> {
        loop {
            if self.request.cancel.is_cancelled() {
                self.finish();
                return Err(cancelled().during("source.read"));
            }
            match self.batches.recv_timeout(POLL) {
                Ok(message) => return Ok(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    let message = "the thread that reads the SQLite file stopped unexpectedly";
                    return Err(Error::new(ErrorKind::Internal, message).during("source.read"));
                }
            }
        }
    }

    /// Converts the rows of the window, and only as many as the limit allows; returns how many.
    fn convert<B: BatchWriter>(&mut self, raw: &RawBatch, batch: &mut B) -> Result<usize> {
        let columns = &self.request.columns;
        let width = columns.len();
        let mut kept = Vec::with_capacity(raw.rows);
        for row in 0..raw.rows {
            let keep = match &self.filter {
                Some(filter) => {
                    let cell = raw.cell(row * width + filter.column);
                    filter.keeps(&carry(cell, &columns[filter.column])?)?
                }
                None => true,
            };
            if keep {
                kept.push(row);
            }
        }
        kept.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        let mut bytes = 0;
        for (index, column) in columns.iter().enumerate() {
            let writer = batch.column(index);
            for (to, from) in kept.iter().enumerate() {
                let cell = raw.cell(from * width + index);
                carry(cell, column)?.write(writer, to);
                bytes += size(cell);
            }
        }
        let rows = kept.len() as u64;
        self.left -= rows;
        self.request.progress.add(rows, bytes);
        Ok(kept.len())
    }

    /// Ends the thread, so that the session is free when this returns.
    fn finish(&mut self) {
        self.ended = true;
        let Some(thread) = self.thread.take() else { return };
        self.stop.store(true, Ordering::Release);
        // An interrupt only stops what runs already, so it is repeated until the thread has hung up.
        loop {
            self.session.interrupt.interrupt();
            if let Err(RecvTimeoutError::Disconnected) = self.batches.recv_timeout(Duration::from_millis(1)) {
                break;
            }
        }
        if thread.join().is_err() {
            tracing::debug!("the thread that read the SQLite file ended with a panic");
        }
    }
}

impl Drop for StatementReader {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for StatementReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatementReader")
            .field("ended", &self.ended)
            .field("left", &self.left)
            .finish_non_exhaustive()
    }
}

impl RawBatch {
    fn with_capacity(cells: usize) -> Self {
        Self {
            rows: 0,
            cells: Vec::with_capacity(cells),
            bytes: Vec::new(),
        }
    }

    fn push(&mut self, value: ValueRef<'_>) {
        let cell = match value {
            ValueRef::Null => RawCell::Null,
            ValueRef::Integer(value) => RawCell::Integer(value),
            ValueRef::Real(value) => RawCell::Real(value),
            ValueRef::Text(bytes) => {
                let (from, to) = self.keep(bytes);
                RawCell::Text(from, to)
            }
            ValueRef::Blob(bytes) => {
                let (from, to) = self.keep(bytes);
                RawCell::Blob(from, to)
            }
        };
        self.cells.push(cell);
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (from, self.bytes.len())
    }

    fn cell(&self, index: usize) -> Cell<'_> {
        match self.cells[index] {
            RawCell::Null => Cell::Null,
            RawCell::Integer(value) => Cell::Integer(value),
            RawCell::Real(value) => Cell::Real(value),
            RawCell::Text(from, to) => Cell::Text(&self.bytes[from..to]),
            RawCell::Blob(from, to) => Cell::Blob(&self.bytes[from..to]),
        }
    }
}

/// Converts a value as the column's policy says.
fn carry<'a>(cell: Cell<'a>, column: &SourceColumn) -> Result<Value<'a>> {
    match (convert::convert(cell, &column.column.ty), column.on_bad_value) {
        (Some(value), _) => Ok(value),
        (None, OnBadValue::Null) => Ok(Value::Null),
        (None, OnBadValue::Fail) => Err(bad_value(cell, column)),
    }
}

fn bad_value(cell: Cell<'_>, column: &SourceColumn) -> Error {
    let (name, ty) = (&column.column.name, &column.column.ty);
    let message = format!(
        "the column `{name}`, declared as `{}`, holds a {} value that does not fit {ty} exactly; \
         set `types: {{{name}: varchar}}` to carry it as text, or `null` to drop such values",
        column.source_type,
        cell.class()
    );
    Error::new(ErrorKind::SchemaMismatch, message)
        .during("source.read")
        .with("column", name)
}

fn size(cell: Cell<'_>) -> u64 {
    match cell {
        Cell::Null => 0,
        Cell::Integer(_) | Cell::Real(_) => 8,
        Cell::Text(bytes) | Cell::Blob(bytes) => bytes.len() as u64,
    }
}

/// The body of the thread.
fn run(session: &Session, statement: &Statement, width: usize, sender: &SyncSender<Message>, stop: &AtomicBool) {
    let connection = session.lock();
    let last = match step(&connection, statement, width, sender, stop) {
        Ok(()) => Message::End,
        Err(Stop::Sqlite(error)) => Message::Failed(failure::classify(error, &session.path).during("source.read")),
        Err(Stop::Columns(found)) => {
            let message = format!("the query gives {found} columns where {width} were described");
            Message::Failed(Error::new(ErrorKind::SchemaMismatch, message).during("source.read"))
        }
        Err(Stop::Asked) => return,
    };
    // The session is free as soon as the reader knows that the rows have ended.
    drop(connection);
    // A reader that is gone needs no answer.
    let _ = sender.send(last);
}

enum Stop {
    Asked,
    Columns(usize),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn step(
    connection: &Connection,
    statement: &Statement,
    width: usize,
    sender: &SyncSender<Message>,
    stop: &AtomicBool,
) -> Result<(), Stop> {
    let mut prepared = connection.prepare(&statement.sql)?;
    if prepared.column_count() != width {
        return Err(Stop::Columns(prepared.column_count()));
    }
    let mut rows = prepared.query(params_from_iter(&statement.parameters))?;
    let mut batch = RawBatch::with_capacity(width * BATCH_ROWS);
    loop {
        if stop.load(Ordering::Acquire) {
            return Err(Stop::Asked);
        }
        let row = rows.next()?;
        let ended = row.is_none();
        if let Some(row) = row {
            for index in 0..width {
                batch.push(row.get_ref(index)?);
            }
            batch.rows += 1;
        }
        let full = batch.rows == BATCH_ROWS || batch.bytes.len() >= BATCH_BYTES;
        if (full || ended) && batch.rows > 0 {
            let next = if ended {
                RawBatch::default()
            } else {
                RawBatch::with_capacity(width * BATCH_ROWS)
            };
            sender
                .send(Message::Batch(mem::replace(&mut batch, next)))
                .map_err(|_| Stop::Asked)?;
        }
        if ended {
            return Ok(());
        }
    }
}
