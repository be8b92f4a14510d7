//! Turns the outcomes of a commit into the record and the report.

use std::cmp::Ordering;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::columns;
use super::plan::TablePlan;
use super::read::{Staged, is_confirmed};
use super::report::{Strategy, SyncReport, TableReport};
use super::window::{self, Clocks};
use crate::clock::Clock;
use crate::column::Column;
use crate::config::DatasetConfig;
use crate::source::{CursorValue, Horizon};
use crate::store::{DatasetRecord, Mark, RunRecord, TableOutcome, TableRecord};

/// Turns the outcomes of a commit into the record and the report, inside the transaction.
pub(super) struct Completion {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dataset: Arc<DatasetConfig>,
    pub(super) run_id: String,
    pub(super) bytes: Vec<u64>,
    pub(super) horizon: Horizon,
    pub(super) clocks: Clocks,
    pub(super) started_at: DateTime<Utc>,
    pub(super) plans: Vec<TablePlan>,
    pub(super) staged: Vec<Staged>,
}

/// What the analytics will miss. Everything else can be asked all the same, so that it is no failure.
fn missing_columns(dataset: &DatasetConfig, columns: &[Column]) -> Vec<String> {
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let missing = columns::missing(dataset.kind, &names);
    if !missing.is_empty() {
        tracing::warn!(dataset = dataset.name, "{}", columns::lacks(&missing));
    }
    missing.into_iter().map(str::to_owned).collect()
}

impl Completion {
    /// Fills in what is stored, inside the transaction.
    pub(super) fn fill(
        self,
        record: &mut DatasetRecord,
        run: &mut RunRecord,
        outcomes: &[TableOutcome],
        changed: bool,
    ) {
        let finished_at = self.clock.now();
        let strategy = self
            .plans
            .iter()
            .map(|plan| plan.strategy)
            .find(|strategy| *strategy != Strategy::Incremental)
            .unwrap_or(Strategy::Incremental);
        let confirmed = is_confirmed(&self.staged);
        let mut tables = Vec::with_capacity(self.plans.len());
        let mut records = std::collections::BTreeMap::new();
        let parts = self.plans.into_iter().zip(&self.staged).zip(outcomes).zip(&self.bytes);
        for (((plan, staged), outcome), bytes) in parts {
            tables.push(TableReport {
                table: plan.table.clone(),
                strategy: plan.strategy,
                ranges: plan.ranges,
                rows_read: staged.rows,
                bytes_read: *bytes,
                rows_deleted: outcome.deleted,
                rows_inserted: outcome.inserted,
                rows_total: outcome.rows,
                truncated: staged.truncated,
                reconciled: staged.reconciled,
                watermark: outcome.watermark.as_ref().map(CursorValue::display),
                schema_change: plan.schema_change,
                kept_aliases: plan.kept,
                missing_columns: missing_columns(&self.dataset, &plan.columns),
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
            let rebuilt = plan.strategy != Strategy::Incremental;
            stored.last_full = if rebuilt {
                Some(finished_at)
            } else {
                before.and_then(|before| before.last_full)
            };
            stored.last_reconciled = if rebuilt || staged.reconciled.is_some() {
                Some(finished_at)
            } else {
                before.and_then(|before| before.last_reconciled)
            };
            stored.marks = match (&outcome.watermark, before) {
                // What was not confirmed moves no bound.
                (_, Some(before)) if !confirmed => before.marks.clone(),
                (Some(watermark), _) => {
                    let past = before.filter(|before| still_holds(before, &stored, watermark, rebuilt));
                    let past = past.map(|before| before.marks.as_slice());
                    window::remember(
                        past.unwrap_or_default(),
                        &self.horizon,
                        self.clocks,
                        watermark,
                        lookback,
                    )
                }
                (None, _) => Vec::new(),
            };
            records.insert(plan.table, stored);
        }
        let elapsed_ms = u64::try_from((finished_at - self.started_at).num_milliseconds()).unwrap_or(0);
        let rows_read = self.staged.iter().map(|staged| staged.rows).sum();
        run.finished(
            elapsed_ms,
            if changed { "ok" } else { "unchanged" },
            strategy,
            rows_read,
            record.generation,
        );
        record.tables = records;
        record.upload = None;
        record.last_failure = None;
        match strategy {
            Strategy::Full { .. } => {
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

/// Tells whether the marks of before are still facts: about the same cursor, and not beyond what a rebuild has found.
fn still_holds(before: &TableRecord, now: &TableRecord, watermark: &CursorValue, rebuilt: bool) -> bool {
    let cursor = |record: &TableRecord| {
        record
            .columns
            .iter()
            .find(|column| Some(&column.name) == record.cursor.as_ref())
            .cloned()
    };
    let beyond = |mark: &Mark| {
        !matches!(
            mark.watermark.partial_cmp(watermark),
            Some(Ordering::Less | Ordering::Equal)
        )
    };
    before.fingerprint == now.fingerprint
        && before.server == now.server
        && before.origins == now.origins
        && cursor(before) == cursor(now)
        && !(rebuilt && before.marks.iter().any(beyond))
}
