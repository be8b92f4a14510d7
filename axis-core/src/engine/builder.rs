//! Opening: what an engine is opened with, and which names are refused.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Engine, Inner};
use crate::analytics::frame::Frames;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Connection, DatasetKind, ViewConfig};
use crate::dataset::State;
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventLog;
use crate::signals::{CASES, Overrides};
use crate::source::{self, Source};
use crate::store::Keeper;

/// Datasets that sync at the same time.
const SYNCS_AT_ONCE: usize = 2;

/// Collects what an engine is opened with.
#[derive(Debug)]
pub struct EngineBuilder {
    config: Config,
    clock: Arc<dyn Clock>,
    take_over: Option<Duration>,
}

impl EngineBuilder {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            clock: Arc::new(SystemClock),
            take_over: None,
        }
    }

    /// Uses another clock than the system's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Takes the store over from a process that has given no sign of life for this long, at least three seconds: it was
    /// stopped, or hangs. Should it wake up, it can no longer write the store, and says so.
    ///
    /// The store is copied for that; its directory must have room for a second one and allow hard links.
    #[must_use]
    pub fn take_over(mut self, after: Duration) -> Self {
        self.take_over = Some(after);
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open(self) -> Result<Engine> {
        check_names(&self.config)?;
        let (keeper, mut catalog) = Keeper::open(&self.config.store, self.take_over).await?;
        crate::backup::sweep(&self.config.store).await;
        let mut sources = Vec::new();
        let datasets = self
            .config
            .datasets
            .iter()
            .map(|dataset| {
                Arc::new(State {
                    source: dataset
                        .connection
                        .as_ref()
                        .map(|connection| source_of(&mut sources, connection)),
                    record: std::sync::Mutex::new(catalog.take(dataset)),
                    running: std::sync::Mutex::new(None),
                    memory: Arc::default(),
                    told: std::sync::Mutex::new(None),
                    config: Arc::new(dataset.clone()),
                })
            })
            .collect();
        let engine = Engine(Arc::new(Inner {
            opened_at: self.clock.now(),
            keeper,
            events: EventLog::new(Arc::clone(&self.clock)),
            turns: Semaphore::new(SYNCS_AT_ONCE),
            tasks: TaskTracker::new(),
            metadata: crate::metadata::Cache::default(),
            running: Arc::default(),
            kpi: crate::analytics::kpi::Cache::default(),
            frames: Frames::default(),
            overrides: Overrides::new(self.config.custom_dir.as_deref()),
            eval: crate::analytics::eval::Cache::default(),
            datasets,
            closing: CancellationToken::new(),
            backups: Arc::default(),
            backup_outcomes: crate::backup::Outcomes::default(),
            closed: AtomicBool::new(false),
            clock: self.clock,
            config: self.config,
        }));
        engine.tell_readiness();
        Ok(engine)
    }
}

/// Returns the source of a connection; equal connections have one, so that their datasets can share what it opens.
fn source_of<'a>(sources: &mut Vec<(&'a Connection, Arc<dyn Source>)>, connection: &'a Connection) -> Arc<dyn Source> {
    if let Some((_, source)) = sources.iter().find(|(known, _)| *known == connection) {
        return Arc::clone(source);
    }
    let source = source::open(connection);
    sources.push((connection, Arc::clone(&source)));
    source
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
        let derived = (dataset.kind == DatasetKind::HumanSignals).then_some(CASES.relation);
        let tables = dataset.tables.iter().map(|table| table.name.as_str());
        for name in tables.chain(view).chain(derived) {
            if name.to_lowercase().starts_with("_axis") || !relations.insert(name.to_lowercase()) {
                return twice("relation", name);
            }
        }
    }
    Ok(())
}
