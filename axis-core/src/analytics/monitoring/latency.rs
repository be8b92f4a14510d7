//! How long answers take.

use std::collections::BTreeMap;

use serde::Serialize;

use super::filter::Named;
use super::summary::QUANTILES;
use super::{Filter, GroupBy};
use crate::analytics::frame::{
    Attribute, Conditions, Frame, Groups, Latencies, NONE, Needs, Places, Selection, compute, narrowed,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};

/// The group of a row that is selected and in no group that is listed, and of one that is not selected. Groups are looked up
/// in the order of latencies, all over the memory, so they are made small.
const UNLISTED: u16 = u16::MAX - 1;
const UNSELECTED: u16 = u16::MAX;

/// What [`latency`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LatencyRequest {
    /// Which rows.
    pub filter: Filter,
    /// Bars of the histogram, 5 to 100 (default 20).
    pub bins: u32,
    /// By what the latencies are divided again.
    pub group_by: Option<GroupBy>,
}

impl Default for LatencyRequest {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            bins: 20,
            group_by: None,
        }
    }
}

/// The answer of [`latency`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct LatencyDistribution {
    /// The histogram; empty without rows.
    pub histogram: Histogram,
    /// The percentiles.
    pub percentiles: Percentiles,
    /// The groups by name, without NULL; null when they were not asked for, or the relation has no such column.
    pub by_group: Option<BTreeMap<String, GroupLatency>>,
    /// Groups that are not listed, because there are more than 1,000: those with the fewest rows.
    pub groups_omitted: u64,
}

/// Bars of equal width from the least to the greatest value, which is in the last one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Histogram {
    /// Rows in each bar.
    pub counts: Vec<u64>,
    /// Where the bars begin, and where the last one ends.
    pub edges: Vec<f64>,
}

/// Interpolated percentiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Percentiles {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
}

/// The latencies of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct GroupLatency {
    /// Rows in each bar of the whole histogram.
    pub counts: Vec<u64>,
    /// The percentiles.
    pub percentiles: Percentiles,
}

/// Distributes the latencies. A record counts once for each of its metrics, as it has rows.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read or bins outside of 5 to 100; `NotSynced`, `Store`, `Closed`.
pub async fn latency(dataset: &Dataset, request: &LatencyRequest) -> Result<LatencyDistribution> {
    if !(5..=100).contains(&request.bins) {
        let message = format!("bins {} is not allowed; it is 5 to 100", request.bins);
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut conditions = request.filter.conditions(dataset)?;
    let (bins, group_by) = (request.bins as usize, request.group_by);
    let named = request.filter.metric_name.is_some() || !request.filter.metrics.is_empty();
    let needs = Needs {
        attributes: [Attribute::MetricName]
            .into_iter()
            .chain(group_by.map(GroupBy::attribute))
            .collect(),
        latencies: true,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    compute(dataset, move || {
        if !named {
            frame.once(&mut conditions);
        }
        distribute(&frame, &conditions, bins, group_by)
    })
    .await
}

fn distribute(frame: &Frame, conditions: &Conditions, bins: usize, group_by: Option<GroupBy>) -> LatencyDistribution {
    let Some(latencies) = &frame.latencies else {
        return LatencyDistribution::default();
    };
    let selection = frame.select(conditions);
    let groups = group_by.and_then(|group| Named::new(frame, &selection, frame.rows, group, false));
    let order = in_order(frame, latencies, &selection, groups.as_ref());
    let selected = || {
        order
            .iter()
            .copied()
            .zip(latencies.values.iter().copied())
            .filter(|(group, _)| *group != UNSELECTED)
    };
    let (Some((_, low)), Some(high)) = (selected().next(), last(&order, &latencies.values)) else {
        return LatencyDistribution::default();
    };
    let high = if high > low { high } else { low + 1.0 };
    let width = (high - low) / bins as f64;
    let size = groups.as_ref().map_or(0, |groups| groups.names.len());
    let mut counts = vec![0; bins];
    let mut group_counts = vec![0; bins * size];
    for (group, value) in selected() {
        let bin = ((value - low) / (high - low) * bins as f64) as usize;
        let bin = bin.min(bins - 1);
        counts[bin] += 1;
        if group < UNLISTED {
            group_counts[group as usize * bins + bin] += 1;
        }
    }
    let any = order.iter().map(|group| if *group == UNSELECTED { NONE } else { 0 });
    let all = percentiles(any, &latencies.values, &[counts.iter().sum()]);
    let by_group = groups.as_ref().map(|groups| {
        let rows: Vec<u64> = group_counts.chunks(bins).map(|counts| counts.iter().sum()).collect();
        let listed = order
            .iter()
            .map(|group| if *group >= UNLISTED { NONE } else { u32::from(*group) });
        let percentiles = percentiles(listed, &latencies.values, &rows);
        let each = groups
            .names
            .iter()
            .zip(group_counts.chunks(bins))
            .zip(percentiles)
            .zip(&rows);
        each.filter(|(_, rows)| **rows > 0)
            .map(|(((name, counts), percentiles), _)| {
                let counts = counts.to_vec();
                (
                    name.unwrap_or_default().to_owned(),
                    GroupLatency { counts, percentiles },
                )
            })
            .collect()
    });
    LatencyDistribution {
        histogram: Histogram {
            counts,
            edges: (0..=bins).map(|edge| low + edge as f64 * width).collect(),
        },
        percentiles: all.first().copied().unwrap_or_default(),
        by_group,
        groups_omitted: groups.as_ref().map_or(0, |groups| groups.omitted as u64),
    }
}

/// The group of each latency, in their order: everything after this goes through memory from front to back.
fn in_order(frame: &Frame, latencies: &Latencies, selection: &Selection, groups: Option<&Named<'_>>) -> Vec<u16> {
    let Some(groups) = groups else {
        let group = |row: &u32| {
            if selection.has(*row as usize) {
                UNLISTED
            } else {
                UNSELECTED
            }
        };
        return latencies.rows.iter().map(group).collect();
    };
    let ids = Groups::new(&Selection::All, frame.rows, &groups.key, None).ids;
    // The lists of groups are far shorter than these numbers reach.
    let mut small: Vec<u16> = ids.iter().map(|id| (*id).min(u32::from(UNLISTED)) as u16).collect();
    if !matches!(selection, Selection::All) {
        for (row, group) in small.iter_mut().enumerate() {
            if !selection.has(row) {
                *group = UNSELECTED;
            }
        }
    }
    latencies.rows.iter().map(|row| small[*row as usize]).collect()
}

/// The greatest value of a row that is selected.
fn last(order: &[u16], values: &[f64]) -> Option<f64> {
    let last = order.iter().rposition(|group| *group != UNSELECTED)?;
    Some(values[last])
}

/// The percentiles of groups with so many values each.
fn percentiles(groups: impl Iterator<Item = u32>, values: &[f64], rows: &[u64]) -> Vec<Percentiles> {
    let mut places = Places::default();
    rows.iter().for_each(|rows| places.add_quantiles(&QUANTILES, *rows));
    places.find(groups.zip(values.iter().copied()));
    let each = rows.iter().enumerate().map(|(group, rows)| {
        let [p50, p95, p99] = QUANTILES.map(|quantile| places.quantile(group, quantile, *rows));
        Percentiles { p50, p95, p99 }
    });
    each.collect()
}
