//! Completing the rows of a file of traces.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};

use super::eval::numbers;
use super::table::{Cell, Table};
use super::{Upload, counted};
use crate::config::DatasetKind;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::final_names;

/// Names the columns as a sync does, and completes the rows.
///
/// `columns` are the names that the configuration gives to columns; `now` is the time of rows without one, when there is no column
/// of times. Of long rows `metric_score` holds the scores, of others every column that ends in `_score`.
///
/// # Errors
/// `InvalidArgument` when there is no `dataset_id` under any of its names, or two columns would get one name.
pub fn process(mut table: Table, columns: &BTreeMap<String, String>, now: DateTime<Utc>) -> Result<Upload> {
    let names = final_names(DatasetKind::Monitoring, columns, &table.names())
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.message()).during("upload.recognise"))?;
    if !names.iter().any(|name| name == "dataset_id") {
        let message = "the format is unknown; a column must be `dataset_id`, `id` or `record_id`";
        return Err(Error::new(ErrorKind::InvalidArgument, message).during("upload.recognise"));
    }
    table.rename(names);
    Ok(complete(table, now))
}

/// Completes rows whose columns have their names already.
#[must_use]
pub fn complete(mut table: Table, now: DateTime<Utc>) -> Upload {
    if !table.has("timestamp") {
        let now = now.to_rfc3339_opts(SecondsFormat::Micros, false);
        table.complete("timestamp", &Cell::text(now));
    }
    let mut warnings = Vec::new();
    let is_score = |name: &String| name.ends_with("_score");
    for name in table.names().iter().filter(|name| *name == "latency" || is_score(name)) {
        numbers(&mut table, name, &mut warnings);
    }
    let metric_columns: Vec<String> = if table.has("metric_name") && table.has("metric_score") {
        vec!["metric_score".to_owned()]
    } else {
        let scores = table.names().into_iter().filter(is_score);
        scores.filter(|name| name != "metric_score").collect()
    };
    let rows = counted(table.rows(), "row");
    Upload {
        success: true,
        format: "monitoring".to_owned(),
        row_count: table.rows() as u64,
        columns: table.names(),
        message: format!("{rows}; {}", counted(metric_columns.len(), "metric column")),
        metric_columns: Some(metric_columns),
        preview: None,
        data: table,
        warnings,
    }
}
