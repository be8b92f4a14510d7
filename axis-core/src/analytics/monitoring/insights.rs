//! What analyses say: the rows of category ANALYSIS, newest first.

use std::fmt::Write as _;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use duckdb::Connection;
use serde::Serialize;
use serde_json::Value;

use super::Filter;
use crate::analytics::frame::{
    Attribute, Conditions, Frame, Needs, PageBounds, Relation, compute, narrowed, time_text,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Limits, Reason, fetch, stored_generation};

/// The most records of a page.
const LIMIT_MAX: u64 = 100;
/// The texts of a record, in the order in which they are read.
const COLUMNS: [&str; 9] = [
    "dataset_id",
    "metric_name",
    "query",
    "actual_output",
    "explanation",
    "signals",
    "environment",
    "source_name",
    "source_component",
];
/// The operation in errors.
const OPERATION: &str = "analytics.insights";
/// How often a page is tried again when a sync has changed the rows in between.
const TRIES: usize = 5;

/// What [`insights`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InsightsRequest {
    /// Which rows; its category does not matter.
    pub filter: Filter,
    /// From 1.
    pub page: u64,
    /// Records a page, 1 to 100 (default 20).
    pub limit: u64,
}

impl Default for InsightsRequest {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            page: 1,
            limit: 20,
        }
    }
}

/// The answer of [`insights`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Insights {
    /// By `timestamp`, newest first and those without one last; then by `dataset_id`, `metric_name` and `explanation` as text.
    pub records: Vec<Insight>,
    /// Records on all pages.
    pub total_count: u64,
    /// The page.
    pub page: u64,
    /// Records a page.
    pub limit: u64,
    /// The metrics of all pages, ascending.
    pub metric_names: Vec<String>,
}

/// One analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Insight {
    /// The record.
    pub dataset_id: Option<String>,
    /// When it was.
    pub timestamp: Option<String>,
    /// The metric.
    pub metric_name: Option<String>,
    /// What was asked; null when it is empty.
    pub query: Option<String>,
    /// What was answered; null when it is empty.
    pub actual_output: Option<String>,
    /// What the analysis says; null when it is empty.
    pub explanation: Option<String>,
    /// An object or an array where the text is one, else the text.
    pub signals: Value,
    /// Where the record is from.
    pub source_info: SourceInfo,
}

/// Where a record is from.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SourceInfo {
    /// `environment`
    pub environment: Option<String>,
    /// `source_name`
    pub source_name: Option<String>,
    /// `source_component`
    pub source_component: Option<String>,
}

