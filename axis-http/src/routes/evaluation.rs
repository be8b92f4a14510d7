//! Charts of evaluations, over rows of the body or of the store.

use axis_core::analytics::eval::{
    self, Comparison, Correlation, Distribution, DistributionRequest, Frame, MetricFilter, Radar, RowSource, Scatter,
    ScatterRequest, Summary,
};
use axis_core::config::DatasetKind;
use axis_core::{Dataset, Engine};
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ready;
use crate::app::App;
use crate::extract::{FORM_MAX, Params, RowsBody, RowsForm};
use crate::gate::ApiError;
use crate::work::{Workers, json};

/// The most bins of a histogram.
const BINS_MAX: u64 = 1_000;
/// The most values or points of an answer, and how many there are when nobody says.
const POINTS_MAX: u64 = 100_000;
const POINTS: u64 = 10_000;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(summary))
        .routes(routes!(distribution))
        .routes(routes!(comparison))
        .routes(routes!(correlation))
        .routes(routes!(radar))
        .routes(routes!(scatter))
        .layer(DefaultBodyLimit::max(FORM_MAX))
}

/// Sum up every metric: mean, deviation, least, greatest, and the fraction that passes.
#[utoipa::path(
    post, path = "/api/analytics/summary", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("source" = Option<RowSource>, Query, description = "Where the rows come from; by default the body, and the store when that has none"),
        ("metrics" = Option<Vec<String>>, Query, description = "Only these; repeated, or with commas"),
        ("metric_name" = Option<String>, Query, description = "Only this metric"),
        ("metric_category" = Option<String>, Query, description = "Only metrics of this category; SCORE includes those without one"),
    ),
    responses(
        (status = 200, description = "The metrics", body = Summary),
        (status = 400, description = "None of the metrics exists"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter cannot be read"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn summary(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |_| ())?;
    answer(&engine, &workers, asked, body, |frame, filter, ()| {
        eval::summary(frame, &filter)
    })
    .await
}

/// Tell how the values of a metric are distributed.
#[utoipa::path(
    post, path = "/api/analytics/distribution", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("metric" = String, Query, description = "The metric"),
        ("bins" = Option<u64>, Query, description = "Bins of the histogram; 20 by default", minimum = 1, maximum = 1000),
        ("max_values" = Option<u64>, Query, description = "The most values to return, thinned out evenly; 10,000 by default", minimum = 1, maximum = 100000),
        ("source" = Option<RowSource>, Query, description = "Where the rows come from"),
    ),
    responses(
        (status = 200, description = "Values, histogram and quartiles", body = Distribution),
        (status = 400, description = "There is no such metric"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter is missing or out of bounds"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn distribution(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |params| {
        DistributionRequest::new(params.required("metric"))
            .bins(params.count("bins", 20, Some(BINS_MAX)))
            .max_values(params.count("max_values", POINTS, Some(POINTS_MAX)))
    })?;
    answer(&engine, &workers, asked, body, |frame, _, request| {
        eval::distribution(frame, &request)
    })
    .await
}

