//! Whether the process lives, and whether it can be asked.

use axis_core::{Dataset, Engine, ErrorKind};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::Utc;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::status::time;
use crate::app::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(health))
        .routes(routes!(ready))
}

/// What answers here.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "The service and its version", body = Object)))]
async fn root() -> Json<Value> {
    Json(json!({ "status": "healthy", "service": "AXIS API", "version": env!("CARGO_PKG_VERSION") }))
}

/// The process answers. Nothing is probed, so that a slow disk does not get it killed.
#[utoipa::path(get, path = "/health", tag = "service", security(()),
    responses((status = 200, description = "The process lives", body = Object)))]
async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy", "components": { "api": "up", "data_processor": "up" } }))
}

/// 200 when the store answers and every dataset that should be there is there, 503 otherwise.
#[utoipa::path(get, path = "/ready", tag = "service", security(()),
    responses((status = 200, description = "It can be asked", body = Object),
              (status = 503, description = "The store does not answer, or a dataset is missing", body = Object)))]
async fn ready(State(engine): State<Engine>) -> (StatusCode, Json<Value>) {
    let probe = engine.probe().await;
    let enabled = engine.config().store.enabled;
    let mut ready = probe.is_ok();
    let mut degraded = false;
    let mut datasets = Map::new();
    let mut missing = Vec::new();
    for dataset in engine.datasets().filter(|dataset| dataset.status().enabled) {
        let (value, state) = look(&dataset);
        degraded |= state == Readiness::Degraded;
        // A disabled store syncs nothing, so nothing is missing from it.
        if state == Readiness::Missing && enabled {
            ready = false;
            missing.push(dataset.name().to_owned());
        }
        datasets.insert(dataset.name().to_owned(), value);
    }
    let closed = matches!(&probe, Err(error) if error.kind() == ErrorKind::Closed);
    let detail = match &probe {
        Err(error) => error.to_string(),
        Ok(()) => format!("not there yet: {}", missing.join(", ")),
    };
    let mut body = json!({
        "ready": ready,
        "degraded": degraded,
        "store": {
            "open": probe.is_ok(),
            "enabled": enabled,
            "closing": closed,
            "error": probe.err().map(|error| error.to_string()),
        },
        "datasets": datasets,
    });
    let status = if ready {
        StatusCode::OK
    } else {
        body["detail"] = json!(detail);
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(body))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Fine,
    /// Data is served, but the last sync failed.
    Degraded,
    /// It should be there and is not, or its configuration is broken.
    Missing,
}

fn look(dataset: &Dataset) -> (Value, Readiness) {
    let status = dataset.status();
    let last = status.last_success.as_ref();
    let failure = status.last_failure.as_ref();
    let state = if dataset.config().broken.is_some() || (status.configured && last.is_none()) {
        Readiness::Missing
    } else if failure.is_some() {
        Readiness::Degraded
    } else {
        Readiness::Fine
    };
    let value = json!({
        "state": status.state,
        "configured": status.configured,
        "last_sync": last.map(|report| time(report.finished_at)),
        "age_seconds": last.map(|report| (Utc::now() - report.finished_at).num_seconds().max(0)),
        "degraded": state == Readiness::Degraded,
        "error": failure.map(|failure| &failure.message),
        "code": failure.map(|failure| &failure.code),
    });
    (value, state)
}
