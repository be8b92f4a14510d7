//! Comparing a dataset with its source.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Dataset;
use super::syncing::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::{RunContext, SyncEvent, SyncMode, VerifyReport, run, verify};

/// How to verify.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Syncs first and compares in the very snapshot of that sync, so that what others write meanwhile is no difference.
    pub sync: bool,
    /// The longest time, the sync included; the dataset's `sync_timeout` by default.
    pub timeout: Option<Duration>,
    /// Cancels the verification; dropping its future does, too.
    pub cancel: Option<CancellationToken>,
}

impl VerifyOptions {
    /// Sets whether to sync first.
    #[must_use]
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Sets the longest time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the token that cancels.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = Some(cancel);
        self
    }
}

impl Dataset {
    /// Reads every table of the source and of the store, compares rows and checksums, and names the columns that differ.
    ///
    /// The source's tables are read in one snapshot and the store's in one transaction. Without
    /// [`sync`](VerifyOptions::sync) a difference means that the store is behind or differs: rows that were committed
    /// since the last sync count. Nothing is stored, and a table that the row cap has cut cannot be equal.
    ///
    /// # Errors
    /// `NotSynced` when a table was never synced; `Busy` while a sync or another verification runs; `Config`,
    /// `SourceUnavailable`, `SourceRejected`, `SchemaMismatch` for a value that cannot be carried, `Store`, `Timeout`,
    /// `Cancelled`, `Closed`. A difference is no error.
    ///
    /// # Cancellation
    /// Dropping the future ends both sides; a sync before the comparison that has begun to commit is finished.
    pub async fn verify(&self, options: VerifyOptions) -> Result<VerifyReport> {
        let VerifyOptions { sync, timeout, cancel } = options;
        let (mut context, reservation) = self.reserve(Work::Verify, SyncMode::Auto, cancel)?;
        let cancel = context.cancel.clone();
        let timeout = timeout.or(self.state.config.sync_timeout);
        let this = self.clone();
        let task = self.engine.tasks.spawn(async move {
            let token = context.cancel.clone();
            let outcome = this
                .limited(
                    &token,
                    timeout,
                    Work::Verify,
                    Box::pin(this.compare(&mut context, sync)),
                )
                .await
                .map_err(|error| error.with("dataset", this.name()));
            // Whoever hears of the end may start the next work at once.
            drop(reservation);
            this.tell(&context, &outcome);
            outcome
        });
        let guard = cancel.drop_guard();
        let outcome = task
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the verification panicked").during("verify")));
        // It has ended: nothing is left to cancel.
        guard.disarm();
        outcome
    }

    async fn compare(&self, context: &mut RunContext, sync: bool) -> Result<VerifyReport> {
        self.refresh(context).await?;
        if !sync {
            return verify(context, None).await;
        }
        self.announce(context);
        let outcome = run(context).await;
        let done = self.settle(context, outcome, None).await?;
        context.record = done.record;
        let mut report = verify(context, done.snapshot).await?;
        report.synced = Some(done.report);
        Ok(report)
    }

    fn tell(&self, context: &RunContext, outcome: &Result<VerifyReport>) {
        match outcome {
            Ok(report) => tracing::info!(
                dataset = self.name(),
                equal = report.equal,
                elapsed_ms = report.elapsed_ms,
                generation = report.generation,
                "verified"
            ),
            Err(error) => {
                tracing::warn!(dataset = self.name(), code = error.code(), error = %error, "the verification failed");
                // The driver's words may hold values of rows.
                tracing::debug!(dataset = self.name(), cause = %error.chain(), "why the verification failed");
            }
        }
        self.engine.events.tell(SyncEvent::Verified {
            dataset: self.name().to_owned(),
            run_id: context.run_id.clone(),
            equal: outcome.as_ref().ok().map(|report| report.equal),
        });
    }
}
