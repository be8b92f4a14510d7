//! How each metric does, and in which group.

use std::collections::BTreeMap;

use serde::Serialize;

use super::filter::Named;
use super::summary::PASS;
use super::{Filter, GroupBy};
use crate::analytics::frame::{Attribute, Frame, Groups, Needs, Tally, compute, narrowed};
use crate::dataset::Dataset;
use crate::error::Result;

/// What [`breakdown`] is asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct BreakdownRequest {
    /// Which rows.
    pub filter: Filter,
    /// The score that passes (default 0.5).
    pub threshold: f64,
    /// By what each metric is divided again.
    pub group_by: Option<GroupBy>,
}

impl Default for BreakdownRequest {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            threshold: PASS,
            group_by: None,
        }
    }
}

/// The answer of [`breakdown`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Breakdown {
    /// The metrics that have scores, by name.
    pub metrics: Vec<MetricBreakdown>,
    /// Groups that are not listed, because there are more than 1,000: those with the fewest rows.
    pub groups_omitted: u64,
}

/// How one metric does.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MetricBreakdown {
    /// The metric.
    pub name: String,
    /// Percentage of scores at or above the threshold.
    pub pass_rate: f64,
    /// Mean score.
    pub avg: f64,
    /// Scores.
    pub count: u64,
    /// The groups by name, without NULL; null when they were not asked for, or the relation has no such column.
    pub by_group: Option<BTreeMap<String, GroupScore>>,
}

/// How one metric does in one group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct GroupScore {
    /// Percentage of scores at or above the threshold.
    pub pass_rate: f64,
    /// Mean score.
    pub avg: f64,
    /// Scores.
    pub count: f64,
}

/// Divides the scores by metric, and by group when asked for. Rows without a metric are left out.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn breakdown(dataset: &Dataset, request: &BreakdownRequest) -> Result<Breakdown> {
    let conditions = request.filter.conditions(dataset)?;
    let (threshold, group_by) = (request.threshold, request.group_by);
    let group = group_by.map(GroupBy::attribute);
    let needs = Needs {
        attributes: [Attribute::MetricName].into_iter().chain(group).collect(),
        scores: true,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    compute(dataset, move || {
        let selection = frame.select(&conditions);
        let scored = frame.scored();
        let Some(metrics) = Named::of(&frame, &selection, scored, Attribute::MetricName, false, usize::MAX) else {
            return Breakdown::default();
        };
        let tallies = Groups::new(&selection, scored, &metrics.key, None).tally(&frame.scores, threshold);
        let groups = group_by
            .filter(|_| frame.shape.score_columns().is_none())
            .and_then(|group| Named::new(&frame, &selection, scored, group, false));
        let mut by_group = groups.as_ref().map(|groups| {
            let ids = Groups::new(&selection, scored, &metrics.key, Some(&groups.key));
            divide(&frame, &ids, groups, metrics.names.len(), threshold)
        });
        let metrics = metrics
            .names
            .iter()
            .zip(&tallies)
            .enumerate()
            .map(|(metric, (name, tally))| MetricBreakdown {
                name: name.unwrap_or_default().to_owned(),
                pass_rate: tally.pass_rate(),
                avg: tally.mean(),
                count: tally.count,
                by_group: by_group.as_mut().map(|metrics| std::mem::take(&mut metrics[metric])),
            });
        Breakdown {
            metrics: metrics.collect(),
            groups_omitted: groups.as_ref().map_or(0, |groups| groups.omitted as u64),
        }
    })
    .await
}

/// The groups of each metric that have scores.
fn divide(
    frame: &Frame,
    ids: &Groups,
    groups: &Named<'_>,
    metrics: usize,
    threshold: f64,
) -> Vec<BTreeMap<String, GroupScore>> {
    let mut divided = vec![BTreeMap::new(); metrics];
    let tallies = ids.tally(&frame.scores, threshold);
    for (place, tally) in tallies.iter().enumerate().filter(|(_, tally)| tally.count > 0) {
        let (metric, group) = ids.keys(place);
        if let Some(name) = groups.names[group] {
            divided[metric].insert(name.to_owned(), score(tally));
        }
    }
    divided
}

fn score(tally: &Tally) -> GroupScore {
    GroupScore {
        pass_rate: tally.pass_rate(),
        avg: tally.mean(),
        count: tally.count as f64,
    }
}
