//! How long answers take.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use super::filter::Named;
use super::summary::QUANTILES;
use super::{Filter, GroupBy};
use crate::analytics::frame::codes::{Code, with_codes};
use crate::analytics::frame::{
    Attribute, Conditions, Frame, Latencies, NONE, Needs, Places, Selection, compute, narrowed, quantile_of,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};

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
    let (values, order) = selected(latencies, &selection, groups.as_ref());
    let (Some(low), Some(high)) = (values.first().copied(), values.last().copied()) else {
        return LatencyDistribution::default();
    };
    let high = if high > low { high } else { low + 1.0 };
    let width = (high - low) / bins as f64;
    let size = groups.as_ref().map_or(0, |groups| groups.names.len());
    let mut counts = vec![0; bins];
    let mut group_counts = vec![0; bins * size];
    let mut start = 0;
    for bin in 0..bins {
        // The bins ascend with the values, so each is a stretch of them.
        let is_below = |value: &f64| (((value - low) / (high - low) * bins as f64) as usize).min(bins - 1) <= bin;
        let end = start + values[start..].partition_point(is_below);
        counts[bin] = (end - start) as u64;
        let listed = order.iter().take(end).skip(start).filter(|group| **group != NONE);
        listed.for_each(|group| group_counts[*group as usize * bins + bin] += 1);
        start = end;
    }
    let by_group = groups.as_ref().map(|groups| {
        let rows: Vec<u64> = group_counts.chunks(bins).map(|counts| counts.iter().sum()).collect();
        let percentiles = percentiles(&order, &values, &rows);
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
        percentiles: {
            let [p50, p95, p99] = QUANTILES.map(|quantile| quantile_of(&values, quantile));
            Percentiles { p50, p95, p99 }
        },
        by_group,
        groups_omitted: groups.as_ref().map_or(0, |groups| groups.omitted as u64),
    }
}

/// The latencies of selected rows, ascending, and the group of each, when there are groups.
fn selected<'a>(
    latencies: &'a Latencies,
    selection: &Selection,
    groups: Option<&Named<'_>>,
) -> (Cow<'a, [f64]>, Vec<u32>) {
    let all = latencies.rows.iter().zip(&latencies.values);
    let key = groups.map(|groups| &groups.key);
    match (selection, key) {
        (Selection::All, None) => (Cow::Borrowed(&latencies.values), Vec::new()),
        (Selection::All, Some(key)) => {
            let order = with_codes!(key.codes, codes => {
                latencies.rows.iter().map(|row| key.index[codes[*row as usize].index()]).collect()
            });
            (Cow::Borrowed(&latencies.values), order)
        }
        (_, None) => {
            let values = all
                .filter(|(row, _)| selection.has(**row as usize))
                .map(|(_, value)| *value);
            (values.collect(), Vec::new())
        }
        (_, Some(key)) => {
            let (mut values, mut order) = (Vec::new(), Vec::new());
            with_codes!(key.codes, codes => {
                for (row, value) in all.filter(|(row, _)| selection.has(**row as usize)) {
                    values.push(*value);
                    order.push(key.index[codes[*row as usize].index()]);
                }
            });
            (Cow::Owned(values), order)
        }
    }
}

/// The percentiles of groups with so many values each.
fn percentiles(order: &[u32], values: &[f64], rows: &[u64]) -> Vec<Percentiles> {
    let mut places = Places::default();
    rows.iter().for_each(|rows| places.add_quantiles(&QUANTILES, *rows));
    places.find(order.iter().copied().zip(values.iter().copied()));
    let each = rows.iter().enumerate().map(|(group, rows)| {
        let [p50, p95, p99] = QUANTILES.map(|quantile| places.quantile(group, quantile, *rows));
        Percentiles { p50, p95, p99 }
    });
    each.collect()
}
