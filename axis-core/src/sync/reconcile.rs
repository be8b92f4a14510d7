//! Finds deleted rows: the keys of the whole query, read in the snapshot of the refresh, against the keys that are stored.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::plan::{SyncMode, TablePlan};
use super::read::{Staged, stage_whole};
use super::report::{FullReason, Reconciliation};
use super::run::RunContext;
use crate::config::DatasetConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;
use crate::source::{ReadRequest, Reader, Snapshot};
use crate::store::{Feed, Found, Limits, Reconciled, Session, TableRecord, VectorBatch, reconcile};

/// Tells whether a refresh of a table with a key has to look for deleted rows. A rebuild has found them, too.
pub(super) fn is_due(dataset: &DatasetConfig, record: &TableRecord, mode: SyncMode, now: DateTime<Utc>) -> bool {
    if mode == SyncMode::Reconcile {
        return true;
    }
    let interval = dataset.reconcile_interval.map(TimeDelta::from_std);
    let Some(Ok(interval)) = interval else { return false };
    record
        .last_reconciled
        .max(record.last_full)
        .is_none_or(|last| now - last >= interval)
}

/// Compares the keys of a table whose window was read. Where the source has keys that the refresh would not bring, rows
/// below the window are new, and the table is rebuilt from the same snapshot.
pub(super) async fn table(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &mut TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    index: usize,
    staged: Staged,
) -> Result<Staged> {
    let found = compare(context, snapshot, plan, stop, session, index, &staged)
        .await
        .map_err(|error| error.with("table", &plan.table))?;
    let Found { keys, gone, missing } = found;
    tracing::info!(dataset = %context.dataset.name, table = %plan.table, keys, gone, missing, "reconciled");
    let reconciled = Some(Reconciliation {
        keys,
        deleted: gone,
        missing,
    });
    if missing == 0 {
        return Ok(Staged { reconciled, ..staged });
    }
    if let Some(cap) = context.cap.filter(|cap| keys > *cap) {
        return Err(exceeds(cap).with("table", &plan.table));
    }
    plan.rebuild(FullReason::KeysMissing);
    let load = context.store.load().await;
    let whole = stage_whole(context, snapshot, plan, stop, session, index).await?;
    drop(load);
    Ok(Staged { reconciled, ..whole })
}

/// A rebuild would leave fewer rows than the table has.
fn exceeds(cap: u64) -> Error {
    let message = format!(
        "rows were inserted below the window, and the table, which has to be rebuilt, has more than max_sync_rows = {cap} rows; \
         raise max_sync_rows"
    );
    Error::new(ErrorKind::Config, message).during("sync.read")
}

async fn compare(
    context: &RunContext,
    snapshot: &mut dyn Snapshot,
    plan: &TablePlan,
    stop: &CancellationToken,
    session: &mut Session,
    index: usize,
    staged: &Staged,
) -> Result<Found> {
    let window = plan
        .window
        .as_ref()
        .expect("only a refresh is reconciled: the plan says so");
    let cursor = plan.cursor.clone().expect("a window has a cursor: the plan says so");
    let of_key: Vec<usize> = plan
        .key
        .iter()
        .filter_map(|name| plan.columns.iter().position(|column| column.name == *name))
        .collect();
    let names = of_key.iter().map(|index| ident(&plan.source[*index].column.name));
    let request = ReadRequest {
        query: format!(
            "select {} from (\n{}\n) as axis_keys",
            names.collect::<Vec<_>>().join(", "),
            plan.query
        ),
        columns: of_key.iter().map(|index| plan.source[*index].clone()).collect(),
        window: None,
        limit: None,
        progress: Arc::clone(&context.progress[index]),
        cancel: stop.clone(),
    };
    let feed = Box::new(Keys(snapshot.read(request).await?));
    let what = Reconciled {
        table: plan.table.clone(),
        key: of_key.iter().map(|index| plan.columns[*index].clone()).collect(),
        cursor,
        from: window.from.clone(),
        staged: staged.held.is_none(),
    };
    let store = Arc::clone(&context.store);
    let limits = Limits {
        timeout: None,
        cancel: stop.clone(),
    };
    session
        .run(limits, move |connection, reason| {
            reconcile(connection, reason, &store.feeds, &what, feed)
        })
        .await
}

/// Passes keys on as they are read.
struct Keys(Reader);

impl Feed for Keys {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        self.0.fill(batch)
    }
}
