//! Query results as a stream of Arrow batches that owns everything it needs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatch;
use duckdb::types::Value;
use duckdb::{Connection, InterruptHandle, params_from_iter};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Pool, fault};
use crate::error::{Error, ErrorKind, Result};
use crate::query::{Query, Ticket, exact};

/// Batches that may wait for a slow consumer.
const BUFFERED: usize = 4;
/// How deep values may be nested: whoever reads them goes down as deep, on a stack of the usual size.
const DEPTH: usize = 64;
/// The most bytes of rows that a stranger gets together: so many, and so many more for each. What is made of them is as large
/// again and not DuckDB's memory, so that no limit of DuckDB's is one for it.
const BYTES: usize = 64 << 20;
const ROW_BYTES: usize = 32 << 10;
/// How long past its deadline a query may take to notice: DuckDB does not look for interrupts while it plans.
const NOTICING: Duration = Duration::from_secs(1);

/// Bytes above which no further rows are joined.
const MANY_BYTES: usize = 16 << 20;

/// The answer of a query, batch by batch. Dropping it interrupts DuckDB.
pub struct QueryStream {
    schema: SchemaRef,
    batches: mpsc::Receiver<Result<RecordBatch>>,
    truncated: Arc<AtomicBool>,
    stop: CancellationToken,
}

impl QueryStream {
    /// Returns the columns of the answer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Returns the next batch; `None` at the end.
    ///
    /// # Errors
    /// `Timeout`, `Cancelled`, or `Query` when the query fails while it runs. The stream has then ended.
    pub async fn next(&mut self) -> Option<Result<RecordBatch>> {
        self.batches.recv().await
    }

    /// Returns the next rows in one batch, at least so many unless the answer ends or has 16 MB of them: for readers whose work
    /// goes by batches. They are copied together.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_many(&mut self, rows: usize) -> Option<Result<RecordBatch>> {
        let batches = self.next_few(rows).await?;
        Some(batches.and_then(|batches| Self::join(&self.schema, batches)))
    }

    /// Returns the batches that [`next_many`](Self::next_many) would join. Whoever joins them elsewhere does not keep DuckDB waiting
    /// meanwhile.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_few(&mut self, rows: usize) -> Option<Result<Vec<RecordBatch>>> {
        let mut batches = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        while count < rows && bytes < MANY_BYTES {
            match self.next().await {
                Some(Ok(batch)) => {
                    count += batch.num_rows();
                    bytes += batch.get_array_memory_size();
                    batches.push(batch);
                }
                Some(Err(error)) => return Some(Err(error)),
                None => break,
            }
        }
        (!batches.is_empty()).then_some(Ok(batches))
    }

    /// Copies batches of one answer together.
    ///
    /// # Errors
    /// `Internal` when they are of different answers.
    pub fn join(schema: &SchemaRef, mut batches: Vec<RecordBatch>) -> Result<RecordBatch> {
        if batches.len() == 1 {
            return Ok(batches.swap_remove(0));
        }
        concat_batches(schema, &batches)
            .map_err(|cause| Error::new(ErrorKind::Internal, "batches cannot be joined").because(cause))
    }

    /// Tells, at the end, whether there were more rows than `max_rows`.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated.load(Ordering::Acquire)
    }

    /// Reads everything.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut all = Vec::new();
        while let Some(batch) = self.next().await {
            all.push(batch?);
        }
        Ok(all)
    }
}

impl futures::Stream for QueryStream {
    type Item = Result<RecordBatch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.batches.poll_recv(cx)
    }
}

