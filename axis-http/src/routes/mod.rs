//! Every route.

mod data;
mod health;
mod monitoring_analytics;
mod status;
mod store;

use axis_core::{Dataset, Engine, SyncState};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::gate::ApiError;
use crate::openapi;

pub use status::rows_added;

/// Collects the routes. A module with routes of its own has a function `routes` and is merged here.
pub(crate) fn all(engine: Engine) -> Router {
    let routes = OpenApiRouter::new()
        .route("/", get(health::root))
        .route("/health", get(health::health))
        .route("/ready", get(health::ready))
        .route("/api/store/sync", post(store::sync_all))
        .route("/api/store/sync/{dataset}", post(store::sync_one))
        .route(
            "/api/store/sync/{dataset}/reset-watermark",
            post(store::reset_watermark),
        )
        .route("/api/store/verify/{dataset}", post(store::verify))
        .route("/api/store/status", get(status::status))
        .route("/api/store/metadata/{dataset}", get(data::metadata))
        .route("/api/store/data/{dataset}", get(data::data));
    let routes = routes.merge(monitoring_analytics::routes());
    openapi::serve(routes, App::new(engine))
}

/// Finds a dataset by the name that syncs use.
fn dataset(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    Ok(engine.dataset(name)?)
}

/// Finds a dataset whose relation must be there to be asked: 503 while its first sync runs, 404 before that.
fn ready(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    let dataset = dataset(engine, name)?;
    let status = dataset.status();
    if status.generation > 0 {
        return Ok(dataset);
    }
    if status.state == SyncState::Syncing {
        let message = format!("{name} is being synced for the first time; try again soon");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).retry());
    }
    let message = format!("{name} is not available; sync it first: POST /api/store/sync/{name}");
    Err(ApiError::new(StatusCode::NOT_FOUND, message))
}
