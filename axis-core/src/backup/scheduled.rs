//! Backups at an interval, of which the newest are kept.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{BackupOptions, retention};
use crate::config::{BackupConfig, StoreConfig};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::sync::{Due, Timing, due};

/// How often it is looked whether there is something to back up.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Lists the backups that `duckdb.backup` has made of a store and kept, newest first, with the time of each.
#[must_use]
pub fn kept(store: &StoreConfig) -> Vec<(DateTime<Utc>, PathBuf)> {
    let found = |backup: &BackupConfig| retention::found(&backup.directory, &stem(store));
    store.backup.as_ref().map(found).unwrap_or_default()
}

impl Engine {
    /// Makes backups as `duckdb.backup` says until the engine closes.
    pub(crate) fn start_backups(&self) {
        let store = &self.0.config.store;
        let Some(config) = store.backup.clone().filter(|_| store.enabled) else {
            return;
        };
        let (engine, stem) = (self.clone(), stem(store));
        self.0.in_background(async move {
            let mut wait = engine.until_next(&config, &stem).await;
            let mut last = Due::Regular;
            loop {
                tokio::time::sleep(wait).await;
                last = match Box::pin(engine.back_up_by_schedule(&config, &stem)).await {
                    Ok(()) => Due::Regular,
                    Err(error) if error.kind() == ErrorKind::Closed => return,
                    Err(error) => {
                        engine.0.backup_outcomes.failed(engine.0.clock.now(), &error);
                        tracing::warn!(code = error.code(), error = %error.chain(), "the scheduled backup failed");
                        match last {
                            Due::Retry(failures) => Due::Retry(failures.saturating_add(1)),
                            Due::Regular => Due::Retry(1),
                        }
                    }
                };
                let timing = Timing {
                    interval: config.interval,
                    jitter: 0.0,
                };
                wait = due(last, timing);
            }
        });
    }

    /// What is left of the interval since the newest backup: a restart neither puts a backup off nor makes another one. Without one,
    /// waits for the first data.
    async fn until_next(&self, config: &BackupConfig, stem: &str) -> Duration {
        let (directory, stem) = (config.directory.clone(), stem.to_owned());
        let newest = tokio::task::spawn_blocking(move || retention::found(&directory, &stem).into_iter().next()).await;
        let Some((newest, _)) = newest.ok().flatten() else {
            let filled = self.until_filled();
            // Uploads may be all that ever comes.
            let _ = tokio::time::timeout(config.interval, filled).await;
            return Duration::ZERO;
        };
        self.0.backup_outcomes.succeeded(newest);
        let age = (self.0.clock.now() - newest).to_std().unwrap_or_default();
        config.interval.saturating_sub(age)
    }

    /// Waits until every dataset that should be there is there, or none of them is being synced and one is: a backup of an empty
    /// store would be the only one until the next.
    async fn until_filled(&self) {
        let all = || self.datasets().map(|dataset| dataset.status());
        let resting = || all().all(|status| status.running.is_none());
        while !(self.readiness().ready || (all().any(|status| status.generation > 0) && resting())) {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    async fn back_up_by_schedule(&self, config: &BackupConfig, stem: &str) -> Result<()> {
        let at = self.0.clock.now();
        let name = retention::name(stem, at, config.format);
        // What a killed process has left has one name, which the next backup uses again.
        let beside = config.directory.join(stem);
        let options = BackupOptions::default().format(config.format);
        let report = self.back_up(config.directory.join(name), beside, &options).await?;
        self.0.backup_outcomes.succeeded(at);
        tracing::info!(
            backup = %report.path.display(),
            bytes = report.bytes,
            elapsed_ms = report.elapsed_ms,
            "made a backup"
        );
        let (directory, stem, keep) = (config.directory.clone(), stem.to_owned(), config.keep);
        let pruned = tokio::task::spawn_blocking(move || retention::prune(&directory, &stem, keep)).await;
        if pruned.is_err() {
            tracing::error!("removing old backups panicked");
        }
        Ok(())
    }
}

/// What the names of the backups of a store begin with.
fn stem(store: &StoreConfig) -> String {
    let stem = store.path.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
