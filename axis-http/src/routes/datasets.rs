//! What is known about each dataset and its runs, in the form of the library.

use axis_core::Engine;
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dataset;
use super::status::rows;
use crate::app::App;
use crate::extract::Params;
use crate::gate::{ApiError, Problem};

/// Runs that are told unless more are asked for.
const RUNS: u32 = 50;
/// The most runs that are told.
const RUNS_MAX: u32 = 1000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(datasets)).routes(routes!(runs))
}

/// Every configured dataset: whether it can be read, its last sync and failure, what is running, its watermarks and rows.
///
/// `backup` tells how the scheduled backups go, and is null where none are asked for.
#[utoipa::path(get, path = "/api/store/datasets", tag = "store",
    responses((status = 200, description = "The datasets, in the order of the configuration", body = Object)))]
async fn datasets(State(engine): State<Engine>) -> Result<Json<Value>, ApiError> {
    let mut all = Vec::new();
    for dataset in engine.datasets() {
        let mut value = json!(dataset.status());
        value["rows"] = json!(rows(&dataset).await);
        all.push(value);
    }
    Ok(Json(
        json!({ "success": true, "enabled": engine.config().store.enabled, "datasets": all, "backup": engine.backup_status() }),
    ))
}

/// The newest runs, newest first.
#[utoipa::path(get, path = "/api/store/runs", tag = "store",
    params(("dataset" = Option<String>, Query, description = "Only of this dataset"),
           ("limit" = Option<u32>, Query, description = "At most so many, up to 1,000; 50 by default")),
    responses((status = 200, description = "The runs", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 422, description = "A parameter is wrong", body = Problem)))]
async fn runs(State(engine): State<Engine>, mut params: Params) -> Result<Json<Value>, ApiError> {
    let limit = params.integer("limit", RUNS, 1..=RUNS_MAX);
    let only = params.text("dataset");
    params.check()?;
    let runs = match only {
        Some(name) => dataset(&engine, &name)?.runs(limit).await?,
        None => engine.runs(limit).await?,
    };
    Ok(Json(json!({ "success": true, "runs": runs })))
}