/// Lists analyses, page by page.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read, a page below 1, or a limit outside of 1 to 100; `NotSynced`, `Store`, `Closed`.
pub async fn insights(dataset: &Dataset, request: &InsightsRequest) -> Result<Insights> {
    if request.page < 1 || !(1..=LIMIT_MAX).contains(&request.limit) {
        let message = format!("page begins at 1, and limit is 1 to {LIMIT_MAX}");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut conditions = request.filter.conditions(dataset)?;
    conditions.category = Some("ANALYSIS".to_owned());
    let (page, limit) = (request.page, request.limit);
    let offset = (page - 1).saturating_mul(limit);
    for _ in 0..TRIES {
        let needs = Needs {
            attributes: vec![Attribute::MetricName],
            times: true,
            conditions: conditions.clone(),
            ..Needs::default()
        };
        let frame = narrowed(dataset, needs).await?;
        let (generation, wanted) = (frame.generation, conditions.clone());
        let (bounds, metric_names) = compute(dataset, move || look(&frame, wanted, offset, limit)).await?;
        if let Some(records) = read(dataset, generation, conditions.clone(), bounds).await? {
            return Ok(Insights {
                records,
                total_count: bounds.total,
                page,
                limit,
                metric_names,
            });
        }
    }
    Err(Error::new(ErrorKind::Store, "the rows change too fast to be read").during(OPERATION))
}

/// Finds the page and the names of the metrics.
fn look(frame: &Frame, mut conditions: Conditions, offset: u64, limit: u64) -> (PageBounds, Vec<String>) {
    if frame.shape.score_columns().is_some() {
        let named = conditions
            .attributes()
            .any(|attribute| attribute == Attribute::MetricName);
        if named {
            return (PageBounds::default(), Vec::new());
        }
        frame.once(&mut conditions);
    }
    let selection = frame.select(&conditions);
    let bounds = frame.page(&selection, offset, limit);
    let named = frame
        .attribute(Attribute::MetricName)
        .filter(|_| frame.shape.score_columns().is_none());
    let names = named.map_or_else(Vec::new, |column| {
        let counts = frame.count_codes(&selection, frame.rows, Attribute::MetricName);
        let codes = (0..counts.len()).filter(|code| counts[*code] > 0);
        codes
            .filter_map(|code| column.text(code as u32).map(str::to_owned))
            .collect()
    });
    (bounds, names)
}

/// Reads the rows of a page; `None` when the dataset has another generation by now.
async fn read(
    dataset: &Dataset,
    generation: u64,
    conditions: Conditions,
    bounds: PageBounds,
) -> Result<Option<Vec<Insight>>> {
    if bounds.rows == 0 {
        return Ok(Some(Vec::new()));
    }
    let (name, relation) = (
        dataset.name().to_owned(),
        dataset.relation().unwrap_or_default().to_owned(),
    );
    let work = move |connection: &Connection, _: &Reason| {
        if stored_generation(connection, &name)? != generation {
            return Ok(None);
        }
        let Some(relation) = Relation::read(connection, &relation)? else {
            return Ok(None);
        };
        rows(connection, &relation, &conditions, bounds).map(Some)
    };
    dataset
        .engine()
        .readable()
        .await?
        .pool
        .snapshot(Limits::default(), work)
        .await
}

fn rows(
    connection: &Connection,
    relation: &Relation,
    conditions: &Conditions,
    bounds: PageBounds,
) -> Result<Vec<Insight>> {
    let text = |name: &str| relation.text(name).unwrap_or_else(|| "null::varchar".to_owned());
    let (time, instant) = relation.time().unzip();
    let (mut condition, values) = relation.condition(conditions, None);
    // Writing to a String cannot fail.
    let _ = write!(condition, " and ({})", range(relation, time.as_deref(), bounds));
    if let (Some((first, last)), Some((time, literal))) = (bounds.records, relation.record_time()) {
        // The long texts of the records are then read from a few blocks, not from all.
        let _ = write!(
            condition,
            " and {time} between {} and {}",
            literal(first),
            literal(last)
        );
    }
    let columns = COLUMNS.map(text).join(", ");
    let keys = ["dataset_id", "metric_name", "explanation"].map(text).join(", ");
    let sql = format!(
        "select {} as axis_time, {columns} from {} where {condition}
         order by axis_time desc nulls last, {keys} limit {} offset {}",
        time.unwrap_or_else(|| "null::timestamp".to_owned()),
        relation.name,
        bounds.rows,
        bounds.skip
    );
    let batches = fetch(connection, &sql, values, OPERATION)?;
    let instant = instant.unwrap_or(false);
    let insights = batches
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| insight(batch, row, instant)));
    Ok(insights.collect())
}

/// The condition on the time of the page's rows.
fn range(relation: &Relation, time: Option<&str>, bounds: PageBounds) -> String {
    let mut terms = Vec::new();
    if let (Some(time), Some((oldest, newest))) = (time, bounds.range) {
        let (oldest, newest) = (relation.time_literal(oldest), relation.time_literal(newest));
        terms.push(format!("{time} between {oldest} and {newest}"));
    }
    if bounds.nulls {
        terms.push(time.map_or_else(|| "true".to_owned(), |time| format!("{time} is null")));
    }
    terms.join(" or ")
}

fn insight(batch: &RecordBatch, row: usize, instant: bool) -> Insight {
    let text = |column: usize| {
        let texts = batch.column(column).as_string_opt::<i32>()?;
        texts.iter().nth(row).flatten().map(str::to_owned)
    };
    let filled = |column: usize| text(column).filter(|text| !text.is_empty());
    let times = batch.column(0).as_primitive_opt::<TimestampMicrosecondType>();
    let micros = times.and_then(|times| times.iter().nth(row).flatten());
    Insight {
        dataset_id: text(1),
        timestamp: micros.and_then(|micros| time_text(micros, instant)),
        metric_name: text(2),
        query: filled(3),
        actual_output: filled(4),
        explanation: filled(5),
        signals: filled(6).map_or(Value::Null, signals),
        source_info: SourceInfo {
            environment: text(7),
            source_name: text(8),
            source_component: text(9),
        },
    }
}

/// A bare number or truth value stays text: clients expect an object, an array, a text or nothing.
fn signals(text: String) -> Value {
    match serde_json::from_str(&text) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => Value::String(text),
    }
}
