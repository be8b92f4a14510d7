//! The one handle: opens the store, lists datasets, syncs, answers queries, closes.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{Semaphore, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ViewConfig};
use crate::dataset::{Dataset, State, SyncOptions, VerifyOptions, closed};
use crate::error::{Error, ErrorKind, Result};
use crate::query::Query;
use crate::source;
use crate::store::{Limits, QueryStream, RunRecord, Store, open_stream, recent_runs};
use crate::sync::{Due, SyncEvent, SyncReport, Timing, VerifyReport, due};

/// Datasets that sync at the same time.
const SYNCS_AT_ONCE: usize = 2;
/// Events that a slow listener may be behind before it loses the oldest.
const EVENTS_BUFFERED: usize = 1024;

/// An open engine: one store and the datasets that are kept in it. Cheap to clone; closes when [`close`](Self::close) is
/// called or, as long as no scheduler was started, when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Engine(Arc<Inner>);

/// What the clones of an engine share.
#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: broadcast::Sender<SyncEvent>,
    pub(crate) turns: Semaphore,
    pub(crate) tasks: TaskTracker,
    pub(crate) opened_at: DateTime<Utc>,
    pub(crate) metadata: crate::metadata::Cache,
    datasets: Vec<Arc<State>>,
    closing: CancellationToken,
    closed: AtomicBool,
}

impl Inner {
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
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
}

/// Collects what an engine is opened with.
#[derive(Debug)]
pub struct EngineBuilder {
    config: Config,
    clock: Arc<dyn Clock>,
}

impl EngineBuilder {
    /// Uses another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open(self) -> Result<Engine> {
        check_names(&self.config)?;
        let (store, mut catalog) = Store::open(&self.config.store).await?;
        let datasets = self
            .config
            .datasets
            .iter()
            .map(|dataset| {
                Arc::new(State {
                    source: dataset.connection.as_ref().map(source::open),
                    record: std::sync::Mutex::new(catalog.datasets.remove(&dataset.name).unwrap_or_default()),
                    running: std::sync::Mutex::new(None),
                    memory: Arc::default(),
                    config: Arc::new(dataset.clone()),
                })
            })
            .collect();
        Ok(Engine(Arc::new(Inner {
            opened_at: self.clock.now(),
            store: Arc::new(store),
            clock: self.clock,
            events: broadcast::channel(EVENTS_BUFFERED).0,
            turns: Semaphore::new(SYNCS_AT_ONCE),
            tasks: TaskTracker::new(),
            metadata: crate::metadata::Cache::default(),
            datasets,
            closing: CancellationToken::new(),
            closed: AtomicBool::new(false),
            config: self.config,
        })))
    }
}

/// Refuses names that two datasets claim, or that the store keeps for itself.
fn check_names(config: &Config) -> Result<()> {
    let mut datasets = HashSet::new();
    let mut relations = HashSet::new();
    for dataset in config.datasets.iter().filter(|dataset| dataset.broken.is_none()) {
        let twice = |what: &str, name: &str| {
            let message = format!("the {what} `{name}` is used twice, or is a name that the store keeps for itself");
            Err(Error::new(ErrorKind::Config, message)
                .during("engine.open")
                .with("dataset", &dataset.name))
        };
        if !datasets.insert(dataset.name.to_lowercase()) {
            return twice("dataset", &dataset.name);
        }
        let view = match &dataset.view {
            ViewConfig::Join { name, .. } | ViewConfig::Sql { name, .. } => Some(name.as_str()),
            _ => None,
        };
        for name in dataset.tables.iter().map(|table| table.name.as_str()).chain(view) {
            if name.to_lowercase().starts_with("_axis") || !relations.insert(name.to_lowercase()) {
                return twice("relation", name);
            }
        }
    }
    Ok(())
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
        EngineBuilder {
            config,
            clock: Arc::new(SystemClock),
        }
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
    /// `NotFound`, listing the known names.
    pub fn dataset(&self, name: &str) -> Result<Dataset> {
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

    /// Returns the datasets that can be synced: enabled, with a connection and queries, and not broken.
    pub fn syncable(&self) -> impl Iterator<Item = Dataset> + '_ {
        self.datasets().filter(|dataset| {
            let status = dataset.status();
            status.enabled && status.configured && dataset.config().broken.is_none()
        })
    }

    /// Syncs these datasets, several at a time, and returns each one's outcome in the given order.
    pub async fn sync(&self, datasets: &[Dataset], options: &SyncOptions) -> Vec<(String, Result<SyncReport>)> {
        let runs = datasets.iter().map(|dataset| {
            let options = options.clone();
            async move { (dataset.name().to_owned(), dataset.sync(options).await) }
        });
        futures::future::join_all(runs).await
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
    /// `Query` when it is not one SELECT or cannot be run, `Timeout`, `Cancelled`, `Closed`.
    ///
    /// # Cancellation
    /// Dropping the future or the stream interrupts the query.
    pub async fn query(&self, query: Query) -> Result<QueryStream> {
        if self.0.is_closed() {
            return Err(closed());
        }
        self.0.check_enabled()?;
        let sql = query.sql.clone();
        let limits = Limits {
            timeout: query.timeout,
            cancel: query.cancel.clone(),
        };
        self.0
            .store
            .pool
            .write(limits, move |connection, _| {
                crate::query::check_select(connection, &sql)
            })
            .await?;
        open_stream(&self.0.store.pool, query.sql, query.params, query.timeout, query.cancel).await
    }

    /// Returns a receiver of everything that happens to datasets from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<SyncEvent> {
        self.0.events.subscribe()
    }

    /// Returns the newest runs of all datasets, newest first.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        self.0
            .store
            .pool
            .write(Limits::default(), move |connection, _| recent_runs(connection, limit))
            .await
    }

    /// Tells whether the store answers right now.
    ///
    /// # Errors
    /// `Store` when it does not, `Timeout` when it does not in two seconds, `Closed`.
    pub async fn probe(&self) -> Result<()> {
        let limits = Limits {
            timeout: Some(Duration::from_secs(2)),
            ..Limits::default()
        };
        self.0
            .store
            .pool
            .write(limits, |connection, _| {
                connection
                    .execute_batch("select 1 from _axis.store")
                    .map_err(crate::store::fault::store("store.probe"))
            })
            .await
    }

    /// Runs datasets at their `refresh_interval_minutes` until the engine closes: each on its own clock, with jitter, and
    /// with backoff after failures that may pass. A tick during a running sync is that sync.
    pub fn start_scheduler(&self) {
        for dataset in self.syncable() {
            let Some(interval) = dataset.config().refresh_interval else {
                continue;
            };
            let closing = self.0.closing.clone();
            self.0.tasks.spawn(async move {
                let mut last = Due::Regular;
                loop {
                    let wait = due(
                        last,
                        Timing {
                            interval,
                            jitter: fastrand::f64(),
                        },
                    );
                    tokio::select! {
                        () = closing.cancelled() => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                    last = match dataset.sync(SyncOptions::default()).await {
                        Err(error) if error.kind() == ErrorKind::Closed => return,
                        Err(error) if error.is_retryable() && error.kind() != ErrorKind::Busy => match last {
                            Due::Retry(failures) => Due::Retry(failures.saturating_add(1)),
                            Due::Regular => Due::Retry(1),
                        },
                        _ => Due::Regular,
                    };
                }
            });
        }
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
        self.0.store.close().await;
        Ok(())
    }
}
