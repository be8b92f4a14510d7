//! Files and rows that clients bring along: read, recognised, completed, and on request kept in the store.
//!
//! A file is CSV in UTF-8. [`read_csv`] finds the type of every column, [`EvalFormat`] says what an evaluation file is, and
//! [`eval::process`] and [`monitoring::process`] complete its rows. Rows in a JSON body are read by [`Posted`].
//! [`Dataset::keep`](crate::Dataset::keep) puts the rows into the store.

pub mod eval;
pub mod monitoring;

mod csv;
mod database;
mod examples;
mod format;
mod literal;
mod posted;
mod stored;
mod table;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use csv::over;
pub use csv::{Limits, OVER_LIMIT, read_csv};
pub use database::{
    AnomalyConfig, MonitoringConfig, MovingAverageConfig, RateOfChangeConfig, ThresholdPair, Thresholds, ZScoreConfig,
};
pub use examples::{EVAL_EXAMPLES, MONITORING_EXAMPLES, example};
pub use format::EvalFormat;
pub use posted::{Posted, Problem, Step};
pub(crate) use stored::stored;
pub use table::{Cell, Column, Table};
pub use tree::{Mapping, Prepared, Wide, prepare, widen};

use serde::Serialize;

/// What became of an upload: its rows, completed, and what was noticed. Serialises to the form on the wire.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// Always true: what fails is an error.
    pub success: bool,
    /// What the file was recognised as.
    pub format: String,
    /// Rows.
    pub row_count: u64,
    /// Columns, in the order of the file, then those that were added.
    pub columns: Vec<String>,
    /// The columns that hold scores; for monitoring only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric_columns: Option<Vec<String>>,
    /// The first ten rows; for evaluations only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<Object>>))]
    pub preview: Option<Table>,
    /// The rows as objects.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub data: Table,
    /// What was read, for people.
    pub message: String,
    /// Values that could not be used as they are; empty as a rule.
    pub warnings: Vec<String>,
}

/// Rows that the preview of an upload has.
const PREVIEW_ROWS: usize = 10;

/// Writes a number of things in words.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
