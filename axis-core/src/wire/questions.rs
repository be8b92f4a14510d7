//! The questions of the analytics, by name.

use serde_json::Value;

use super::members::Members;
use super::written;
use crate::analytics::eval::{self, DistributionRequest, MetricFilter, ScatterRequest};
use crate::analytics::kpi::{self, KpiRequest};
use crate::analytics::monitoring::{
    self, BreakdownRequest, CategorySource, ClassRequest, Filter, Granularity, GroupBy, InsightsRequest, LatencyRequest,
};
use crate::config::DatasetKind;
use crate::dataset::Dataset;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// Everything that can be asked.
pub const QUESTIONS: &[&str] = &[
    "monitoring.summary",
    "monitoring.trends",
    "monitoring.breakdown",
    "monitoring.latency",
    "monitoring.classes",
    "monitoring.correlation",
    "monitoring.classification_breakdown",
    "monitoring.classification_trends",
    "monitoring.insights",
    "monitoring.anomalies",
    "kpi.categories",
    "kpi.trends",
    "kpi.filters",
    "eval.summary",
    "eval.distribution",
    "eval.comparison",
    "eval.correlation",
    "eval.radar",
    "eval.scatter",
    "signals.cases",
    "signals.schema",
];

/// Answers a question of [`QUESTIONS`] about the stored data. The members of a request are the fields of the request that the
/// function in [`analytics`](crate::analytics) takes, those of its filter beside them.
///
/// # Errors
/// `NotFound` for a question that there is not, `InvalidArgument` for a wrong request, `NotSynced` without data, and whatever the
/// function says.
pub async fn ask(engine: &Engine, question: &str, request: Value) -> Result<Value> {
    engine.check_open()?;
    let members = Members::of("the request", request)?;
    match question.split_once('.') {
        Some(("monitoring", rest)) => of_monitoring(engine, rest, members).await,
        Some(("kpi", rest)) => of_kpi(engine, rest, members).await,
        Some(("eval", rest)) => of_eval(engine, rest, members).await,
        Some(("signals", rest)) => of_signals(engine, rest, members).await,
        _ => Err(unknown(question)),
    }
}

async fn of_monitoring(engine: &Engine, question: &str, members: Members) -> Result<Value> {
    let dataset = &engine.dataset("monitoring")?;
    match question {
        "summary" => {
            let filter = filter(&members)?;
            members.finish()?;
            written(&monitoring::summary(dataset, &filter).await?)
        }
        "trends" => {
            let (filter, granularity) = (filter(&members)?, granularity(&members)?);
            members.finish()?;
            written(&monitoring::trends(dataset, &filter, granularity).await?)
        }
        "breakdown" => {
            let mut request = BreakdownRequest::default();
            request.filter = filter(&members)?;
            request.threshold = members.take_or("threshold", request.threshold)?;
            request.group_by = group_by(&members)?;
            members.finish()?;
            written(&monitoring::breakdown(dataset, &request).await?)
        }
        "latency" => {
            let mut request = LatencyRequest::default();
            request.filter = filter(&members)?;
            request.bins = members.take_or("bins", request.bins)?;
            request.group_by = group_by(&members)?;
            members.finish()?;
            written(&monitoring::latency(dataset, &request).await?)
        }
        "classes" => {
            let metric: String = members.required("metric")?;
            let group_by = GroupBy::from_name(&members.required::<String>("group_by")?)?;
            let mut request = ClassRequest::new(metric, group_by);
            request.filter = filter(&members)?;
            request.max_values = members.take_or("max_values", request.max_values)?;
            members.finish()?;
            written(&monitoring::classes(dataset, &request).await?)
        }
        "correlation" => {
            let mut filter = filter(&members)?;
            members.finish()?;
            let metrics = std::mem::take(&mut filter.metrics);
            written(&monitoring::correlation(dataset, &filter, &metrics).await?)
        }
        "classification_breakdown" => {
            let (filter, source) = (filter(&members)?, category_source(&members)?);
            members.finish()?;
            written(&monitoring::classification_breakdown(dataset, &filter, source).await?)
        }
        "classification_trends" => {
            let metric: String = members.required("metric_name")?;
            let (filter, source) = (filter(&members)?, category_source(&members)?);
            let granularity = granularity(&members)?;
            members.finish()?;
            written(&monitoring::classification_trends(dataset, &metric, &filter, source, granularity).await?)
        }
        "insights" => {
            let mut request = InsightsRequest::default();
            request.filter = filter(&members)?;
            request.page = members.take_or("page", request.page)?;
            request.limit = members.take_or("limit", request.limit)?;
            members.finish()?;
            written(&monitoring::insights(dataset, &request).await?)
        }
        "anomalies" => {
            let (filter, granularity) = (filter(&members)?, granularity(&members)?);
            members.finish()?;
            written(&monitoring::anomalies(dataset, &filter, granularity).await?)
        }
        _ => Err(unknown(&format!("monitoring.{question}"))),
    }
}

