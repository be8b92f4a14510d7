//! How the backups go that are made at an interval.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::engine::Engine;
use crate::error::Error;

/// How the backups go that `duckdb.backup` asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupStatus {
    /// The folder that they are in.
    pub directory: PathBuf,
    /// When the newest one was made; `None` when there is none, or the scheduler was not started.
    pub last_success: Option<DateTime<Utc>>,
    /// Why the last try failed; `None` when it did not.
    pub last_failure: Option<BackupFailure>,
}

/// A backup that could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupFailure {
    /// When it failed.
    pub at: DateTime<Utc>,
    /// The code of the error, such as `AXIS_STORE`.
    pub code: String,
    /// The error's line.
    pub message: String,
}

/// What has become of the backups so far.
#[derive(Debug, Default)]
pub(crate) struct Outcomes(Mutex<(Option<DateTime<Utc>>, Option<BackupFailure>)>);

impl Outcomes {
    pub(super) fn succeeded(&self, at: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Some(at), None);
    }

    pub(super) fn failed(&self, at: DateTime<Utc>, error: &Error) {
        let failure = BackupFailure {
            at,
            code: error.code().to_owned(),
            message: error.to_string(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = Some(failure);
    }
}

impl Engine {
    /// Returns how the backups go that `duckdb.backup` asks for; `None` when it does not.
    #[must_use]
    pub fn backup_status(&self) -> Option<BackupStatus> {
        let config = self.0.config.store.backup.as_ref()?;
        let outcomes = self.0.backup_outcomes.0.lock();
        let (last_success, last_failure) = outcomes.unwrap_or_else(PoisonError::into_inner).clone();
        Some(BackupStatus {
            directory: config.directory.clone(),
            last_success,
            last_failure,
        })
    }
}
