//! The one handle: opens the store, lists datasets, syncs, answers queries, closes.

mod builder;
mod scheduler;
mod usage;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

pub use builder::EngineBuilder;
pub use usage::Usage;

use crate::analytics::frame::Frames;
use crate::clock::Clock;
use crate::config::Config;
use crate::dataset::{Dataset, Reserved, State, SyncHandle, SyncOptions, VerifyOptions, closed, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{EventLog, Events};
use crate::query::{Query, QueryStatus, Running};
use crate::signals::{Overrides, Signals};
use crate::source;
use crate::store::{Catalog, Keeper, Limits, QueryStream, RunRecord, Store, open_stream, recent_runs};
use crate::sync::{SyncReport, VerifyReport};

/// An open engine: one store and the datasets that are kept in it. Cheap to clone; closes when [`close`](Self::close) is
/// called or, as long as no scheduler was started, when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Engine(pub(crate) Arc<Inner>);

/// What the clones of an engine share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) keeper: Keeper,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: EventLog,
    pub(crate) turns: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) metadata: crate::metadata::Cache,
    pub(crate) running: Arc<Running>,
    pub(crate) kpi: crate::analytics::kpi::Cache,
    pub(crate) frames: Frames,
    pub(crate) overrides: Overrides,
    pub(crate) eval: crate::analytics::eval::Cache,
    datasets: Vec<Arc<State>>,
    pub(crate) closing: CancellationToken,
    /// One backup is made at a time.
    pub(crate) backups: Arc<tokio::sync::Mutex<()>>,
    pub(crate) backup_outcomes: crate::backup::Outcomes,
    closed: AtomicBool,
}

impl Inner {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        if self.is_closed() { Err(closed()) } else { Ok(()) }
    }

    pub(crate) fn check_enabled(&self) -> Result<()> {
        if self.config.store.enabled {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Config,
            "the store is disabled by `duckdb.enabled: false`",
        ))
    }

    /// Returns the store for reading.
    pub(crate) async fn readable(&self) -> Result<Arc<Store>> {
        self.keeper.readable(|catalog| self.reload(catalog)).await
    }

    /// Returns the store for a sync.
    pub(crate) async fn writable(&self) -> Result<Arc<Store>> {
        self.keeper.writable(|catalog| self.reload(catalog)).await
    }

    /// Runs work that nobody waits for until the engine closes.
    pub(crate) fn in_background(&self, work: impl Future<Output = ()> + Send + 'static) {
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = closing.cancelled() => {}
                () = work => {}
            }
        });
    }

    /// Takes what a store remembers that was opened in place of another one.
    fn reload(&self, mut catalog: Catalog) {
        for dataset in &self.datasets {
            let mut record = catalog.take(&dataset.config);
            let mut held = lock(&dataset.record);
            // The store may not have been able to take it down.
            record.last_failure = held.last_failure.take().or(record.last_failure);
            *held = record;
            dataset.memory.forget();
        }
        self.metadata.forget();
        self.kpi.forget();
        self.frames.forget();
        self.eval.forget();
    }
}

