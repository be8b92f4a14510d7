//! Evaluation files, and turning their rows around.

use axis_core::Engine;
use axis_core::config::DatasetKind;
use axis_core::uploads::{self, EVAL_EXAMPLES, Limits, Prepared, Wide, eval};
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Answer, Keeping, import, no_example, plain};
use crate::app::App;
use crate::extract::{CsvFile, CsvForm, Name, Params, RowsBody, RowsForm, too_large};
use crate::gate::ApiError;
use crate::work::{Workers, json};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(upload))
        .routes(routes!(detect_format))
        .routes(routes!(convert_tree))
        .routes(routes!(prepare_analytics))
        .routes(routes!(example))
        .routes(routes!(config))
        .routes(routes!(db_import))
}

/// Recognise an evaluation file and complete its rows; with `store` they become the dataset `eval`.
#[utoipa::path(
    post, path = "/api/data/upload", tag = "evaluations",
    request_body(content = CsvForm, content_type = "multipart/form-data"),
    params(
        ("store" = Option<bool>, Query, description = "Keep the rows in the store, in the place of the upload before"),
        ("name" = Option<String>, Query, description = "What the upload is called there"),
        ("data" = Option<bool>, Query, description = "Return the rows; true by default"),
    ),
    responses(
        (status = 200, description = "The rows, completed", body = Answer),
        (status = 400, description = "No file, no CSV, empty, unreadable, or of no known format"),
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
    let keeping = Keeping::read(&engine, "eval", params)?;
    let upload = workers
        .run(move || {
            let table = uploads::read_csv(&bytes, Limits::default()).map_err(too_large)?;
            Ok(eval::process(table)?)
        })
        .await?;
    keeping.answer(&workers, upload).await
}

/// What a file is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Detected {
    /// True.
    success: bool,
    /// `eval_runner`, `tree_format`, `flat_format`, `simple_judgment`, `fresh_annotation` or `unknown`.
    format: &'static str,
    /// The columns.
    columns: Vec<String>,
    /// Rows.
    row_count: usize,
}

/// Tell what an evaluation file is.
#[utoipa::path(
    post, path = "/api/data/detect-format", tag = "evaluations",
    request_body(content = CsvForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "The format", body = Detected),
        (status = 400, description = "No file, no CSV, empty or unreadable"),
        (status = 413, description = "Larger than 50 MB, or too many fields"),
    )
)]
async fn detect_format(State(workers): State<Workers>, CsvFile(bytes): CsvFile) -> Result<Response, ApiError> {
    workers
        .run(move || {
            let table = uploads::read_csv(&bytes, Limits::default()).map_err(too_large)?;
            let (row_count, columns) = (table.rows(), table.names());
            let (_, format) = eval::recognise(table)?;
            json(&Detected {
                success: true,
                format: format.name(),
                columns,
                row_count,
            })
        })
        .await
}

/// Turn rows of metrics into rows of records, with a column for each metric.
#[utoipa::path(
    post, path = "/api/data/convert-tree", tag = "evaluations",
    request_body(content = RowsForm, description = "The rows"),
    responses(
        (status = 200, description = "One row a record", body = Wide),
        (status = 400, description = "Columns are missing"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows"),
    )
)]
async fn convert_tree(State(workers): State<Workers>, body: RowsBody) -> Result<Response, ApiError> {
    workers
        .run(move || {
            let table = body.read()?.table;
            json(&uploads::widen(&table, None, Limits::default()).map_err(too_large)?)
        })
        .await
}

/// Prepare rows for charts: one row a record, and the names of its metrics.
#[utoipa::path(
    post, path = "/api/data/prepare-analytics", tag = "evaluations",
    request_body(content = RowsForm, description = "The rows"),
    params(
        ("format_type" = String, Query, description = "What the rows are, as an upload has told; `tree_format` and `flat_format` are turned around"),
        ("metric_type" = Option<String>, Query, description = "Only metrics of this type: `metric` or `component`"),
    ),
    responses(
        (status = 200, description = "The rows and their metrics", body = Prepared),
        (status = 400, description = "Columns are missing"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or `format_type` is missing"),
    )
)]
async fn prepare_analytics(
    State(workers): State<Workers>,
    mut params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let format = params.required("format_type");
    let metric_type = params.text("metric_type");
    params.check()?;
    workers
        .run(move || {
            let table = body.read()?.table;
            let prepared = uploads::prepare(table, &format, metric_type.as_deref(), Limits::default());
            json(&prepared.map_err(too_large)?)
        })
        .await
}

/// Return an evaluation file that comes with the program.
#[utoipa::path(
    get, path = "/api/data/example/{name}", tag = "evaluations",
    params(("name" = String, Path, description = "`model`, `comparison`, `annotation` or `align`")),
    responses(
        (status = 200, description = "The rows, completed", body = Answer),
        (status = 404, description = "There is no such example; the names are listed"),
    )
)]
async fn example(State(workers): State<Workers>, Name(name): Name) -> Result<Response, ApiError> {
    let known = uploads::example(&name).filter(|_| EVAL_EXAMPLES.contains(&name.as_str()));
    let text = known.ok_or_else(|| no_example(&name, &EVAL_EXAMPLES))?;
    workers
        .run(move || {
            let table = uploads::read_csv(text.as_bytes(), Limits::default())?;
            plain(eval::process(table)?, None)
        })
        .await
}

/// What is configured for evaluations.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
struct EvalConfig {
    /// True.
    success: bool,
    /// Whether a connection is configured.
    configured: bool,
    /// Whether it is synced at startup.
    auto_load: bool,
    /// Whether both queries are configured.
    has_query: bool,
    /// `row_limit`.
    row_limit: u64,
    /// `query_timeout`, in seconds.
    query_timeout: u64,
}

/// Tell what is configured for evaluations.
#[utoipa::path(
    get, path = "/api/data/eval-db-config", tag = "evaluations",
    responses((status = 200, description = "The settings, without secrets", body = EvalConfig))
)]
async fn config(State(engine): State<Engine>) -> Json<EvalConfig> {
    let dataset = engine
        .datasets()
        .find(|dataset| dataset.config().kind == DatasetKind::Eval);
    let config = dataset.as_ref().map(axis_core::Dataset::config);
    let configured = config.is_some_and(|config| config.connection.is_some());
    Json(EvalConfig {
        success: true,
        configured,
        auto_load: configured && config.is_some_and(|config| config.auto_load),
        has_query: config.is_some_and(|config| !config.tables.is_empty()),
        row_limit: config.map_or(0, |config| config.row_limit),
        query_timeout: config.map_or(0, |config| config.query_timeout.as_secs()),
    })
}

/// Read evaluations from their source, past the store: both queries joined there, as a sync would show them.
#[utoipa::path(
    post, path = "/api/data/eval-db-import", tag = "evaluations",
    responses(
        (status = 200, description = "The rows, at most `row_limit`, completed", body = Answer),
        (status = 400, description = "Nothing is configured, the source cannot be reached or refused, or there are no rows"),
        (status = 408, description = "The source took longer than `query_timeout`"),
    )
)]
async fn db_import(State(engine): State<Engine>, State(workers): State<Workers>) -> Result<Response, ApiError> {
    let dataset = crate::routes::dataset(&engine, "eval")?;
    import(&workers, &dataset, eval::process).await
}
