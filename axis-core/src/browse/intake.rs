//! Names and recognises rows that were read from a source, as an upload's are.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::rows::Rows;
use crate::config::{DatasetConfig, DatasetKind};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::final_names;
use crate::uploads::{EvalFormat, Table, Upload, eval, monitoring};

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
    /// What the rows were recognised as, and the rows, completed as those of a file are; `database_import` and the rows as they
    /// came when they are of no known format.
    #[serde(flatten)]
    pub upload: Upload,
    /// Whether the source has more rows than were asked for.
    pub truncated: bool,
    /// Rows that were left out because an earlier one has the same id and metric.
    pub duplicates: u64,
}

impl Intake {
    /// Names the columns as a sync of the dataset would, leaves out repetitions of the same id and metric when asked to, and
    /// completes the rows. `now` is the time of traces when no column says theirs.
    ///
    /// # Errors
    /// `InvalidArgument` when two columns would get one name.
    pub fn of(rows: Rows, dataset: &DatasetConfig, dedupe: bool, now: DateTime<Utc>) -> Result<Self> {
        let Rows {
            columns,
            rows,
            truncated,
        } = rows;
        let names = final_names(dataset.kind, &dataset.columns, &columns)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.message()))?;
        let rename = |row: Map<String, Value>| -> Map<String, Value> {
            names
                .iter()
                .cloned()
                .zip(row.into_iter().map(|(_, value)| value))
                .collect()
        };
        let mut data: Vec<Map<String, Value>> = rows.into_iter().map(rename).collect();
        let before = data.len();
        if dedupe {
            leave_out_repetitions(&mut data, &names);
        }
        let duplicates = (before - data.len()) as u64;
        let is_useful = data.is_empty() || EXPECTED.iter().any(|name| names.iter().any(|own| own == name));
        let names = if data.is_empty() { Vec::new() } else { names };
        let mut upload = recognised(Table::of_objects(names, data), dataset.kind, now)?;
        upload.preview = Some(upload.data.head(PREVIEW));
        if truncated {
            upload.message.push_str("; there are more");
        }
        if duplicates > 0 {
            upload
                .message
                .push_str(&format!("; {duplicates} left out as repetitions"));
        }
        if !is_useful {
            let warning = format!("none of the columns is one of {}; map them", EXPECTED.join(", "));
            upload.message.push_str(&format!("; warning: {warning}"));
            upload.warnings.push(warning);
        }
        Ok(Self {
            upload,
            truncated,
            duplicates,
        })
    }
}

/// Completes rows of a known format, and takes others as they are.
fn recognised(table: Table, kind: DatasetKind, now: DateTime<Utc>) -> Result<Upload> {
    let format = EvalFormat::detect(&table.names());
    match kind {
        DatasetKind::Monitoring if table.has("dataset_id") => return monitoring::process(table, &BTreeMap::new(), now),
        DatasetKind::Eval if format != EvalFormat::Unknown => return eval::process(table),
        _ => {}
    }
    let format = match format {
        EvalFormat::Unknown => "database_import",
        format => format.name(),
    };
    Ok(Upload {
        success: true,
        format: format.to_owned(),
        row_count: table.rows() as u64,
        columns: table.names(),
        metric_columns: None,
        preview: None,
        message: match table.rows() {
            1 => "1 row".to_owned(),
            rows => format!("{rows} rows"),
        },
        data: table,
        warnings: Vec::new(),
    })
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