impl Engine {
    /// Opens the store at a path with every setting at its default.
    ///
    /// # Errors
    /// `Locked` when another engine holds the store (names its process), `Store` when it cannot be opened, created or read.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(Config::for_store(path)).open().await
    }

    /// Starts from a configuration.
    #[must_use]
    pub fn builder(config: Config) -> EngineBuilder {
        EngineBuilder::new(config)
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Returns every configured dataset, in the order of the configuration.
    pub fn datasets(&self) -> impl ExactSizeIterator<Item = Dataset> + '_ {
        self.0
            .datasets
            .iter()
            .map(|state| Dataset::new(Arc::clone(&self.0), Arc::clone(state)))
    }

    /// Returns a dataset by name.
    ///
    /// # Errors
    /// `NotFound`, listing the known names; `Closed`.
    pub fn dataset(&self, name: &str) -> Result<Dataset> {
        self.0.check_open()?;
        self.datasets().find(|dataset| dataset.name() == name).ok_or_else(|| {
            let known = self
                .0
                .datasets
                .iter()
                .map(|state| state.config.name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            Error::new(
                ErrorKind::NotFound,
                format!("there is no dataset `{name}`; there are: {known}"),
            )
        })
    }

    /// Returns people's feedback.
    ///
    /// # Errors
    /// `NotFound` when no dataset holds any, `Closed`.
    pub fn signals(&self) -> Result<Signals> {
        self.0.check_open()?;
        Signals::of(self)
    }

    pub(crate) fn overrides(&self) -> &Overrides {
        &self.0.overrides
    }

    /// Returns the datasets that can be synced: enabled, with a connection and queries, and not broken.
    pub fn syncable(&self) -> impl Iterator<Item = Dataset> + '_ {
        self.datasets().filter(|dataset| {
            let status = dataset.status();
            status.enabled && status.configured && dataset.config().broken.is_none()
        })
    }

    /// Syncs these datasets, several at a time, and returns each one's outcome in the given order.
    ///
    /// Datasets with equal connections are read from one snapshot: their rows belong together, and their reports have one
    /// `snapshot_at`. When that snapshot is lost, the datasets that have not read yet fail; none reads from another one.
    /// Each dataset still commits by itself.
    ///
    /// # Cancellation
    /// Dropping the future cancels every sync that has not committed, as dropping that of [`Dataset::sync`] does.
    pub async fn sync(&self, datasets: &[Dataset], options: &SyncOptions) -> Vec<(String, Result<SyncReport>)> {
        let runs = self.start_sync(datasets, options).into_iter();
        let runs = runs.map(async |(name, started)| match started {
            Ok(handle) => (name, handle.wait().await),
            Err(error) => (name, Err(error)),
        });
        futures::future::join_all(runs).await
    }

    /// Starts the syncs of [`sync`](Self::sync) in the background and returns their handles at once, in the given order.
    ///
    /// A dataset that cannot be started has its error in place of a handle, as [`Dataset::start_sync`] gives it, and the
    /// others go on without it.
    pub fn start_sync(&self, datasets: &[Dataset], options: &SyncOptions) -> Vec<(String, Result<SyncHandle>)> {
        // All are reserved before the first begins: a dataset that somebody else still syncs would commit rows that are newer
        // than the shared snapshot, and then be set back to it.
        let mut reserved: Vec<_> = datasets
            .iter()
            .map(|dataset| (dataset.name().to_owned(), dataset.reserve_sync(options.clone())))
            .collect();
        let ready = reserved.iter_mut().filter_map(|(_, reserved)| reserved.as_mut().ok());
        source::share(ready.map(Reserved::source).collect());
        let started = reserved.into_iter();
        started
            .map(|(name, reserved)| (name, reserved.map(Reserved::start)))
            .collect()
    }

    /// Compares these datasets with their sources, several at a time, and returns each one's outcome in the given order.
    pub async fn verify(&self, datasets: &[Dataset], options: &VerifyOptions) -> Vec<(String, Result<VerifyReport>)> {
        let runs = datasets.iter().map(|dataset| {
            let options = options.clone();
            async move { (dataset.name().to_owned(), dataset.verify(options).await) }
        });
        futures::future::join_all(runs).await
    }

    /// Runs a SELECT and streams its answer as Arrow batches.
    ///
    /// # Errors
    /// `Query` when it is not one SELECT or cannot be run, `InvalidArgument` when its id is taken, `Timeout`, `Cancelled`,
    /// `Closed`.
    ///
    /// # Cancellation
    /// Dropping the future or the stream interrupts the query.
    pub async fn query(&self, mut query: Query) -> Result<QueryStream> {
        self.0.check_open()?;
        self.0.check_enabled()?;
        // Cancelling this query cancels no other one that has the same token.
        query.cancel = query.cancel.child_token();
        let ticket = self.0.running.enter(&query, self.0.clock.now())?;
        let store = self.0.readable().await?;
        open_stream(&store.pool, query, ticket).await
    }

    /// Returns the queries of [`query`](Self::query) that wait or run, the oldest first.
    #[must_use]
    pub fn queries(&self) -> Vec<QueryStatus> {
        self.0.running.list(self.0.clock.now())
    }

    /// Cancels a query, and waits up to two seconds for its end; tells whether it has ended.
    ///
    /// # Errors
    /// `NotFound` when no query of this id runs, `Closed`.
    pub async fn cancel_query(&self, id: Uuid) -> Result<bool> {
        self.0.check_open()?;
        let cancelled = self.0.running.cancel(id).await;
        cancelled.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no query {id} is running")))
    }

    /// Listens to everything that happens from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.0.events.listen(None, self.ended())
    }

    /// Listens to everything that has happened after the event of this id, as far as it is kept; what is not, or an id of another
    /// engine, is told as [`SyncEvent::Lost`](crate::SyncEvent::Lost).
    #[must_use]
    pub fn events_after(&self, id: &str) -> Events {
        self.0.events.listen(Some(id), self.ended())
    }

    /// Completes when the engine has been closed and its tasks have ended. Holds nothing of the engine.
    pub(crate) fn ended(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let (closing, tasks) = (self.0.closing.clone(), self.0.tasks.clone());
        async move {
            closing.cancelled().await;
            tasks.wait().await;
        }
    }

    pub(crate) fn check_open(&self) -> Result<()> {
        self.0.check_open()
    }

    /// Tells whether the engine was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }

    /// Returns the newest runs of all datasets, newest first.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        let store = self.0.readable().await?;
        store
            .pool
            .write(Limits::default(), move |connection, _| {
                recent_runs(connection, None, limit)
            })
            .await
    }

    /// Tells whether the store answers right now, and is still the one that syncs can write.
    ///
    /// # Errors
    /// `Store` when it does not answer, or when its file was replaced or deleted and no sync has opened it again yet;
    /// `Locked` when another process has taken it over; `Timeout` when it does not answer in two seconds, `Closed`.
    pub async fn probe(&self) -> Result<()> {
        let limits = Limits {
            timeout: Some(Duration::from_secs(2)),
            ..Limits::default()
        };
        let store = self.0.readable().await?;
        store
            .pool
            .write(limits, |connection, _| {
                connection
                    .execute_batch("select 1 from _axis.store")
                    .map_err(crate::store::fault::store("store.probe"))
            })
            .await?;
        self.0.keeper.check()
    }

    /// Cancels running syncs (a commit that has begun is finished), refuses new work, checkpoints and lets go of the store.
    /// Idempotent: later calls wait for the same end.
    ///
    /// # Errors
    /// None today; the signature leaves room for a store that cannot be closed.
    pub async fn close(&self) -> Result<()> {
        self.0.closed.store(true, Ordering::SeqCst);
        self.0.closing.cancel();
        for dataset in self.datasets() {
            // A verification, too.
            dataset.cancel_sync();
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.keeper.close().await;
        Ok(())
    }
}
