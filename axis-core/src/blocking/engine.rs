//! The engine, waiting.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use uuid::Uuid;

use super::runtime::{self, Runtime};
use super::{Dataset, Events, QueryStream};
use crate::backup::{BackupOptions, BackupReport, BackupStatus};
use crate::clock::Clock;
use crate::config::Config;
use crate::dataset::{SyncOptions, VerifyOptions};
use crate::engine::Usage;
use crate::error::Result;
use crate::query::{Query, QueryStatus};
use crate::store::RunRecord;
use crate::sync::{SyncReport, VerifyReport};

/// An open engine whose calls wait. Cheap to clone. It closes when [`close`](Self::close) is called, and one with a runtime of its
/// own when the last handle is dropped that came from it, datasets, syncs and streams included.
#[derive(Clone, Debug)]
pub struct Engine {
    engine: crate::Engine,
    runtime: Runtime,
}

/// Collects what an engine is opened with.
#[derive(Debug)]
pub struct EngineBuilder {
    builder: crate::EngineBuilder,
    handle: Option<Handle>,
}

impl EngineBuilder {
    /// Uses another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.builder = self.builder.clock(clock);
        self
    }

    /// Takes the store over from a silent process, as [`crate::EngineBuilder::take_over`] does.
    #[must_use]
    pub fn take_over(mut self, after: Duration) -> Self {
        self.builder = self.builder.take_over(after);
        self
    }

    /// Works on this runtime instead of one of the engine's own; it must be multi-threaded and outlive the engine.
    #[must_use]
    pub fn runtime(mut self, handle: Handle) -> Self {
        self.handle = Some(handle);
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// As [`Engine::open`]; `InvalidArgument` for a runtime with one thread.
    pub fn open(self) -> Result<Engine> {
        let runtime = match self.handle {
            Some(handle) => Runtime::of(handle)?,
            None => Runtime::own()?,
        };
        Engine::opened(runtime, self.builder.open())
    }
}

