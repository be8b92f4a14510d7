//! Executes plans: reads each table into staging, then commits everything at once.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::completion::Completion;
use super::event::SyncEvent;
use super::peek::{Memory, Rows};
use super::plan::{self, SyncMode, TablePlan};
use super::read::{Staged, stage_all};
use super::report::{Strategy, SyncReport};
use super::split::split;
use super::view;
use super::window::Clocks;
use crate::clock::Clock;
use crate::config::{Connection, DatasetConfig, DatasetKind};
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventLog;
use crate::failpoint::{Step, reach};
use crate::signals;
use crate::source::{CursorValue, Horizon, ReadProgress, Snapshot, Source, sql_text};
use crate::store::{ChangeKind, Commit, DatasetRecord, Limits, RunRecord, Session, Store, TableChange, drop_staging};

/// How often progress is told.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Everything that one run needs.
pub(crate) struct RunContext {
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: EventLog,
    pub(crate) dataset: Arc<DatasetConfig>,
    pub(crate) source: Arc<dyn Source>,
    pub(crate) record: DatasetRecord,
    pub(crate) run_id: String,
    /// When it was reserved.
    pub(crate) since: DateTime<Utc>,
    pub(crate) mode: SyncMode,
    pub(crate) cap: Option<u64>,
    pub(crate) workers: usize,
    pub(crate) cancel: CancellationToken,
    /// What the last refreshes read.
    pub(crate) memory: Arc<Memory>,
    /// Whether the snapshot outlives the sync, so that the store can be compared with it.
    pub(crate) keep_snapshot: bool,
    /// One counter a table, in the order of the configuration.
    pub(crate) progress: Vec<Arc<ReadProgress>>,
}

/// A sync that has committed.
pub(crate) struct Done {
    pub(crate) report: SyncReport,
    /// The record that was stored.
    pub(crate) record: DatasetRecord,
    /// The snapshot that the store now equals, when it was to be kept.
    pub(crate) snapshot: Option<Box<dyn Snapshot>>,
}

/// Runs a sync.
pub(crate) async fn run(context: &RunContext) -> Result<Done> {
    let started_at = context.clock.now();
    let mut snapshot = context.source.snapshot(&context.cancel).await?;
    reach(Step::SnapshotTaken);
    let clocks = Clocks::of(snapshot.horizon(), context.clock.now());
    let mut plans = plan_all(context, snapshot.as_mut(), started_at, clocks).await?;
    split(context, snapshot.as_mut(), &mut plans).await?;
    log(context, &plans);
    reach(Step::Planned);
    context.events.tell(SyncEvent::Planned {
        dataset: context.dataset.name.clone(),
        run_id: context.run_id.clone(),
        tables: plans.iter().map(|plan| (plan.table.clone(), plan.strategy)).collect(),
    });
    let telling = tell_progress(context);
    let mut session = context.store.pool.session()?;
    let staging = Box::pin(stage_all(context, snapshot.as_mut(), &mut plans, &mut session));
    let staged = while_open(context, staging).await;
    drop(telling);
    let outcome = match staged {
        Ok(staged) => {
            reach(Step::Staged);
            // Only who has read everything knows whether it was all of the source's own.
            let horizon = snapshot.horizon().clone();
            let snapshot = if context.keep_snapshot {
                Some(snapshot)
            } else {
                snapshot.close().await;
                None
            };
            let committed = commit(context, &mut session, plans, staged, (&horizon, clocks), started_at).await;
            committed.map(|(report, record)| Done {
                report,
                record,
                snapshot,
            })
        }
        Err(error) => {
            drop(snapshot);
            Err(error)
        }
    };
    if outcome.is_err() {
        let tables: Vec<String> = context.dataset.tables.iter().map(|table| table.name.clone()).collect();
        // A session that was lost to a panic cannot clean up; opening the store sweeps.
        let _ = session
            .run(Limits::default(), move |connection, _| {
                drop_staging(connection, &tables);
                reach(Step::StagingDropped);
                Ok(())
            })
            .await;
    }
    outcome
}

/// Works, and stops when the store is being opened again: that waits until nobody has a connection to the old one.
pub(super) async fn while_open<T>(
    context: &RunContext,
    mut work: impl Future<Output = Result<T>> + Unpin,
) -> Result<T> {
    tokio::select! {
        done = &mut work => done,
        () = context.store.pool.closing().cancelled_owned() => {
            context.cancel.cancel();
            work.await.map_err(|error| {
                Error::new(ErrorKind::Store, "the store was opened again meanwhile")
                    .during("sync.stage")
                    .because(error)
            })
        }
    }
}

async fn plan_all(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    now: DateTime<Utc>,
    clocks: Clocks,
) -> Result<Vec<TablePlan>> {
    let dataset = &context.dataset;
    let identity = identity(dataset);
    let server = snapshot.server().to_owned();
    let mut plans = Vec::with_capacity(dataset.tables.len());
    for table in &dataset.tables {
        let place = |error: Error| error.with("table", &table.name);
        let query = sql_text::clean_query(&table.query).map_err(place)?;
        // The server may wait for a lock here, for as long as somebody holds it.
        let columns = tokio::select! {
            columns = snapshot.describe(&query, &table.types) => columns.map_err(place)?,
            () = context.cancel.cancelled() => return Err(cancelled()),
        };
        reach(Step::Described);
        let given = plan::Given {
            dataset,
            table,
            query: &query,
            identity: &identity,
            server: &server,
            stored: &context.record,
            mode: context.mode,
            now,
            clocks,
        };
        plans.push(plan::table(&given, columns).map_err(place)?);
    }
    Ok(plans)
}

