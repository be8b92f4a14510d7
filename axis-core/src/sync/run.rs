//! Executes plans: reads each table into staging, then commits everything at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::plan::{self, SyncMode, TablePlan};
use super::report::{Strategy, SyncEvent, SyncReport, TableReport};
use super::{view, window};
use crate::clock::Clock;
use crate::config::{Connection, DatasetConfig};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{Horizon, ReadProgress, ReadRequest, Reader, Snapshot, Source, sql_text};
use crate::store::{
    ChangeKind, Commit, DatasetRecord, Feed, Limits, RunRecord, Session, Store, TableChange, TableOutcome, VectorBatch,
    drop_staging, stage_delta, stage_full,
};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Everything that one run needs.
pub(crate) struct RunContext {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: broadcast::Sender<SyncEvent>,
    pub(crate) dataset: Arc<DatasetConfig>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) record: DatasetRecord,
    pub(crate) run_id: String,
    pub(crate) mode: SyncMode,
    pub(crate) cap: Option<u64>,
    pub(crate) workers: usize,
    pub(crate) cancel: CancellationToken,
    /// One counter a table, in the order of the configuration.
    pub(crate) progress: Vec<Arc<ReadProgress>>,
}

/// A table that has been read.
struct Staged {
    rows: u64,
    truncated: bool,
}

/// Runs a sync; returns its report and the record that was stored.
pub(crate) async fn run(context: &RunContext) -> Result<(SyncReport, DatasetRecord)> {
    let started_at = context.clock.now();
    let mut snapshot = context.source.snapshot(&context.cancel).await?;
    let horizon = snapshot.horizon().clone();
    let plans = plan_all(context, snapshot.as_mut(), started_at).await?;
    let _ = context.events.send(SyncEvent::Planned {
        dataset: context.dataset.name.clone(),
        run_id: context.run_id.clone(),
        tables: plans.iter().map(|plan| (plan.table.clone(), plan.strategy)).collect(),
    });
    let telling = tell_progress(context, &plans);
    let mut session = context.store.pool.session()?;
    let staged = stage_all(context, snapshot, &plans, &mut session).await;
    drop(telling);
    let outcome = match staged {
        Ok(staged) => commit(context, &mut session, plans, staged, &horizon, started_at).await,
        Err(error) => Err(error),
    };
    if outcome.is_err() {
        let tables: Vec<String> = context.dataset.tables.iter().map(|table| table.name.clone()).collect();
        // A session that was lost to a panic cannot clean up; opening the store sweeps.
        let _ = session
            .run(Limits::default(), move |connection, _| {
                drop_staging(connection, &tables);
                Ok(())
            })
            .await;
    }
    outcome
}

async fn plan_all(context: &RunContext, snapshot: &mut dyn Snapshot, now: DateTime<Utc>) -> Result<Vec<TablePlan>> {
    let dataset = &context.dataset;
    let identity = identity(dataset);
    let mut plans = Vec::with_capacity(dataset.tables.len());
    for table in &dataset.tables {
        let place = |error: Error| error.with("table", &table.name);
        let query = sql_text::clean_query(&table.query).map_err(place)?;
        let columns = snapshot.describe(&query, &table.types).await.map_err(place)?;
        let given = plan::Given {
            dataset,
            table,
            query: &query,
            identity: &identity,
            stored: &context.record,
            mode: context.mode,
            now,
        };
        let plan = plan::table(&given, columns).map_err(place)?;
        tracing::info!(
            dataset = %dataset.name,
            table = %plan.table,
            strategy = plan.strategy.as_str(),
            because = match plan.strategy { Strategy::Full { because } => because.describe(), Strategy::Incremental => "" },
            "planned"
        );
        plans.push(plan);
    }
    Ok(plans)
}

/// Names the source without secrets.
fn identity(dataset: &DatasetConfig) -> String {
    match &dataset.connection {
        Some(Connection::Postgres(pg)) => format!("postgres://{}:{}/{}", pg.host, pg.port, pg.database),
        Some(Connection::Sqlite { path }) => format!("sqlite:{}", path.display()),
        None => String::new(),
    }
}

