//! Every route.

mod data;
mod health;
mod status;
mod store;

use axis_core::{Dataset, Engine};
use axum::Router;
use axum::routing::{get, post};

use crate::gate::ApiError;

pub use status::rows_added;

/// Collects the routes.
pub(crate) fn all(engine: Engine) -> Router {
    Router::new()
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
        .route("/api/store/data/{dataset}", get(data::data))
        .with_state(engine)
}

/// Finds a dataset by the name that syncs use.
fn dataset(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    Ok(engine.dataset(name)?)
}
