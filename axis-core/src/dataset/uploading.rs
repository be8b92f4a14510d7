//! Rows that a client brings along, in the place of a source's: one upload at a time, in one commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::handle::Reservation;
use super::syncing::{Running, Work};
use super::{Dataset, closed, lock};
use crate::config::{DatasetKind, ViewConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;
use crate::store::{
    ChangeKind, Commit, DatasetRecord, Limits, RunRecord, Store, TableChange, UploadRecord, drop_staging, fault,
    log_run, stage_full, write_record,
};
use crate::sync::{FullReason, Strategy, SyncEvent, SyncReport, TableReport};
use crate::uploads::{Table, stored};

impl Dataset {
    /// Tells whether the dataset may hold an upload: monitoring and evaluations may, as long as no source is configured for them.
    #[must_use]
    pub fn accepts_uploads(&self) -> bool {
        let config = self.config();
        let takes = matches!(config.kind, DatasetKind::Monitoring | DatasetKind::Eval);
        takes && self.state.source.is_none() && config.tables.is_empty() && config.broken.is_none()
    }

    /// Returns the name of the upload that the store holds in the place of a source's rows.
    #[must_use]
    pub fn upload(&self) -> Option<String> {
        let record = lock(&self.state.record);
        record.upload.as_ref().map(|upload| upload.name.clone())
    }

    /// Returns how what is stored is laid out: an upload is one table, whatever the configuration says of a source's rows.
    pub(crate) fn layout(&self) -> ViewConfig {
        match (self.upload(), self.relation()) {
            (Some(_), Some(name)) => ViewConfig::Table { name: name.to_owned() },
            _ => self.config().view.clone(),
        }
    }

    /// Puts the rows of an upload into the store, in the place of those of the upload before. Readers see the one or the other.
    ///
    /// # Errors
    /// `InvalidArgument` when the dataset has a source or takes no uploads, when there are no rows, or when two columns differ in
    /// nothing but case; `Busy`, `Store`, `Locked`, `Closed`.
    ///
    /// # Cancellation
    /// Once begun it is finished, also when the future is dropped.
    pub async fn keep(&self, name: &str, table: Table) -> Result<SyncReport> {
        let (dataset, name) = (self.clone(), name.to_owned());
        finish(
            self.engine
                .tasks
                .spawn(async move { dataset.keep_now(name, table).await }),
        )
        .await
    }

    async fn keep_now(&self, name: String, table: Table) -> Result<SyncReport> {
        let (relation, reservation, run_id) = self.reserve_upload()?;
        let (columns, rows) = stored(table)?;
        let started_at = self.engine.clock.now();
        let store = self.engine.writable().await?;
        let mut session = store.pool.session()?;
        let staging = {
            let (feeds, relation, columns) = (store.feeds.clone(), relation.clone(), columns.clone());
            session.run(Limits::default(), move |connection, reason| {
                stage_full(connection, reason, &feeds, &relation, columns, Box::new(rows), || {})
            })
        };
        let staged_rows = match staging.await {
            Ok(rows) => rows,
            Err(error) => {
                let tables = vec![relation];
                // What cannot be dropped now goes when the store is opened.
                let _ = session
                    .run(Limits::default(), move |connection, _| {
                        drop_staging(connection, &tables);
                        Ok(())
                    })
                    .await;
                return Err(error);
            }
        };
        let finishing = Finishing {
            dataset: self.name().to_owned(),
            relation: relation.clone(),
            upload: name,
            run_id: run_id.clone(),
            started_at,
            clock: Arc::clone(&self.engine.clock),
        };
        let commit = Commit {
            dataset: self.name().to_owned(),
            record: lock(&self.state.record).clone(),
            run: RunRecord::started(&run_id, self.name(), started_at),
            view: None,
            derivation: None,
            tables: vec![TableChange {
                table: relation,
                columns,
                added: Vec::new(),
                staged_rows,
                cursor: None,
                gone: Vec::new(),
                kind: ChangeKind::Swap { key: Vec::new() },
            }],
        };
        let writer = Arc::clone(&store);
        let _writer = store.writer.lock().await;
        let record = session
            .run(Limits::default(), move |connection, reason| {
                let record = commit.run(connection, reason, &writer.fence, |record, run, outcomes, _| {
                    finishing.fill(
                        record,
                        run,
                        outcomes.iter().map(|outcome| (outcome.deleted, outcome.rows)),
                    );
                })?;
                writer.pool.checkpoint(connection);
                Ok(record)
            })
            .await?;
        let report = record.last_success.clone();
        *lock(&self.state.record) = record;
        drop(reservation);
        let report = report.ok_or_else(|| Error::new(ErrorKind::Internal, "a commit stores its report"))?;
        tracing::info!(dataset = %report.dataset, rows = report.rows_read, generation = report.generation, "kept an upload");
        self.engine.events.tell(SyncEvent::Committed {
            report: Box::new(report.clone()),
        });
        self.tell_readiness();
        Ok(report)
    }

    /// Removes the upload from the store; the dataset is then as one that was never synced. Tells whether there was one.
    ///
    /// # Errors
    /// `Busy`, `Store`, `Locked`, `Closed`.
    ///
    /// # Cancellation
    /// Once begun it is finished, also when the future is dropped.
    pub async fn remove_upload(&self) -> Result<bool> {
        let dataset = self.clone();
        finish(self.engine.tasks.spawn(async move { dataset.remove_now().await })).await
    }

    async fn remove_now(&self) -> Result<bool> {
        if self.upload().is_none() {
            return Ok(false);
        }
        let (relation, reservation, run_id) = self.reserve_work()?;
        let store = self.engine.writable().await?;
        let before = lock(&self.state.record).clone();
        let record = DatasetRecord {
            // Who knows a generation must never find other rows under it.
            retired: before.generation.max(before.retired),
            ..DatasetRecord::default()
        };
        let mut line = RunRecord::started(&run_id, self.name(), self.engine.clock.now());
        line.ended(0, "ok", 0);
        "removal".clone_into(&mut line.strategy);
        self.write_removal(&store, relation, record.clone(), line).await?;
        *lock(&self.state.record) = record;
        drop(reservation);
        tracing::info!(dataset = self.name(), "removed an upload");
        self.tell_readiness();
        Ok(true)
    }

    async fn write_removal(
        &self,
        store: &Arc<Store>,
        relation: String,
        record: DatasetRecord,
        line: RunRecord,
    ) -> Result<()> {
        let dataset = self.name().to_owned();
        let writer = Arc::clone(store);
        let _writer = store.writer.lock().await;
        store
            .pool
            .write(Limits::default(), move |connection, _| {
                let fault = fault::store("upload.remove");
                writer.fence.check()?;
                connection.execute_batch("begin transaction").map_err(&fault)?;
                connection
                    .execute_batch(&format!("drop table if exists {}", ident(&relation)))
                    .map_err(&fault)?;
                write_record(connection, &dataset, &record)?;
                log_run(connection, &line)?;
                writer.fence.commit(connection, "upload.remove")?;
                writer.pool.checkpoint(connection);
                Ok(())
            })
            .await
    }

    /// Refuses what may hold no upload, and keeps syncs and other uploads away.
    fn reserve_upload(&self) -> Result<(String, Reservation, String)> {
        if self.accepts_uploads() {
            return self.reserve_work();
        }
        let kept = self.config().kind == DatasetKind::Monitoring || self.config().kind == DatasetKind::Eval;
        let message = if kept {
            "the dataset is synced from a source; an upload would be replaced by the next sync"
        } else {
            "the dataset takes no uploads; `monitoring` and `eval` do"
        };
        Err(Error::new(ErrorKind::InvalidArgument, message)
            .during("upload.keep")
            .with("dataset", self.name()))
    }

    fn reserve_work(&self) -> Result<(String, Reservation, String)> {
        if self.engine.is_closed() {
            return Err(closed());
        }
        self.engine.check_enabled()?;
        let relation = self.relation().unwrap_or_default().to_owned();
        let run_id = uuid::Uuid::new_v4().to_string();
        let mut running = lock(&self.state.running);
        if let Some(running) = running.as_ref() {
            let message = "other work on this dataset is running; try again when it has ended";
            return Err(Error::new(ErrorKind::Busy, message)
                .during("upload.keep")
                .with("dataset", self.name())
                .with("run_id", &running.run_id));
        }
        *running = Some(Running {
            work: Work::Upload,
            run_id: run_id.clone(),
            since: self.engine.clock.now(),
            cancel: CancellationToken::new(),
            progress: Vec::new(),
        });
        drop(running);
        Ok((relation, Reservation(Arc::clone(&self.state)), run_id))
    }
}

/// Waits for work that goes on when nobody waits.
async fn finish<T>(task: JoinHandle<Result<T>>) -> Result<T> {
    task.await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the work panicked").during("upload.keep")))
}

/// Turns the outcome of the commit into the record, inside the transaction.
struct Finishing {
    dataset: String,
    relation: String,
    upload: String,
    run_id: String,
    started_at: DateTime<Utc>,
    clock: Arc<dyn crate::clock::Clock>,
}

impl Finishing {
    fn fill(self, record: &mut DatasetRecord, run: &mut RunRecord, outcomes: impl Iterator<Item = (u64, u64)>) {
        let finished_at = self.clock.now();
        let strategy = Strategy::Full {
            because: FullReason::Uploaded,
        };
        let (deleted, rows) = outcomes.fold((0, 0), |sum, outcome| (sum.0 + outcome.0, sum.1 + outcome.1));
        let elapsed_ms = u64::try_from((finished_at - self.started_at).num_milliseconds()).unwrap_or(0);
        run.finished(elapsed_ms, "ok", strategy, rows, record.generation);
        record.tables = BTreeMap::new();
        record.last_failure = None;
        record.last_incremental = None;
        record.upload = Some(UploadRecord {
            name: self.upload,
            kept_at: finished_at,
        });
        record.last_success = Some(SyncReport {
            run_id: self.run_id,
            dataset: self.dataset,
            strategy,
            changed: true,
            generation: record.generation,
            started_at: self.started_at,
            finished_at,
            snapshot_at: self.started_at,
            elapsed_ms,
            rows_read: rows,
            bytes_read: 0,
            truncated: false,
            tables: vec![TableReport {
                table: self.relation,
                strategy,
                ranges: None,
                rows_read: rows,
                bytes_read: 0,
                rows_deleted: deleted,
                rows_inserted: rows,
                rows_total: rows,
                truncated: false,
                reconciled: None,
                watermark: None,
                schema_change: None,
                kept_aliases: Vec::new(),
                missing_columns: Vec::new(),
            }],
        });
    }
}