/// Compare groups of records.
#[utoipa::path(
    post, path = "/api/analytics/comparison", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("group_by" = String, Query, description = "The column that makes the groups, at most 1,000"),
        ("metrics" = Option<Vec<String>>, Query, description = "Only these; repeated, or with commas"),
        ("metric_name" = Option<String>, Query, description = "Only this metric"),
        ("metric_category" = Option<String>, Query, description = "Only metrics of this category"),
        ("source" = Option<RowSource>, Query, description = "Where the rows come from"),
    ),
    responses(
        (status = 200, description = "Mean, deviation and count of each metric in each group", body = Comparison),
        (status = 400, description = "There is no such column, it has too many values, or none of the metrics exists"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter is missing"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn comparison(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |params| params.required("group_by"))?;
    answer(&engine, &workers, asked, body, |frame, filter, group_by| {
        eval::comparison(frame, &group_by, &filter)
    })
    .await
}

/// Correlate every metric with every other.
#[utoipa::path(
    post, path = "/api/analytics/correlation", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("metrics" = Option<Vec<String>>, Query, description = "Only these; repeated, or with commas"),
        ("metric_category" = Option<String>, Query, description = "Only metrics of this category"),
        ("source" = Option<RowSource>, Query, description = "Where the rows come from"),
    ),
    responses(
        (status = 200, description = "Pearson's coefficients; 0 where they are not defined", body = Correlation),
        (status = 400, description = "Fewer than two metrics, or more than 200"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter cannot be read"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn correlation(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |_| ())?;
    answer(&engine, &workers, asked, body, |frame, filter, ()| {
        eval::correlation(frame, &filter)
    })
    .await
}

/// Return the means of the metrics, for all records or by group.
#[utoipa::path(
    post, path = "/api/analytics/radar", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("group_by" = Option<String>, Query, description = "The column that makes the traces; one trace without it"),
        ("metrics" = Option<Vec<String>>, Query, description = "Only these; repeated, or with commas"),
        ("metric_category" = Option<String>, Query, description = "Only metrics of this category"),
        ("source" = Option<RowSource>, Query, description = "Where the rows come from"),
    ),
    responses(
        (status = 200, description = "The traces", body = Radar),
        (status = 400, description = "Fewer than three metrics, or no such column"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter cannot be read"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn radar(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |params| params.text("group_by"))?;
    answer(&engine, &workers, asked, body, |frame, filter, group_by| {
        eval::radar(frame, group_by.as_deref(), &filter)
    })
    .await
}

/// Return the records that have two metrics, as points.
#[utoipa::path(
    post, path = "/api/analytics/scatter", tag = "evaluations",
    request_body(content = Option<RowsForm>, description = "The rows; without any those of the store are taken"),
    params(
        ("x_metric" = String, Query, description = "The metric to the right"),
        ("y_metric" = String, Query, description = "The metric upwards"),
        ("color_by" = Option<String>, Query, description = "The column that colours the points"),
        ("max_points" = Option<u64>, Query, description = "The most points to return, thinned out evenly; 10,000 by default", minimum = 1, maximum = 100000),
        ("source" = Option<RowSource>, Query, description = "Where the rows come from"),
    ),
    responses(
        (status = 200, description = "The points", body = Scatter),
        (status = 400, description = "There is no such metric or column, or the column has too many values"),
        (status = 404, description = "`source=store`, and no evaluations are stored"),
        (status = 413, description = "The body is larger than 50 MB, or has too many values"),
        (status = 422, description = "The body holds no rows, or a parameter is missing or out of bounds"),
        (status = 503, description = "`source=store`, and the first sync is running"),
    )
)]
async fn scatter(
    State(engine): State<Engine>,
    State(workers): State<Workers>,
    params: Params,
    body: RowsBody,
) -> Result<Response, ApiError> {
    let asked = Asked::read(params, |params| {
        ScatterRequest::new(params.required("x_metric"), params.required("y_metric"))
            .color_by(params.text("color_by"))
            .max_points(params.count("max_points", POINTS, Some(POINTS_MAX)))
    })?;
    answer(&engine, &workers, asked, body, |frame, _, request| {
        eval::scatter(frame, &request)
    })
    .await
}

/// The parameters: those that every question has, and its own.
struct Asked<T> {
    source: Option<RowSource>,
    filter: MetricFilter,
    own: T,
}

impl<T> Asked<T> {
    fn read(mut params: Params, own: impl FnOnce(&mut Params) -> T) -> Result<Self, ApiError> {
        let source = params
            .text("source")
            .map(|_| params.choice("source", &["store", "body"], 1));
        let mut metrics = params.all("metrics");
        metrics.extend(params.all("metrics[]"));
        metrics.extend(params.text("metric_name"));
        let filter = MetricFilter::default()
            .metrics(metrics)
            .category(params.text("metric_category"));
        let own = own(&mut params);
        params.check()?;
        Ok(Self {
            source: source.map(|index| if index == 0 { RowSource::Store } else { RowSource::Body }),
            filter,
            own,
        })
    }
}

/// Finds the rows, asks, and writes the answer.
async fn answer<T, A>(
    engine: &Engine,
    workers: &Workers,
    asked: Asked<T>,
    body: RowsBody,
    question: impl FnOnce(&Frame, MetricFilter, T) -> axis_core::Result<A> + Send + 'static,
) -> Result<Response, ApiError>
where
    T: Send + 'static,
    A: Serialize,
{
    let Asked {
        source,
        mut filter,
        own,
    } = asked;
    let posted = workers.run(|| body.read()).await?;
    if filter.metrics.is_empty() {
        filter.metrics = posted.metrics.unwrap_or_default();
    }
    let stored = match source {
        Some(RowSource::Store) => stored(&ready(engine, "eval")?).await?,
        None if posted.table.rows() == 0 => match synced(engine) {
            Some(dataset) => stored(&dataset).await?,
            None => None,
        },
        _ => None,
    };
    workers
        .run(move || {
            let frame = match stored {
                Some(frame) => frame,
                None => std::sync::Arc::new(Frame::of_rows(&posted.table)?),
            };
            json(&question(&frame, filter, own)?)
        })
        .await
}

/// Finds the evaluations of the store, if there are any.
fn synced(engine: &Engine) -> Option<Dataset> {
    let mut all = engine.datasets();
    all.find(|dataset| dataset.config().kind == DatasetKind::Eval && dataset.status().generation > 0)
}

async fn stored(dataset: &Dataset) -> Result<Option<std::sync::Arc<Frame>>, ApiError> {
    Ok(dataset.eval_frame().await?)
}
