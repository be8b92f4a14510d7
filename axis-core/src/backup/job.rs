//! A piece of work on threads of its own that can be stopped and tells how far it is.

use std::time::{Duration, Instant};

use duckdb::Connection;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::options::Listener;
use super::{BackupProgress, BackupStage};
use crate::error::{Error, ErrorKind, Result};

/// How often a statement is interrupted again, as one between two statements has no effect.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(20);
/// How often it is told how far a statement is.
const TELL_AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone)]
pub(super) struct Job {
    pub(super) cancel: CancellationToken,
    progress: Option<Listener>,
}

impl Job {
    pub(super) fn new(cancel: CancellationToken, progress: Option<Listener>) -> Self {
        Self { cancel, progress }
    }

    /// Fails once the work is not wanted any more.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Cancelled, "the work was cancelled").during("backup"));
        }
        Ok(())
    }

    pub(super) fn told(&self, stage: BackupStage, done: u64, total: u64) {
        if let Some(progress) = &self.progress {
            progress(BackupProgress { stage, done, total });
        }
    }

    /// Runs a statement that may take long; interrupted when the work is not wanted any more.
    pub(super) fn run<T>(&self, connection: &Connection, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        self.run_watched(connection, |_| {}, work)
    }

    /// The same; meanwhile `look` tells every now and then how far it is.
    pub(super) fn run_watched<T>(
        &self,
        connection: &Connection,
        look: impl Fn(&Self) + Send + Sync + 'static,
        work: impl FnOnce(&Connection) -> Result<T>,
    ) -> Result<T> {
        self.check()?;
        let interrupt = connection.interrupt_handle();
        let job = self.clone();
        let watcher = tokio::spawn(async move {
            let told = async {
                loop {
                    tokio::time::sleep(TELL_AGAIN).await;
                    look(&job);
                }
            };
            job.cancel.run_until_cancelled(told).await;
            loop {
                interrupt.interrupt();
                tokio::time::sleep(INTERRUPT_AGAIN).await;
            }
        });
        let done = work(connection);
        watcher.abort();
        // Nothing of it is told any more from here on.
        let _ = Handle::current().block_on(watcher);
        match done {
            Err(error) if self.cancel.is_cancelled() => self.check().and(Err(error)),
            done => done,
        }
    }

    /// Runs the work on a thread where it may take its time. It is not wanted any more once nobody waits for it.
    pub(super) async fn on_thread<T: Send + 'static>(
        self,
        work: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let _unwanted = self.cancel.clone().drop_guard();
        tokio::task::spawn_blocking(move || work(&self))
            .await
            .unwrap_or_else(|_| Err(panicked()))
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "the work panicked").during("backup")
}

/// Returns the milliseconds since then.
pub(super) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
