//! `/api/kpi`: cards, lines and filter values of the key performance indicators.

use axis_core::analytics::kpi::{self, KpiCategories, KpiFilters, KpiRequest, KpiTrends};
use axis_core::{Dataset, Engine};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::dataset;
use crate::app::App;
use crate::extract::Params;
use crate::gate::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(categories))
        .routes(routes!(trends))
        .routes(routes!(filters))
}

/// The answer of a question that succeeded.
#[derive(Debug, Serialize, ToSchema)]
struct Success<T> {
    /// Always true.
    success: bool,
    #[serde(flatten)]
    answer: T,
}

fn success<T>(answer: T) -> Json<Success<T>> {
    Json(Success { success: true, answer })
}

/// Cards by category, with their trends
///
/// Empty until the first sync.
#[utoipa::path(
    get,
    path = "/api/kpi/categories",
    tag = "kpi",
    params(
        ("source_name" = Option<String>, Query, description = "Only this source, with its own display settings."),
        ("environment" = Option<String>, Query, description = "Only this environment."),
        ("source_type" = Option<String>, Query, description = "Only this type of source."),
        ("segment" = Option<String>, Query, description = "Only this segment."),
        ("kpi_category" = Option<String>, Query, description = "Only this category."),
        ("time_start" = Option<String>, Query, description = "Earliest `created_at`, inclusive: `2026-01-31`, `2026-01-31 12:30:00` or `2026-01-31T12:30:00Z`."),
        ("time_end" = Option<String>, Query, description = "Latest `created_at`, inclusive; a date alone is its midnight."),
        ("kpi_names" = Option<String>, Query, description = "A comma-separated list of KPIs, also of those that are not visible."),
    ),
    responses(
        (status = 200, description = "The cards", body = Success<KpiCategories>),
        (status = 400, description = "A time that cannot be read"),
        (status = 422, description = "The synced data lack a required column, or the store is disabled"),
        (status = 503, description = "The server is stopping"),
    )
)]
async fn categories(State(engine): State<Engine>, params: Params) -> Result<Json<Success<KpiCategories>>, ApiError> {
    Ok(success(kpi::categories(&kpis(&engine)?, &request(&params)).await?))
}

/// Daily values with their averages over 7 and 30 days
///
/// Empty until the first sync.
#[utoipa::path(
    get,
    path = "/api/kpi/trends",
    tag = "kpi",
    params(
        ("source_name" = Option<String>, Query, description = "Only this source, with its own display settings."),
        ("environment" = Option<String>, Query, description = "Only this environment."),
        ("source_type" = Option<String>, Query, description = "Only this type of source."),
        ("segment" = Option<String>, Query, description = "Only this segment."),
        ("kpi_category" = Option<String>, Query, description = "Only this category."),
        ("time_start" = Option<String>, Query, description = "Earliest `created_at`, inclusive: `2026-01-31`, `2026-01-31 12:30:00` or `2026-01-31T12:30:00Z`."),
        ("time_end" = Option<String>, Query, description = "Latest `created_at`, inclusive; a date alone is its midnight."),
        ("kpi_names" = Option<String>, Query, description = "A comma-separated list of KPIs, also of those that are not visible."),
    ),
    responses(
        (status = 200, description = "The points", body = Success<KpiTrends>),
        (status = 400, description = "A time that cannot be read"),
        (status = 422, description = "The synced data lack a required column, or the store is disabled"),
        (status = 503, description = "The server is stopping"),
    )
)]
async fn trends(State(engine): State<Engine>, params: Params) -> Result<Json<Success<KpiTrends>>, ApiError> {
    Ok(success(kpi::trends(&kpis(&engine)?, &request(&params)).await?))
}

/// What KPIs can be filtered by
///
/// Empty until the first sync.
#[utoipa::path(
    get,
    path = "/api/kpi/filters",
    tag = "kpi",
    responses(
        (status = 200, description = "Distinct values, ascending", body = Success<KpiFilters>),
        (status = 422, description = "The synced data lack a required column, or the store is disabled"),
        (status = 503, description = "The server is stopping"),
    )
)]
async fn filters(State(engine): State<Engine>) -> Result<Json<Success<KpiFilters>>, ApiError> {
    Ok(success(kpi::filters(&kpis(&engine)?).await?))
}

/// The dataset is always there, if only without data.
fn kpis(engine: &Engine) -> Result<Dataset, ApiError> {
    dataset(engine, "kpi")
}

fn request(params: &Params) -> KpiRequest {
    let mut request = KpiRequest::default();
    request.source_name = params.text("source_name");
    request.environment = params.text("environment");
    request.source_type = params.text("source_type");
    request.segment = params.text("segment");
    request.kpi_category = params.text("kpi_category");
    request.time_start = params.text("time_start");
    request.time_end = params.text("time_end");
    request.kpi_names = params.list("kpi_names");
    request
}
