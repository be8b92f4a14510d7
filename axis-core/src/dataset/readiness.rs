//! Whether what should be there is there.

use std::sync::Arc;

use serde::Serialize;

use super::Dataset;
use crate::engine::Engine;

/// Whether a dataset that should be there can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DatasetReadiness {
    /// It is as its last sync left it, or nobody has said where it comes from.
    Ready,
    /// It is served, but its last sync has failed.
    Degraded,
    /// It was never synced, or its configuration is broken.
    Missing,
}

/// Whether every enabled dataset can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// Whether none is missing. A disabled store misses none, because it syncs none.
    pub ready: bool,
    /// Whether the last sync of one that is there has failed.
    pub degraded: bool,
    /// Those that are missing.
    pub missing: Vec<String>,
}

impl Dataset {
    /// Tells whether it can be read, without I/O.
    #[must_use]
    pub fn readiness(&self) -> DatasetReadiness {
        let status = self.status();
        if self.config().broken.is_some() || (status.configured && status.last_success.is_none()) {
            DatasetReadiness::Missing
        } else if status.last_failure.is_some() {
            DatasetReadiness::Degraded
        } else {
            DatasetReadiness::Ready
        }
    }

    pub(super) fn tell_readiness(&self) {
        Engine(Arc::clone(&self.engine)).tell_readiness();
    }
}

impl Engine {
    /// Tells whether every enabled dataset can be read, without I/O: the store itself is not asked.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        for dataset in self.datasets().filter(|dataset| dataset.config().enabled) {
            match dataset.readiness() {
                DatasetReadiness::Ready => {}
                DatasetReadiness::Degraded => readiness.degraded = true,
                DatasetReadiness::Missing if self.config().store.enabled => {
                    readiness.missing.push(dataset.name().to_owned());
                }
                DatasetReadiness::Missing => {}
            }
        }
        readiness.ready = readiness.missing.is_empty();
        readiness
    }

    /// Tells listeners when it has changed.
    pub(crate) fn tell_readiness(&self) {
        let Readiness { ready, degraded, .. } = self.readiness();
        self.0.events.tell_readiness(ready, degraded);
    }
}
