//! Starting, watching and stopping a sync.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::handle::{Reservation, Reserved, SyncHandle};
use super::{Dataset, closed, lock};
use crate::analytics::frame::renew;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::source::{ReadProgress, Source};
use crate::store::{Limits, RunRecord, log_run, write_record};
use crate::sync::{Done, Failure, RunContext, SyncEvent, SyncMode, SyncReport};

/// Work that is going on and keeps other work away from the dataset.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(super) work: Work,
    pub(super) run_id: String,
    pub(super) since: DateTime<Utc>,
    pub(super) cancel: CancellationToken,
    pub(super) progress: Vec<Arc<ReadProgress>>,
}

/// What keeps a dataset busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Work {
    /// It is brought up to date.
    Sync,
    /// It is compared with its source.
    Verify,
    /// Its watermarks are being forgotten.
    Reset,
    /// An upload is being kept or removed.
    Upload,
}

impl Work {
    /// Says it in one word, for messages.
    fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Verify => "verification",
            Self::Reset => "reset",
            Self::Upload => "upload",
        }
    }

    fn start(self) -> &'static str {
        match self {
            Self::Sync => "sync.start",
            Self::Verify => "verify.start",
            Self::Reset => "watermarks.reset",
            Self::Upload => "upload.keep",
        }
    }
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

