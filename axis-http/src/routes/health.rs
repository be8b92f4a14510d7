//! Whether the process lives, and whether it can be asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axis_core::{Dataset, DatasetReadiness, Engine, Error, ErrorKind};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use chrono::Utc;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::status::time;
use crate::app::App;
use crate::auth::Caller;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(health))
        .routes(routes!(ready))
}

/// What answers here. Browsers, which prefer `text/html`, are sent to the dashboard.
#[utoipa::path(get, path = "/", tag = "service", security(()),
    responses((status = 200, description = "The service and its version", body = Object),
              (status = 303, description = "The dashboard, for browsers")))]
async fn root(headers: HeaderMap) -> Response {
    #[cfg(feature = "ui")]
    if let Some(dashboard) = super::ui::welcome(&headers) {
        return dashboard;
    }
    #[cfg(not(feature = "ui"))]
    drop(headers);
    Json(json!({ "status": "healthy", "service": "AXIS API", "version": env!("CARGO_PKG_VERSION") })).into_response()
}

/// The process answers. Nothing is probed, so that a slow disk does not get it killed.
#[utoipa::path(get, path = "/health", tag = "service", security(()),
    responses((status = 200, description = "The process lives", body = Object)))]
async fn health() -> Json<Value> {
    Json(json!({ "status": "healthy", "components": { "api": "up", "data_processor": "up" } }))
}

/// How long the outcome of a probe is good for: everybody may ask, and each probe is a statement in DuckDB.
const PROBE_AGE: Duration = Duration::from_secs(1);

/// What the store has answered last. Whoever asks while it is being probed waits for the same answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe(Arc<Mutex<Option<Probed>>>);

/// When the store was probed, and what it has answered.
type Probed = (Instant, Result<(), Arc<Error>>);

impl Probe {
    async fn look(&self, engine: &Engine) -> Result<(), Arc<Error>> {
        let mut last = self.0.lock().await;
        if let Some((at, outcome)) = &*last
            && at.elapsed() < PROBE_AGE
        {
            return outcome.clone();
        }
        let outcome = engine.probe().await.map_err(Arc::new);
        *last = Some((Instant::now(), outcome.clone()));
        outcome
    }
}

/// 200 when the store answers and every dataset that should be there is there, 503 otherwise.
///
/// Where keys are asked for, who has none gets the codes of errors without their messages. What the store has answered is good
/// for a second.
#[utoipa::path(get, path = "/ready", tag = "service", security(()),
    responses((status = 200, description = "It can be asked", body = Object),
              (status = 503, description = "The store does not answer, or a dataset is missing", body = Object)))]
async fn ready(
    State(engine): State<Engine>,
    State(probe): State<Probe>,
    caller: Option<Extension<Caller>>,
) -> (StatusCode, Json<Value>) {
    let probe = probe.look(&engine).await;
    // Messages name hosts, files and tables.
    let trusted = caller.is_some();
    let enabled = engine.config().store.enabled;
    let readiness = engine.readiness();
    let ready = probe.is_ok() && readiness.ready;
    let datasets = engine.datasets().filter(|dataset| dataset.config().enabled);
    let datasets: Map<_, _> = datasets
        .map(|dataset| (dataset.name().to_owned(), look(&dataset, trusted)))
        .collect();
    let closed = matches!(&probe, Err(error) if error.kind() == ErrorKind::Closed);
    let detail = match &probe {
        Err(error) if trusted => error.to_string(),
        Err(_) => "the store does not answer".to_owned(),
        Ok(()) => format!("not there yet: {}", readiness.missing.join(", ")),
    };
    let mut body = json!({
        "ready": ready,
        "degraded": readiness.degraded,
        "store": {
            "open": probe.is_ok(),
            "enabled": enabled,
            "closing": closed,
            "error": probe.as_ref().err().filter(|_| trusted).map(ToString::to_string),
            "code": probe.as_ref().err().map(|error| error.code()),
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

fn look(dataset: &Dataset, trusted: bool) -> Value {
    let status = dataset.status();
    let last = status.last_success.as_ref();
    let failure = status.last_failure.as_ref();
    json!({
        "state": status.state,
        "configured": status.configured,
        "last_sync": last.map(|report| time(report.finished_at)),
        "age_seconds": last.map(|report| (Utc::now() - report.finished_at).num_seconds().max(0)),
        "degraded": dataset.readiness() == DatasetReadiness::Degraded,
        "error": failure.filter(|_| trusted).map(|failure| &failure.message),
        "code": failure.map(|failure| &failure.code),
    })
}
