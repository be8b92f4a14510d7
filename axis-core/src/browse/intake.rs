//! Names and recognises rows that were read from a source, as an upload's are.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::{Map, Value};

use super::rows::Rows;
use crate::config::DatasetConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::final_names;

/// How many rows are shown ahead.
const PREVIEW: usize = 10;
/// Rows without any of these are of little use to the evaluation pages.
const EXPECTED: [&str; 6] = [
    "query",
    "dataset_id",
    "metric_name",
    "metric_score",
    "actual_output",
    "evaluation_name",
];

/// Finds the dataset that a client calls `data`, `monitoring` or `human_signals`.
///
/// # Errors
/// `InvalidArgument` for any other word.
pub fn dataset_of(store: &str) -> Result<&'static str> {
    match store {
        "data" => Ok("eval"),
        "monitoring" => Ok("monitoring"),
        "human_signals" => Ok("human_signals"),
        _ => {
            let message = "the store is unknown; data, monitoring and human_signals are allowed";
            Err(Error::new(ErrorKind::InvalidArgument, message))
        }
    }
}

/// Imported rows. Serialises to the form on the wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Intake {
    /// Always true: what fails is an error.
    pub success: bool,
    /// What the rows were recognised as; `database_import` when they are of no known format.
    pub format: String,
    /// Rows.
    pub row_count: u64,
    /// Columns, in order.
    pub columns: Vec<String>,
    /// The first ten rows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub preview: Vec<Map<String, Value>>,
    /// What was read, for people.
    pub message: String,
    /// The rows.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub data: Vec<Map<String, Value>>,
    /// Whether the source has more rows than were asked for.
    pub truncated: bool,
    /// Rows that were left out because an earlier one has the same id and metric.
    pub duplicates: u64,
}

impl Intake {
    /// Names the columns as a sync of the dataset would, and leaves out repetitions of the same id and metric when asked to.
    ///
    /// # Errors
    /// `InvalidArgument` when two columns would get one name.
    pub fn of(rows: Rows, dataset: &DatasetConfig, dedupe: bool) -> Result<Self> {
        let Rows {
            columns,
            rows,
            truncated,
        } = rows;
        let names = final_names(dataset.kind, &dataset.columns, &columns)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.message()))?;
        let rename = |row: Map<String, Value>| -> Map<String, Value> {
            names.iter().cloned().zip(row.into_iter().map(|(_, value)| value)).collect()
        };
        let mut data: Vec<Map<String, Value>> = rows.into_iter().map(rename).collect();
        let before = data.len();
        if dedupe {
            leave_out_repetitions(&mut data, &names);
        }
        let duplicates = (before - data.len()) as u64;
        let mut message = format!("{} imported from the database", counted(data.len(), "row"));
        if truncated {
            message.push_str("; there are more");
        }
        if duplicates > 0 {
            message.push_str(&format!("; {duplicates} left out as repetitions"));
        }
        if !data.is_empty() && !EXPECTED.iter().any(|name| names.iter().any(|own| own == name)) {
            message.push_str(&format!(
                "; warning: none of the columns is one of {}, map them",
                EXPECTED.join(", ")
            ));
        }
        Ok(Self {
            success: true,
            format: "database_import".to_owned(),
            row_count: data.len() as u64,
            columns: if data.is_empty() { Vec::new() } else { names },
            preview: data.iter().take(PREVIEW).cloned().collect(),
            message,
            data,
            truncated,
            duplicates,
        })
    }
}

/// Keeps the first row of each `dataset_id`, else `id`, together with `metric_name` where there is one. A row without an id is
/// no repetition of any other.
fn leave_out_repetitions(data: &mut Vec<Map<String, Value>>, names: &[String]) {
    let has = |name: &&str| names.iter().any(|own| own == name);
    let Some(id) = ["dataset_id", "id"].into_iter().find(has) else {
        return;
    };
    let metric = Some("metric_name").filter(has);
    let mut seen = HashSet::new();
    data.retain(|row| {
        let text = |name: &str| row.get(name).filter(|value| !value.is_null()).map(Value::to_string);
        match text(id) {
            Some(id) => seen.insert((id, metric.and_then(text))),
            None => true,
        }
    });
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
