//! How good are the metrics?

use serde::Serialize;

use super::frame::{Frame, MetricFilter, RowSource};
use super::{PASSING, stats};
use crate::error::Result;

/// Every metric in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Summary {
    /// Always true.
    pub success: bool,
    /// The metrics: of wide rows in the order of the columns, of long rows by name.
    pub summary: Vec<MetricSummary>,
    /// Records.
    pub total_records: u64,
    /// Rows; of long rows there are several for each record.
    pub total_rows: u64,
    /// Where the rows came from.
    pub source: RowSource,
}

/// One metric in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricSummary {
    /// The metric.
    pub metric_name: String,
    /// Mean.
    pub mean: f64,
    /// Deviation of a sample; 0 of a single value.
    pub std: f64,
    /// Least.
    pub min: f64,
    /// Greatest.
    pub max: f64,
    /// Records that have it.
    pub count: u64,
    /// Fraction (0 to 1) of values at or above 0.5.
    pub passing_rate: f64,
}

/// Sums up the metrics that are asked about.
///
/// # Errors
/// `InvalidArgument` when metrics are named and none of them exists.
#[allow(clippy::cast_precision_loss)] // Nobody has 2^53 values.
pub fn summary(frame: &Frame, filter: &MetricFilter) -> Result<Summary> {
    let metrics = frame.select(filter)?.into_iter().map(|metric| {
        let moments = stats::moments(metric.values.iter().copied());
        let passing = metric.values.iter().filter(|value| **value >= PASSING).count();
        MetricSummary {
            metric_name: metric.name.clone(),
            mean: moments.mean,
            std: moments.std,
            min: moments.min,
            max: moments.max,
            count: moments.count,
            passing_rate: stats::clean(passing as f64 / moments.count as f64),
        }
    });
    Ok(Summary {
        success: true,
        summary: metrics.collect(),
        total_records: frame.records as u64,
        total_rows: frame.rows,
        source: frame.source,
    })
}
