//! `/api/database`: looking into a PostgreSQL server and importing rows from it.

mod bodies;

use std::sync::Arc;

use axis_core::browse::{
    Browser, ColumnListing, ConnectRequest, Defaults, Intake, REFUSED, Rows, TableListing, TableName, Wizard,
    WizardStats, dataset_of,
};
use axis_core::config::DatasetConfig;
use axis_core::{Error, ErrorKind};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::Utc;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::extract::{Body, Name, Params};
use crate::gate::ApiError;
use crate::work::{self, Workers};

use bodies::{ConnectBody, DistinctBody, PreviewBody, QueryBody, QueryImportBody, TableImportBody};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(defaults))
        .routes(routes!(stats))
        .routes(routes!(connect))
        .routes(routes!(close))
        .routes(routes!(tables))
        .routes(routes!(schema))
        .routes(routes!(distinct_values))
        .routes(routes!(preview))
        .routes(routes!(query))
        .routes(routes!(query_import))
        .routes(routes!(import))
}

/// A server that was connected to.
#[derive(Serialize, ToSchema)]
struct Connected {
    success: bool,
    /// Stands for the connection in every other request. Keep it as a password.
    #[schema(format = Uuid)]
    handle: String,
    message: String,
    /// The server's description of itself.
    version: String,
}

/// A connection that was closed, or was none.
#[derive(Serialize, ToSchema)]
struct Closed {
    /// False when the handle is unknown.
    success: bool,
    message: String,
}

/// The tables of a database, by schema and name.
#[derive(Serialize, ToSchema)]
struct Tables {
    success: bool,
    tables: Vec<TableListing>,
}

/// The columns of a table.
#[derive(Serialize, ToSchema)]
struct Schema {
    success: bool,
    columns: Vec<ColumnListing>,
    /// Up to five different values of each column, from the first rows.
    #[schema(value_type = Object)]
    sample_values: Map<String, Value>,
}

/// The distinct values of a column.
#[derive(Serialize, ToSchema)]
struct Values {
    success: bool,
    /// Ascending, without null.
    values: Vec<String>,
}

/// Rows.
#[derive(Serialize, ToSchema)]
struct Data {
    success: bool,
    #[schema(value_type = Vec<Object>)]
    data: Vec<Map<String, Value>>,
    row_count: usize,
    /// The names of the columns, in order.
    columns: Vec<String>,
    /// Whether there are more rows.
    truncated: bool,
}

/// What a connection form is filled with
#[utoipa::path(
    get,
    path = "/api/database/defaults",
    tag = "database",
    params(("store" = Option<String>, Query, description = "`data` (default), `monitoring` or `human_signals`.")),
    responses(
        (status = 200, description = "The configured connection without its password", body = Defaults),
        (status = 400, description = "An unknown store"),
    )
)]
async fn defaults(State(wizard): State<Wizard>, params: Params) -> Result<Json<Defaults>, ApiError> {
    Ok(Json(wizard.defaults(dataset(&params)?).map_err(refuse)?))
}

/// How many connections are open
#[utoipa::path(
    get,
    path = "/api/database/stats",
    tag = "database",
    responses((status = 200, description = "Counts", body = WizardStats))
)]
async fn stats(State(wizard): State<Wizard>) -> Json<WizardStats> {
    Json(wizard.stats())
}

/// Connect to a server
///
/// Only the servers of the configured datasets may be connected to, and those that `wizard_hosts` lists. The handle ends fifteen
/// minutes after its last use.
#[utoipa::path(
    post,
    path = "/api/database/connect",
    tag = "database",
    params(("store" = Option<String>, Query, description = "`data` (default), `monitoring` or `human_signals`: whose password, names and list of tables count.")),
    request_body = ConnectBody,
    responses(
        (status = 200, description = "Connected", body = Connected),
        (status = 400, description = "The server cannot be reached or refuses, or there is no stored password for it"),
        (status = 403, description = "The host is not allowed"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
        (status = 429, description = "Too many connections are open"),
    )
)]
async fn connect(State(wizard): State<Wizard>, params: Params, body: Body) -> Result<Json<Connected>, ApiError> {
    let dataset = dataset(&params)?;
    let body = body.read(ConnectBody::read)?;
    let message = format!("connected to {} as {}", body.database, body.username);
    let request = ConnectRequest::new(dataset, body.host, body.database, body.username)
        .port(body.port)
        .password(body.password)
        .tls(body.ssl_mode);
    let connected = wizard.connect(request).await.map_err(refuse)?;
    Ok(Json(Connected {
        success: true,
        handle: connected.handle.to_string(),
        message,
        version: connected.version,
    }))
}