fn log(context: &RunContext, plans: &[TablePlan]) {
    for plan in plans {
        let ranges = plan.ranges.as_ref();
        tracing::info!(
            dataset = %context.dataset.name,
            table = %plan.table,
            strategy = plan.strategy.as_str(),
            because = match plan.strategy { Strategy::Full { because } => because.describe(), Strategy::Incremental => "" },
            ranges = ranges.map(|ranges| ranges.count),
            ranges_by = ranges.map(|ranges| ranges.by.as_str()),
            ranges_because = ranges.map(|ranges| ranges.because.as_str()),
            "planned"
        );
    }
}

pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the sync was cancelled").during("sync.describe")
}

/// Names the source without secrets.
fn identity(dataset: &DatasetConfig) -> String {
    match &dataset.connection {
        Some(Connection::Postgres(pg)) => format!("postgres://{}@{}:{}/{}", pg.user, pg.host, pg.port, pg.database),
        Some(Connection::Sqlite { path }) => format!("sqlite:{}", path.display()),
        None => String::new(),
    }
}

/// Sends progress while the returned guard lives.
pub(super) fn tell_progress(context: &RunContext) -> impl Drop + use<> {
    let events = context.events.clone();
    let (dataset, run_id) = (context.dataset.name.clone(), context.run_id.clone());
    let tables: Vec<(String, Arc<ReadProgress>)> = context
        .dataset
        .tables
        .iter()
        .map(|table| table.name.clone())
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
                let rows = progress.rows.load(Relaxed);
                if rows != told[index] {
                    told[index] = rows;
                    let bytes = progress.bytes.load(Relaxed);
                    events.tell(SyncEvent::Progress {
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

pub(super) fn progress_event(context: &RunContext, table: &str, progress: &ReadProgress, done: bool) -> SyncEvent {
    SyncEvent::Progress {
        dataset: context.dataset.name.clone(),
        run_id: context.run_id.clone(),
        table: table.to_owned(),
        rows: progress.rows.load(Relaxed),
        bytes: progress.bytes.load(Relaxed),
        done,
    }
}

async fn commit(
    context: &RunContext,
    session: &mut Session,
    plans: Vec<TablePlan>,
    mut staged: Vec<Staged>,
    (horizon, clocks): (&Horizon, Clocks),
    started_at: DateTime<Utc>,
) -> Result<(SyncReport, DatasetRecord)> {
    let full = plans.iter().any(|plan| plan.window.is_none());
    let windows: Vec<Option<(CursorValue, Rows)>> = plans
        .iter()
        .zip(&mut staged)
        .map(|(plan, staged)| {
            plan.window
                .as_ref()
                .map(|window| window.from.clone())
                .zip(staged.window.take())
        })
        .collect();
    let commit = Commit {
        dataset: context.dataset.name.clone(),
        record: context.record.clone(),
        run: RunRecord::started(&context.run_id, &context.dataset.name, started_at),
        view: view::sql(&context.dataset.view, &plans),
        derivation: (context.dataset.kind == DatasetKind::HumanSignals).then_some(signals::CASES),
        tables: plans
            .iter()
            .zip(&staged)
            .map(|(plan, staged)| change(context, plan, staged))
            .collect(),
    };
    let completion = Completion {
        clock: Arc::clone(&context.clock),
        dataset: Arc::clone(&context.dataset),
        run_id: context.run_id.clone(),
        bytes: context
            .progress
            .iter()
            .map(|progress| progress.bytes.load(Relaxed))
            .collect(),
        horizon: horizon.clone(),
        clocks,
        started_at,
        plans,
        staged,
    };
    let store = Arc::clone(&context.store);
    let _writer = context.store.writer.lock().await;
    let record = session
        .run(
            Limits {
                timeout: None,
                cancel: context.cancel.clone(),
            },
            move |connection, reason| {
                let record = commit.run(connection, reason, &store.fence, |record, run, outcomes, changed| {
                    completion.fill(record, run, outcomes, changed);
                })?;
                if full {
                    store.pool.checkpoint(connection);
                    reach(Step::Checkpointed);
                }
                Ok(record)
            },
        )
        .await?;
    let report = record.last_success.clone().expect("a commit stores its report");
    for (table, window) in report.tables.iter().zip(windows) {
        // What was staged and changed nothing is what the store holds.
        if let (0, 0, Some((from, rows))) = (table.rows_deleted, table.rows_inserted, window) {
            context.memory.remember(&table.table, record.generation, from, rows);
        }
    }
    Ok((report, record))
}

fn change(context: &RunContext, plan: &TablePlan, staged: &Staged) -> TableChange {
    TableChange {
        table: plan.table.clone(),
        columns: plan.columns.clone(),
        added: plan.added.clone(),
        staged_rows: staged.rows,
        cursor: plan.cursor.clone(),
        gone: match staged.reconciled {
            Some(found) if found.deleted > 0 && plan.window.is_some() => plan.key.clone(),
            _ => Vec::new(),
        },
        kind: match (&plan.window, &staged.held) {
            (None, _) => ChangeKind::Swap { key: plan.key.clone() },
            (Some(_), Some(held)) => ChangeKind::Keep {
                rows: held.rows,
                watermark: context
                    .record
                    .tables
                    .get(&plan.table)
                    .and_then(|table| table.watermark.clone()),
            },
            (Some(window), None) => ChangeKind::Merge {
                from: window.from.clone(),
                key: plan.key.clone(),
            },
        },
    }
}
