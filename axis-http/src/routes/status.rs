//! `GET /api/store/status`, which clients poll.

use std::collections::BTreeMap;

use axis_core::config::{DatasetKind, ViewConfig};
use axis_core::{Dataset, Engine, SyncReport, SyncState};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The status of every relation, in the order in which clients know them, then the user's own.
///
/// Where scheduled backups are asked for, `backup` tells how they go.
#[utoipa::path(get, path = "/api/store/status", tag = "store",
    responses((status = 200, description = "The status of every relation", body = Object)))]
async fn status(State(engine): State<Engine>) -> Json<Value> {
    let mut relations = Map::new();
    for wanted in [
        DatasetKind::Monitoring,
        DatasetKind::HumanSignals,
        DatasetKind::Eval,
        DatasetKind::Kpi,
    ] {
        for dataset in engine.datasets().filter(|dataset| dataset.config().kind == wanted) {
            relations.insert(relation(&dataset), describe(&dataset).await);
        }
        if wanted == DatasetKind::HumanSignals {
            relations.insert("human_signals_cases".to_owned(), cases(&engine));
        }
    }
    for dataset in engine
        .datasets()
        .filter(|dataset| dataset.config().kind == DatasetKind::Custom)
    {
        relations.insert(relation(&dataset), describe(&dataset).await);
    }
    let mut answer = json!({ "success": true, "enabled": engine.config().store.enabled, "datasets": relations });
    if let Some(backup) = engine.backup_status() {
        answer["backup"] = json!({
            "last_backup": backup.last_success.map(time),
            "error": backup.last_failure.as_ref().map(|failure| &failure.message),
            "code": backup.last_failure.as_ref().map(|failure| &failure.code),
        });
    }
    Json(answer)
}

/// Returns how many rows of the results a sync has added: those written less those removed, at least 0.
///
/// Of a joined dataset only the results count, because a record without results shows no row.
#[must_use]
pub fn rows_added(dataset: &Dataset, report: &SyncReport) -> u64 {
    let counted = |table: &str| match &dataset.config().view {
        ViewConfig::Join { results, .. } => results == table,
        _ => true,
    };
    let tables = report.tables.iter().filter(|table| counted(&table.table));
    let (inserted, deleted) = tables.fold((0_u64, 0_u64), |(inserted, deleted), table| {
        (inserted + table.rows_inserted, deleted + table.rows_deleted)
    });
    inserted.saturating_sub(deleted)
}

/// Writes an instant as this API always has: microseconds and `+00:00`.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, false)
}

/// The name under which clients look for a dataset; one of several tables without a view has only its own.
fn relation(dataset: &Dataset) -> String {
    dataset.relation().unwrap_or_else(|| dataset.name()).to_owned()
}

async fn describe(dataset: &Dataset) -> Value {
    let status = dataset.status();
    let rows = rows(dataset).await;
    let last = status.last_success.as_ref();
    let incremental = last.filter(|report| report.strategy.as_str() == "incremental");
    let mut value = json!({
        "state": status.state,
        "rows": rows.unwrap_or_default(),
        "last_sync": last.map(|report| time(report.finished_at)),
        "error": status.last_failure.as_ref().map(|failure| &failure.message),
        "truncated": last.is_some_and(|report| report.truncated),
        "sync_type": last.map_or("full", |report| report.strategy.as_str()),
        "last_incremental": status.last_incremental.map(time),
        "incremental_rows": incremental.map_or(0, |report| rows_added(dataset, report)),
        "refresh_interval_minutes": status.refresh_interval_minutes,
        "incremental_column": status.incremental_column,
        "dataset": status.dataset,
        "generation": status.generation,
        "code": status.last_failure.as_ref().map(|failure| &failure.code),
        "run_id": status.running.as_ref().map(|running| &running.run_id).or(last.map(|report| &report.run_id)),
        "rows_read": status.running.as_ref().map(|running| running.rows),
    });
    let watermarks = watermarks(dataset, &status.watermarks);
    if !watermarks.is_empty() {
        value["watermarks"] = json!(watermarks);
    }
    value
}

/// The rows that readers see; `None` when there are none yet, or they cannot be counted.
pub(super) async fn rows(dataset: &Dataset) -> Option<u64> {
    dataset.row_count().await.unwrap_or_else(|error| {
        tracing::warn!(dataset = dataset.name(), code = error.code(), error = %error.chain(), "the rows cannot be counted");
        None
    })
}

/// The watermarks by table; those of a split dataset are named even when nothing is configured.
fn watermarks(dataset: &Dataset, known: &BTreeMap<String, Option<String>>) -> BTreeMap<String, Option<String>> {
    let mut all = known.clone();
    if let ViewConfig::Join { dataset, results, .. } = &dataset.config().view {
        for table in [dataset, results] {
            all.entry(table.clone()).or_default();
        }
    }
    all
}

/// The cases are made in the commit of the raw signals, so they stand as those do, with rows and an error of their own.
fn cases(engine: &Engine) -> Value {
    let mut value = json!({
        "state": SyncState::NotSynced,
        "rows": 0,
        "last_sync": null,
        "error": null,
        "truncated": false,
        "sync_type": "full",
        "last_incremental": null,
        "incremental_rows": 0,
    });
    let Ok(signals) = engine.signals() else {
        return value;
    };
    let status = signals.dataset().status();
    let last = status.last_success.as_ref();
    let derived = status.derived.as_ref();
    let unfit = derived.and_then(|derived| derived.error.as_ref());
    let state = match status.state {
        SyncState::Ready if unfit.is_some() => SyncState::Error,
        // Rows that a version without cases has stored.
        SyncState::Ready if derived.is_none() => SyncState::NotSynced,
        state => state,
    };
    let incremental = last.is_some_and(|report| report.strategy.as_str() == "incremental");
    value["state"] = json!(state);
    value["rows"] = json!(derived.map_or(0, |derived| derived.rows));
    value["last_sync"] = json!(derived.and(last).map(|report| time(report.finished_at)));
    value["error"] = json!(status.last_failure.as_ref().map(|failure| &failure.message).or(unfit));
    value["truncated"] = json!(last.is_some_and(|report| report.truncated));
    value["sync_type"] = json!(last.map_or("full", |report| report.strategy.as_str()));
    value["last_incremental"] = json!(status.last_incremental.map(time));
    value["incremental_rows"] = json!(derived.filter(|_| incremental).map_or(0, |derived| derived.added));
    value["dataset"] = json!(status.dataset);
    value["generation"] = json!(status.generation);
    value["run_id"] = json!(
        status
            .running
            .as_ref()
            .map(|running| &running.run_id)
            .or(last.map(|report| &report.run_id))
    );
    value
}