/// Reads rebuilt tables into staging tables on up to two sessions of one snapshot, and windows into temporary tables of
/// the session that will commit.
async fn stage_all(
    context: &RunContext,
    mut leader: Box<dyn Snapshot>,
    plans: &[TablePlan],
    session: &mut Session,
) -> Result<Vec<Staged>> {
    let full: VecDeque<usize> = (0..plans.len())
        .filter(|index| plans[*index].window.is_none())
        .collect();
    let windows: Vec<usize> = (0..plans.len())
        .filter(|index| plans[*index].window.is_some())
        .collect();
    let mut staged: Vec<Option<Staged>> = plans.iter().map(|_| None).collect();
    // A failure of one session must stop the other, but not be mistaken for a cancellation by the caller.
    let stop = context.cancel.child_token();
    let fork = if full.len() > 1 && context.workers > 1 {
        leader.fork().await?
    } else {
        None
    };
    let load = (!full.is_empty()).then(|| context.store.pool.load());
    let queue = Mutex::new(full);
    {
        let own = work(context, leader.as_mut(), plans, &queue, &stop);
        let other = async {
            match fork {
                Some(mut fork) => {
                    let done = work(context, fork.as_mut(), plans, &queue, &stop).await;
                    fork.close().await;
                    done
                }
                None => Ok(Vec::new()),
            }
        };
        let (own, other) = tokio::join!(own, other);
        for (index, done) in first_cause(own, other)? {
            staged[index] = Some(done);
        }
    }
    drop(load);
    for index in windows {
        let done = stage_one(context, leader.as_mut(), &plans[index], &stop, session, index).await?;
        staged[index] = Some(done);
    }
    leader.close().await;
    Ok(staged.into_iter().flatten().collect())
}

/// Joins what two sessions did; of two failures the one that caused the other counts.
fn first_cause(own: Result<Vec<(usize, Staged)>>, other: Result<Vec<(usize, Staged)>>) -> Result<Vec<(usize, Staged)>> {
    match (own, other) {
        (Ok(mut own), Ok(other)) => {
            own.extend(other);
            Ok(own)
        }
        (Err(own), Err(other)) if own.kind() == ErrorKind::Cancelled => Err(other),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// Takes rebuilt tables from the queue until it is empty.
async fn work(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plans: &[TablePlan],
    queue: &Mutex<VecDeque<usize>>,
    stop: &CancellationToken,
) -> Result<Vec<(usize, Staged)>> {
    let mut done = Vec::new();
    let mut session = context.store.pool.session()?;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(index) = next else { return Ok(done) };
        match stage_one(context, snapshot, &plans[index], stop, &mut session, index).await {
            Ok(staged) => done.push((index, staged)),
            Err(error) => {
                stop.cancel();
                return Err(error);
            }
        }
    }
}

async fn stage_one(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    index: usize,
) -> Result<Staged> {
    let progress = Arc::clone(&context.progress[index]);
    let request = ReadRequest {
        query: plan.query.clone(),
        columns: plan.source.clone(),
        window: plan.window.clone(),
        limit: context.cap.map(|cap| cap.saturating_add(1)),
        progress: Arc::clone(&progress),
        cancel: stop.clone(),
    };
    let reader = snapshot
        .read(request)
        .await
        .map_err(|error| error.with("table", &plan.table))?;
    let truncated = Arc::new(AtomicBool::new(false));
    let feed = Box::new(ReaderFeed {
        reader,
        remaining: context.cap.unwrap_or(u64::MAX),
        truncated: Arc::clone(&truncated),
    });
    let (store, table, columns) = (Arc::clone(&context.store), plan.table.clone(), plan.columns.clone());
    let whole = plan.window.is_none();
    let rows = session
        .run(
            Limits {
                timeout: None,
                cancel: stop.clone(),
            },
            move |connection, reason| {
                let stage = if whole { stage_full } else { stage_delta };
                stage(connection, reason, &store.feeds, &table, columns, feed)
            },
        )
        .await
        .map_err(|error| error.with("table", &plan.table))?;
    let truncated = truncated.load(Ordering::SeqCst);
    if truncated && !whole {
        return Err(Error::new(
            ErrorKind::Config,
            format!(
                "more than max_sync_rows = {} rows changed since the last sync; raise max_sync_rows or run a full sync",
                context.cap.unwrap_or_default()
            ),
        )
        .during("sync.read")
        .with("table", &plan.table));
    }
    let _ = context
        .events
        .send(progress_event(context, &plan.table, &progress, true));
    Ok(Staged { rows, truncated })
}

/// Passes batches on until the row cap, and notices that there was more.
struct ReaderFeed {
    reader: Reader,
    remaining: u64,
    truncated: Arc<AtomicBool>,
}

impl Feed for ReaderFeed {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        if self.truncated.load(Ordering::SeqCst) {
            // One row beyond the cap was asked for; reading to the end keeps the session usable.
            while self.reader.fill(batch)? > 0 {}
            return Ok(0);
        }
        let rows = self.reader.fill(batch)?;
        let allowed = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(rows);
        if allowed < rows {
            self.truncated.store(true, Ordering::SeqCst);
        }
        self.remaining -= allowed as u64;
        Ok(allowed)
    }
}

