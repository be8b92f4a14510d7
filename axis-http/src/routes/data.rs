//! Reading rows and what is known about them.

use axis_core::signals::Signals;
use axis_core::{Dataset, Engine, Filters, PageRequest, SortDirection};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::extract::{Name, Params};
use crate::gate::{ApiError, Problem};

/// The most rows that one page may have.
const PAGE_SIZE_MAX: u64 = 500;
/// The columns that a parameter of the same name filters by.
const EQUAL: [&str; 5] = [
    "environment",
    "source_name",
    "source_component",
    "source_type",
    "metric_name",
];

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metadata)).routes(routes!(data))
}

/// What a dataset holds: columns, filter values, time range, statistics; `{}` until the first sync.
#[utoipa::path(get, path = "/api/store/metadata/{dataset}", tag = "store",
    params(("dataset" = String, Path, description = "A dataset, or human_signals_raw")),
    responses((status = 200, description = "The metadata", body = Object),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 422, description = "The store is disabled", body = Problem)))]
async fn metadata(State(engine): State<Engine>, Name(name): Name) -> Result<Json<Value>, ApiError> {
    let metadata = match readable(&engine, &name)? {
        Readable::Rows(dataset) => dataset.metadata().await?.map(|metadata| json!(*metadata)),
        Readable::Cases(signals) => signals.metadata().await?.map(|metadata| json!(metadata)),
    };
    let metadata = metadata.unwrap_or_else(|| json!({}));
    Ok(Json(json!({ "success": true, "dataset": name, "metadata": metadata })))
}

/// One page of rows in an order that does not depend on the page; an empty page until the first sync.
#[utoipa::path(get, path = "/api/store/data/{dataset}", tag = "store",
    params(
        ("dataset" = String, Path, description = "A dataset, or human_signals_raw"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Which page (default 1)"),
        ("page_size" = Option<u64>, Query, minimum = 1, maximum = 500, description = "Rows a page (default 50)"),
        ("sort_by" = Option<String>, Query, description = "A column; one that does not exist is ignored"),
        ("sort_dir" = Option<String>, Query, pattern = "^(asc|desc)$", description = "`asc` or `desc` (default desc)"),
        ("columns" = Option<String>, Query, description = "Columns, separated by commas; all by default"),
        ("environment" = Option<String>, Query, description = "Only rows with this value"),
        ("source_name" = Option<String>, Query, description = "Only rows with this value"),
        ("source_component" = Option<String>, Query, description = "Only rows with this value"),
        ("source_type" = Option<String>, Query, description = "Only rows with this value"),
        ("metric_name" = Option<String>, Query, description = "Only rows with this value"),
        ("metric_category" = Option<String>, Query, description = "SCORE also finds rows without a category"),
        ("time_start" = Option<String>, Query, description = "Only rows of this time and later"),
        ("time_end" = Option<String>, Query, description = "Only rows of this time and earlier"),
        ("search" = Option<String>, Query, description = "Only rows whose texts hold this, without regard to case"),
    ),
    responses((status = 200, description = "The page", body = Object),
              (status = 400, description = "A time cannot be read", body = Problem),
              (status = 404, description = "There is no such dataset", body = Problem),
              (status = 422, description = "A parameter is wrong, or the store is disabled", body = Problem)))]
async fn data(State(engine): State<Engine>, Name(name): Name, params: Params) -> Result<Json<Value>, ApiError> {
    // An unknown dataset is told before wrong parameters.
    let readable = readable(&engine, &name)?;
    let request = request(params)?;
    let page = match readable {
        Readable::Rows(dataset) => dataset.page(request).await?,
        Readable::Cases(signals) => signals.page(request).await?,
    };
    Ok(Json(
        json!({ "success": true, "data": page.rows, "total": page.total, "page": page.page, "page_size": page.page_size }),
    ))
}

fn request(mut params: Params) -> Result<PageRequest, ApiError> {
    let mut request = PageRequest::default();
    request.page = params.count("page", request.page, None);
    request.page_size = params.count("page_size", request.page_size, Some(PAGE_SIZE_MAX));
    request.sort_by = params.text("sort_by");
    request.direction = match params.choice("sort_dir", &["asc", "desc"], 1) {
        0 => SortDirection::Ascending,
        _ => SortDirection::Descending,
    };
    request.columns = params.list("columns");
    let mut filters = Filters::default();
    filters.equal = EQUAL
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), params.text(name)?)))
        .collect();
    filters.metric_category = params.text("metric_category");
    filters.time_start = params.text("time_start");
    filters.time_end = params.text("time_end");
    filters.search = params.text("search");
    request.filters = filters;
    params.check()?;
    Ok(request)
}

/// What can be read by name.
enum Readable {
    /// The rows of a dataset.
    Rows(Dataset),
    /// The cases that are made of human signals.
    Cases(Signals),
}

/// Finds what a name of the read routes stands for: `human_signals` means the cases, `human_signals_raw` what is synced.
fn readable(engine: &Engine, name: &str) -> Result<Readable, ApiError> {
    match name {
        "human_signals" => Ok(Readable::Cases(engine.signals()?)),
        "human_signals_raw" => Ok(Readable::Rows(engine.signals()?.dataset().clone())),
        _ => match engine.datasets().find(|dataset| dataset.name() == name) {
            Some(dataset) => Ok(Readable::Rows(dataset)),
            None => Err(unknown(engine, name)),
        },
    }
}

fn unknown(engine: &Engine, name: &str) -> ApiError {
    let mut known: Vec<String> = engine.datasets().map(|dataset| dataset.name().to_owned()).collect();
    known.push("human_signals_raw".to_owned());
    known.sort();
    let message = format!("there is no dataset `{name}`; there are: {}", known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, message)
}
