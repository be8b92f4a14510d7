//! What classifications say: the labels of the rows of category CLASSIFICATION.

use std::collections::BTreeMap;

use serde::Serialize;

use super::filter::Named;
use super::{Filter, Granularity};
use crate::analytics::frame::{
    Attribute, Frame, Groups, Key, NONE, Needs, OTHER_LABEL, Selection, compute, narrowed, relation_of,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};

/// The most categories that are listed by name; the others are counted together.
const CATEGORIES: usize = 100;

/// The column that holds the label of a classification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CategorySource {
    /// `explanation`
    #[default]
    Explanation,
    /// `actual_output`
    ActualOutput,
    /// `metric_score`
    MetricScore,
}

impl CategorySource {
    /// Every one, in the order in which one stands in for another that the relation does not have.
    pub const ALL: [Self; 3] = [Self::Explanation, Self::ActualOutput, Self::MetricScore];

    /// Returns the name of the column.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Explanation => "explanation",
            Self::ActualOutput => "actual_output",
            Self::MetricScore => "metric_score",
        }
    }

    /// Finds one by the name of its column.
    ///
    /// # Errors
    /// `InvalidArgument`, listing those that there are: any other text would be shown in full.
    pub fn from_name(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|source| source.name() == name);
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::name).join(", ");
            let message = format!("category_source `{name}` is not allowed; allowed are {known}");
            Error::new(ErrorKind::InvalidArgument, message)
        })
    }
}

/// The answer of [`classification_breakdown`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassificationBreakdown {
    /// The metrics that have labels, by name.
    pub metrics: Vec<ClassificationMetric>,
}

/// The labels of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassificationMetric {
    /// The metric.
    pub metric_name: String,
    /// Up to 100 labels, the most frequent first, equally frequent ones by text.
    pub categories: Vec<Category>,
    /// Rows with a label.
    pub total_count: u64,
    /// Those of them whose label is not listed: it is rarer, or longer than 256 characters.
    pub other_count: u64,
}

/// One label.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Category {
    /// The label.
    pub value: String,
    /// Rows with it.
    pub count: u64,
    /// Their percentage, to one decimal, halves to even.
    pub percentage: f64,
}

/// The answer of [`classification_trends`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassificationTrends {
    /// The buckets that have labels, ascending.
    pub data: Vec<ClassificationPoint>,
    /// The metric.
    pub metric_name: String,
    /// The length of the buckets.
    pub granularity: Granularity,
    /// The labels that are listed, ascending: the 100 most frequent ones.
    pub unique_categories: Vec<String>,
}

/// The labels of one bucket.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ClassificationPoint {
    /// When the bucket begins.
    pub timestamp: String,
    /// Rows of each label that the bucket has.
    pub categories: BTreeMap<String, u64>,
    /// Rows whose label is not listed.
    pub other_count: u64,
}

/// Counts the labels of each metric. The filter's category does not matter; rows without a label or a metric are left out.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn classification_breakdown(
    dataset: &Dataset,
    filter: &Filter,
    source: CategorySource,
) -> Result<ClassificationBreakdown> {
    let count = |frame: &Frame, selection: &Selection| ClassificationBreakdown {
        metrics: by_metric(frame, selection),
    };
    Ok(ask(dataset, filter, source, count).await?.unwrap_or_default())
}

/// Follows the labels of one metric over time. The filter's category does not matter; rows without a label or a time are left out.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn classification_trends(
    dataset: &Dataset,
    metric_name: &str,
    filter: &Filter,
    source: CategorySource,
    granularity: Granularity,
) -> Result<ClassificationTrends> {
    let mut filter = filter.clone();
    filter.metric_name = Some(metric_name.to_owned());
    let follow = move |frame: &Frame, selection: &Selection| by_time(frame, selection, granularity);
    let (data, unique_categories) = ask(dataset, &filter, source, follow).await?.unwrap_or_default();
    Ok(ClassificationTrends {
        data,
        metric_name: metric_name.to_owned(),
        granularity,
        unique_categories,
    })
}

/// Asks the frame of classifications; `None` when no column holds labels.
async fn ask<T: Send + 'static>(
    dataset: &Dataset,
    filter: &Filter,
    source: CategorySource,
    question: impl FnOnce(&Frame, &Selection) -> T + Send + 'static,
) -> Result<Option<T>> {
    let mut conditions = filter.conditions(dataset)?;
    conditions.category = Some("CLASSIFICATION".to_owned());
    let relation = relation_of(dataset).await?;
    let mut sources = [source].into_iter().chain(CategorySource::ALL.into_iter().skip(1));
    let Some(source) = sources.find(|source| relation.column(source.name()).is_some()) else {
        return Ok(None);
    };
    let needs = Needs {
        attributes: vec![Attribute::MetricName],
        times: true,
        label: Some(source.name().to_owned()),
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    compute(dataset, move || Some(question(&frame, &frame.select(&conditions)))).await
}

fn by_metric(frame: &Frame, selection: &Selection) -> Vec<ClassificationMetric> {
    let all = |attribute| Named::of(frame, selection, frame.rows, attribute, false, usize::MAX);
    let (Some(metrics), Some(labels)) = (all(Attribute::MetricName), all(Attribute::Label)) else {
        return Vec::new();
    };
    let groups = Groups::new(selection, frame.rows, &metrics.key, Some(&labels.key));
    let mut found: Vec<Vec<(u64, &str)>> = vec![Vec::new(); metrics.names.len()];
    for (group, count) in groups.counts().into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let (metric, label) = groups.keys(group);
        found[metric].push((count, labels.names[label].unwrap_or_default()));
    }
    let each = metrics.names.iter().zip(found).filter(|(_, labels)| !labels.is_empty());
    each.map(|(name, labels)| metric(name.unwrap_or_default(), labels))
        .collect()
}

