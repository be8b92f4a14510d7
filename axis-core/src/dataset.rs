//! One dataset of an engine: the handle that callers hold, and the state behind it.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::config::DatasetConfig;
use crate::engine::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{CursorValue, ReadProgress, Source};
use crate::store::{DatasetRecord, Limits, RunRecord, log_run, write_record};
use crate::sync::{Failure, Memory, RunContext, SyncEvent, SyncMode, SyncReport, run};

/// A dataset: tables that are synced together, and the relation that readers see. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Dataset {
    engine: Arc<Inner>,
    state: Arc<State>,
}

/// The state of one dataset, shared by its handles.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) config: Arc<DatasetConfig>,
    pub(crate) source: Option<Arc<dyn Source>>,
    pub(crate) record: Mutex<DatasetRecord>,
    pub(crate) running: Mutex<Option<Running>>,
    pub(crate) memory: Arc<Memory>,
}

/// A sync that is going on.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    run_id: String,
    since: DateTime<Utc>,
    cancel: CancellationToken,
    progress: Vec<Arc<ReadProgress>>,
}

/// How to sync.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct SyncOptions {
    /// Incremental where possible (the default), or a full rebuild.
    pub mode: SyncMode,
    /// The longest time; the dataset's `sync_timeout` by default.
    pub timeout: Option<Duration>,
    /// Cancels the sync; dropping its future or handle does, too.
    pub cancel: Option<CancellationToken>,
}

impl SyncOptions {
    /// Asks for a rebuild of every table.
    #[must_use]
    pub fn full() -> Self {
        Self {
            mode: SyncMode::Full,
            ..Self::default()
        }
    }

    /// Sets the mode.
    #[must_use]
    pub fn mode(mut self, mode: SyncMode) -> Self {
        self.mode = mode;
        self
    }

    /// Sets the longest time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the token that cancels.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = Some(cancel);
        self
    }
}

/// Whether a dataset can be read, as clients poll it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SyncState {
    /// Nothing was ever committed.
    NotSynced,
    /// A sync is running; what was committed before is served.
    Syncing,
    /// The last sync succeeded.
    Ready,
    /// The last sync failed, or the configuration is broken; what was committed before is served.
    Error,
}

/// What is known about a dataset, without touching the source. Serialises to the form used in every surface.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DatasetStatus {
    /// The dataset.
    pub dataset: String,
    /// The relation that readers see.
    pub relation: Option<String>,
    /// Whether it can be synced: `enabled` in the configuration.
    pub enabled: bool,
    /// Whether a connection and queries are configured.
    pub configured: bool,
    /// Whether it can be read.
    pub state: SyncState,
    /// Grows by one with every change that readers can see; 0 before the first.
    pub generation: u64,
    /// The sync that is running.
    pub running: Option<RunningStatus>,
    /// The report of the last sync that succeeded, also of an earlier process.
    pub last_success: Option<SyncReport>,
    /// When data was last committed incrementally; `None` after a rebuild.
    pub last_incremental: Option<DateTime<Utc>>,
    /// The failure of the last sync, if it failed.
    pub last_failure: Option<Failure>,
    /// The greatest stored cursor value of each table, for people.
    pub watermarks: BTreeMap<String, Option<String>>,
    /// `incremental_column` of the first table.
    pub incremental_column: Option<String>,
    /// `refresh_interval_minutes`; 0 means no schedule.
    pub refresh_interval_minutes: u64,
}

/// A sync that is going on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunningStatus {
    /// The run.
    pub run_id: String,
    /// When it began.
    pub since: DateTime<Utc>,
    /// Rows read so far.
    pub rows: u64,
    /// Bytes read so far.
    pub bytes: u64,
}

/// The greatest stored value of a table's cursor; only a commit makes one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Watermark {
    /// The table.
    pub table: String,
    /// The cursor column, by its final name.
    pub column: String,
    /// The value.
    pub value: CursorValue,
}

