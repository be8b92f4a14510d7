//! Every route.

mod config;
mod data;
mod health;
mod kpi;
mod metrics;
pub(crate) mod policy;
mod status;
mod store;

use std::sync::Arc;

use axis_core::{Dataset, Engine, SyncState};
use axum::Router;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::edge::Edge;
use crate::gate::ApiError;
use crate::openapi;

pub use status::rows_added;

/// Collects the routes. A module with routes of its own has a function `routes` and is merged here.
pub(crate) fn all(engine: Engine, edge: Arc<Edge>) -> Router {
    let routes = OpenApiRouter::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(store::routes())
        .merge(status::routes())
        .merge(data::routes())
        .merge(config::routes())
        .merge(kpi::routes());
    openapi::serve(routes, App::new(engine, edge))
}

/// Finds a dataset by the name that syncs use.
fn dataset(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    Ok(engine.dataset(name)?)
}

/// Finds a dataset whose relation must be there to be asked: 503 while its first sync runs, 404 before that.
#[expect(dead_code, reason = "the analytics come next")]
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