/// Sends progress while the returned guard lives.
fn tell_progress(context: &RunContext, plans: &[TablePlan]) -> impl Drop + use<> {
    let events = context.events.clone();
    let (dataset, run_id) = (context.dataset.name.clone(), context.run_id.clone());
    let tables: Vec<(String, Arc<ReadProgress>)> = plans
        .iter()
        .map(|plan| plan.table.clone())
        .zip(context.progress.iter().cloned())
        .collect();
    let done = CancellationToken::new();
    let guard = done.clone().drop_guard();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(PROGRESS_EVERY);
        let mut told = vec![0; tables.len()];
        loop {
            tokio::select! {
                () = done.cancelled() => return,
                _ = ticks.tick() => {}
            }
            for (index, (table, progress)) in tables.iter().enumerate() {
                let rows = progress.rows.load(Ordering::Relaxed);
                if rows != told[index] {
                    told[index] = rows;
                    let bytes = progress.bytes.load(Ordering::Relaxed);
                    let _ = events.send(SyncEvent::Progress {
                        dataset: dataset.clone(),
                        run_id: run_id.clone(),
                        table: table.clone(),
                        rows,
                        bytes,
                        done: false,
                    });
                }
            }
        }
    });
    guard
}

fn progress_event(context: &RunContext, table: &str, progress: &ReadProgress, done: bool) -> SyncEvent {
    SyncEvent::Progress {
        dataset: context.dataset.name.clone(),
        run_id: context.run_id.clone(),
        table: table.to_owned(),
        rows: progress.rows.load(Ordering::Relaxed),
        bytes: progress.bytes.load(Ordering::Relaxed),
        done,
    }
}

async fn commit(
    context: &RunContext,
    session: &mut Session,
    plans: Vec<TablePlan>,
    staged: Vec<Staged>,
    horizon: &Horizon,
    started_at: DateTime<Utc>,
) -> Result<(SyncReport, DatasetRecord)> {
    let full = plans.iter().any(|plan| plan.window.is_none());
    let commit = Commit {
        dataset: context.dataset.name.clone(),
        record: context.record.clone(),
        run: RunRecord::started(&context.run_id, &context.dataset.name, started_at),
        view: view::sql(&context.dataset.view, &plans),
        tables: plans
            .iter()
            .zip(&staged)
            .map(|(plan, staged)| change(plan, staged))
            .collect(),
    };
    let completion = Completion {
        clock: Arc::clone(&context.clock),
        dataset: Arc::clone(&context.dataset),
        run_id: context.run_id.clone(),
        bytes: context
            .progress
            .iter()
            .map(|progress| progress.bytes.load(Ordering::Relaxed))
            .collect(),
        horizon: horizon.clone(),
        started_at,
        plans,
        staged,
    };
    let _writer = context.store.writer.lock().await;
    let record = session
        .run(
            Limits {
                timeout: None,
                cancel: context.cancel.clone(),
            },
            move |connection, reason| {
                let record = commit.run(connection, reason, |record, run, outcomes, changed| {
                    completion.fill(record, run, outcomes, changed);
                })?;
                if full {
                    // Best effort: a reader that is still open forbids it, and the write-ahead log keeps everything.
                    if let Err(error) = connection.execute_batch("checkpoint") {
                        tracing::debug!(error = %error, "no checkpoint now");
                    }
                }
                Ok(record)
            },
        )
        .await?;
    let report = record.last_success.clone().expect("a commit stores its report");
    Ok((report, record))
}