impl Dataset {
    /// Syncs and waits for the report.
    ///
    /// # Errors
    /// `Busy` when a sync or a verification of this dataset is running; `Config` when it is not enabled, not configured, or its
    /// configuration is wrong; `SourceUnavailable`, `SourceRejected`, `SchemaMismatch`, `Store`, `Timeout`, `Cancelled`, `Closed`;
    /// `Locked` when another process has taken the store over. Whatever the error, the data of before
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
        self.reserve_sync(options).map(Reserved::start)
    }

    /// Reserves the dataset for a sync that begins later. From now on no other run can commit to it.
    pub(crate) fn reserve_sync(&self, options: SyncOptions) -> Result<Reserved> {
        let SyncOptions { mode, timeout, cancel } = options;
        let (context, reservation) = self.reserve(Work::Sync, mode, cancel)?;
        Ok(Reserved {
            dataset: self.clone(),
            context,
            timeout: timeout.or(self.state.config.sync_timeout),
            reservation,
        })
    }

    /// Marks the dataset as running, or refuses because it is, and collects what the run needs.
    pub(super) fn reserve(
        &self,
        work: Work,
        mode: SyncMode,
        cancel: Option<CancellationToken>,
    ) -> Result<(RunContext, Reservation)> {
        let source = self.check_ready(work)?;
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
                let message = format!("a {} of this dataset is already running", running.work.name());
                return Err(Error::new(ErrorKind::Busy, message)
                    .during(work.start())
                    .with("dataset", self.name())
                    .with("run_id", &running.run_id));
            }
            *running = Some(Running {
                work,
                run_id: run_id.clone(),
                since,
                cancel: cancel.clone(),
                progress: progress.clone(),
            });
        }
        let reservation = Reservation(Arc::clone(&self.state));
        let context = RunContext {
            store: self.engine.keeper.store(),
            clock: Arc::clone(&self.engine.clock),
            events: self.engine.events.clone(),
            dataset: config,
            source,
            record: lock(&self.state.record).clone(),
            run_id,
            since,
            mode,
            cap: self.engine.config.store.max_sync_rows,
            workers: self.engine.config.store.sync_workers,
            cancel,
            memory: Arc::clone(&self.state.memory),
            keep_snapshot: work == Work::Verify,
            progress,
        };
        Ok((context, reservation))
    }

    pub(super) fn announce(&self, context: &RunContext) {
        self.engine.events.tell(SyncEvent::Started {
            dataset: self.name().to_owned(),
            run_id: context.run_id.clone(),
        });
    }

    /// Runs work when its turn has come, and cancels it when it takes too long.
    pub(super) async fn limited<T>(
        &self,
        cancel: &CancellationToken,
        timeout: Option<Duration>,
        work: Work,
        run: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let limited = async {
            // Two datasets at once keep a small machine busy; more only compete for memory.
            let _turn = tokio::select! {
                turn = self.engine.turns.acquire() => turn.map_err(|_| closed())?,
                () = cancel.cancelled() => {
                    return Err(Error::new(ErrorKind::Cancelled, format!("the {} was cancelled", work.name())));
                }
            };
            run.await
        };
        let Some(limit) = timeout else {
            return limited.await;
        };
        let mut limited = std::pin::pin!(limited);
        tokio::select! {
            outcome = &mut limited => outcome,
            () = tokio::time::sleep(limit) => {
                // The run ends in order: it cleans up behind itself.
                cancel.cancel();
                limited.await.map_err(|error| match error.kind() {
                    ErrorKind::Cancelled => {
                        let message = format!("the {} took longer than {} s", work.name(), limit.as_secs_f64());
                        Error::new(ErrorKind::Timeout, message)
                    }
                    _ => error,
                })
            }
        }
    }

    /// Looks for the store: one that was lost since the last run is opened again, and may remember something else.
    pub(super) async fn refresh(&self, context: &mut RunContext) -> Result<()> {
        context.store = self.engine.writable().await?;
        context.record = lock(&self.state.record).clone();
        Ok(())
    }

    /// Keeps what became of a sync, and tells it. The reservation ends here, unless the caller keeps it.
    pub(super) async fn settle(
        &self,
        context: &RunContext,
        outcome: Result<Done>,
        reservation: Option<Reservation>,
    ) -> Result<Done> {
        match outcome {
            Ok(done) => {
                let report = &done.report;
                *lock(&self.state.record) = done.record.clone();
                reach(Step::Finished);
                // Whoever hears of the commit may start the next sync at once.
                drop(reservation);
                if report.changed {
                    renew(self);
                }
                tracing::info!(
                    dataset = %report.dataset, strategy = report.strategy.as_str(), rows = report.rows_read,
                    changed = report.changed, elapsed_ms = report.elapsed_ms, generation = report.generation, "synced"
                );
                self.engine.events.tell(SyncEvent::Committed {
                    report: Box::new(report.clone()),
                });
                self.tell_readiness();
                Ok(done)
            }
            Err(error) => {
                let error = error.with("dataset", self.name());
                let failure = self.remember_failure(context, &error).await;
                drop(reservation);
                self.engine.events.tell(SyncEvent::Failed {
                    dataset: self.name().to_owned(),
                    failure,
                });
                self.tell_readiness();
                Err(error)
            }
        }
    }

    /// Keeps the failure beside the last success, in memory and in the store.
    async fn remember_failure(&self, context: &RunContext, error: &Error) -> Failure {
        tracing::warn!(dataset = self.name(), code = error.code(), error = %error, "the sync failed");
        // The driver's words may hold values of rows.
        tracing::debug!(dataset = self.name(), cause = %error.chain(), "why the sync failed");
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
        let mut line = RunRecord::started(&context.run_id, self.name(), context.since);
        let outcome = if error.kind() == ErrorKind::Cancelled {
            "cancelled"
        } else {
            "failed"
        };
        let elapsed = u64::try_from((now - context.since).num_milliseconds()).unwrap_or(0);
        line.ended(elapsed, outcome, record.generation);
        line.code = Some(failure.code.clone());
        line.message = Some(failure.message.clone());
        let dataset = self.name().to_owned();
        let fence = Arc::clone(&context.store.fence);
        let _writer = context.store.writer.lock().await;
        let written = context
            .store
            .pool
            .write(Limits::default(), move |connection, _| {
                // What is lost is not written to; DuckDB would do so before it came to the commit.
                fence.check()?;
                let fault = crate::store::fault::store("sync.status");
                connection.execute_batch("begin transaction").map_err(&fault)?;
                write_record(connection, &dataset, &record)?;
                log_run(connection, &line)?;
                fence.commit(connection, "sync.status")
            })
            .await;
        reach(Step::FailureWritten);
        if let Err(error) = written {
            tracing::warn!(dataset = self.name(), error = %error.chain(), "the failure could not be written to the store");
        }
        failure
    }

    /// Says at once why work cannot start.
    fn check_ready(&self, work: Work) -> Result<Arc<dyn Source>> {
        let config = &self.state.config;
        let refuse = |message: &str| {
            Err(Error::new(ErrorKind::Config, message)
                .during(work.start())
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

    /// Cancels the running sync or verification; tells whether there was one.
    pub fn cancel_sync(&self) -> bool {
        let running = lock(&self.state.running);
        running.as_ref().is_some_and(|running| {
            running.cancel.cancel();
            true
        })
    }
}
