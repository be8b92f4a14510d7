//! People's feedback: cases, what they look like, and where they come from.

use std::time::Duration;

use axis_core::config::Role;
use axis_core::signals::{Bring, CasesAnswer, DatabaseAnswer, SchemaAnswer, Signals};
use axis_core::{Engine, ErrorKind};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use tokio::runtime::Handle;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ready;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{CsvFile, CsvForm, FORM_MAX, Name, Params, too_large};
use crate::gate::ApiError;
use crate::work::{Workers, json};

/// The most cases that one page may have.
const PAGE_SIZE_MAX: u64 = 500;
/// How long an import waits for its sync, which goes on behind it.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn routes() -> OpenApiRouter<App> {
    let uploads = OpenApiRouter::new().routes(routes!(upload));
    uploads
        .layer(DefaultBodyLimit::max(FORM_MAX))
        .routes(routes!(example))
        .routes(routes!(database))
        .routes(routes!(import))
        .routes(routes!(cases))
        .routes(routes!(metric_schema))
}

/// Make cases of a CSV file. Nothing is stored.
#[utoipa::path(
    post, path = "/api/human-signals/upload", tag = "human signals",
    request_body(content = CsvForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The cases of the file, ascending by `Case_ID`", body = CasesAnswer),
        (status = 400, description = "No file, no CSV, empty, or without the columns that make cases"),
        (status = 413, description = "Larger than 50 MB, or too many fields or cases"),
    )
)]
async fn upload(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    CsvFile(bytes): CsvFile,
) -> Result<Response, ApiError> {
    let signals = engine.signals()?;
    let runtime = Handle::current();
    workers
        .run(move || json(&runtime.block_on(signals.upload(bytes)).map_err(too_large)?))
        .await
}

/// Make cases of a file that comes with the program.
#[utoipa::path(
    get, path = "/api/human-signals/example/{name}", tag = "human signals",
    params(("name" = String, Path, description = "`hitl`")),
    responses(
        (status = 200, description = "The cases of the file", body = CasesAnswer),
        (status = 404, description = "There is no such file; the names are listed"),
    )
)]
async fn example(State(engine): State<Engine>, Name(name): Name) -> Result<Json<CasesAnswer>, ApiError> {
    Ok(Json(engine.signals()?.example(&name).await?))
}

/// Tell where the feedback comes from, without secrets.
#[utoipa::path(
    get, path = "/api/human-signals/db-config", tag = "human signals",
    responses((status = 200, description = "The connection and the settings around it", body = DatabaseAnswer))
)]
async fn database(State(engine): State<Engine>) -> Result<Json<DatabaseAnswer>, ApiError> {
    Ok(Json(engine.signals()?.database()))
}

/// Return the stored cases and how they stand to their source, as many as `row_limit` allows.
///
/// With `sync=true`, or when nothing is stored yet, a sync is started or the running one joined, and waited for 30 seconds at
/// most. It goes on behind the request. Whoever has not the role `sync` gets what is stored.
#[utoipa::path(
    post, path = "/api/human-signals/db-import", tag = "human signals",
    params(("sync" = Option<bool>, Query, description = "Bring the cases up to date first")),
    responses(
        (status = 200, description = "The stored cases; `state` says whether a sync is still running", body = CasesAnswer),
        (status = 400, description = "No connection or no queries are configured"),
        (status = 404, description = "The data makes no cases, or was never synced and the caller may not; the detail says why"),
        (status = 409, description = "The data is being compared with its source"),
        (status = 422, description = "`sync` is no truth value, or the dataset is not enabled"),
        (status = 502, description = "The source refused the sync"),
        (status = 503, description = "The first sync is still running, or the source cannot be reached"),
    )
)]
async fn import(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    mut params: Params,
) -> Result<Json<CasesAnswer>, ApiError> {
    let sync = params.boolean("sync", false);
    params.check()?;
    let signals = engine.signals()?;
    // Whoever may not sync is refused `sync=true` before, and never starts one otherwise.
    let bring = if sync {
        Bring::Always
    } else if caller.role() >= Role::Sync {
        Bring::First
    } else {
        Bring::Never
    };
    match signals.import(bring, PATIENCE).await {
        Ok(answer) => Ok(Json(answer)),
        Err(error) if error.kind() != ErrorKind::NotSynced => Err(error.into()),
        Err(error) if signals.dataset().status().running.is_some() => {
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, error.message()).retry())
        }
        Err(error) => Err(ApiError::new(StatusCode::NOT_FOUND, error.message())),
    }
}

/// Return one page of the stored cases, ascending by `Case_ID`.
#[utoipa::path(
    get, path = "/api/human-signals/cases", tag = "human signals",
    params(
        ("page" = Option<u64>, Query, description = "From 1", minimum = 1),
        ("page_size" = Option<u64>, Query, description = "Cases a page; 50 by default", minimum = 1, maximum = 500),
    ),
    responses(
        (status = 200, description = "The page", body = CasesAnswer),
        (status = 400, description = "There are not that many pages"),
        (status = 404, description = "Never synced, or the data makes no cases; the detail says why"),
        (status = 422, description = "A parameter is out of its bounds"),
        (status = 503, description = "The first sync is running"),
    )
)]
async fn cases(State(engine): State<Engine>, mut params: Params) -> Result<Json<CasesAnswer>, ApiError> {
    let page = params.count("page", 1, None);
    let page_size = params.count("page_size", 50, Some(PAGE_SIZE_MAX));
    params.check()?;
    let signals = stored(&engine)?;
    signals.cases(page, page_size).await?.map(Json).ok_or_else(none_yet)
}

/// Return what the signals of the stored cases look like, and how they are shown.
#[utoipa::path(
    get, path = "/api/human-signals/metric-schema", tag = "human signals",
    responses(
        (status = 200, description = "Metrics, signals, types and values", body = SchemaAnswer),
        (status = 404, description = "Never synced, or the data makes no cases; the detail says why"),
        (status = 503, description = "The first sync is running"),
    )
)]
async fn metric_schema(State(engine): State<Engine>) -> Result<Json<SchemaAnswer>, ApiError> {
    let signals = stored(&engine)?;
    signals.schema().await?.map(Json).ok_or_else(none_yet)
}

/// Finds the feedback whose cases are stored: 503 while the first sync runs, 404 before that and when there can be none.
fn stored(engine: &Engine) -> Result<Signals, ApiError> {
    let signals = engine.signals()?;
    let dataset = ready(engine, signals.dataset().name())?;
    match dataset.status().derived.and_then(|derived| derived.error) {
        Some(error) => Err(ApiError::new(
            StatusCode::NOT_FOUND,
            format!("there are no cases: {error}"),
        )),
        None => Ok(signals),
    }
}

/// The rows were synced by a version that made no cases of them.
fn none_yet() -> ApiError {
    ApiError::new(
        StatusCode::NOT_FOUND,
        "there are no cases yet; the next sync makes them",
    )
}