async fn of_kpi(engine: &Engine, question: &str, members: Members) -> Result<Value> {
    let dataset = &engine.dataset("kpi")?;
    let request = |members: Members| {
        let request = KpiRequest {
            source_name: members.take("source_name")?,
            environment: members.take("environment")?,
            source_type: members.take("source_type")?,
            segment: members.take("segment")?,
            kpi_category: members.take("kpi_category")?,
            time_start: members.take("time_start")?,
            time_end: members.take("time_end")?,
            kpi_names: members.take_or("kpi_names", Vec::new())?,
        };
        members.finish().map(|()| request)
    };
    match question {
        "categories" => written(&kpi::categories(dataset, &request(members)?).await?),
        "trends" => written(&kpi::trends(dataset, &request(members)?).await?),
        "filters" => {
            members.finish()?;
            written(&kpi::filters(dataset).await?)
        }
        _ => Err(unknown(&format!("kpi.{question}"))),
    }
}

/// What is asked of the evaluations in memory, ready to be answered.
type OfEval = Box<dyn FnOnce(&eval::Frame) -> Result<Value> + Send>;

async fn of_eval(engine: &Engine, question: &str, members: Members) -> Result<Value> {
    let filter = |members: &Members| -> Result<MetricFilter> {
        Ok(MetricFilter::default()
            .metrics(members.take_or("metrics", Vec::new())?)
            .category(members.take("metric_category")?))
    };
    let asked: OfEval = match question {
        "summary" => {
            let filter = filter(&members)?;
            Box::new(move |frame| written(&eval::summary(frame, &filter)?))
        }
        "distribution" => {
            let mut request = DistributionRequest::new(members.required::<String>("metric")?);
            request.bins = members.take_or("bins", request.bins)?;
            request.max_values = members.take_or("max_values", request.max_values)?;
            Box::new(move |frame| written(&eval::distribution(frame, &request)?))
        }
        "comparison" => {
            let (group_by, filter) = (members.required::<String>("group_by")?, filter(&members)?);
            Box::new(move |frame| written(&eval::comparison(frame, &group_by, &filter)?))
        }
        "correlation" => {
            let filter = filter(&members)?;
            Box::new(move |frame| written(&eval::correlation(frame, &filter)?))
        }
        "radar" => {
            let (group_by, filter) = (members.take::<String>("group_by")?, filter(&members)?);
            Box::new(move |frame| written(&eval::radar(frame, group_by.as_deref(), &filter)?))
        }
        "scatter" => {
            let (x_metric, y_metric): (String, String) = (members.required("x_metric")?, members.required("y_metric")?);
            let mut request = ScatterRequest::new(x_metric, y_metric).color_by(members.take("color_by")?);
            request.max_points = members.take_or("max_points", request.max_points)?;
            Box::new(move |frame| written(&eval::scatter(frame, &request)?))
        }
        _ => return Err(unknown(&format!("eval.{question}"))),
    };
    members.finish()?;
    let dataset = of_kind(engine, DatasetKind::Eval)?;
    let frame = dataset.eval_frame().await?.ok_or_else(|| not_synced(&dataset))?;
    crate::analytics::frame::compute(&dataset, move || asked(&frame)).await?
}

async fn of_signals(engine: &Engine, question: &str, members: Members) -> Result<Value> {
    let signals = engine.signals()?;
    match question {
        "cases" => {
            let page = members.take_or("page", 1)?;
            let page_size = members.take_or("page_size", 50)?;
            members.finish()?;
            let cases = signals.cases(page, page_size).await?;
            written(&cases.ok_or_else(|| not_synced(signals.dataset()))?)
        }
        "schema" => {
            members.finish()?;
            written(&signals.schema().await?.ok_or_else(|| not_synced(signals.dataset()))?)
        }
        _ => Err(unknown(&format!("signals.{question}"))),
    }
}

fn filter(members: &Members) -> Result<Filter> {
    Ok(Filter {
        environment: members.take("environment")?,
        source_name: members.take("source_name")?,
        source_component: members.take("source_component")?,
        source_type: members.take("source_type")?,
        metric_category: members.take("metric_category")?,
        metric_name: members.take("metric_name")?,
        metrics: members.take_or("metrics", Vec::new())?,
        time_start: members.take("time_start")?,
        time_end: members.take("time_end")?,
    })
}

fn granularity(members: &Members) -> Result<Granularity> {
    let all = [
        ("hourly", Granularity::Hourly),
        ("daily", Granularity::Daily),
        ("weekly", Granularity::Weekly),
    ];
    members.choice("granularity", &all, Granularity::default())
}

fn group_by(members: &Members) -> Result<Option<GroupBy>> {
    named(members, "group_by", GroupBy::from_name)
}

fn category_source(members: &Members) -> Result<CategorySource> {
    Ok(named(members, "category_source", CategorySource::from_name)?.unwrap_or_default())
}

fn named<T>(members: &Members, name: &'static str, find: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
    members.take::<String>(name)?.map(|given| find(&given)).transpose()
}

/// Finds the dataset of a kind that there is once.
fn of_kind(engine: &Engine, kind: DatasetKind) -> Result<Dataset> {
    let mut datasets = engine.datasets();
    let found = datasets.find(|dataset| dataset.config().kind == kind);
    found.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no dataset of this kind"))
}

fn not_synced(dataset: &Dataset) -> Error {
    Error::new(ErrorKind::NotSynced, "the dataset was never synced").with("dataset", dataset.name())
}

fn unknown(question: &str) -> Error {
    let message = format!("there is no question `{question}`; there are {}", QUESTIONS.join(", "));
    Error::new(ErrorKind::NotFound, message)
}
