//! One dataset of an engine: the handle that callers hold, and the state behind it.

mod handle;
mod readiness;
mod status;
mod syncing;
mod uploading;
mod verifying;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use handle::Reserved;
pub use handle::SyncHandle;
pub use readiness::{DatasetReadiness, Readiness};
pub use status::{DataVersion, DatasetStatus, DerivedStatus, RunningStatus, SyncState, Watermark};
pub(crate) use syncing::Running;
pub use syncing::{SyncOptions, Work};
pub use verifying::VerifyOptions;

use crate::config::DatasetConfig;
use crate::engine::Inner;
use crate::error::{Error, ErrorKind, Result};
use crate::source::Source;
use crate::store::DatasetRecord;
use crate::sync::Memory;

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
    /// The status that was last told as JSON, and the text.
    pub(crate) told: Mutex<Option<(DatasetStatus, Arc<str>)>>,
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

    /// Returns the generation that readers see; 0 before the first.
    pub(crate) fn generation(&self) -> u64 {
        lock(&self.state.record).generation
    }

    /// Returns the source, unless the dataset is broken or has none.
    pub(crate) fn source(&self) -> Result<&dyn Source> {
        self.engine.check_open()?;
        if let Some(error) = &self.config().broken {
            return Err(error.clone());
        }
        self.state.source.as_deref().ok_or_else(|| {
            let message = "the dataset has no connection; set `url`, or `host` and `database`";
            Error::new(ErrorKind::Config, message)
        })
    }

    /// Refuses to read a store that is switched off.
    pub(crate) fn check_readable(&self) -> Result<()> {
        self.engine.check_open()?;
        self.engine.check_enabled()
    }

    pub(crate) fn engine(&self) -> &Arc<Inner> {
        &self.engine
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the engine is closed")
}

/// State behind these locks is replaced whole, so a panic elsewhere cannot have left it half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
