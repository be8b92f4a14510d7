//! SQL over HTTP: ask, see what runs, cancel.

mod answer;
mod encode;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use axis_core::config::Role;
use axis_core::wire::bound;
use axis_core::{Engine, Query, QueryStatus, Value as Bound};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::audit::Statement;
use crate::auth::Caller;
use crate::extract::{Body, Fields, Name};
use crate::gate::ApiError;
use encode::Format;

const X_QUERY_ID: HeaderName = HeaderName::from_static("x-query-id");
/// The most values that are bound.
const PARAMS_MAX: usize = 1000;
/// `query_timeout_seconds` unless it is configured. A query may ask for as long, or for what is configured when that is longer:
/// who asks for more must not hold a slot for longer than the operator lets anybody.
const TIMEOUT_DEFAULT_MS: i64 = 30_000;
/// Rows of a JSON answer unless the query says otherwise; programs that want more read CSV or Arrow.
const JSON_ROWS: u64 = 10_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(ask, list)).routes(routes!(cancel))
}

/// A SELECT and how it is answered.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the body, which is read leniently")]
struct QueryRequest {
    /// One SELECT in DuckDB's SQL.
    #[schema(
        example = "select metric_name, avg(metric_score) as mean from monitoring_data where metric_name = ? group by 1"
    )]
    sql: String,
    /// Values for `?` or `$1` as a list, or for `$name` as an object; each is null, a boolean, a number or a text. At most
    /// 1,000.
    #[schema(example = json!(["faithfulness"]))]
    params: Option<Value>,
    /// The form of the answer.
    #[schema(default = "json")]
    format: Option<Form>,
    /// The longest time in milliseconds, waiting for a slot and sending included; `query_timeout_seconds` by default, and at most
    /// that or 30,000, whichever is more.
    #[schema(minimum = 1, maximum = 600_000)]
    timeout_ms: Option<u64>,
    /// The most rows, up to `query_max_rows`. By default 10,000 for JSON, `query_max_rows` otherwise.
    #[schema(minimum = 1)]
    max_rows: Option<u64>,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes the words of `format`")]
enum Form {
    Json,
    Csv,
    Arrow,
}

/// The answer in JSON. One that ends early has a member `error` with `detail` and `code` in the place of everything after `rows`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it describes the answer, which is written as it comes")]
struct QueryAnswer {
    /// The columns in their order.
    columns: Vec<QueryColumn>,
    /// An object for each row.
    rows: Vec<HashMap<String, Value>>,
    /// How many rows there are here.
    row_count: u64,
    /// Whether the query has more rows than `max_rows`.
    truncated: bool,
    /// Milliseconds from the request to the last row.
    elapsed_ms: u64,
}

/// One column.
#[derive(Serialize, ToSchema)]
struct QueryColumn {
    /// Its key in the objects of `rows`: a second column of one name gets `_1` behind it.
    name: String,
    /// DuckDB's name of the type.
    #[serde(rename = "type")]
    #[schema(example = "DOUBLE")]
    ty: String,
}

/// What runs.
#[derive(Serialize, ToSchema)]
struct QueryList {
    success: bool,
    /// The oldest first.
    queries: Vec<QueryStatus>,
}

/// A query that was told to stop.
#[derive(Serialize, ToSchema)]
struct QueryCancelled {
    success: bool,
    id: Uuid,
    /// Whether it has ended. One that does not notice for two seconds ends later.
    stopped: bool,
}

/// Runs one SELECT and streams its answer.
///
/// The answer carries the query's id in `X-Query-Id`. A request may bring one, a UUID, and can then cancel the query while it
/// waits. Whoever closes the connection cancels it, too.
///
/// An answer in CSV or Arrow that cannot be completed, because the query fails, is cancelled, or has more rows than
/// `query_max_rows` although no `max_rows` was given, breaks the connection off instead of ending.
#[utoipa::path(
    post,
    path = "/api/query",
    tag = "query",
    params(("X-Query-Id" = Option<Uuid>, Header, description = "The id that the query shall have")),
    request_body = QueryRequest,
    responses(
        (status = 200, description = "The rows", headers(("X-Query-Id" = Uuid, description = "The query's id")), content(
            (QueryAnswer = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"),
        )),
        (status = 400, description = "The SQL is wrong, or asks for what queries may not do; or the id is taken or none"),
        (status = 413, description = "The body is too large"),
        (status = 422, description = "A member of the body is missing or wrong"),
        (status = 500, description = "The store cannot be read"),
        (status = 503, description = "The query was cancelled, or the server is stopping"),
        (status = 504, description = "The query took longer than allowed"),
    )
)]
async fn ask(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let id = match headers.get(&X_QUERY_ID) {
        None => Uuid::new_v4(),
        Some(proposed) => {
            let id = proposed
                .to_str()
                .ok()
                .and_then(|text| Uuid::try_parse(text.trim()).ok());
            id.ok_or_else(|| ApiError::new(StatusCode::BAD_REQUEST, "X-Query-Id is no UUID"))?
        }
    };
    let (query, format, is_chosen) = body.read(|fields| request(&engine, fields))?;
    let mut query = query.id(id).confined();
    query.client = caller.name().map(str::to_owned);
    let sent = Arc::<AtomicU64>::default();
    let answer = answer::of(&engine, query, format, is_chosen, &sent).await;
    let mut response = answer.unwrap_or_else(|error| ApiError::from(error).into_response());
    response.extensions_mut().insert(Statement {
        kind: "SELECT",
        rows: sent,
    });
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(X_QUERY_ID, id);
    }
    Ok(response)
}

