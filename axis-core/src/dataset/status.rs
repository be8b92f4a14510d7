//! What is known about a dataset without touching its source, and its watermarks.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::handle::Reservation;
use super::syncing::{Running, Work};
use super::{Dataset, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::source::CursorValue;
use crate::store::{Limits, RunRecord, recent_runs, write_record};
use crate::sync::{Failure, SyncReport};

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
    /// The sync or the verification that is running.
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
    /// The relation that each commit makes from this one; `None` when there is none, or not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derived: Option<DerivedStatus>,
}

/// A relation that is made from a dataset in each commit that changes it: it is never older or newer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DerivedStatus {
    /// The relation.
    pub relation: String,
    /// Its rows.
    pub rows: u64,
    /// Rows that the last commit added, less those that it removed; at least 0.
    pub added: u64,
    /// Why it could not be made; it is then empty.
    pub error: Option<String>,
}

/// A sync, or other work on the dataset, that is going on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunningStatus {
    /// What it is.
    pub work: Work,
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

/// What identifies the data that readers see: equal versions mean equal data, also after a restart or in a store that was
/// restored from a copy.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct DataVersion {
    /// Grows by one with every change that readers can see.
    pub generation: u64,
    /// The run that made it.
    pub revision: String,
}

impl Dataset {
    /// Returns what identifies the data that readers see now; `None` before the first sync. Cheap: nothing is read.
    #[must_use]
    pub fn version(&self) -> Option<DataVersion> {
        let record = lock(&self.state.record);
        (record.generation > 0).then(|| DataVersion {
            generation: record.generation,
            revision: record.revision.clone(),
        })
    }

    /// Returns what is known as JSON, without I/O. The text is written anew only when something has changed: writing it takes
    /// longer than everything else, and statuses are polled.
    ///
    /// # Errors
    /// `Closed`; `Internal` when it cannot be written.
    pub fn status_json(&self) -> Result<Arc<str>> {
        self.engine.check_open()?;
        let status = self.status();
        let mut told = lock(&self.state.told);
        if let Some((before, text)) = told.as_ref()
            && *before == status
        {
            return Ok(Arc::clone(text));
        }
        let text: Arc<str> = serde_json::to_string(&status)
            .map_err(|cause| Error::new(ErrorKind::Internal, "the status cannot be written as JSON").because(cause))?
            .into();
        *told = Some((status, Arc::clone(&text)));
        Ok(text)
    }

    /// Returns what is known, without I/O.
    #[must_use]
    pub fn status(&self) -> DatasetStatus {
        let config = &self.state.config;
        let record = lock(&self.state.record).clone();
        let running = lock(&self.state.running).as_ref().map(|running| RunningStatus {
            work: running.work,
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
            (Some(running), _, _) if running.work != Work::Verify => SyncState::Syncing,
            (_, Some(_), _) => SyncState::Error,
            (_, None, Some(_)) => SyncState::Ready,
            (_, None, None) => SyncState::NotSynced,
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
            derived: record.derived.map(|derived| DerivedStatus {
                relation: derived.relation,
                rows: derived.rows,
                added: derived.added,
                error: derived.error,
            }),
        }
    }

    /// Returns the newest runs of this dataset, newest first.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>> {
        let store = self.engine.readable().await?;
        let name = self.name().to_owned();
        store
            .pool
            .write(Limits::default(), move |connection, _| {
                recent_runs(connection, Some(&name), limit)
            })
            .await
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
    /// `Busy` while a sync runs, `InvalidArgument` when no table has an `incremental_column`, `Store`, `Locked`, `Closed`.
    pub async fn reset_watermarks(&self) -> Result<usize> {
        self.engine.check_open()?;
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
                    "a sync or a verification of this dataset is running; reset when it has ended",
                )
                .with("dataset", self.name()));
            }
            // The reset reserves the dataset like a sync: a sync that starts now would write the old watermarks back.
            *running = Some(Running {
                work: Work::Reset,
                run_id: "reset".to_owned(),
                since: self.engine.clock.now(),
                cancel: CancellationToken::new(),
                progress: Vec::new(),
            });
        }
        let _reservation = Reservation(Arc::clone(&self.state));
        let store = self.engine.writable().await?;
        let mut record = lock(&self.state.record).clone();
        let mut count = 0;
        for table in record.tables.values_mut() {
            count += usize::from(table.watermark.take().is_some());
            table.marks.clear();
        }
        let (dataset, stored) = (self.name().to_owned(), record.clone());
        let fence = Arc::clone(&store.fence);
        let _writer = store.writer.lock().await;
        store
            .pool
            .write(Limits::default(), move |connection, _| {
                let fault = crate::store::fault::store("watermarks.reset");
                connection.execute_batch("begin transaction").map_err(&fault)?;
                write_record(connection, &dataset, &stored)?;
                fence.commit(connection, "watermarks.reset")
            })
            .await?;
        *lock(&self.state.record) = record;
        Ok(count)
    }
}
