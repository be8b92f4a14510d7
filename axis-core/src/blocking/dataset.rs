//! A dataset, waiting.

use std::sync::Arc;

use super::{Engine, SyncHandle};
use crate::config::DatasetConfig;
use crate::dataset::{DataVersion, DatasetStatus, SyncOptions, VerifyOptions, Watermark};
use crate::error::Result;
use crate::metadata::DatasetMetadata;
use crate::query::{Page, PageRequest};
use crate::sync::{SyncReport, VerifyReport};

/// A dataset whose calls wait. Cheap to clone; keeps its engine alive.
#[derive(Clone, Debug)]
pub struct Dataset {
    dataset: crate::Dataset,
    engine: Engine,
}

impl Dataset {
    pub(super) fn new(dataset: crate::Dataset, engine: Engine) -> Self {
        Self { dataset, engine }
    }

    /// Returns the dataset whose calls do not wait, for [`Engine::run`].
    #[must_use]
    pub fn dataset(&self) -> &crate::Dataset {
        &self.dataset
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.dataset.name()
    }

    /// Returns the configuration.
    #[must_use]
    pub fn config(&self) -> &DatasetConfig {
        self.dataset.config()
    }

    /// Returns the relation that readers see.
    #[must_use]
    pub fn relation(&self) -> Option<&str> {
        self.dataset.relation()
    }

    /// Returns what identifies the data that readers see now; `None` before the first sync.
    #[must_use]
    pub fn version(&self) -> Option<DataVersion> {
        self.dataset.version()
    }

    /// Returns what is known, without I/O.
    #[must_use]
    pub fn status(&self) -> DatasetStatus {
        self.dataset.status()
    }

    /// Returns what is known as JSON, without I/O.
    ///
    /// # Errors
    /// As [`Dataset::status_json`](crate::Dataset::status_json).
    pub fn status_json(&self) -> Result<Arc<str>> {
        self.dataset.status_json()
    }

    /// Returns the watermarks that the last commit stored, one for each table that has one.
    #[must_use]
    pub fn watermarks(&self) -> Vec<Watermark> {
        self.dataset.watermarks()
    }

    /// Forgets the watermarks, so that the next sync is a full rebuild. Data stays. Returns how many there were.
    ///
    /// # Errors
    /// As [`crate::Dataset::reset_watermarks`]; `InvalidArgument` on a thread of an async runtime.
    pub fn reset_watermarks(&self) -> Result<usize> {
        let dataset = self.dataset.clone();
        self.engine.run(async move { dataset.reset_watermarks().await })
    }

    /// Syncs and waits for the report.
    ///
    /// # Errors
    /// As [`crate::Dataset::sync`]; `InvalidArgument` on a thread of an async runtime.
    ///
    /// # Cancellation
    /// By the token of the options, or by [`cancel_sync`](Self::cancel_sync) on another thread.
    pub fn sync(&self, options: SyncOptions) -> Result<SyncReport> {
        self.start_sync(options)?.wait()
    }

    /// Reserves the dataset, starts a sync in the background and returns its handle at once.
    ///
    /// # Errors
    /// `Busy`, `Config`, `Closed`, as [`crate::Dataset::start_sync`]; `InvalidArgument` on a thread of an async runtime.
    /// Everything else is told by the handle.
    pub fn start_sync(&self, options: SyncOptions) -> Result<SyncHandle> {
        self.engine
            .start(|| SyncHandle::start(&self.dataset, &self.engine, options))
    }

    /// Cancels the running sync or verification; tells whether there was one. Never waits.
    pub fn cancel_sync(&self) -> bool {
        self.dataset.cancel_sync()
    }

    /// Compares the dataset with its source.
    ///
    /// # Errors
    /// As [`crate::Dataset::verify`]; `InvalidArgument` on a thread of an async runtime.
    ///
    /// # Cancellation
    /// By the token of the options, or by [`cancel_sync`](Self::cancel_sync) on another thread.
    pub fn verify(&self, options: VerifyOptions) -> Result<VerifyReport> {
        let dataset = self.dataset.clone();
        self.engine.run(async move { dataset.verify(options).await })
    }

    /// Returns one page of rows; an empty page when the dataset was never synced.
    ///
    /// # Errors
    /// As [`crate::Dataset::page`]; `InvalidArgument` on a thread of an async runtime.
    pub fn page(&self, request: PageRequest) -> Result<Page> {
        let dataset = self.dataset.clone();
        self.engine.run(async move { dataset.page(request).await })
    }

    /// Returns what the dataset holds; `None` when it was never synced.
    ///
    /// # Errors
    /// As [`crate::Dataset::metadata`]; `InvalidArgument` on a thread of an async runtime.
    pub fn metadata(&self) -> Result<Option<Arc<DatasetMetadata>>> {
        let dataset = self.dataset.clone();
        self.engine.run(async move { dataset.metadata().await })
    }
}