/// Lists the queries that wait or run; what they ask is not told.
#[utoipa::path(
    get,
    path = "/api/query",
    tag = "query",
    responses((status = 200, description = "The oldest first", body = QueryList))
)]
async fn list(State(engine): State<Engine>) -> Json<QueryList> {
    Json(QueryList {
        success: true,
        queries: engine.queries(),
    })
}

/// Cancels a query: DuckDB is interrupted and its slot is free. Whoever is no `admin` cancels what they have asked themselves.
#[utoipa::path(
    delete,
    path = "/api/query/{id}",
    tag = "query",
    params(("id" = Uuid, Path, description = "The query's id")),
    responses(
        (status = 200, description = "It was told to stop", body = QueryCancelled),
        (status = 403, description = "It is somebody else's"),
        (status = 404, description = "No query of this id is running"),
    )
)]
async fn cancel(
    State(engine): State<Engine>,
    Extension(caller): Extension<Caller>,
    Name(id): Name,
) -> Result<Json<QueryCancelled>, ApiError> {
    let unknown = || ApiError::new(StatusCode::NOT_FOUND, "no query of this id is running");
    let id = Uuid::try_parse(&id).map_err(|_| unknown())?;
    let query = engine
        .queries()
        .into_iter()
        .find(|query| query.id == id)
        .ok_or_else(unknown)?;
    if caller.role() < Role::Admin && query.client.as_deref() != caller.name() {
        let detail = "this is the query of somebody else, and needs the role `admin`";
        return Err(ApiError::new(StatusCode::FORBIDDEN, detail).code("AXIS_FORBIDDEN"));
    }
    let stopped = engine.cancel_query(id).await?;
    Ok(Json(QueryCancelled {
        success: true,
        id,
        stopped,
    }))
}

/// Reads the body: the query, the form of its answer, and whether the number of rows was chosen.
fn request(engine: &Engine, fields: &Fields<'_>) -> (Query, Format, bool) {
    let limits = &engine.config().store;
    let mut query = Query::sql(fields.filled_text("sql"));
    match fields.value("params") {
        None => {}
        Some(Value::Array(values)) if values.len() > PARAMS_MAX => too_many(fields),
        Some(Value::Object(values)) if values.len() > PARAMS_MAX => too_many(fields),
        Some(Value::Array(values)) => {
            let bound = values.iter().map(bound).collect::<Option<Vec<Bound>>>();
            query.params = bound.unwrap_or_else(|| unbindable(fields));
        }
        Some(Value::Object(values)) => {
            let bound = values.iter().map(|(name, value)| Some((name.clone(), bound(value)?)));
            query.named = bound.collect::<Option<_>>().unwrap_or_else(|| unbindable(fields));
        }
        Some(_) => {
            let message = "Input should be a valid list, or an object of named values";
            fields.wrong("params", "list_type", message, None);
        }
    }
    let format = [Format::Json, Format::Csv, Format::Arrow][fields.choice("format", &["json", "csv", "arrow"], 0)];
    let default = i64::try_from(limits.query_timeout.as_millis()).unwrap_or(i64::MAX);
    let timeout = fields.integer("timeout_ms", 1..=default.max(TIMEOUT_DEFAULT_MS), default);
    let most = limits.query_max_rows;
    let default = if format == Format::Json {
        JSON_ROWS.min(most)
    } else {
        most
    };
    let signed = |rows: u64| i64::try_from(rows).unwrap_or(i64::MAX);
    let rows = fields.integer("max_rows", 1..=signed(most), signed(default));
    query.timeout = Some(Duration::from_millis(timeout.unsigned_abs()));
    query.max_rows = Some(rows.unsigned_abs());
    (query, format, fields.value("max_rows").is_some())
}

fn too_many(fields: &Fields<'_>) {
    let message = format!("There should be at most {PARAMS_MAX} values");
    fields.wrong(
        "params",
        "too_long",
        &message,
        Some(json!({ "max_length": PARAMS_MAX })),
    );
}

fn unbindable<T>(fields: &Fields<'_>) -> Vec<T> {
    let message = "Each value should be null, a boolean, a number or a text";
    fields.wrong(
        "params",
        "value_error",
        message,
        Some(json!({ "error": "lists and objects cannot be bound" })),
    );
    Vec::new()
}
