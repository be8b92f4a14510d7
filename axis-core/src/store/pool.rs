//! Every access to DuckDB goes through here: a slot, a deadline, an interrupt with a recorded reason, and panics as errors.

mod session;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use duckdb::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use session::Session;

use super::fault;
use super::link::Link;
use super::pressure::Pressure;
use super::reason::Reason;
use crate::error::{Error, ErrorKind, Result, first_line};
use crate::failpoint::{Step, reach};

/// The stack of a thread that runs SQL of others. DuckDB goes down with the depth of what it plans, and overflowing the two
/// megabytes that threads usually have would end the process. Only what is used takes memory.
const DEEP: usize = 64 << 20;
/// How long closing waits for threads that were interrupted.
const LEAVE: Duration = Duration::from_secs(5);
/// How many idle connections are kept. More are cheap to make and to drop.
const IDLE: usize = 16;

/// One slot of so many, and at least one of several, is kept for the engine's own reads.
const RESERVED: usize = 4;

/// Returns how many of these slots clients' queries may hold at once.
pub(crate) fn for_queries(slots: usize) -> usize {
    slots.saturating_sub(slots.div_ceil(RESERVED)).max(1)
}

/// How long a piece of work may take, and what stops it early.
#[derive(Clone, Debug, Default)]
pub(crate) struct Limits {
    /// The longest time, waiting for a slot included; none by default.
    pub(crate) timeout: Option<Duration>,
    /// Stops the work with `Cancelled`.
    pub(crate) cancel: CancellationToken,
}

/// The connections of one database.
#[derive(Debug)]
pub(crate) struct Pool {
    root: Mutex<Option<Link>>,
    idle: Mutex<Vec<Link>>,
    slots: Arc<Semaphore>,
    /// The slots that clients' queries may hold at once. The others are the engine's own, so that queries that do not stop do not
    /// keep it from reading.
    queries: Arc<Semaphore>,
    pressure: Pressure,
    /// The threads that are inside DuckDB; closing waits for them, because the process must not end around them.
    work: TaskTracker,
    closing: CancellationToken,
    /// Set once DuckDB refuses everything because of a fatal error.
    invalid: Arc<AtomicBool>,
}

impl Pool {
    /// `invalid` is the mark that whoever finds out elsewhere sets, too.
    pub(super) fn new(root: Link, slots: usize, pressure: Pressure, invalid: Arc<AtomicBool>) -> Self {
        Self {
            root: Mutex::new(Some(root)),
            idle: Mutex::new(Vec::new()),
            slots: Arc::new(Semaphore::new(slots)),
            queries: Arc::new(Semaphore::new(for_queries(slots))),
            pressure,
            work: TaskTracker::new(),
            closing: CancellationToken::new(),
            invalid,
        }
    }

    /// Tells whether DuckDB refuses everything because of a fatal error: only opening the store again helps.
    pub(crate) fn is_invalid(&self) -> bool {
        self.invalid.load(Ordering::SeqCst)
    }