impl Engine {
    /// Opens the store at a path with every setting at its default.
    ///
    /// # Errors
    /// As [`crate::Engine::open`]; `InvalidArgument` on a thread of an async runtime.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        Self::builder(Config::for_store(path)).open()
    }

    /// Starts from a configuration.
    #[must_use]
    pub fn builder(config: Config) -> EngineBuilder {
        EngineBuilder {
            builder: crate::Engine::builder(config),
            handle: None,
        }
    }

    /// Opens an engine by whatever opens one, on a runtime of its own.
    ///
    /// # Errors
    /// What the opening says; `InvalidArgument` on a thread of an async runtime.
    pub fn open_by(opening: impl Future<Output = Result<crate::Engine>> + Send + 'static) -> Result<Self> {
        Self::opened(Runtime::own()?, opening)
    }

    /// Wraps an engine that is open on this runtime, which must be multi-threaded and outlive it.
    ///
    /// # Errors
    /// `InvalidArgument` for a runtime with one thread.
    pub fn new(engine: crate::Engine, handle: Handle) -> Result<Self> {
        Ok(Self {
            engine,
            runtime: Runtime::of(handle)?,
        })
    }

    fn opened(runtime: Runtime, opening: impl Future<Output = Result<crate::Engine>> + Send + 'static) -> Result<Self> {
        let engine = runtime.run(opening)?;
        runtime.closes(&engine);
        Ok(Self { engine, runtime })
    }

    /// Returns the engine whose calls do not wait, for [`run`](Self::run).
    #[must_use]
    pub fn engine(&self) -> &crate::Engine {
        &self.engine
    }

    /// Does work of the async interface and waits for its outcome.
    ///
    /// ```no_run
    /// # fn example(engine: axis_core::blocking::Engine) -> axis_core::Result<()> {
    /// use axis_core::analytics::monitoring::{Filter, summary};
    ///
    /// let monitoring = engine.dataset("monitoring")?.dataset().clone();
    /// let answer = engine.run(async move { summary(&monitoring, &Filter::default()).await })?;
    /// # let _ = answer;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// What the work says; `InvalidArgument` on a thread of an async runtime.
    ///
    /// # Panics
    /// With the panic of the work.
    pub fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        self.runtime.run(work)
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.engine.config()
    }

    /// Returns every configured dataset, in the order of the configuration.
    pub fn datasets(&self) -> impl ExactSizeIterator<Item = Dataset> + '_ {
        self.engine.datasets().map(|dataset| self.of(dataset))
    }

    /// Returns a dataset by name.
    ///
    /// # Errors
    /// `NotFound`, listing the known names; `Closed`.
    pub fn dataset(&self, name: &str) -> Result<Dataset> {
        self.engine.dataset(name).map(|dataset| self.of(dataset))
    }

    /// Returns the datasets that can be synced: enabled, with a connection and queries, and not broken.
    pub fn syncable(&self) -> impl Iterator<Item = Dataset> + '_ {
        self.engine.syncable().map(|dataset| self.of(dataset))
    }

    /// Syncs these datasets as [`crate::Engine::sync`] does, and returns each one's outcome in the given order.
    ///
    /// # Errors
    /// `Closed`; `InvalidArgument` on a thread of an async runtime; everything else is the outcome of a dataset.
    ///
    /// # Cancellation
    /// By the token of the options.
    pub fn sync(&self, datasets: &[Dataset], options: &SyncOptions) -> Result<Vec<(String, Result<SyncReport>)>> {
        self.engine.check_open()?;
        let (engine, datasets, options) = (self.engine.clone(), inner(datasets), options.clone());
        self.run(async move { Ok(engine.sync(&datasets, &options).await) })
    }

    /// Compares these datasets with their sources, and returns each one's outcome in the given order.
    ///
    /// # Errors
    /// `Closed`; `InvalidArgument` on a thread of an async runtime; everything else is the outcome of a dataset.
    ///
    /// # Cancellation
    /// By the token of the options.
    pub fn verify(&self, datasets: &[Dataset], options: &VerifyOptions) -> Result<Vec<(String, Result<VerifyReport>)>> {
        self.engine.check_open()?;
        let (engine, datasets, options) = (self.engine.clone(), inner(datasets), options.clone());
        self.run(async move { Ok(engine.verify(&datasets, &options).await) })
    }

    /// Runs a SELECT and iterates over its answer in Arrow batches.
    ///
    /// # Errors
    /// As [`crate::Engine::query`]; `InvalidArgument` on a thread of an async runtime.
    ///
    /// # Cancellation
    /// By dropping the stream, by the token of the query, or by [`cancel_query`](Self::cancel_query).
    pub fn query(&self, query: Query) -> Result<QueryStream> {
        let engine = self.engine.clone();
        let stream = self.run(async move { engine.query(query).await })?;
        Ok(QueryStream::new(stream, self.clone()))
    }

    /// Returns the queries that wait or run, the oldest first.
    #[must_use]
    pub fn queries(&self) -> Vec<QueryStatus> {
        self.engine.queries()
    }

    /// Cancels a query, and waits up to two seconds for its end; tells whether it has ended.
    ///
    /// # Errors
    /// `NotFound` when no query of this id runs, `Closed`; `InvalidArgument` on a thread of an async runtime.
    pub fn cancel_query(&self, id: Uuid) -> Result<bool> {
        let engine = self.engine.clone();
        self.run(async move { engine.cancel_query(id).await })
    }

    /// Listens to everything that happens from now on, until the engine closes.
    #[must_use]
    pub fn events(&self) -> Events {
        Events::new(self.engine.events(), self.runtime.for_listeners())
    }

    /// Listens to everything that has happened after the event of this id, as [`crate::Engine::events_after`] does.
    #[must_use]
    pub fn events_after(&self, id: &str) -> Events {
        Events::new(self.engine.events_after(id), self.runtime.for_listeners())
    }

    /// Returns the newest runs of all datasets, newest first.
    ///
    /// # Errors
    /// `Store`, `Closed`; `InvalidArgument` on a thread of an async runtime.
    pub fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        let engine = self.engine.clone();
        self.run(async move { engine.runs(limit).await })
    }

    /// Writes a backup of everything that is committed now, as [`crate::Engine::backup`] does.
    ///
    /// # Errors
    /// As there; `InvalidArgument` on a thread of an async runtime.
    ///
    /// # Cancellation
    /// By the token of the options.
    pub fn backup(&self, path: impl Into<PathBuf>, options: BackupOptions) -> Result<BackupReport> {
        let (engine, path) = (self.engine.clone(), path.into());
        self.run(async move { engine.backup(path, options).await })
    }

    /// Returns how the scheduled backups go, as [`crate::Engine::backup_status`] does.
    #[must_use]
    pub fn backup_status(&self) -> Option<BackupStatus> {
        self.engine.backup_status()
    }

    /// Tells whether the store answers right now, as [`crate::Engine::probe`] does.
    ///
    /// # Errors
    /// As there; `InvalidArgument` on a thread of an async runtime.
    pub fn probe(&self) -> Result<()> {
        let engine = self.engine.clone();
        self.run(async move { engine.probe().await })
    }

    /// Returns how much is in use right now.
    ///
    /// # Errors
    /// `Closed`; `InvalidArgument` on a thread of an async runtime.
    pub fn usage(&self) -> Result<Usage> {
        self.engine.check_open()?;
        let engine = self.engine.clone();
        self.run(async move { Ok(engine.usage().await) })
    }

    /// Runs datasets at their `refresh_interval_minutes` until the engine closes.
    pub fn start_scheduler(&self) {
        let _runtime = self.runtime.enter();
        self.engine.start_scheduler();
    }

    /// Tells whether the engine was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.engine.is_closed()
    }

    /// Cancels running syncs, refuses new work, and lets go of the store. Idempotent.
    ///
    /// # Errors
    /// As [`crate::Engine::close`]; `InvalidArgument` on a thread of an async runtime.
    pub fn close(&self) -> Result<()> {
        let engine = self.engine.clone();
        self.run(async move { engine.close().await })
    }

    pub(super) fn wait<T>(&self, waiting: impl Future<Output = T>) -> Result<T> {
        self.runtime.wait(waiting)
    }

    /// Starts what runs in the background and is waited for on threads that may wait.
    pub(super) fn start<T>(&self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        runtime::check()?;
        let _runtime = self.runtime.enter();
        start()
    }

    fn of(&self, dataset: crate::Dataset) -> Dataset {
        Dataset::new(dataset, self.clone())
    }
}

fn inner(datasets: &[Dataset]) -> Vec<crate::Dataset> {
    datasets.iter().map(|dataset| dataset.dataset().clone()).collect()
}
