//! How does one metric go with another, record by record?

use serde::Serialize;

use super::correlation::joined;
use super::frame::{Frame, RowSource, spread};
use crate::error::{Error, ErrorKind, Result};
use crate::uploads::Cell;

/// The most points of one answer.
const POINTS_MAX: u64 = 100_000;

/// What is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScatterRequest {
    /// The metric to the right.
    pub x_metric: String,
    /// The metric upwards.
    pub y_metric: String,
    /// The column that colours the points.
    pub color_by: Option<String>,
    /// The most points to return, up to 100,000 (default 10,000); more are thinned out evenly.
    pub max_points: u64,
}

impl ScatterRequest {
    /// Asks about two metrics.
    #[must_use]
    pub fn new(x_metric: impl Into<String>, y_metric: impl Into<String>) -> Self {
        Self {
            x_metric: x_metric.into(),
            y_metric: y_metric.into(),
            color_by: None,
            max_points: 10_000,
        }
    }

    /// Sets the column that colours the points.
    #[must_use]
    pub fn color_by(mut self, column: Option<String>) -> Self {
        self.color_by = column;
        self
    }

    /// Sets the most points to return.
    #[must_use]
    pub fn max_points(mut self, points: u64) -> Self {
        self.max_points = points;
        self
    }
}

/// The records that have both metrics, in their order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Scatter {
    /// Always true.
    pub success: bool,
    /// The values to the right.
    pub x: Vec<f64>,
    /// The values upwards.
    pub y: Vec<f64>,
    /// The metric to the right.
    pub x_metric: String,
    /// The metric upwards.
    pub y_metric: String,
    /// The colour of each point: a text, a number, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<serde_json::Value>>))]
    pub color: Option<Vec<Cell>>,
    /// The column that colours the points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_by: Option<String>,
    /// The `dataset_id` of each point, when there is that column.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Vec<serde_json::Value>>))]
    pub ids: Option<Vec<Cell>>,
    /// How many records have both metrics.
    pub count: u64,
    /// Whether there are more points than are listed.
    pub truncated: bool,
    /// Where the rows came from.
    pub source: RowSource,
}

/// Returns the points of two metrics.
///
/// # Errors
/// `InvalidArgument` when a metric or the column does not exist, the column has too many values, or a bound is not kept.
pub fn scatter(frame: &Frame, request: &ScatterRequest) -> Result<Scatter> {
    if request.max_points > POINTS_MAX {
        let message = format!(
            "max_points {} is not allowed; it is at most {POINTS_MAX}",
            request.max_points
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval"));
    }
    let (x, y) = (frame.metric(&request.x_metric)?, frame.metric(&request.y_metric)?);
    let all: Vec<(u32, f64, f64)> = joined(x, y).collect();
    let points = spread(&all, usize::try_from(request.max_points).unwrap_or(0));
    let records: Vec<u32> = points.iter().map(|point| point.0).collect();
    let color = match &request.color_by {
        Some(column) => Some(frame.cells(column, &records)?),
        None => None,
    };
    Ok(Scatter {
        success: true,
        x: points.iter().map(|point| point.1).collect(),
        y: points.iter().map(|point| point.2).collect(),
        x_metric: x.name.clone(),
        y_metric: y.name.clone(),
        color,
        color_by: request.color_by.clone(),
        ids: frame.ids(&records),
        count: all.len() as u64,
        truncated: all.len() > points.len(),
        source: frame.source,
    })
}