/// Close a connection
#[utoipa::path(
    delete,
    path = "/api/database/{handle}",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    responses((status = 200, description = "Closed; `success` is false when the handle is unknown", body = Closed))
)]
async fn close(State(wizard): State<Wizard>, Name(handle): Name) -> Json<Closed> {
    let success = match handle.parse() {
        Ok(handle) => wizard.close(handle).await,
        Err(_) => false,
    };
    let message = if success { "the connection is closed" } else { UNKNOWN };
    Json(Closed {
        success,
        message: message.to_owned(),
    })
}

/// The tables and views that may be read
#[utoipa::path(
    get,
    path = "/api/database/{handle}/tables",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    responses(
        (status = 200, description = "The tables", body = Tables),
        (status = 400, description = "The server refuses or is gone"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 408, description = "The server takes too long"),
    )
)]
async fn tables(State(wizard): State<Wizard>, Name(handle): Name) -> Result<Json<Tables>, ApiError> {
    let (browser, _) = find(&wizard, &handle)?;
    let tables = browser.tables().await.map_err(refuse)?;
    Ok(Json(Tables { success: true, tables }))
}

/// The columns of a table, with some values of each
#[utoipa::path(
    get,
    path = "/api/database/{handle}/schema",
    tag = "database",
    params(
        ("handle" = String, Path, description = "The handle of the connection."),
        ("schema" = Option<String>, Query, description = "The schema; `public` unless given."),
        ("table" = String, Query, description = "The table."),
    ),
    responses(
        (status = 200, description = "The columns", body = Schema),
        (status = 400, description = "The server refuses or is gone"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The configuration does not list the table"),
        (status = 404, description = "There is no such table"),
        (status = 408, description = "The server takes too long"),
        (status = 422, description = "`table` is missing"),
    )
)]
async fn schema(
    State(wizard): State<Wizard>,
    Name(handle): Name,
    mut params: Params,
) -> Result<Json<Schema>, ApiError> {
    let schema = params.text("schema").unwrap_or_else(|| "public".to_owned());
    let table = params.required_text("table");
    params.check()?;
    let (browser, _) = find(&wizard, &handle)?;
    let listing = browser.schema(&TableName::new(schema, table)).await.map_err(refuse)?;
    Ok(Json(Schema {
        success: true,
        columns: listing.columns,
        sample_values: listing.sample_values,
    }))
}

/// The distinct values of a column, as text
#[utoipa::path(
    post,
    path = "/api/database/{handle}/distinct-values",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    request_body = DistinctBody,
    responses(
        (status = 200, description = "The values", body = Values),
        (status = 400, description = "The server refuses or is gone"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The configuration does not list the table"),
        (status = 404, description = "There is no such table or column"),
        (status = 408, description = "The server takes too long"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
    )
)]
async fn distinct_values(
    State(wizard): State<Wizard>,
    Name(handle): Name,
    body: Body,
) -> Result<Json<Values>, ApiError> {
    let body = body.read(DistinctBody::read)?;
    let (browser, _) = find(&wizard, &handle)?;
    let values = browser.distinct_values(&body.table, &body.column, body.limit).await;
    Ok(Json(Values {
        success: true,
        values: values.map_err(refuse)?,
    }))
}

/// The first rows of a table
#[utoipa::path(
    post,
    path = "/api/database/{handle}/preview",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    request_body = PreviewBody,
    responses(
        (status = 200, description = "The rows", body = Data),
        (status = 400, description = "The server refuses or is gone"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The configuration does not list the table"),
        (status = 404, description = "There is no such table or column"),
        (status = 408, description = "The server takes too long"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
    )
)]
async fn preview(
    State(wizard): State<Wizard>,
    State(workers): State<Workers>,
    Name(handle): Name,
    body: Body,
) -> Result<Response, ApiError> {
    let mut body = body.read(PreviewBody::read)?;
    let (browser, _) = find(&wizard, &handle)?;
    let what = body.what();
    let rows = browser.read(&body.table, &what, body.limit).await.map_err(refuse)?;
    workers.run(move || work::json(&data(rows))).await
}

/// The first rows of a SELECT
#[utoipa::path(
    post,
    path = "/api/database/{handle}/query",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    request_body = QueryBody,
    responses(
        (status = 200, description = "The rows", body = Data),
        (status = 400, description = "The text is no single SELECT, or the server refuses it or is gone"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The query reads a table that the configuration does not list"),
        (status = 408, description = "The query takes too long"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
    )
)]
async fn query(
    State(wizard): State<Wizard>,
    State(workers): State<Workers>,
    Name(handle): Name,
    body: Body,
) -> Result<Response, ApiError> {
    let body = body.read(QueryBody::read)?;
    let (browser, _) = find(&wizard, &handle)?;
    let rows = browser.query(&body.query, body.limit).await.map_err(refuse)?;
    workers.run(move || work::json(&data(rows))).await
}