fn change(plan: &TablePlan, staged: &Staged) -> TableChange {
    TableChange {
        table: plan.table.clone(),
        columns: plan.columns.iter().map(|column| column.name.clone()).collect(),
        added: plan.added.clone(),
        staged_rows: staged.rows,
        cursor: plan.cursor.clone(),
        kind: match &plan.window {
            None => ChangeKind::Swap,
            Some(window) => ChangeKind::Merge {
                from: window.from.clone(),
                key: plan.key.clone(),
            },
        },
    }
}

/// Turns the outcomes of a commit into the record and the report, inside the transaction.
struct Completion {
    clock: Arc<dyn Clock>,
    dataset: Arc<DatasetConfig>,
    run_id: String,
    bytes: Vec<u64>,
    horizon: Horizon,
    started_at: DateTime<Utc>,
    plans: Vec<TablePlan>,
    staged: Vec<Staged>,
}

impl Completion {
    fn fill(self, record: &mut DatasetRecord, run: &mut RunRecord, outcomes: &[TableOutcome], changed: bool) {
        let finished_at = self.clock.now();
        let strategy = self
            .plans
            .iter()
            .map(|plan| plan.strategy)
            .find(|strategy| *strategy != Strategy::Incremental)
            .unwrap_or(Strategy::Incremental);
        let mut tables = Vec::with_capacity(self.plans.len());
        let mut records = std::collections::BTreeMap::new();
        let parts = self.plans.into_iter().zip(&self.staged).zip(outcomes).zip(&self.bytes);
        for (((plan, staged), outcome), bytes) in parts {
            tables.push(TableReport {
                table: plan.table.clone(),
                strategy: plan.strategy,
                rows_read: staged.rows,
                bytes_read: *bytes,
                rows_deleted: outcome.deleted,
                rows_inserted: outcome.inserted,
                rows_total: outcome.rows,
                truncated: staged.truncated,
                watermark: outcome.watermark.as_ref().map(crate::source::CursorValue::display),
                schema_change: plan.schema_change,
                kept_aliases: plan.kept,
            });
            let before = record.tables.get(&plan.table);
            let lookback = self
                .dataset
                .tables
                .iter()
                .find(|table| table.name == plan.table)
                .and_then(|table| table.lookback);
            let mut stored = plan.record;
            stored.truncated = staged.truncated;
            stored.watermark = outcome.watermark.clone();
            stored.marks = match &outcome.watermark {
                Some(watermark) => {
                    // Marks are facts about the source's cursor; another definition may have another cursor.
                    let past = before
                        .filter(|before| before.fingerprint == stored.fingerprint)
                        .map(|before| before.marks.as_slice());
                    window::remember(past.unwrap_or_default(), &self.horizon, watermark, lookback)
                }
                None => Vec::new(),
            };
            records.insert(plan.table, stored);
        }
        let elapsed_ms = u64::try_from((finished_at - self.started_at).num_milliseconds()).unwrap_or(0);
        let rows_read = self.staged.iter().map(|staged| staged.rows).sum();
        run.finished(
            elapsed_ms,
            if changed { "ok" } else { "unchanged" },
            strategy.as_str(),
            rows_read,
            record.generation,
        );
        record.tables = records;
        record.last_failure = None;
        match strategy {
            Strategy::Full { .. } => {
                record.last_full = Some(finished_at);
                record.last_incremental = None;
            }
            Strategy::Incremental => record.last_incremental = Some(finished_at),
        }
        record.last_success = Some(SyncReport {
            run_id: self.run_id,
            dataset: self.dataset.name.clone(),
            strategy,
            changed,
            generation: record.generation,
            started_at: self.started_at,
            finished_at,
            snapshot_at: self.horizon.taken_at,
            elapsed_ms,
            rows_read,
            bytes_read: self.bytes.iter().sum(),
            truncated: self.staged.iter().any(|staged| staged.truncated),
            tables,
        });
    }
}
