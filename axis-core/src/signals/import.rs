//! Bringing the stored cases up to date on demand, without holding the caller for long.

use std::time::Duration;

use super::Signals;
use super::answer::CasesAnswer;
use crate::dataset::{SyncOptions, SyncState, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{Failure, SyncEvent};

/// When an import starts a sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bring {
    /// Before it answers.
    Always,
    /// When nothing is stored yet.
    First,
    /// Not even then: it returns what there is.
    Never,
}

impl Signals {
    /// Returns the stored cases, as many as `row_limit` allows. As `bring` says, a sync is started first, or the running one
    /// joined, and waited for no longer than `patience`; it goes on without the caller.
    ///
    /// # Errors
    /// `InvalidArgument` when no connection or no queries are configured; `NotSynced` when there are no cases yet, or none
    /// came out of the data; as [`Dataset::sync`](crate::Dataset::sync) when the sync that was waited for failed.
    pub async fn import(&self, bring: Bring, patience: Duration) -> Result<CasesAnswer> {
        self.check_importable()?;
        let is_empty = self.dataset.status().generation == 0;
        match bring {
            Bring::Always => self.bring_up(patience).await?,
            Bring::First if is_empty => self.bring_up(patience).await?,
            Bring::Never if is_empty && self.dataset.status().running.is_none() => {
                let message = "human signals were never synced; sync them first";
                return Err(Error::new(ErrorKind::NotSynced, message).during("signals.import"));
            }
            Bring::First | Bring::Never => {}
        }
        let limit = self.dataset.config().row_limit;
        match self.stored(limit).await? {
            Some(answer) if answer.row_count > 0 => Ok(answer),
            _ => Err(self.nothing()),
        }
    }

    fn check_importable(&self) -> Result<()> {
        let config = self.dataset.config();
        let refuse = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message).during("signals.import"));
        if config.connection.is_none() {
            return refuse("no database is configured for human signals; set `url`, or `host` and `database`");
        }
        if config.tables.is_empty() {
            return refuse(
                "human signals are read by two queries; set `dataset_query` and `results_query`, a `table` is not read",
            );
        }
        Ok(())
    }

    /// Says why there are no cases.
    fn nothing(&self) -> Error {
        let standing = self.standing(false);
        let message = match (&standing.state, standing.error) {
            (SyncState::Syncing, _) => "human signals are being synced; try again soon".to_owned(),
            (_, Some(error)) => format!("there are no cases: {error}"),
            (_, None) => "there are no cases: the database returned no rows of signals".to_owned(),
        };
        Error::new(ErrorKind::NotSynced, message).during("signals.import")
    }

    async fn bring_up(&self, patience: Duration) -> Result<()> {
        let mut events = self.engine.events();
        match self.dataset.start_sync(SyncOptions::default()) {
            Ok(handle) => handle.detach(),
            Err(error) if error.kind() == ErrorKind::Busy => {
                let running = self.dataset.status().running;
                if running.is_some_and(|running| running.work != Work::Sync) {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        let ended = async {
            loop {
                let Some(event) = events.next().await else {
                    return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
                };
                match &event.what {
                    SyncEvent::Committed { report } if report.dataset == self.dataset.name() => return Ok(()),
                    SyncEvent::Failed { dataset, failure } if dataset == self.dataset.name() => {
                        return Err(again(failure));
                    }
                    // What was missed may have been the end.
                    SyncEvent::Lost {} if self.dataset.status().running.is_none() => return Ok(()),
                    _ => {}
                }
            }
        };
        // Who has no more patience gets what is stored.
        tokio::time::timeout(patience, ended).await.unwrap_or(Ok(()))
    }
}

/// The error that a failure was made from.
fn again(failure: &Failure) -> Error {
    let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == failure.code);
    Error::new(kind.copied().unwrap_or(ErrorKind::Internal), failure.message.clone()).during("signals.import")
}