impl std::fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueryStream")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl Drop for QueryStream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts a client's query on a slot of the pool. Its timeout covers the wait for the slot and the whole stream.
pub(crate) async fn open_stream(pool: &Arc<Pool>, query: Query, ticket: Ticket) -> Result<QueryStream> {
    let cancel = query.cancel.clone();
    let deadline = query.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
    let slot = tokio::select! {
        slot = pool.query_slot() => slot?,
        () = cancel.cancelled() => return Err(cancelled()),
        () = until(deadline) => return Err(timed_out()),
    };
    let connection = pool.checkout()?;
    let interrupt = connection.interrupt_handle();
    let (batches_in, batches) = mpsc::channel(BUFFERED);
    let (schema_in, schema) = oneshot::channel();
    let stop = cancel.child_token();
    let finished = CancellationToken::new();
    let target = Arc::new(Target(Mutex::new(Some(interrupt))));
    tokio::spawn(watch(
        Arc::clone(&target),
        stop.clone(),
        pool.closing(),
        deadline,
        finished.clone(),
    ));
    let owner = Arc::clone(pool);
    let runtime = Handle::current();
    let verdict = Verdict {
        stop: stop.clone(),
        deadline,
    };
    let truncated = Arc::new(AtomicBool::new(false));
    let cut = Arc::clone(&truncated);
    pool.spawn_deep(move || {
        let _slot = slot;
        let _finished = finished.drop_guard();
        ticket.begins();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let _query = owner.query(&connection);
            produce(&connection, &query, schema_in, &cut, |batch| {
                ticket.count(batch.num_rows() as u64);
                verdict.send(&runtime, &batches_in, batch)
            })
        }));
        target.release();
        // Whoever hears of the end does not find it among what runs.
        drop(ticket);
        match outcome {
            Ok(Ok(())) => owner.give_back(connection),
            Ok(Err(error)) => {
                owner.clean_up(&connection);
                owner.give_back(connection);
                runtime.spawn(tell(batches_in, owner.explain(verdict.explain(error))));
            }
            // A panic below leaves the connection in an unknown state; it is not used again.
            Err(_) => {
                let error = Error::new(ErrorKind::Query, "the query failed while it was running").during("query");
                runtime.spawn(tell(batches_in, verdict.explain(error)));
            }
        }
    })?;
    // Whoever drops the future before there is a stream stops the query, too.
    let guard = stop.clone().drop_guard();
    let answered = tokio::select! {
        answered = schema => answered,
        () = until(deadline.map(|deadline| deadline + NOTICING)) => return Err(timed_out()),
        () = async {
            stop.cancelled().await;
            tokio::time::sleep(NOTICING).await;
        } => return Err(cancelled()),
    };
    guard.disarm();
    match answered {
        Ok(schema) => Ok(QueryStream {
            schema,
            batches,
            truncated,
            stop,
        }),
        Err(_) => {
            // The producer has ended by itself; cancelling now would make its own error look like a cancellation.
            let mut batches = batches;
            let failed = || Error::new(ErrorKind::Internal, "the query ended without an answer").during("query");
            Err(batches.recv().await.and_then(Result::err).unwrap_or_else(failed))
        }
    }
}

/// Keeps an error for a consumer that reads on later; neither the slot nor the connection waits with it.
async fn tell(batches: mpsc::Sender<Result<RecordBatch>>, error: Error) {
    let _ = batches.send(Err(error)).await;
}

/// Why a query ended early.
struct Verdict {
    stop: CancellationToken,
    deadline: Option<tokio::time::Instant>,
}

impl Verdict {
    /// Hands a batch over, and waits for a slow consumer no longer than the query may run; false when nobody wants more.
    fn send(&self, runtime: &Handle, batches: &mpsc::Sender<Result<RecordBatch>>, batch: RecordBatch) -> Result<bool> {
        runtime.block_on(async {
            tokio::select! {
                sent = batches.send(Ok(batch)) => Ok(sent.is_ok()),
                () = self.stop.cancelled() => Err(cancelled()),
                () = until(self.deadline) => Err(timed_out()),
            }
        })
    }

    fn explain(&self, error: Error) -> Error {
        if self
            .deadline
            .is_some_and(|deadline| tokio::time::Instant::now() >= deadline)
        {
            timed_out()
        } else if self.stop.is_cancelled() {
            cancelled()
        } else if error.kind() == ErrorKind::Cancelled {
            // Nobody stopped it: when a part of a query fails, DuckDB interrupts the other parts, and may report that.
            Error::new(ErrorKind::Query, "the query failed while it was running")
                .during("query")
                .because(error)
        } else {
            error
        }
    }
}

/// The connection that may be interrupted, as long as it runs this query: afterwards it runs somebody else's.
struct Target(Mutex<Option<Arc<InterruptHandle>>>);

