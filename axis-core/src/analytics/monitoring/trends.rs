//! Scores over time.

use serde::Serialize;

use super::summary::{PASS, QUANTILES};
use super::{Filter, Granularity};
use crate::analytics::frame::{Attribute, Conditions, Frame, Groups, Key, NONE, Needs, Places, compute, narrowed};
use crate::dataset::Dataset;
use crate::error::Result;

/// The answer of [`trends`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Trends {
    /// One point for each bucket and metric that have rows, by bucket, then by metric.
    pub data: Vec<TrendPoint>,
    /// The metrics among them, ascending.
    pub metrics: Vec<String>,
    /// The length of the buckets.
    pub granularity: Granularity,
}

/// The scores of one metric in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct TrendPoint {
    /// When the bucket begins: `YYYY-MM-DD HH:MM:SS`, with `+00:00` when the column is an instant.
    pub timestamp: String,
    /// The metric.
    pub metric: String,
    /// Mean score.
    pub avg: f64,
    /// Median, interpolated.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// Scores.
    pub count: u64,
}

/// Follows the scores of each metric over time. Rows without a score, a time or a metric are left out; empty buckets, too.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn trends(dataset: &Dataset, filter: &Filter, granularity: Granularity) -> Result<Trends> {
    let conditions = filter.conditions(dataset)?;
    let needs = Needs {
        attributes: vec![Attribute::MetricName],
        scores: true,
        times: true,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    compute(dataset, move || follow(&frame, &conditions, granularity)).await
}

fn follow(frame: &Frame, conditions: &Conditions, granularity: Granularity) -> Trends {
    let (Some(times), Some(metric)) = (&frame.times, frame.attribute(Attribute::MetricName)) else {
        return Trends {
            granularity,
            ..Trends::default()
        };
    };
    let buckets = times.buckets(granularity);
    let by_time = Key {
        codes: &times.hours,
        size: buckets.labels.len(),
        index: buckets.of_hour,
    };
    let by_metric = Key {
        codes: &metric.codes,
        size: metric.cardinality() - 1,
        index: [NONE].into_iter().chain(0..metric.cardinality() as u32 - 1).collect(),
    };
    let groups = Groups::new(&frame.select(conditions), frame.scored(), &by_time, Some(&by_metric));
    let tallies = groups.tally(&frame.scores, PASS);
    let mut places = Places::default();
    tallies
        .iter()
        .for_each(|tally| places.add_quantiles(&QUANTILES, tally.count));
    let mut walk = places.walk();
    groups.each(&frame.scores, |group, score| walk.step(group, score));

    let mut filled: Vec<(usize, usize, usize)> = (0..tallies.len())
        .filter(|group| tallies[*group].count > 0)
        .map(|group| {
            let (bucket, metric) = groups.keys(group);
            (bucket, metric, group)
        })
        .collect();
    filled.sort_unstable();
    let mut seen = vec![false; by_metric.size];
    let name = |index: usize| metric.text(index as u32 + 1).unwrap_or_default().to_owned();
    let data = filled
        .into_iter()
        .map(|(bucket, metric, group)| {
            seen[metric] = true;
            let tally = &tallies[group];
            let [p50, p95, p99] = QUANTILES.map(|quantile| places.quantile(group, quantile, tally.count));
            TrendPoint {
                timestamp: buckets.labels[bucket].clone(),
                metric: name(metric),
                avg: tally.mean(),
                p50,
                p95,
                p99,
                count: tally.count,
            }
        })
        .collect();
    Trends {
        data,
        metrics: (0..by_metric.size).filter(|metric| seen[*metric]).map(name).collect(),
        granularity,
    }
}
