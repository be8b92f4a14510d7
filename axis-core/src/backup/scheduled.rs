//! Backups at an interval, of which the newest are kept.

use std::time::Duration;

use super::{BackupOptions, retention};
use crate::config::{BackupConfig, StoreConfig};
use crate::engine::Engine;
use crate::error::{ErrorKind, Result};
use crate::sync::{Due, Timing, due};

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

    /// What is left of the interval since the newest backup: a restart neither puts a backup off nor makes another one.
    async fn until_next(&self, config: &BackupConfig, stem: &str) -> Duration {
        let (directory, stem) = (config.directory.clone(), stem.to_owned());
        let newest = tokio::task::spawn_blocking(move || retention::found(&directory, &stem).into_iter().next()).await;
        let Some((newest, _)) = newest.ok().flatten() else {
            return Duration::ZERO;
        };
        let age = (self.0.clock.now() - newest).to_std().unwrap_or_default();
        config.interval.saturating_sub(age)
    }

    async fn back_up_by_schedule(&self, config: &BackupConfig, stem: &str) -> Result<()> {
        let name = retention::name(stem, self.0.clock.now(), config.format);
        // What a killed process has left has one name, which the next backup uses again.
        let beside = config.directory.join(stem);
        let options = BackupOptions::default().format(config.format);
        let report = self.back_up(config.directory.join(name), beside, &options).await?;
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
