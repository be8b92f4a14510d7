//! Files of traces.

use std::collections::BTreeMap;

use axis_core::Engine;
use axis_core::config::DatasetKind;
use axis_core::uploads::{self, Limits, MONITORING_EXAMPLES, MonitoringConfig, monitoring};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Keeping, import, no_example, plain};
use crate::app::App;
use crate::extract::{CsvFile, CsvForm, Name, Params, too_large};
use crate::gate::ApiError;
use crate::work::Workers;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(example))
        .routes(routes!(db_config))
        .routes(routes!(db_import))
}

/// Name the columns of a file of traces and complete its rows; with `store` they become the dataset `monitoring`.
#[utoipa::path(
    post, path = "/api/monitoring/upload", tag = "monitoring",
    request_body(content = CsvForm, content_type = "multipart/form-data"),
    params(
        ("store" = Option<bool>, Query, description = "Keep the rows in the store, in the place of the upload before"),
        ("name" = Option<String>, Query, description = "What the upload is called there"),
        ("data" = Option<bool>, Query, description = "Return the rows; true by default"),
    ),
    responses(
        (status = 200, description = "The rows, completed", body = Answer),
        (status = 400, description = "No file, no CSV, empty, unreadable, or without `dataset_id`, `id` and `record_id`"),
        (status = 409, description = "With `store`: the dataset is synced from a source, or is busy"),
        (status = 413, description = "Larger than 50 MB, or too many fields"),
        (status = 422, description = "A parameter cannot be read"),
    )
)]
async fn upload(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    CsvFile(bytes): CsvFile,
) -> Result<Response, ApiError> {
    let keeping = Keeping::read(&engine, "monitoring", params)?;
    let columns = columns(&engine);
    let upload = workers
        .run(move || {
            let table = uploads::read_csv(&bytes, Limits::default()).map_err(too_large)?;
            Ok(monitoring::process(table, &columns, chrono::Utc::now())?)
        })
        .await?;
    keeping.answer(&workers, upload).await
}

/// Return a file of traces that comes with the program.
#[utoipa::path(
    get, path = "/api/monitoring/example/{name}", tag = "monitoring",
    params(("name" = String, Path, description = "`monitoring`")),
    responses(
        (status = 200, description = "The rows, completed", body = Answer),
        (status = 404, description = "There is no such example; the names are listed"),
    )
)]
async fn example(State(workers): State<Workers>, Name(name): Name) -> Result<Response, ApiError> {
    let known = uploads::example(&name).filter(|_| MONITORING_EXAMPLES.contains(&name.as_str()));
    let text = known.ok_or_else(|| no_example(&name, &MONITORING_EXAMPLES))?;
    workers
        .run(move || {
            let table = uploads::read_csv(text.as_bytes(), Limits::default())?;
            plain(monitoring::process(table, &BTreeMap::new(), chrono::Utc::now())?, None)
        })
        .await
}

/// Tell what is configured for monitoring: the connection without secrets, thresholds, and the rules about anomalies.
#[utoipa::path(
    get, path = "/api/monitoring/db-config", tag = "monitoring",
    responses((status = 200, description = "The settings; the defaults when nothing is configured", body = MonitoringConfig))
)]
async fn db_config(State(engine): State<Engine>) -> Json<MonitoringConfig> {
    Json(engine.monitoring_config())
}

/// Read traces from their source, past the store: both queries joined there, as a sync would show them.
#[utoipa::path(
    post, path = "/api/monitoring/db-import", tag = "monitoring",
    responses(
        (status = 200, description = "The rows, at most `row_limit`, completed", body = Answer),
        (status = 400, description = "Nothing is configured, the source cannot be reached or refused, or there are no rows"),
        (status = 408, description = "The source took longer than `query_timeout`"),
    )
)]
async fn db_import(State(engine): State<Engine>, State(workers): State<Workers>) -> Result<Response, ApiError> {
    let dataset = crate::routes::dataset(&engine, "monitoring")?;
    import(&workers, &dataset, |table| {
        Ok(monitoring::complete(table, chrono::Utc::now()))
    })
    .await
}

/// The names that the configuration gives to columns.
fn columns(engine: &Engine) -> BTreeMap<String, String> {
    let monitoring = engine
        .datasets()
        .find(|dataset| dataset.config().kind == DatasetKind::Monitoring);
    monitoring.map_or_else(BTreeMap::new, |dataset| dataset.config().columns.clone())
}
