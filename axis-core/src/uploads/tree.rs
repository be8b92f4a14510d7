//! From one row a metric to one row a record, with a column for each metric.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;

use super::EvalFormat;
use super::csv::{Limits, over};
use super::table::{Cell, Column, Table};
use crate::error::{Error, ErrorKind, Result};

/// The columns that tell records apart, as far as they are there.
const INDEX: [&str; 6] = [
    "dataset_id",
    "evaluation_name",
    "query",
    "actual_output",
    "evaluation_metadata",
    "data_metadata",
];
/// Columns that hold no metric, although they may hold numbers.
const NO_METRICS: [&str; 5] = [
    "dataset_id",
    "query",
    "actual_output",
    "evaluation_name",
    "evaluation_metadata",
];
/// The most columns that metrics may become.
const METRICS_MAX: usize = 1_000;

/// One row a record, in ascending order of the columns that tell records apart; missing values come last.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Wide {
    /// Always true.
    pub success: bool,
    /// The rows as objects.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub data: Table,
    /// The columns: those that tell records apart, then the metrics by name.
    pub columns: Vec<String>,
    /// Metrics that were left out: a `Latency` above 1 is no score, and `PERFORMANCE` is made from it.
    pub dropped: Vec<String>,
}

/// Rows that are ready for charts.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Prepared {
    /// Always true.
    pub success: bool,
    /// The rows as objects.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub data: Table,
    /// The columns.
    pub columns: Vec<String>,
    /// The columns that hold metrics.
    pub metric_columns: Vec<String>,
    /// Which of them are metrics, and which are components of metrics.
    pub mapping: Mapping,
    /// Metrics that were left out; see [`Wide::dropped`].
    pub dropped: Vec<String>,
}

/// The names of metrics by their `metric_type`, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Mapping {
    /// Of type `metric`, or of none.
    pub metrics: Vec<String>,
    /// Of type `component`.
    pub components: Vec<String>,
}

/// Turns rows of metrics into rows of records. Of several scores of one record and metric the first counts, and a missing value
/// tells records apart like any other.
///
/// # Errors
/// `InvalidArgument` when the columns `metric_name` and `metric_score`, or two of those that tell records apart, are missing; when
/// records and columns make more cells than `limits` allow, during [`OVER_LIMIT`](super::OVER_LIMIT).
pub fn widen(table: &Table, metric_type: Option<&str>, limits: Limits) -> Result<Wide> {
    let names = needed(table, "metric_name")?;
    let scores = needed(table, "metric_score")?;
    let index: Vec<&Column> = INDEX.iter().filter_map(|name| table.column(name)).collect();
    if index.len() < 2 {
        return Err(wrong(format!(
            "at least two of these columns are needed: {}",
            INDEX.join(", ")
        )));
    }
    let types = table.column("metric_type");
    let wanted = |row: usize| match metric_type {
        None => true,
        Some(wanted) => types.is_some_and(|column| column.cells[row].label().as_deref() == Some(wanted)),
    };
    // The key is what JSON would write, so that a text and a number of the same look stay apart.
    let mut records: BTreeMap<Vec<Key>, usize> = BTreeMap::new();
    let mut first_rows: Vec<usize> = Vec::new();
    let mut metrics: BTreeMap<String, HashMap<usize, f64>> = BTreeMap::new();
    for row in (0..table.rows()).filter(|row| wanted(*row)) {
        let Some(name) = names.cells[row].label() else { continue };
        let key = index.iter().map(|column| Key::of(&column.cells[row])).collect();
        let record = *records.entry(key).or_insert_with(|| {
            first_rows.push(row);
            first_rows.len() - 1
        });
        let values = metrics.entry(name).or_default();
        if let Some(score) = scores.cells[row].number() {
            values.entry(record).or_insert(score);
        }
        if metrics.len() > METRICS_MAX {
            return Err(wrong(format!("there are more than {METRICS_MAX} metrics")));
        }
    }
    let dropped = drop_latency(&mut metrics);
    // Each record gets a cell for each metric, however few it has.
    if records.len().saturating_mul(index.len() + metrics.len()) > limits.cells {
        return Err(over(format!(
            "the records would have more than {} fields",
            limits.cells
        )));
    }
    let order: Vec<usize> = records.into_values().collect();
    let keys = index.iter().map(|column| {
        let cells = order.iter().map(|record| column.cells[first_rows[*record]].clone());
        Column::new(column.name.clone(), cells.collect())
    });
    let clash = |name: &String| index.iter().any(|column| column.name == *name);
    if let Some(name) = metrics.keys().find(|name| clash(name)) {
        return Err(wrong(format!("a metric has the name of the column `{name}`")));
    }
    let values = metrics.iter().map(|(name, values)| {
        let cells = order
            .iter()
            .map(|record| values.get(record).map_or(Cell::Null, |score| Cell::Number(*score)));
        Column::new(name.clone(), cells.collect())
    });
    let data = Table::new(keys.chain(values).collect());
    Ok(Wide {
        success: true,
        columns: data.names(),
        data,
        dropped,
    })
}