fn metric(name: &str, mut labels: Vec<(u64, &str)>) -> ClassificationMetric {
    let total: u64 = labels.iter().map(|(count, _)| count).sum();
    labels.retain(|(_, label)| *label != OTHER_LABEL);
    labels.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    labels.truncate(CATEGORIES);
    let listed: u64 = labels.iter().map(|(count, _)| count).sum();
    let categories = labels.into_iter().map(|(count, label)| Category {
        value: label.to_owned(),
        count,
        percentage: one_decimal(100.0 * count as f64 / total as f64),
    });
    ClassificationMetric {
        metric_name: name.to_owned(),
        categories: categories.collect(),
        total_count: total,
        other_count: total - listed,
    }
}

fn by_time(frame: &Frame, selection: &Selection, granularity: Granularity) -> (Vec<ClassificationPoint>, Vec<String>) {
    let all = Named::of(frame, selection, frame.rows, Attribute::Label, false, usize::MAX);
    let (Some(times), Some(mut labels)) = (&frame.times, all) else {
        return (Vec::new(), Vec::new());
    };
    let counts = frame.count_codes(selection, frame.rows, Attribute::Label);
    let listed = listed(&labels, frame, &counts);
    let buckets = times.buckets(granularity);
    let by_time = Key {
        codes: &times.hours,
        size: buckets.labels.len(),
        index: buckets.of_hour,
    };
    // Labels that are not listed share the place behind the last one.
    let mut names: Vec<&str> = Vec::new();
    for (place, name) in labels.names.iter().enumerate().filter(|(place, _)| listed[*place]) {
        debug_assert!(place >= names.len());
        names.push(name.unwrap_or_default());
    }
    let mut next = 0;
    let moved: Vec<u32> = listed
        .iter()
        .map(|listed| {
            next += u32::from(*listed);
            if *listed { next - 1 } else { names.len() as u32 }
        })
        .collect();
    labels
        .key
        .index
        .iter_mut()
        .filter(|index| **index != NONE)
        .for_each(|index| *index = moved[*index as usize]);
    labels.key.size = names.len() + 1;
    let groups = Groups::new(selection, frame.rows, &by_time, Some(&labels.key));
    let mut points: BTreeMap<usize, ClassificationPoint> = BTreeMap::new();
    for (group, count) in groups.counts().into_iter().enumerate().filter(|(_, count)| *count > 0) {
        let (bucket, label) = groups.keys(group);
        let point = points.entry(bucket).or_insert_with(|| ClassificationPoint {
            timestamp: buckets.labels[bucket].clone(),
            ..ClassificationPoint::default()
        });
        match names.get(label) {
            Some(name) => _ = point.categories.insert((*name).to_owned(), count),
            None => point.other_count = count,
        }
    }
    (
        points.into_values().collect(),
        names.into_iter().map(str::to_owned).collect(),
    )
}

/// Tells of each label whether it is among the most frequent ones.
fn listed(labels: &Named<'_>, frame: &Frame, counts: &[u64]) -> Vec<bool> {
    let column = frame.attribute(Attribute::Label);
    let mut order: Vec<(std::cmp::Reverse<u64>, usize)> = Vec::new();
    for (code, place) in labels.key.index.iter().enumerate().filter(|(_, place)| **place != NONE) {
        let text = column.and_then(|column| column.text(code as u32));
        if text != Some(OTHER_LABEL) {
            order.push((std::cmp::Reverse(counts[code]), *place as usize));
        }
    }
    // Places are in the order of the texts.
    order.sort_unstable();
    let mut listed = vec![false; labels.names.len()];
    order
        .iter()
        .take(CATEGORIES)
        .for_each(|(_, place)| listed[*place] = true);
    listed
}

/// Rounds to one decimal; the number's exact binary value decides, and halves go to even.
fn one_decimal(value: f64) -> f64 {
    format!("{value:.1}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_rounded_by_their_binary_value() {
        // 0.25 and 0.75 are exact, so halves go to even; 0.15 is a little less than it looks, 0.35 less, 0.45 more.
        let cases = [
            (0.25, 0.2),
            (0.75, 0.8),
            (0.15, 0.1),
            (0.35, 0.3),
            (0.45, 0.5),
            (66.666_666, 66.7),
            (12.25, 12.2),
        ];
        for (value, expected) in cases {
            assert_eq!(one_decimal(value), expected, "{value}");
        }
    }
}