/// Import the rows of a SELECT
///
/// Columns are named as a sync of the store's dataset would name them. Nothing is stored on the server.
#[utoipa::path(
    post,
    path = "/api/database/{handle}/query-import",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    request_body = QueryImportBody,
    responses(
        (status = 200, description = "The rows", body = Intake),
        (status = 400, description = "The text is no single SELECT, the server refuses it or is gone, or the handles differ"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The query reads a table that the configuration does not list"),
        (status = 408, description = "The query takes too long"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
    )
)]
async fn query_import(
    State(wizard): State<Wizard>,
    State(workers): State<Workers>,
    Name(handle): Name,
    body: Body,
) -> Result<Response, ApiError> {
    // Wrong members are told before a handle that has ended.
    body.read(|fields| QueryImportBody::read(fields, 1))?;
    let (browser, dataset) = find(&wizard, &handle)?;
    let body = body.read(|fields| QueryImportBody::read(fields, row_limit(dataset)))?;
    same(body.handle.as_deref(), &handle)?;
    let rows = browser.query(&body.query, body.limit).await.map_err(refuse)?;
    taken_in(&workers, rows, dataset, body.dedupe_on_id).await
}

/// Import the rows of a table
///
/// Columns are named as a sync of the store's dataset would name them. Nothing is stored on the server.
#[utoipa::path(
    post,
    path = "/api/database/{handle}/import",
    tag = "database",
    params(("handle" = String, Path, description = "The handle of the connection.")),
    request_body = TableImportBody,
    responses(
        (status = 200, description = "The rows", body = Intake),
        (status = 400, description = "The server refuses or is gone, or the handles differ"),
        (status = 401, description = "The handle is unknown or has ended"),
        (status = 403, description = "The configuration does not list the table"),
        (status = 404, description = "There is no such table or column"),
        (status = 408, description = "The server takes too long"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "Missing or wrong members"),
    )
)]
async fn import(
    State(wizard): State<Wizard>,
    State(workers): State<Workers>,
    Name(handle): Name,
    body: Body,
) -> Result<Response, ApiError> {
    body.read(|fields| TableImportBody::read(fields, 1))?;
    let (browser, dataset) = find(&wizard, &handle)?;
    let mut body = body.read(|fields| TableImportBody::read(fields, row_limit(dataset)))?;
    same(body.handle.as_deref(), &handle)?;
    let what = body.what();
    let rows = browser.read(&body.table, &what, body.limit).await.map_err(refuse)?;
    taken_in(&workers, rows, dataset, body.dedupe_on_id).await
}

const UNKNOWN: &str = "the connection is unknown or has expired; connect again";

fn find<'w>(wizard: &'w Wizard, handle: &str) -> Result<(Arc<Browser>, &'w DatasetConfig), ApiError> {
    let handle = handle.parse::<Uuid>().ok();
    handle
        .and_then(|handle| wizard.browser(handle))
        .ok_or_else(|| ApiError::new(StatusCode::UNAUTHORIZED, UNKNOWN))
}

/// Refuses a body that speaks of another connection than its path.
fn same(given: Option<&str>, handle: &str) -> Result<(), ApiError> {
    match given {
        Some(given) if given != handle => {
            let message = "the handle in the body is not the one in the path";
            Err(ApiError::new(StatusCode::BAD_REQUEST, message))
        }
        _ => Ok(()),
    }
}

fn dataset(params: &Params) -> Result<&'static str, ApiError> {
    let store = params.text("store");
    dataset_of(store.as_deref().unwrap_or("data")).map_err(refuse)
}

fn row_limit(dataset: &DatasetConfig) -> i64 {
    i64::try_from(dataset.row_limit).unwrap_or(i64::MAX)
}

fn data(rows: Rows) -> Data {
    Data {
        success: true,
        row_count: rows.rows.len(),
        columns: rows.columns,
        truncated: rows.truncated,
        data: rows.rows,
    }
}

async fn taken_in(workers: &Workers, rows: Rows, dataset: &DatasetConfig, dedupe: bool) -> Result<Response, ApiError> {
    let dataset = dataset.clone();
    let work = move || work::json(&Intake::of(rows, &dataset, dedupe, Utc::now()).map_err(refuse)?);
    workers.run(work).await
}

/// What went wrong at a server of the client's choice is the request's fault.
fn refuse(error: Error) -> ApiError {
    let status = match error.kind() {
        _ if error.operation() == REFUSED => StatusCode::FORBIDDEN,
        ErrorKind::Busy => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Timeout => StatusCode::REQUEST_TIMEOUT,
        ErrorKind::Config
        | ErrorKind::InvalidArgument
        | ErrorKind::SourceUnavailable
        | ErrorKind::SourceRejected
        | ErrorKind::SchemaMismatch => StatusCode::BAD_REQUEST,
        _ => return error.into(),
    };
    ApiError::at(status, &error)
}
