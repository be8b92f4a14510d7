//! The handles of a sync: reserved, then started.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::DropGuard;

use super::syncing::Work;
use super::{Dataset, State, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::source::Source;
use crate::sync::{RunContext, SyncReport, run};

/// A sync that has its dataset and has not begun. Dropping it frees the dataset.
pub(crate) struct Reserved {
    pub(super) dataset: Dataset,
    pub(super) context: RunContext,
    pub(super) timeout: Option<Duration>,
    pub(super) reservation: Reservation,
}

impl Reserved {
    /// Returns where the run will read from, to be replaced by a place in a shared snapshot.
    pub(crate) fn source(&mut self) -> &mut Arc<dyn Source> {
        &mut self.context.source
    }

    /// Begins in the background.
    pub(crate) fn start(self) -> SyncHandle {
        let Self {
            dataset,
            mut context,
            timeout,
            reservation,
        } = self;
        let (run_id, cancel) = (context.run_id.clone(), context.cancel.clone());
        dataset.announce(&context);
        let tasks = dataset.engine.tasks.clone();
        let task = tasks.spawn(async move {
            reach(Step::Reserved);
            let token = context.cancel.clone();
            let syncing = async {
                dataset.refresh(&mut context).await?;
                run(&context).await
            };
            let outcome = dataset.limited(&token, timeout, Work::Sync, syncing).await;
            let done = dataset.settle(&context, outcome, Some(reservation)).await;
            done.map(|done| done.report)
        });
        SyncHandle {
            run_id,
            task,
            cancel: Some(cancel.drop_guard()),
        }
    }
}

/// A sync that was started. Dropping the handle cancels the sync; [`detach`](Self::detach) lets it go on.
#[derive(Debug)]
pub struct SyncHandle {
    run_id: String,
    task: JoinHandle<Result<SyncReport>>,
    cancel: Option<DropGuard>,
}

impl SyncHandle {
    /// Returns the run's id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Waits for the report. Dropping this future cancels the sync.
    ///
    /// # Errors
    /// As [`Dataset::sync`].
    pub async fn wait(mut self) -> Result<SyncReport> {
        let outcome = (&mut self.task)
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the sync panicked").during("sync")));
        // It has ended: nothing is left to cancel.
        self.cancel.take().map(DropGuard::disarm);
        outcome
    }

    /// Lets the sync go on without anyone waiting.
    pub fn detach(mut self) {
        self.cancel.take().map(DropGuard::disarm);
    }
}

/// Frees the dataset for the next sync, whatever ended this one.
#[derive(Debug)]
pub(super) struct Reservation(pub(super) Arc<State>);

impl Drop for Reservation {
    fn drop(&mut self) {
        *lock(&self.0.running) = None;
    }
}
