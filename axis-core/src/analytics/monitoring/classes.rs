//! The values of a column in each group: for violin and box plots.

use serde::Serialize;

use super::filter::Named;
use super::summary::PASS;
use super::{Filter, GroupBy};
use crate::analytics::frame::{
    Attribute, Conditions, Frame, Groups, Needs, Places, Relation, Shape, Tally, compute, narrowed, relation_of,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};

/// The most values of a group that may be asked for.
const VALUES_MAX: u32 = 10_000;

/// What [`classes`] is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassRequest {
    /// Which rows.
    pub filter: Filter,
    /// A column, such as `metric_score`; or the name of a metric, which means its scores.
    pub metric: String,
    /// By what the values are divided.
    pub group_by: GroupBy,
    /// The most values that are listed of a group, 0 to 10,000 (default 1,000).
    pub max_values: u32,
}

impl ClassRequest {
    /// Asks for the values of a column by group.
    pub fn new(metric: impl Into<String>, group_by: GroupBy) -> Self {
        Self {
            filter: Filter::default(),
            metric: metric.into(),
            group_by,
            max_values: 1_000,
        }
    }
}

/// The answer of [`classes`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassDistribution {
    /// The groups that have values, by name, NULL last.
    pub data: Vec<ClassValues>,
    /// The column, or the metric.
    pub metric: String,
    /// By what the values are divided.
    pub group_by: String,
    /// The most values that are listed of a group.
    pub max_values: u32,
    /// Groups that are not listed, because there are more than 1,000: those with the fewest rows.
    pub groups_omitted: u64,
}

/// The values of one group.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassValues {
    /// The group; null is its own.
    pub group: Option<String>,
    /// Values in ascending order. Of more than `max_values` there are as many, from the least to the greatest, at even
    /// distances in their order.
    pub values: Vec<f64>,
    /// Whether values are missing from the list.
    pub sampled: bool,
    /// Figures over all values.
    pub stats: ClassStats,
}

/// Figures over all values of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassStats {
    /// Mean.
    pub mean: f64,
    /// Sample standard deviation; 0 of one value.
    pub std: f64,
    /// Least value.
    pub min: f64,
    /// Greatest value.
    pub max: f64,
    /// Median, interpolated.
    pub median: f64,
    /// Values.
    pub count: f64,
}

/// Divides the values of a column by group.
///
/// # Errors
/// `InvalidArgument` when the relation lacks the column or the group's column, for a time that cannot be read, and for more
/// values than are allowed; `NotSynced`, `Store`, `Closed`.
pub async fn classes(dataset: &Dataset, request: &ClassRequest) -> Result<ClassDistribution> {
    if request.max_values > VALUES_MAX {
        let message = format!(
            "max_values {} is not allowed; it is 0 to {VALUES_MAX}",
            request.max_values
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut conditions = request.filter.conditions(dataset)?;
    let group_by = request.group_by;
    let relation = relation_of(dataset).await?;
    if relation.column(group_by.name()).is_none() {
        let message = format!("group_by `{}` is not allowed; there is no such column", group_by.name());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let value = value(&relation, &request.metric, &mut conditions);
    let is_column = value.is_some() || relation.column(&request.metric).is_some();
    let needs = Needs {
        attributes: vec![Attribute::MetricName, group_by.attribute()],
        scores: true,
        value,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    let known = is_column || {
        let metrics = frame.attribute(Attribute::MetricName);
        metrics.is_some_and(|metrics| metrics.allowed(|name| name == Some(&request.metric)).contains(&true))
    };
    if !known {
        let message = format!(
            "metric `{}` is not allowed; there is no such column, nor a metric of that name",
            request.metric
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let (metric, most) = (request.metric.clone(), request.max_values);
    compute(dataset, move || {
        let (data, omitted) = divide(&frame, &conditions, group_by, most as usize);
        ClassDistribution {
            data,
            metric,
            group_by: group_by.name().to_owned(),
            max_values: most,
            groups_omitted: omitted as u64,
        }
    })
    .await
}

/// Says what column to read in place of the score, if it is not the score itself, or adds which metric is meant.
fn value(relation: &Relation, metric: &str, conditions: &mut Conditions) -> Option<String> {
    let column = relation.column(metric).is_some();
    match relation.shape() {
        Shape::Wide(scores) if scores.iter().any(|score| score == metric) => {
            conditions.equal.push((Attribute::MetricName, metric.to_owned()));
            None
        }
        _ if column && metric.eq_ignore_ascii_case("metric_score") => None,
        _ if column => Some(metric.to_owned()),
        _ => {
            conditions.equal.push((Attribute::MetricName, metric.to_owned()));
            None
        }
    }
}

fn divide(frame: &Frame, conditions: &Conditions, group_by: GroupBy, most: usize) -> (Vec<ClassValues>, usize) {
    let selection = frame.select(conditions);
    let Some(groups) = Named::new(frame, &selection, frame.scored(), group_by, true) else {
        return (Vec::new(), 0);
    };
    let ids = Groups::new(&selection, frame.scored(), &groups.key, None);
    let tallies = ids.tally(&frame.scores, PASS);
    let means: Vec<f64> = tallies.iter().map(Tally::mean).collect();
    let mut squares = vec![0.0; tallies.len()];
    let mut places = Places::default();
    for tally in &tallies {
        let middle = [(tally.count - 1) / 2, tally.count / 2];
        places.add(
            sample(tally.count, most as u64)
                .chain(middle)
                .chain([0, tally.count - 1]),
        );
    }
    let mut walk = places.walk();
    ids.each(&frame.scores, |group, value| {
        squares[group as usize] += (value - means[group as usize]).powi(2);
        walk.step(group, value);
    });
    let each = groups
        .names
        .iter()
        .zip(&tallies)
        .enumerate()
        .map(|(group, (name, tally))| {
            let count = tally.count;
            let std = if count > 1 {
                (squares[group] / (count - 1) as f64).sqrt()
            } else {
                0.0
            };
            ClassValues {
                group: name.map(str::to_owned),
                values: sample(count, most as u64)
                    .map(|place| places.value(group, place))
                    .collect(),
                sampled: count > most as u64,
                stats: ClassStats {
                    mean: means[group],
                    std,
                    min: places.value(group, 0),
                    max: places.value(group, count - 1),
                    median: places.quantile(group, 0.5, count),
                    count: count as f64,
                },
            }
        });
    (each.collect(), groups.omitted)
}

/// The places of up to `most` of so many values, the first and the last one among them.
fn sample(count: u64, most: u64) -> impl Iterator<Item = u64> {
    let listed = count.min(most);
    (0..listed).map(move |place| {
        if listed == count {
            place
        } else if listed == 1 {
            (count - 1) / 2
        } else {
            // Rounded; both are far below 2^32.
            (place * (count - 1) + (listed - 1) / 2) / (listed - 1)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_spread_evenly_and_keep_the_ends() {
        let places = |count, most| sample(count, most).collect::<Vec<_>>();
        assert_eq!(places(3, 5), [0, 1, 2]);
        assert_eq!(places(11, 3), [0, 5, 10]);
        assert_eq!(places(10, 4), [0, 3, 6, 9]);
        assert_eq!(places(7, 1), [3]);
        assert_eq!(places(7, 0), [] as [u64; 0]);
        let many = places(1_000_000, 1_000);
        assert_eq!((many.len(), many[0], many[999]), (1_000, 0, 999_999));
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
