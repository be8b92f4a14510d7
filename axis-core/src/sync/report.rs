//! What a sync says about itself: reports and failures. The serde form is the wire form in every surface.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::columns::{KeptAlias, lacks};
use crate::error::Error;

/// What one sync of one dataset did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// Identifies the run, in the log and in events.
    pub run_id: String,
    /// The dataset.
    pub dataset: String,
    /// Full when any table was rebuilt.
    pub strategy: Strategy,
    /// Whether readers see anything new.
    pub changed: bool,
    /// The dataset's generation after the run; grows by one with every change.
    pub generation: u64,
    /// When the run began.
    pub started_at: DateTime<Utc>,
    /// When it had committed.
    pub finished_at: DateTime<Utc>,
    /// The source's clock at the snapshot that the store now equals.
    pub snapshot_at: DateTime<Utc>,
    /// Milliseconds from start to commit.
    pub elapsed_ms: u64,
    /// Rows read from the source.
    pub rows_read: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Whether a row cap cut a table.
    pub truncated: bool,
    /// One entry a table, in the order of the configuration.
    pub tables: Vec<TableReport>,
}

/// What a sync did to one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableReport {
    /// The table.
    pub table: String,
    /// Rebuilt, or only a window of it.
    pub strategy: Strategy,
    /// The ranges in which it was read; `None` when there is nothing to cut it by, and for a window.
    #[serde(default)]
    pub ranges: Option<Ranges>,
    /// Rows read from the source.
    pub rows_read: u64,
    /// Bytes read from the source.
    pub bytes_read: u64,
    /// Rows that were removed or replaced.
    pub rows_deleted: u64,
    /// Rows that were written.
    pub rows_inserted: u64,
    /// Rows that the table now has.
    pub rows_total: u64,
    /// Whether the row cap cut it.
    pub truncated: bool,
    /// What a comparison of all keys found, when there was one.
    #[serde(default)]
    pub reconciled: Option<Reconciliation>,
    /// The cursor's greatest stored value, for people.
    pub watermark: Option<String>,
    /// What changed in the columns, when something did.
    pub schema_change: Option<String>,
    /// Aliases that kept their own name because the canonical one was taken.
    pub kept_aliases: Vec<KeptAlias>,
    /// Columns that the analytics of this dataset need and the query does not return; without them the analytics fail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing_columns: Vec<String>,
}

impl TableReport {
    /// Says which columns the analytics miss, and what to do; `None` when they miss none.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        (!self.missing_columns.is_empty()).then(|| lacks(&self.missing_columns))
    }
}

/// What a comparison of all keys of a table found. Afterwards both sides have the same keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reconciliation {
    /// Keys that the source has.
    pub keys: u64,
    /// Rows below the window whose key the source no longer has; they were deleted.
    pub deleted: u64,
    /// Keys that the source has and the store would not have had; then the table was rebuilt.
    pub missing: u64,
}

/// Into what a full read was cut, so that several sessions could share it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Ranges {
    /// How many; 1 means that it was read whole.
    pub count: usize,
    /// What it is cut by: a column, or `blocks` of the table.
    pub by: String,
    /// Where the bounds come from, or why it was read whole.
    pub because: String,
}

/// How a table was brought up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Strategy {
    /// Read whole.
    Full {
        /// Why not incrementally.
        because: FullReason,
    },
    /// Only a window was read.
    Incremental,
}

impl Strategy {
    /// Returns `full` or `incremental`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Full { .. } => "full",
            Self::Incremental => "incremental",
        }
    }
}

/// Why a table was read whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FullReason {
    /// The caller asked for it.
    Requested,
    /// The table has no `incremental_column`.
    NoIncrementalColumn,
    /// The table was never synced.
    FirstSync,
    /// The watermark was reset, or the table had no value of the cursor.
    WatermarkMissing,
    /// Transactions have been open for so long that no window is known to be safe.
    NoSafeWindow,
    /// The query, the connection or the types in the configuration changed.
    DefinitionChanged,
    /// The source's columns changed.
    SchemaChanged,
    /// Another server, database or table answers to the same name, or the table has another column of the same name.
    SourceReplaced,
    /// The last sync was cut by the row cap.
    Truncated,
    /// `full_refresh_interval_minutes` has passed.
    Interval,
    /// A comparison of the keys was asked for, and the table has no `primary_key`.
    NoPrimaryKey,
    /// A comparison of the keys found rows below the window that are not stored.
    KeysMissing,
    /// The rows were uploaded; no source was read.
    Uploaded,
}

impl FullReason {
    /// Says it in words, for logs and pages.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Requested => "a full sync was asked for",
            Self::NoIncrementalColumn => "no incremental_column is configured",
            Self::FirstSync => "it is the first sync",
            Self::WatermarkMissing => "there is no watermark",
            Self::NoSafeWindow => "a transaction has been open for too long to know a safe window",
            Self::DefinitionChanged => "its configuration changed",
            Self::SchemaChanged => "the source's columns changed",
            Self::SourceReplaced => "another server, database, table or column answers to the same name",
            Self::Truncated => "the last sync was cut by max_sync_rows",
            Self::NoPrimaryKey => "without a primary_key only that finds deleted rows",
            Self::KeysMissing => "rows were inserted below the window",
            Self::Uploaded => "the rows were uploaded",
            Self::Interval => "full_refresh_interval_minutes has passed",
        }
    }
}

/// A failed sync, as it is kept and shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Failure {
    /// The run.
    pub run_id: String,
    /// When it failed.
    pub at: DateTime<Utc>,
    /// The code of the error, such as `AXIS_SOURCE_UNAVAILABLE`.
    pub code: String,
    /// The error's line.
    pub message: String,
    /// Whether trying again may help.
    pub retryable: bool,
}

impl Failure {
    pub(crate) fn new(run_id: &str, at: DateTime<Utc>, error: &Error) -> Self {
        Self {
            run_id: run_id.to_owned(),
            at,
            code: error.code().to_owned(),
            message: error.to_string(),
            retryable: error.is_retryable(),
        }
    }
}
