//! Which shape do the metrics have?

use serde::Serialize;

use super::comparison::by_group;
use super::frame::{Frame, MetricFilter, RowSource};
use super::stats;
use crate::error::{Error, ErrorKind, Result};

/// The name of the only trace when there are no groups.
const OVERALL: &str = "Overall";

/// The mean of each metric, for all records or by group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Radar {
    /// Always true.
    pub success: bool,
    /// The metrics.
    pub metrics: Vec<String>,
    /// One trace a group, by name; `Overall` without groups.
    pub traces: Vec<Trace>,
    /// Where the rows came from.
    pub source: RowSource,
}

/// The means of one group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trace {
    /// The group.
    pub name: String,
    /// The means, in the order of the metrics; 0 where a group has no value.
    pub values: Vec<f64>,
}

/// Tells the means of the metrics that are asked about. Records without a value to group by are in no group.
///
/// # Errors
/// `InvalidArgument` when there are fewer than three metrics, there is no such column, or it makes too many groups.
pub fn radar(frame: &Frame, group_by: Option<&str>, filter: &MetricFilter) -> Result<Radar> {
    let metrics = frame.select(filter)?;
    if metrics.len() < 3 {
        let message = format!("a radar needs three metrics or more; there are {}", metrics.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval"));
    }
    let mean = |values: &[f64]| stats::moments(values.iter().copied()).mean;
    let traces = match group_by {
        None => vec![Trace {
            name: OVERALL.to_owned(),
            values: metrics.iter().map(|metric| mean(&metric.values)).collect(),
        }],
        Some(column) => {
            let groups = frame.groups(column)?;
            let values: Vec<Vec<f64>> = metrics
                .iter()
                .map(|metric| by_group(metric, &groups).iter().map(|values| mean(values)).collect())
                .collect();
            let trace = |(index, name): (usize, &String)| Trace {
                name: name.clone(),
                values: values.iter().map(|means| means[index]).collect(),
            };
            groups.names.iter().enumerate().map(trace).collect()
        }
    };
    Ok(Radar {
        success: true,
        metrics: metrics.iter().map(|metric| metric.name.clone()).collect(),
        traces,
        source: frame.source,
    })
}
