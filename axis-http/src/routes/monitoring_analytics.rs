//! `/api/monitoring/analytics`: what scores, latencies and labels of production traces say.
//!
//! All of them need the monitoring data: 503 while the first sync runs, 404 before it.

use axis_core::Engine;
use axis_core::analytics::monitoring::{
    self, Anomalies, Breakdown, BreakdownRequest, CategorySource, ClassDistribution, ClassRequest,
    ClassificationBreakdown, ClassificationTrends, Correlation, Filter, Granularity, GroupBy, Insights,
    InsightsRequest, LatencyDistribution, LatencyRequest, Summary, Trends,
};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ready;
use crate::app::App;
use crate::extract::Params;
use crate::gate::ApiError;

/// The dataset that all of them ask.
const DATASET: &str = "monitoring";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary))
        .routes(routes!(trends))
        .routes(routes!(metric_breakdown))
        .routes(routes!(latency_distribution))
        .routes(routes!(class_distribution))
        .routes(routes!(correlation))
        .routes(routes!(classification_breakdown))
        .routes(routes!(classification_trends))
        .routes(routes!(analysis_insights))
        .routes(routes!(anomalies))
}

/// The answer of a question that succeeded.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Success<T> {
    /// Always true.
    success: bool,
    #[serde(flatten)]
    answer: T,
}

type Answer<T> = Result<Json<Success<T>>, ApiError>;

fn success<T>(answer: T) -> Json<Success<T>> {
    Json(Success { success: true, answer })
}

/// The filter that all of them take; an empty text counts as not given.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `filter` reads")]
struct FilterParams {
    /// `environment` equals it.
    environment: Option<String>,
    /// `source_name` equals it.
    source_name: Option<String>,
    /// `source_component` equals it.
    source_component: Option<String>,
    /// `source_type` equals it.
    source_type: Option<String>,
    /// `metric_category` equals it without regard to case; SCORE includes rows without a category.
    metric_category: Option<String>,
    /// Earliest `timestamp`, inclusive: `2026-01-31`, `2026-01-31 12:30:00` or `2026-01-31T12:30:00Z`.
    time_start: Option<String>,
    /// Latest `timestamp`, inclusive; a date alone is its midnight.
    time_end: Option<String>,
}

/// The metrics that are asked about.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "it describes what `filter` reads")]
struct MetricParams {
    /// `metric_name` equals it; reaches metrics that `visible_metrics` hides.
    metric_name: Option<String>,
    /// A comma-separated list of metrics, also of hidden ones.
    metrics: Option<String>,
}

fn filter(params: &Params) -> Filter {
    let mut filter = Filter::default();
    filter.environment = params.text("environment");
    filter.source_name = params.text("source_name");
    filter.source_component = params.text("source_component");
    filter.source_type = params.text("source_type");
    filter.metric_category = params.text("metric_category");
    filter.metric_name = params.text("metric_name");
    filter.metrics = params.list("metrics");
    filter.time_start = params.text("time_start");
    filter.time_end = params.text("time_end");
    filter
}

fn granularity(params: &mut Params) -> Granularity {
    let all = [Granularity::Hourly, Granularity::Daily, Granularity::Weekly];
    all[params.choice("granularity", &["hourly", "daily", "weekly"], 1)]
}

fn group_by(name: Option<&str>) -> Result<Option<GroupBy>, ApiError> {
    Ok(name.map(GroupBy::from_name).transpose()?)
}

fn category_source(params: &Params) -> Result<CategorySource, ApiError> {
    let name = params.text("category_source");
    Ok(name.map_or(Ok(CategorySource::default()), |name| CategorySource::from_name(&name))?)
}