    /// Returns DuckDB's memory limit outside of loads, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.pressure.memory()
    }

    /// Says why there is no connection: the engine was closed, or this database is about to be opened again.
    fn gone(&self) -> Error {
        if self.is_invalid() {
            Error::new(ErrorKind::Store, "the store is being opened again; try again").during("store.connect")
        } else {
            Error::new(ErrorKind::Closed, "the engine is closed")
        }
    }

    /// Replaces the word about an interruption that nobody wanted: the database was about to be opened again.
    pub(super) fn explain(&self, error: Error) -> Error {
        if error.kind() == ErrorKind::Cancelled && self.closing.is_cancelled() && self.is_invalid() {
            return self.gone().because(error);
        }
        error
    }

    /// Ends what a failure has left open on this connection, and looks whether the whole database has ended.
    pub(crate) fn clean_up(&self, connection: &Connection) {
        // Outside of a transaction this fails, harmlessly. It holds no value that could look like an error of DuckDB.
        let Err(error) = connection.execute_batch("rollback") else {
            return;
        };
        if fault::is_invalidation(&error) && !self.invalid.swap(true, Ordering::SeqCst) {
            tracing::error!(
                error = first_line(&error),
                "the store was invalidated by a fatal error; its next use opens it again"
            );
        }
    }

    /// Runs a query's work on one of the limited slots. Dropping the future interrupts the work.
    pub(crate) async fn read<T, F>(self: &Arc<Self>, limits: Limits, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Reason) -> Result<T> + Send + 'static,
    {
        let deadline = limits.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
        let slot = tokio::select! {
            slot = self.permit(&self.slots) => slot?,
            () = limits.cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the work was cancelled")),
            () = until(deadline) => return Err(Error::new(ErrorKind::Timeout, "no query slot became free in time")),
        };
        let limits = Limits {
            timeout: deadline.map(|deadline| deadline.saturating_duration_since(tokio::time::Instant::now())),
            cancel: limits.cancel,
        };
        let pool = Arc::clone(self);
        self.write(limits, move |connection, reason| {
            let _slot = slot;
            let _query = pool.query(connection);
            work(connection, reason)
        })
        .await
    }

    /// The same in a transaction of its own: all of the work sees one version.
    pub(crate) async fn snapshot<T, F>(self: &Arc<Self>, limits: Limits, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Reason) -> Result<T> + Send + 'static,
    {
        self.read(limits, |connection, reason| {
            let fault = fault::store("store.snapshot");
            connection
                .execute_batch("begin transaction read only")
                .map_err(&fault)?;
            let answer = work(connection, reason)?;
            connection.execute_batch("commit").map_err(&fault)?;
            Ok(answer)
        })
        .await
    }

    /// Runs work outside of the slots: syncs and bookkeeping, which queue elsewhere. Dropping the future interrupts the work.
    pub(crate) async fn write<T, F>(self: &Arc<Self>, limits: Limits, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Reason) -> Result<T> + Send + 'static,
    {
        self.session()?.run(limits, work).await
    }

    /// Opens a session outside of the slots, for several pieces of work on one connection.
    pub(crate) fn session(self: &Arc<Self>) -> Result<Session> {
        Ok(Session::new(self.checkout()?, self))
    }

    /// Takes a connection for work that manages its own interrupts.
    pub(crate) fn checkout(&self) -> Result<Link> {
        if let Some(connection) = lock(&self.idle).pop() {
            return Ok(connection);
        }
        let root = lock(&self.root);
        root.as_ref()
            .ok_or_else(|| self.gone())?
            .another()
            .map_err(fault::store("store.connect"))
    }

    /// Returns a connection for the next piece of work.
    pub(crate) fn give_back(&self, connection: Link) {
        let open = lock(&self.root).is_some();
        let mut idle = lock(&self.idle);
        if open && idle.len() < IDLE {
            idle.push(connection);
        }
    }

    /// Takes a slot for a client's query, which manages its own thread.
    pub(crate) async fn query_slot(&self) -> Result<QuerySlot> {
        let query = self.permit(&self.queries).await?;
        let slot = self.permit(&self.slots).await?;
        Ok(QuerySlot {
            _slot: slot,
            _query: query,
        })
    }

    async fn permit(&self, of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit> {
        Arc::clone(of).acquire_owned().await.map_err(|_| self.gone())
    }

    /// Announces a client's query on this connection, until the guard is dropped.
    pub(crate) fn query<'a>(&'a self, connection: &'a Connection) -> RunningQuery<'a> {
        self.pressure.query_begins(connection);
        RunningQuery { pool: self, connection }
    }

    /// Announces that whole tables are being loaded, until the guard is dropped.
    pub(crate) async fn load(self: &Arc<Self>, checkpoint: bool) -> RunningLoad {
        let load = RunningLoad(Arc::clone(self));
        let pool = Arc::clone(self);
        // DuckDB may have to wait for its own threads, so this is no work for an executor's.
        let begun = self.work.spawn_blocking(move || {
            pool.press(|pool, connection| {
                // What a reader still had at the last checkpoint, or a killed process has left, makes room for what comes.
                if checkpoint {
                    pool.checkpoint(connection);
                }
                pool.pressure.load_begins(connection);
            });
        });
        let _ = begun.await;
        load
    }

    /// Moves the write-ahead log into the file and frees the room of what nobody reads any more, as far as readers allow.
    pub(crate) fn checkpoint(&self, connection: &Connection) {
        // Best effort: a reader or a load may forbid it, and the write-ahead log keeps everything.
        if let Err(error) = connection.execute_batch("checkpoint") {
            tracing::debug!(error = first_line(&error), "no checkpoint now");
            self.clean_up(connection);
        }
    }

    fn press(&self, change: impl FnOnce(&Self, &Connection)) {
        // A store that closes needs its settings no more.
        if let Ok(connection) = self.checkout() {
            change(self, &connection);
            self.give_back(connection);
        }
    }

    /// Runs blocking work on a thread that closing waits for.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.work.spawn_blocking(work);
    }

    /// Runs SQL of others on a thread of its own that closing waits for, with a stack for whatever depth it has.
    pub(crate) fn spawn_deep(&self, work: impl FnOnce() + Send + 'static) -> Result<()> {
        let open = self.work.token();
        let thread = std::thread::Builder::new()
            .name("axis-query".to_owned())
            .stack_size(DEEP);
        let spawned = thread.spawn(move || {
            work();
            drop(open);
        });
        spawned.map(drop).map_err(|error| {
            Error::new(ErrorKind::Store, "there is no thread for the query; try again")
                .during("query")
                .because(error)
        })
    }

    /// Returns a token that fires when the engine closes.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Refuses new work, interrupts what is running, waits for it, and closes the database. False when a thread does not come
    /// back: the database then stays open, and its files as they are.
    pub(crate) async fn close(&self) -> bool {
        let (root, left) = self.drain().await;
        if let Some(root) = root {
            if !left {
                leave_files_alone(root).await;
                return false;
            }
            reach(Step::Closing);
            let checkpoint = tokio::task::spawn_blocking(move || {
                // Best effort: the write-ahead log keeps everything that it cannot write now.
                let _ = root.execute_batch("checkpoint");
            });
            let _ = checkpoint.await;
            reach(Step::Closed);
        }
        left
    }

    /// The same for a database that is not to be written any more, nor files by the names that it knows.
    pub(crate) async fn abandon(&self) -> bool {
        // From now on nobody gets work from it; whoever asks is sent to the store that comes.
        self.invalid.store(true, Ordering::SeqCst);
        let (root, left) = self.drain().await;
        if let Some(root) = root {
            leave_files_alone(root).await;
        }
        left
    }

    /// Waits until no connection but the first is left; false when one is not given back in time, because DuckDB does not look
    /// at interrupts everywhere.
    async fn drain(&self) -> (Option<Link>, bool) {
        self.slots.close();
        self.queries.close();
        self.closing.cancel();
        let root = lock(&self.root).take();
        self.work.close();
        let left = tokio::time::timeout(LEAVE, self.work.wait()).await.is_ok();
        if !left {
            tracing::warn!(
                "a thread is inside DuckDB and does not notice that it is interrupted; it is not waited for"
            );
        }
        lock(&self.idle).clear();
        (root, left)
    }
}

async fn leave_files_alone(root: Link) {
    let letting_go = tokio::task::spawn_blocking(move || root.leave_files_alone());
    let _ = letting_go.await;
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(root) = lock(&self.root).as_ref().filter(|root| root.is_lost()) {
            root.leave_files_alone();
        }
    }
}

/// A slot, and one of those that clients' queries may hold.
#[derive(Debug)]
pub(crate) struct QuerySlot {
    _slot: OwnedSemaphorePermit,
    _query: OwnedSemaphorePermit,
}

/// A client's query that is running.
#[derive(Debug)]
pub(crate) struct RunningQuery<'a> {
    pool: &'a Pool,
    connection: &'a Connection,
}

impl Drop for RunningQuery<'_> {
    fn drop(&mut self) {
        self.pool.pressure.query_ends(self.connection);
    }
}

/// A load that is going on.
#[derive(Debug)]
pub(crate) struct RunningLoad(Arc<Pool>);

impl Drop for RunningLoad {
    fn drop(&mut self) {
        let pool = Arc::clone(&self.0);
        self.0
            .spawn(move || pool.press(|pool, connection| pool.pressure.load_ends(connection)));
    }
}

/// Sleeps until the deadline, or for ever.
async fn until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
