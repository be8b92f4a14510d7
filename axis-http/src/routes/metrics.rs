//! What Prometheus scrapes.

use std::sync::Arc;

use axis_core::{Engine, SyncState};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use chrono::Utc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::edge::{Edge, Text};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(metrics))
        .routes(routes!(versioned_metrics))
}

/// Requests, datasets, queries and the store, in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "service",
    responses((status = 200, description = "Samples", content_type = "text/plain", body = String)))]
async fn metrics(State(engine): State<Engine>, State(edge): State<Arc<Edge>>) -> impl IntoResponse {
    let mut text = Text::default();
    text.family("axis_build_info", "gauge", "The version of this program.");
    text.sample("axis_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    edge.metrics.render(&mut text);
    let failures = edge.audit.failures();
    text.one(
        "axis_audit_failures_total",
        "counter",
        "Lines of the audit log that were lost.",
        failures,
    );
    store(&mut text, &engine).await;
    datasets(&mut text, &engine).await;
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text.finish(),
    )
}

/// The same under the path that other servers have.
#[utoipa::path(get, path = "/api/v1/metrics", tag = "service",
    responses((status = 200, description = "Samples", content_type = "text/plain", body = String)))]
async fn versioned_metrics(engine: State<Engine>, edge: State<Arc<Edge>>) -> impl IntoResponse {
    metrics(engine, edge).await
}

async fn store(text: &mut Text, engine: &Engine) {
    let usage = engine.usage().await;
    let gauges = [
        (
            "axis_store_bytes",
            "Bytes of the store and its log on disk.",
            usage.store_bytes,
        ),
        (
            "axis_query_slots",
            "Queries of clients that may run at once.",
            usage.query_slots as u64,
        ),
        (
            "axis_queries_running",
            "Queries of clients that are running.",
            usage.queries_running as u64,
        ),
        (
            "axis_queries_waiting",
            "Queries of clients that wait for a slot.",
            usage.queries_waiting as u64,
        ),
    ];
    for (name, help, value) in gauges {
        text.one(name, "gauge", help, value);
    }
    let Some(backup) = engine.backup_status() else {
        return;
    };
    if let Some(last) = backup.last_success {
        let age = (Utc::now() - last).num_milliseconds().max(0) as f64 / 1000.0;
        let help = "Seconds since the newest scheduled backup.";
        text.one("axis_backup_age_seconds", "gauge", help, age);
    }
    if backup.last_success.is_some() || backup.last_failure.is_some() {
        let ok = u8::from(backup.last_failure.is_none());
        let help = "1 when the last scheduled backup succeeded, 0 when it failed.";
        text.one("axis_backup_last_ok", "gauge", help, ok);
    }
}

async fn datasets(text: &mut Text, engine: &Engine) {
    let mut all = Vec::new();
    for dataset in engine.datasets().filter(|dataset| dataset.status().enabled) {
        // What cannot be counted is left out, and so it does not look like an empty dataset.
        let rows = dataset.row_count().await.ok().flatten();
        all.push((dataset.status(), rows));
    }
    let now = Utc::now();
    let mut family = |name: &str, help: &str, value: &dyn Fn(usize) -> Option<f64>| {
        text.family(name, "gauge", help);
        for (index, (status, _)) in all.iter().enumerate() {
            if let Some(value) = value(index) {
                text.sample(name, &[("dataset", status.dataset.as_str())], value);
            }
        }
    };
    let flag = |is: bool| Some(f64::from(u8::from(is)));
    // Counts stay far below 2^53.
    family(
        "axis_dataset_generation",
        "Grows with every change that readers can see.",
        &|at| Some(all[at].0.generation as f64),
    );
    family("axis_dataset_rows", "Rows that readers see.", &|at| {
        all[at].1.map(|rows| rows as f64)
    });
    family(
        "axis_dataset_age_seconds",
        "Seconds since the last sync that succeeded.",
        &|at| {
            let last = all[at].0.last_success.as_ref()?;
            Some((now - last.finished_at).num_milliseconds().max(0) as f64 / 1000.0)
        },
    );
    family(
        "axis_dataset_last_sync_duration_seconds",
        "How long the last sync that succeeded took.",
        &|at| Some(all[at].0.last_success.as_ref()?.elapsed_ms as f64 / 1000.0),
    );
    family(
        "axis_dataset_last_sync_ok",
        "1 when the last sync succeeded, 0 when it failed.",
        &|at| {
            let status = &all[at].0;
            (status.last_success.is_some() || status.last_failure.is_some())
                .then(|| flag(status.last_failure.is_none()))
                .flatten()
        },
    );
    family("axis_dataset_syncing", "1 while a sync is running.", &|at| {
        flag(all[at].0.state == SyncState::Syncing)
    });
}
