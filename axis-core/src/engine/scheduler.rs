//! Syncs by the clock.

use super::Engine;
use crate::dataset::SyncOptions;
use crate::error::ErrorKind;
use crate::sync::{Due, Timing, due};

impl Engine {
    /// Runs datasets at their `refresh_interval_minutes` until the engine closes: each on its own clock, with jitter, and
    /// with backoff after failures that may pass. A tick during a running sync is that sync.
    ///
    /// Makes backups, too, as `duckdb.backup` says.
    pub fn start_scheduler(&self) {
        self.start_backups();
        for dataset in self.syncable() {
            let Some(interval) = dataset.config().refresh_interval else {
                continue;
            };
            let closing = self.0.closing.clone();
            self.0.tasks.spawn(async move {
                let mut last = Due::Regular;
                loop {
                    let wait = due(
                        last,
                        Timing {
                            interval,
                            jitter: fastrand::f64(),
                        },
                    );
                    tokio::select! {
                        () = closing.cancelled() => return,
                        () = tokio::time::sleep(wait) => {}
                    }
                    last = match dataset.sync(SyncOptions::default()).await {
                        Err(error) if error.kind() == ErrorKind::Closed => return,
                        Err(error) if error.is_retryable() && error.kind() != ErrorKind::Busy => match last {
                            Due::Retry(failures) => Due::Retry(failures.saturating_add(1)),
                            Due::Regular => Due::Retry(1),
                        },
                        _ => Due::Regular,
                    };
                }
            });
        }
    }
}
