//! How do groups of records compare?

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::frame::{Frame, Groups, MetricFilter, NONE, RowSource, Series};
use super::stats;
use crate::error::{Error, ErrorKind, Result};

/// The most numbers of one answer: groups times metrics.
const CELLS_MAX: usize = 200_000;

/// Metrics by group.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    /// Always true.
    pub success: bool,
    /// One object a group, by name.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<Object>))]
    pub comparison: Vec<ComparisonGroup>,
    /// The metrics.
    pub metrics: Vec<String>,
    /// The groups, by name.
    pub groups: Vec<String>,
    /// Where the rows came from.
    pub source: RowSource,
}

/// One group: `group` and, under the name of each metric, its numbers.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ComparisonGroup {
    /// The group.
    pub group: String,
    /// Metric and numbers, in the order of the metrics.
    pub metrics: Vec<(String, GroupStats)>,
}

/// One metric in one group; of no values all are 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GroupStats {
    /// Mean.
    pub mean: f64,
    /// Deviation of a sample; 0 of a single value.
    pub std: f64,
    /// Records that have the metric.
    pub count: u64,
}

impl Serialize for ComparisonGroup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(1 + self.metrics.len()))?;
        object.serialize_entry("group", &self.group)?;
        // A metric of that name would hide the group.
        for (name, stats) in self.metrics.iter().filter(|(name, _)| name != "group") {
            object.serialize_entry(name, stats)?;
        }
        object.end()
    }
}

/// Compares the groups that a column makes. Records without a value there are in none.
///
/// # Errors
/// `InvalidArgument` when there is no such column, it makes too many groups, or metrics are named and none of them exists.
pub fn comparison(frame: &Frame, group_by: &str, filter: &MetricFilter) -> Result<Comparison> {
    let groups = frame.groups(group_by)?;
    let mut metrics = frame.select(filter)?;
    if filter.metrics.is_empty() {
        // A column does not explain itself.
        metrics.retain(|metric| metric.name != group_by);
    }
    if groups.names.len() * metrics.len() > CELLS_MAX {
        let message = format!(
            "{} groups of {} metrics are too much; name fewer metrics",
            groups.names.len(),
            metrics.len()
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval"));
    }
    let mut comparison: Vec<ComparisonGroup> = groups
        .names
        .iter()
        .map(|group| ComparisonGroup {
            group: group.clone(),
            metrics: Vec::with_capacity(metrics.len()),
        })
        .collect();
    for metric in &metrics {
        for (group, values) in comparison.iter_mut().zip(by_group(metric, &groups)) {
            let moments = stats::moments(values.iter().copied());
            let stats = GroupStats {
                mean: moments.mean,
                std: moments.std,
                count: moments.count,
            };
            group.metrics.push((metric.name.clone(), stats));
        }
    }
    Ok(Comparison {
        success: true,
        comparison,
        metrics: metrics.iter().map(|metric| metric.name.clone()).collect(),
        groups: groups.names,
        source: frame.source,
    })
}

/// Splits the values of a metric by the groups of their records.
pub(super) fn by_group(metric: &Series, groups: &Groups) -> Vec<Vec<f64>> {
    let mut values = vec![Vec::new(); groups.names.len()];
    for (record, value) in metric.records.iter().zip(&metric.values) {
        match groups.of[*record as usize] {
            NONE => {}
            group => values[group as usize].push(*value),
        }
    }
    values
}