/// Prepares rows for charts: those of metrics become rows of records, others stay as they are.
///
/// # Errors
/// As [`widen`], for the formats that have one row a metric.
pub fn prepare(table: Table, format: &str, metric_type: Option<&str>, limits: Limits) -> Result<Prepared> {
    let is_long = [EvalFormat::Tree, EvalFormat::Flat]
        .iter()
        .any(|long| long.name() == format);
    let has_metrics = table.has("metric_name") && table.has("metric_score");
    let (data, mapping, dropped) = if is_long || (format == EvalFormat::EvalRunner.name() && has_metrics) {
        let wide = widen(&table, metric_type, limits)?;
        (wide.data, mapping(&table), wide.dropped)
    } else {
        (table, Mapping::default(), Vec::new())
    };
    let metric_columns: Vec<String> = data
        .columns()
        .iter()
        .filter(|column| column.is_numeric() && !NO_METRICS.contains(&column.name.as_str()))
        .map(|column| column.name.clone())
        .collect();
    let kept = |names: Vec<String>| names.into_iter().filter(|name| metric_columns.contains(name)).collect();
    let mapping = if is_long {
        Mapping {
            metrics: kept(mapping.metrics),
            components: kept(mapping.components),
        }
    } else {
        Mapping {
            metrics: metric_columns.clone(),
            components: Vec::new(),
        }
    };
    Ok(Prepared {
        success: true,
        columns: data.names(),
        data,
        metric_columns,
        mapping,
        dropped,
    })
}

fn mapping(table: &Table) -> Mapping {
    let Some(names) = table.column("metric_name") else {
        return Mapping::default();
    };
    let types = table.column("metric_type");
    let (mut metrics, mut components) = (BTreeSet::new(), BTreeSet::new());
    for (row, name) in names.cells.iter().enumerate() {
        let Some(name) = name.label() else { continue };
        match types.and_then(|column| column.cells[row].label()).as_deref() {
            Some("component") => components.insert(name),
            _ => metrics.insert(name),
        };
    }
    Mapping {
        metrics: metrics.into_iter().collect(),
        components: components.into_iter().collect(),
    }
}

fn drop_latency(metrics: &mut BTreeMap<String, HashMap<usize, f64>>) -> Vec<String> {
    let is_time = |values: &HashMap<usize, f64>| values.values().any(|value| *value > 1.0);
    if !metrics.get("Latency").is_some_and(is_time) {
        return Vec::new();
    }
    let gone = ["Latency", "PERFORMANCE"].into_iter();
    gone.filter(|name| metrics.remove(*name).is_some())
        .map(str::to_owned)
        .collect()
}

/// A value of the columns that tell records apart; missing ones come last.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Bool(bool),
    /// A number, in an order of bits that is the order of numbers.
    Number(i64),
    Text(Box<str>),
    Missing,
}

impl Key {
    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::Null => Self::Missing,
            Cell::Bool(value) => Self::Bool(*value),
            Cell::Text(text) => Self::Text(text.clone()),
            Cell::Int(_) | Cell::Number(_) => cell.number().map_or(Self::Missing, |value| {
                let bits = (value + 0.0).to_bits().cast_signed();
                Self::Number(bits ^ (((bits >> 63).cast_unsigned() >> 1).cast_signed()))
            }),
            Cell::Json(value) => Self::Text(value.to_string().into()),
        }
    }
}

fn needed<'a>(table: &'a Table, name: &str) -> Result<&'a Column> {
    let column = table.column(name);
    column.ok_or_else(|| wrong(format!("the column `{name}` is missing")))
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during("upload.widen")
}