impl Dataset {
    pub(crate) fn new(engine: Arc<Inner>, state: Arc<State>) -> Self {
        Self { engine, state }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.state.config.name
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &DatasetConfig {
        &self.state.config
    }

    /// Returns the relation that readers see.
    #[must_use]
    pub fn relation(&self) -> Option<&str> {
        self.state.config.view.name()
    }

    /// Syncs and waits for the report.
    ///
    /// # Errors
    /// `Busy` when a sync of this dataset is running; `Config` when it is not enabled, not configured, or its configuration is wrong;
    /// `SourceUnavailable`, `SourceRejected`, `SchemaMismatch`, `Store`, `Timeout`, `Cancelled`, `Closed`. Whatever the error, the data of before
    /// is served and the next sync is exact.
    ///
    /// # Cancellation
    /// Dropping the future before the commit leaves the store unchanged; a commit that has begun is finished or rolled back whole.
    pub async fn sync(&self, options: SyncOptions) -> Result<SyncReport> {
        self.start_sync(options)?.wait().await
    }

    /// Reserves the dataset, starts a sync in the background and returns its handle at once.
    ///
    /// # Errors
    /// `Busy`, `Config`, `Closed`, as [`sync`](Self::sync); everything else is told by the handle.
    pub fn start_sync(&self, options: SyncOptions) -> Result<SyncHandle> {
        let source = self.check_ready()?;
        let SyncOptions { mode, timeout, cancel } = options;
        let cancel = cancel.map_or_else(CancellationToken::new, |cancel| cancel.child_token());
        let run_id = uuid::Uuid::new_v4().to_string();
        let config = Arc::clone(&self.state.config);
        let progress: Vec<_> = config
            .tables
            .iter()
            .map(|_| Arc::new(ReadProgress::default()))
            .collect();
        let since = self.engine.clock.now();
        {
            let mut running = lock(&self.state.running);
            if let Some(running) = running.as_ref() {
                return Err(Error::new(ErrorKind::Busy, "a sync of this dataset is already running")
                    .during("sync.start")
                    .with("dataset", self.name())
                    .with("run_id", &running.run_id));
            }
            *running = Some(Running {
                run_id: run_id.clone(),
                since,
                cancel: cancel.clone(),
                progress: progress.clone(),
            });
        }
        let reservation = Reservation(Arc::clone(&self.state));
        let _ = self.engine.events.send(SyncEvent::Started {
            dataset: self.name().to_owned(),
            run_id: run_id.clone(),
        });
        let context = RunContext {
            store: Arc::clone(&self.engine.store),
            clock: Arc::clone(&self.engine.clock),
            events: self.engine.events.clone(),
            dataset: config,
            source,
            record: lock(&self.state.record).clone(),
            run_id: run_id.clone(),
            mode,
            cap: self.engine.config.store.max_sync_rows,
            workers: self.engine.config.store.sync_workers,
            cancel: cancel.clone(),
            memory: Arc::clone(&self.state.memory),
            progress,
        };
        let timeout = timeout.or(self.state.config.sync_timeout);
        let this = self.clone();
        let task = self
            .engine
            .tasks
            .spawn(async move { this.run_reserved(&context, since, timeout, reservation).await });
        Ok(SyncHandle {
            run_id,
            task,
            cancel: Some(cancel.drop_guard()),
        })
    }

    async fn run_reserved(
        &self,
        context: &RunContext,
        since: DateTime<Utc>,
        timeout: Option<Duration>,
        reservation: Reservation,
    ) -> Result<SyncReport> {
        let limited = async {
            // Two datasets at once keep a small machine busy; more only compete for memory.
            let _turn = tokio::select! {
                turn = self.engine.turns.acquire() => turn.map_err(|_| closed())?,
                () = context.cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the sync was cancelled")),
            };
            run(context).await
        };
        let outcome = match timeout {
            None => limited.await,
            Some(limit) => {
                let cancel = context.cancel.clone();
                let mut limited = std::pin::pin!(limited);
                tokio::select! {
                    outcome = &mut limited => outcome,
                    () = tokio::time::sleep(limit) => {
                        // The run ends in order: it cleans up behind itself.
                        cancel.cancel();
                        limited.await.map_err(|error| match error.kind() {
                            ErrorKind::Cancelled => Error::new(ErrorKind::Timeout, format!("the sync took longer than {} s", limit.as_secs_f64())),
                            _ => error,
                        })
                    }
                }
            }
        };
        match outcome {
            Ok((report, record)) => {
                *lock(&self.state.record) = record;
                // Whoever hears of the commit may start the next sync at once.
                drop(reservation);
                tracing::info!(
                    dataset = %report.dataset, strategy = report.strategy.as_str(), rows = report.rows_read,
                    changed = report.changed, elapsed_ms = report.elapsed_ms, generation = report.generation, "synced"
                );
                let _ = self.engine.events.send(SyncEvent::Committed {
                    report: Box::new(report.clone()),
                });
                Ok(report)
            }
            Err(error) => {
                let error = error.with("dataset", self.name());
                let failure = self.remember_failure(context, since, &error).await;
                drop(reservation);
                let _ = self.engine.events.send(SyncEvent::Failed {
                    dataset: self.name().to_owned(),
                    failure,
                });
                Err(error)
            }
        }
    }

    /// Keeps the failure beside the last success, in memory and in the store.
    async fn remember_failure(&self, context: &RunContext, since: DateTime<Utc>, error: &Error) -> Failure {
        tracing::warn!(dataset = self.name(), code = error.code(), error = %error.chain(), "the sync failed");
        let now = self.engine.clock.now();
        let failure = Failure::new(&context.run_id, now, error);
        let record = {
            let mut record = lock(&self.state.record);
            // Whoever cancels a sync knows why; what was known of the data before still holds.
            if error.kind() != ErrorKind::Cancelled {
                record.last_failure = Some(failure.clone());
            }
            record.clone()
        };
        let mut line = RunRecord::started(&context.run_id, self.name(), since);
        let outcome = if error.kind() == ErrorKind::Cancelled {
            "cancelled"
        } else {
            "failed"
        };
        let elapsed = u64::try_from((now - since).num_milliseconds()).unwrap_or(0);
        line.finished(elapsed, outcome, "", 0, record.generation);
        line.code = Some(failure.code.clone());
        line.message = Some(failure.message.clone());
        let dataset = self.name().to_owned();
        let _writer = self.engine.store.writer.lock().await;
        let written = self
            .engine
            .store
            .pool
            .write(Limits::default(), move |connection, _| {
                let fault = crate::store::fault::store("sync.status");
                connection.execute_batch("begin transaction").map_err(&fault)?;
                write_record(connection, &dataset, &record)?;
                log_run(connection, &line)?;
                connection.execute_batch("commit").map_err(&fault)
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(dataset = self.name(), error = %error.chain(), "the failure could not be written to the store");
        }
        failure
    }

    /// Refuses to read a store that is switched off.
    pub(crate) fn check_readable(&self) -> Result<()> {
        if self.engine.is_closed() {
            return Err(closed());
        }
        self.engine.check_enabled()
    }

    /// Says at once why a sync cannot start.
    fn check_ready(&self) -> Result<Arc<dyn Source>> {
        let config = &self.state.config;
        let refuse = |message: &str| {
            Err(Error::new(ErrorKind::Config, message)
                .during("sync.start")
                .with("dataset", &config.name))
        };
        if self.engine.is_closed() {
            return Err(closed());
        }
        self.engine.check_enabled()?;
        if let Some(error) = &config.broken {
            return Err(error.clone().with("dataset", &config.name));
        }
        if !config.enabled {
            return refuse("the dataset is not enabled; set `enabled: true` in its block");
        }
        let Some(source) = &self.state.source else {
            return refuse("the dataset has no connection; set `url`, or `host` and `database`");
        };
        if config.tables.is_empty() {
            return refuse("the dataset has no queries; set `dataset_query` and `results_query`, or `query`");
        }
        Ok(Arc::clone(source))
    }

    /// Returns what is known, without I/O.
    #[must_use]
    pub fn status(&self) -> DatasetStatus {
        let config = &self.state.config;
        let record = lock(&self.state.record).clone();
        let running = lock(&self.state.running).as_ref().map(|running| RunningStatus {
            run_id: running.run_id.clone(),
            since: running.since,
            rows: running
                .progress
                .iter()
                .map(|progress| progress.rows.load(Ordering::Relaxed))
                .sum(),
            bytes: running
                .progress
                .iter()
                .map(|progress| progress.bytes.load(Ordering::Relaxed))
                .sum(),
        });
        let broken = config
            .broken
            .as_ref()
            .map(|error| Failure::new("", self.engine.opened_at, error));
        let last_failure = broken.or(record.last_failure);
        let state = match (&running, &last_failure, &record.last_success) {
            (Some(_), _, _) => SyncState::Syncing,
            (None, Some(_), _) => SyncState::Error,
            (None, None, Some(_)) => SyncState::Ready,
            (None, None, None) => SyncState::NotSynced,
        };
        let watermark = |table: &str| {
            record
                .tables
                .get(table)
                .and_then(|table| table.watermark.as_ref())
                .map(CursorValue::display)
        };
        DatasetStatus {
            dataset: config.name.clone(),
            relation: config.view.name().map(str::to_owned),
            enabled: config.enabled,
            configured: self.state.source.is_some() && !config.tables.is_empty(),
            state,
            generation: record.generation,
            running,
            last_incremental: record.last_incremental,
            last_failure,
            watermarks: config
                .tables
                .iter()
                .map(|table| (table.name.clone(), watermark(&table.name)))
                .collect(),
            incremental_column: config.tables.first().and_then(|table| table.incremental_column.clone()),
            refresh_interval_minutes: config.refresh_interval.map_or(0, |interval| interval.as_secs() / 60),
            last_success: record.last_success,
        }
    }

    /// Returns the watermarks that the last commit stored, one for each table that has one.
    #[must_use]
    pub fn watermarks(&self) -> Vec<Watermark> {
        let record = lock(&self.state.record);
        let tables = self.state.config.tables.iter().filter_map(|table| {
            let stored = record.tables.get(&table.name)?;
            Some(Watermark {
                table: table.name.clone(),
                column: stored.cursor.clone()?,
                value: stored.watermark.clone()?,
            })
        });
        tables.collect()
    }

    /// Forgets the watermarks, so that the next sync is a full rebuild. Data stays. Returns how many there were.
    ///
    /// # Errors
    /// `Busy` while a sync runs, `InvalidArgument` when no table has an `incremental_column`, `Store`, `Closed`.
    pub async fn reset_watermarks(&self) -> Result<usize> {
        if self
            .state
            .config
            .tables
            .iter()
            .all(|table| table.incremental_column.is_none())
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "the dataset has no incremental_column, so every sync is a full rebuild already",
            )
            .with("dataset", self.name()));
        }
        {
            let mut running = lock(&self.state.running);
            if running.is_some() {
                return Err(Error::new(
                    ErrorKind::Busy,
                    "a sync of this dataset is running; reset when it has ended",
                )
                .with("dataset", self.name()));
            }
            // The reset reserves the dataset like a sync: a sync that starts now would write the old watermarks back.
            *running = Some(Running {
                run_id: "reset".to_owned(),
                since: self.engine.clock.now(),
                cancel: CancellationToken::new(),
                progress: Vec::new(),
            });
        }
        let _reservation = Reservation(Arc::clone(&self.state));
        let mut record = lock(&self.state.record).clone();
        let mut count = 0;
        for table in record.tables.values_mut() {
            count += usize::from(table.watermark.take().is_some());
            table.marks.clear();
        }
        let (dataset, stored) = (self.name().to_owned(), record.clone());
        let _writer = self.engine.store.writer.lock().await;
        self.engine
            .store
            .pool
            .write(Limits::default(), move |connection, _| {
                let fault = crate::store::fault::store("watermarks.reset");
                connection.execute_batch("begin transaction").map_err(&fault)?;
                write_record(connection, &dataset, &stored)?;
                connection.execute_batch("commit").map_err(&fault)
            })
            .await?;
        *lock(&self.state.record) = record;
        Ok(count)
    }

    /// Cancels the running sync; tells whether there was one.
    pub fn cancel_sync(&self) -> bool {
        let running = lock(&self.state.running);
        running.as_ref().is_some_and(|running| {
            running.cancel.cancel();
            true
        })
    }

    pub(crate) fn engine(&self) -> &Arc<Inner> {
        &self.engine
    }
}

/// A sync that was started. Dropping the handle cancels the sync; [`detach`](Self::detach) lets it go on.
#[derive(Debug)]
pub struct SyncHandle {
    run_id: String,
    task: JoinHandle<Result<SyncReport>>,
    cancel: Option<DropGuard>,
}

impl SyncHandle {
    /// Returns the run's id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Waits for the report. Dropping this future cancels the sync.
    ///
    /// # Errors
    /// As [`Dataset::sync`].
    pub async fn wait(mut self) -> Result<SyncReport> {
        let outcome = (&mut self.task)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the sync panicked").during("sync")));
        // It has ended: nothing is left to cancel.
        self.cancel.take().map(DropGuard::disarm);
        outcome
    }

    /// Lets the sync go on without anyone waiting.
    pub fn detach(mut self) {
        self.cancel.take().map(DropGuard::disarm);
    }
}

/// Frees the dataset for the next sync, whatever ended this one.
#[derive(Debug)]
struct Reservation(Arc<State>);

impl Drop for Reservation {
    fn drop(&mut self) {
        *lock(&self.0.running) = None;
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the engine is closed")
}

/// State behind these locks is replaced whole, so a panic elsewhere cannot have left it half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
