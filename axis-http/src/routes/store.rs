//! Starting syncs, comparing with the source, resetting watermarks.

use axis_core::{Dataset, Engine, Error, ErrorKind, SyncMode, SyncOptions, VerifyOptions};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dataset;
use crate::app::App;
use crate::extract::{Name, Params};
use crate::gate::{ApiError, Problem};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sync_all))
        .routes(routes!(sync_one, cancel))
        .routes(routes!(reset_watermark))
        .routes(routes!(verify))
}

/// Starts every dataset that can be synced, or none when one of them is running.
#[utoipa::path(post, path = "/api/store/sync", tag = "store",
    params(("full" = Option<bool>, Query, description = "Rebuild every table"),
           ("reconcile" = Option<bool>, Query, description = "Look for deleted rows, too")),
    responses((status = 200, description = "The syncs have begun", body = Object),
              (status = 409, description = "It is running already", body = Problem),
              (status = 422, description = "A parameter is wrong, or nothing can be synced as configured", body = Problem),
              (status = 503, description = "Another process has the store, or the engine closes", body = Problem)))]
async fn sync_all(State(engine): State<Engine>, mut params: Params) -> Result<Json<Value>, ApiError> {
    let mode = mode(&mut params);
    params.check()?;
    if !engine.config().store.enabled {
        return Err(config_error("the store is disabled by `duckdb.enabled: false`"));
    }
    let all: Vec<Dataset> = engine.syncable().collect();
    let skipped = broken(&engine);
    if all.is_empty() {
        let hint = if skipped.is_empty() {
            "enable one with a connection and queries"
        } else {
            "correct the broken ones"
        };
        return Err(config_error(&format!("no dataset can be synced; {hint}")));
    }
    let running: Vec<&str> = all
        .iter()
        .filter(|dataset| dataset.status().running.is_some())
        .map(Dataset::name)
        .collect();
    if !running.is_empty() {
        return Err(busy(&running));
    }
    // Each start reserves its dataset; one that somebody else has started meanwhile is being synced, which is what was asked for.
    let mut runs = Map::new();
    let mut already = Vec::new();
    for (dataset, started) in engine.start_sync(&all, &SyncOptions::default().mode(mode)) {
        match started {
            Ok(handle) => {
                runs.insert(dataset, json!(handle.run_id()));
                handle.detach();
            }
            Err(error) if error.kind() == ErrorKind::Busy => already.push(dataset),
            // Only the end of the engine can come between here; what was started ends with it.
            Err(error) => return Err(error.into()),
        }
    }
    if runs.is_empty() {
        return Err(busy(&already));
    }
    let mut body = json!({
        "success": true,
        "message": format!("sync of {} started in the background ({})", names(runs.keys()), describe(mode)),
        "runs": runs,
    });
    if !already.is_empty() {
        body["already_running"] = json!(already);
    }
    if !skipped.is_empty() {
        body["skipped"] = json!(skipped);
    }
    Ok(Json(body))
}

/// Starts one dataset.
#[utoipa::path(post, path = "/api/store/sync/{dataset}", tag = "store",
    params(("dataset" = String, Path, description = "The dataset"),
           ("full" = Option<bool>, Query, description = "Rebuild every table"),
           ("reconcile" = Option<bool>, Query, description = "Look for deleted rows, too")),
    responses((status = 200, description = "The sync has begun", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 409, description = "It is running already", body = Problem),
              (status = 422, description = "A parameter is wrong, or nothing can be synced as configured", body = Problem),
              (status = 503, description = "Another process has the store, or the engine closes", body = Problem)))]
async fn sync_one(State(engine): State<Engine>, Name(name): Name, mut params: Params) -> Result<Json<Value>, ApiError> {
    let mode = mode(&mut params);
    params.check()?;
    let dataset = dataset(&engine, &name)?;
    let handle = dataset.start_sync(SyncOptions::default().mode(mode))?;
    let run_id = handle.run_id().to_owned();
    // What becomes of it is told by the status.
    handle.detach();
    Ok(Json(json!({
        "success": true,
        "message": format!("sync of {name} started in the background ({})", describe(mode)),
        "run_id": run_id,
    })))
}