impl Target {
    fn interrupt(&self) {
        if let Some(handle) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            handle.interrupt();
        }
    }

    fn release(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Interrupts the query at its deadline or when it is stopped, until it has finished.
async fn watch(
    target: Arc<Target>,
    stop: CancellationToken,
    closing: CancellationToken,
    deadline: Option<tokio::time::Instant>,
    finished: CancellationToken,
) {
    tokio::select! {
        () = finished.cancelled() => return,
        () = stop.cancelled() => {}
        () = closing.cancelled() => stop.cancel(),
        () = until(deadline) => {}
    }
    loop {
        target.interrupt();
        tokio::select! {
            () = finished.cancelled() => return,
            () = tokio::time::sleep(Duration::from_millis(20)) => {}
        }
    }
}

fn produce(
    connection: &Connection,
    query: &Query,
    schema_in: oneshot::Sender<SchemaRef>,
    truncated: &AtomicBool,
    send: impl Fn(RecordBatch) -> Result<bool>,
) -> Result<()> {
    query.check(connection)?;
    let mut statement = connection.prepare(&query.sql).map_err(fault::query)?;
    let values = query.values(&statement)?;
    let mut schema = statement
        .stream_arrow(params_from_iter(&values))
        .map_err(fault::query)?
        .get_schema();
    if let Some(sql) = exact(&query.sql, &schema, &statement)? {
        // What has only its types wrong ends before its rows are read.
        statement = connection.prepare(&sql).map_err(|error| {
            let message = "columns of the types TIME WITH TIME ZONE, UHUGEINT, BIT and BIGNUM have no exact form in this answer; \
                           cast them to text";
            Error::new(ErrorKind::Query, message).during("query").because(error)
        })?;
        let answer = statement.stream_arrow(params_from_iter(&values));
        schema = answer.map_err(fault::query)?.get_schema();
    }
    if schema.fields().iter().any(|field| depth(field.data_type()) > DEPTH) {
        let message = format!("the query makes values that are nested deeper than {DEPTH} levels");
        return Err(Error::new(ErrorKind::Query, message).during("query"));
    }
    // The receiver may have gone; then the first send ends the loop.
    let _ = schema_in.send(schema);
    let mut left = query.max_rows.unwrap_or(u64::MAX);
    // The iterator of `stream_arrow` panics when a later part of the result fails; `step` says so.
    while let Some(part) = statement.step().map_err(fault::query)? {
        let batch = RecordBatch::from(&part);
        if query.confined && batch.get_array_memory_size() > BYTES + batch.num_rows() * ROW_BYTES {
            let message = "a row is too large; rows that are read together may have 64 MB, and 32 KB more for each";
            return Err(Error::new(ErrorKind::Query, message).during("query"));
        }
        let rows = usize::try_from(left).unwrap_or(usize::MAX).min(batch.num_rows());
        left -= rows as u64;
        let is_cut = rows < batch.num_rows();
        // Before the last batch is sent: whoever has it may ask.
        truncated.store(is_cut, Ordering::Release);
        if rows > 0 && !send(if is_cut { batch.slice(0, rows) } else { batch })? || is_cut {
            break;
        }
    }
    Ok(())
}

/// How deep lists and structs are nested in each other.
fn depth(ty: &DataType) -> usize {
    match ty {
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) | DataType::Map(of, _) => {
            1 + depth(of.data_type())
        }
        DataType::Struct(fields) => {
            1 + fields
                .iter()
                .map(|field| depth(field.data_type()))
                .max()
                .unwrap_or_default()
        }
        _ => 0,
    }
}

/// Runs one of our own queries and returns its whole answer.
pub(crate) fn fetch(
    connection: &Connection,
    sql: &str,
    params: Vec<Value>,
    operation: &'static str,
) -> Result<Vec<RecordBatch>> {
    let fault = fault::store(operation);
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    drop(statement.query_arrow(params_from_iter(params)).map_err(&fault)?);
    let mut all = Vec::new();
    while let Some(part) = statement.step().map_err(&fault)? {
        all.push(RecordBatch::from(&part));
    }
    Ok(all)
}

/// Runs one of our own queries and hands its answer over batch by batch; no more than one of them is in memory.
pub(crate) fn each_batch(
    connection: &Connection,
    sql: &str,
    operation: &'static str,
    mut take: impl FnMut(RecordBatch) -> Result<()>,
) -> Result<()> {
    let fault = fault::store(operation);
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    drop(statement.stream_arrow([]).map_err(&fault)?);
    while let Some(part) = statement.step().map_err(&fault)? {
        take(RecordBatch::from(&part))?;
    }
    Ok(())
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the query was cancelled").during("query")
}

fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "the query took longer than allowed").during("query")
}

async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