/// The figures at the top of the page
///
/// Over the rows with a score that answer to the filter.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/summary",
    tag = "monitoring analytics",
    params(FilterParams, MetricParams),
    responses(
        (status = 200, description = "The figures; zeros without rows", body = Success<Summary>),
        (status = 400, description = "A time that cannot be read"),
        (status = 404, description = "Never synced"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn summary(State(engine): State<Engine>, params: Params) -> Answer<Summary> {
    let filter = filter(&params);
    let dataset = ready(&engine, DATASET)?;
    Ok(success(monitoring::summary(&dataset, &filter).await?))
}

/// Scores over time, by metric
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/trends",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("granularity" = Option<Granularity>, Query, description = "The length of a bucket; weeks begin on Monday. Default daily."),
    ),
    responses(
        (status = 200, description = "One point for each bucket and metric that have scores", body = Success<Trends>),
        (status = 400, description = "A time that cannot be read"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn trends(State(engine): State<Engine>, mut params: Params) -> Answer<Trends> {
    let (filter, granularity) = (filter(&params), granularity(&mut params));
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    Ok(success(monitoring::trends(&dataset, &filter, granularity).await?))
}

/// How each metric does, and in which group
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/metric-breakdown",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("threshold" = Option<f64>, Query, description = "The score that passes. Default 0.5."),
        ("group_by" = Option<String>, Query, description = "One of environment, evaluation_name, metric_name, model_name, source_component, source_name, source_type."),
    ),
    responses(
        (status = 200, description = "The metrics that have scores", body = Success<Breakdown>),
        (status = 400, description = "A time that cannot be read, or a group_by that is not allowed"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn metric_breakdown(State(engine): State<Engine>, mut params: Params) -> Answer<Breakdown> {
    let mut request = BreakdownRequest::default();
    request.filter = filter(&params);
    request.threshold = params.number("threshold", request.threshold);
    let group = params.text("group_by");
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    request.group_by = group_by(group.as_deref())?;
    Ok(success(monitoring::breakdown(&dataset, &request).await?))
}

/// How long answers take
///
/// A record counts once for each of its metrics.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/latency-distribution",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("bins" = Option<u32>, Query, minimum = 5, maximum = 100, description = "Bars of the histogram. Default 20."),
        ("group_by" = Option<String>, Query, description = "One of environment, evaluation_name, metric_name, model_name, source_component, source_name, source_type."),
    ),
    responses(
        (status = 200, description = "Histogram and percentiles", body = Success<LatencyDistribution>),
        (status = 400, description = "A time that cannot be read, or a group_by that is not allowed"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn latency_distribution(State(engine): State<Engine>, mut params: Params) -> Answer<LatencyDistribution> {
    let mut request = LatencyRequest::default();
    request.filter = filter(&params);
    request.bins = params.integer("bins", request.bins, 5..=100);
    let group = params.text("group_by");
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    request.group_by = group_by(group.as_deref())?;
    Ok(success(monitoring::latency(&dataset, &request).await?))
}

/// The values of a column in each group
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/class-distribution",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("metric" = String, Query, description = "A column, such as `metric_score`, or the name of a metric."),
        ("group_by" = String, Query, description = "One of environment, evaluation_name, metric_name, model_name, source_component, source_name, source_type."),
        ("max_values" = Option<u32>, Query, minimum = 0, maximum = 10_000, description = "The most values that are listed of a group. Default 1,000."),
    ),
    responses(
        (status = 200, description = "The groups that have values", body = Success<ClassDistribution>),
        (status = 400, description = "A time that cannot be read, or a metric or a group_by that is not allowed"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed or missing"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn class_distribution(State(engine): State<Engine>, mut params: Params) -> Answer<ClassDistribution> {
    let (metric, group) = (params.required("metric"), params.required("group_by"));
    let max_values = params.integer("max_values", 1_000, 0..=10_000);
    let filter = filter(&params);
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    let mut request = ClassRequest::new(metric, GroupBy::from_name(&group)?);
    request.filter = filter;
    request.max_values = max_values;
    Ok(success(monitoring::classes(&dataset, &request).await?))
}

/// How metrics go together
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/correlation",
    tag = "monitoring analytics",
    params(
        FilterParams,
        ("metrics" = String, Query, description = "A comma-separated list of up to 50 metrics, or columns."),
        ("metric_name" = Option<String>, Query, description = "`metric_name` equals it."),
    ),
    responses(
        (status = 200, description = "Pearson's coefficients; an empty matrix for fewer than two metrics", body = Success<Correlation>),
        (status = 400, description = "A time that cannot be read, or too many metrics"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "`metrics` is missing"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn correlation(State(engine): State<Engine>, mut params: Params) -> Answer<Correlation> {
    params.required("metrics");
    let mut filter = filter(&params);
    let metrics = std::mem::take(&mut filter.metrics);
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    Ok(success(monitoring::correlation(&dataset, &filter, &metrics).await?))
}

/// The labels of classifications, by metric
///
/// Over the rows of category CLASSIFICATION, whatever `metric_category` says.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/classification-breakdown",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("category_source" = Option<String>, Query, description = "The column of labels: explanation (default), actual_output or metric_score. Where the relation lacks it, the next one that it has."),
    ),
    responses(
        (status = 200, description = "The metrics that have labels", body = Success<ClassificationBreakdown>),
        (status = 400, description = "A time that cannot be read, or a category_source that is not allowed"),
        (status = 404, description = "Never synced"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn classification_breakdown(State(engine): State<Engine>, params: Params) -> Answer<ClassificationBreakdown> {
    let dataset = ready(&engine, DATASET)?;
    let (filter, source) = (filter(&params), category_source(&params)?);
    Ok(success(
        monitoring::classification_breakdown(&dataset, &filter, source).await?,
    ))
}

/// The labels of one metric over time
///
/// Over the rows of category CLASSIFICATION, whatever `metric_category` says.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/classification-trends",
    tag = "monitoring analytics",
    params(
        FilterParams,
        ("metric_name" = String, Query, description = "The metric."),
        ("metrics" = Option<String>, Query, description = "A comma-separated list of metrics that the metric must be among."),
        ("granularity" = Option<Granularity>, Query, description = "The length of a bucket; weeks begin on Monday. Default daily."),
        ("category_source" = Option<String>, Query, description = "The column of labels: explanation (default), actual_output or metric_score. Where the relation lacks it, the next one that it has."),
    ),
    responses(
        (status = 200, description = "The buckets that have labels", body = Success<ClassificationTrends>),
        (status = 400, description = "A time that cannot be read, or a category_source that is not allowed"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed or missing"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn classification_trends(State(engine): State<Engine>, mut params: Params) -> Answer<ClassificationTrends> {
    let metric = params.required("metric_name");
    let (filter, granularity) = (filter(&params), granularity(&mut params));
    let source = category_source(&params);
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    let trends = monitoring::classification_trends(&dataset, &metric, &filter, source?, granularity);
    Ok(success(trends.await?))
}

/// What analyses say, newest first
///
/// Over the rows of category ANALYSIS, whatever `metric_category` says.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/analysis-insights",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("page" = Option<u64>, Query, minimum = 1, description = "The page. Default 1."),
        ("limit" = Option<u64>, Query, minimum = 1, maximum = 100, description = "Records a page. Default 20."),
    ),
    responses(
        (status = 200, description = "The records of the page", body = Success<Insights>),
        (status = 400, description = "A time that cannot be read"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn analysis_insights(State(engine): State<Engine>, mut params: Params) -> Answer<Insights> {
    let mut request = InsightsRequest::default();
    request.filter = filter(&params);
    request.page = params.count("page", request.page, None);
    request.limit = params.count("limit", request.limit, Some(100));
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    Ok(success(monitoring::insights(&dataset, &request).await?))
}

/// Metrics whose latest bucket is out of the ordinary
///
/// By the rules of `anomaly_detection`; when that is not enabled, nothing is looked for.
#[utoipa::path(
    get,
    path = "/api/monitoring/analytics/anomalies",
    tag = "monitoring analytics",
    params(
        FilterParams,
        MetricParams,
        ("granularity" = Option<Granularity>, Query, description = "The length of a bucket; weeks begin on Monday. Default daily."),
    ),
    responses(
        (status = 200, description = "The findings", body = Success<Anomalies>),
        (status = 400, description = "A time that cannot be read"),
        (status = 404, description = "Never synced"),
        (status = 422, description = "A parameter that is not allowed"),
        (status = 503, description = "The first sync is running, or the server is stopping"),
    )
)]
async fn anomalies(State(engine): State<Engine>, mut params: Params) -> Answer<Anomalies> {
    let (filter, granularity) = (filter(&params), granularity(&mut params));
    params.check()?;
    let dataset = ready(&engine, DATASET)?;
    Ok(success(monitoring::anomalies(&dataset, &filter, granularity).await?))
}