/// Cancels what is running, also a verification; a commit that has begun is finished.
#[utoipa::path(delete, path = "/api/store/sync/{dataset}", tag = "store",
    params(("dataset" = String, Path, description = "The dataset")),
    responses((status = 200, description = "`cancelled` tells whether something was running", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem)))]
async fn cancel(State(engine): State<Engine>, Name(name): Name) -> Result<Json<Value>, ApiError> {
    let cancelled = dataset(&engine, &name)?.cancel_sync();
    Ok(Json(json!({ "success": true, "cancelled": cancelled })))
}

/// Answers when both sides have been compared. A client that goes away cancels it.
#[utoipa::path(post, path = "/api/store/verify/{dataset}", tag = "store",
    params(("dataset" = String, Path, description = "The dataset"),
           ("sync" = Option<bool>, Query, description = "Sync first, and compare in the same snapshot")),
    responses((status = 200, description = "What differs", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 502, description = "The source refuses", body = Problem),
              (status = 504, description = "The sync took longer than allowed", body = Problem),
              (status = 409, description = "It is being synced or verified, or was never synced", body = Problem),
              (status = 422, description = "A parameter is wrong, or nothing can be synced as configured", body = Problem),
              (status = 503, description = "Another process has the store, or the engine closes", body = Problem)))]
async fn verify(State(engine): State<Engine>, Name(name): Name, mut params: Params) -> Result<Json<Value>, ApiError> {
    let sync = params.boolean("sync", false);
    params.check()?;
    let options = VerifyOptions::default().sync(sync);
    let report = dataset(&engine, &name)?.verify(options).await?;
    Ok(Json(json!({ "success": true, "report": report })))
}

/// Forgets the watermarks of a dataset, so that its next sync is a full rebuild.
#[utoipa::path(post, path = "/api/store/sync/{dataset}/reset-watermark", tag = "store",
    params(("dataset" = String, Path, description = "The dataset")),
    responses((status = 200, description = "Forgotten; `success` is false for a dataset that has none", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 409, description = "It is running already", body = Problem),
              (status = 422, description = "A parameter is wrong, or nothing can be synced as configured", body = Problem),
              (status = 503, description = "Another process has the store, or the engine closes", body = Problem)))]
async fn reset_watermark(State(engine): State<Engine>, Name(name): Name) -> Result<Json<Value>, ApiError> {
    match dataset(&engine, &name)?.reset_watermarks().await {
        Ok(_) => Ok(Json(json!({
            "success": true,
            "message": format!("the watermarks of {name} are forgotten; the next sync is a full rebuild"),
        }))),
        // Clients know this answer as a success of the request.
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            Ok(Json(json!({ "success": false, "message": error.to_string() })))
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads `full` and `reconcile`; a rebuild is the more of the two.
fn mode(params: &mut Params) -> SyncMode {
    match (params.boolean("full", false), params.boolean("reconcile", false)) {
        (true, _) => SyncMode::Full,
        (false, true) => SyncMode::Reconcile,
        (false, false) => SyncMode::Auto,
    }
}

fn describe(mode: SyncMode) -> &'static str {
    match mode {
        SyncMode::Full => "full rebuild",
        SyncMode::Reconcile => "incremental where that is possible, and looking for deleted rows",
        _ => "incremental where that is possible",
    }
}

/// The datasets that are meant to be synced and cannot, with the reason.
fn broken(engine: &Engine) -> Map<String, Value> {
    let datasets = engine.datasets().filter(|dataset| dataset.config().enabled);
    datasets
        .filter_map(|dataset| {
            let error = dataset.config().broken.as_ref()?;
            Some((dataset.name().to_owned(), json!(error.to_string())))
        })
        .collect()
}

fn config_error(message: &str) -> ApiError {
    Error::new(ErrorKind::Config, message).into()
}

fn busy<T: AsRef<str>>(running: &[T]) -> ApiError {
    debug_assert_eq!(ErrorKind::Busy.http_status(), StatusCode::CONFLICT.as_u16());
    Error::new(
        ErrorKind::Busy,
        format!("a sync is already running: {}", names(running)),
    )
    .into()
}

fn names<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
    names.join(", ")
}
