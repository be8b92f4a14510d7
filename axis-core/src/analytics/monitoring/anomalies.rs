//! Metrics whose latest bucket is out of the ordinary, by the rules of `anomaly_detection`.

use serde::Serialize;

use super::trends::{TrendPoint, trends};
use super::{Filter, Granularity};
use crate::config::{AnomalyOptions, AnomalyRule, KindOptions, Severity};
use crate::dataset::Dataset;
use crate::error::Result;

/// The answer of [`anomalies`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Anomalies {
    /// Whether anomalies are looked for: `anomaly_detection.enabled`.
    pub enabled: bool,
    /// The length of the buckets.
    pub granularity: Granularity,
    /// By metric, then in the order z-score, moving average, rate of change.
    pub findings: Vec<AnomalyFinding>,
}

/// What a rule says of the latest bucket of a metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct AnomalyFinding {
    /// The metric.
    pub metric: String,
    /// The rule.
    pub rule: AnomalyRuleName,
    /// How grave it is.
    pub severity: Severity,
    /// When the bucket begins.
    pub timestamp: String,
    /// Its mean score.
    pub value: f64,
    /// What the rule compares it with: the mean of the buckets that it looks at, or the bucket before.
    pub expected: f64,
    /// How far off it is; of the z-score in standard deviations.
    pub deviation: f64,
    /// How far off is too far.
    pub threshold: f64,
}

/// A rule by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AnomalyRuleName {
    /// Distance from the mean in standard deviations.
    ZScore,
    /// Distance from the mean of the buckets before.
    MovingAverage,
    /// Distance from the bucket before.
    RateOfChange,
}

/// Looks for metrics whose latest bucket is out of the ordinary. Empty buckets are no buckets.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn anomalies(dataset: &Dataset, filter: &Filter, granularity: Granularity) -> Result<Anomalies> {
    let found = trends(dataset, filter, granularity).await?;
    let options = match &dataset.config().options {
        KindOptions::Monitoring(options) if options.anomalies.enabled => &options.anomalies,
        _ => {
            return Ok(Anomalies {
                granularity,
                ..Anomalies::default()
            });
        }
    };
    let points = |metric: &String| {
        found
            .data
            .iter()
            .filter(|point| point.metric == *metric)
            .collect::<Vec<_>>()
    };
    Ok(Anomalies {
        enabled: true,
        granularity,
        findings: found
            .metrics
            .iter()
            .flat_map(|metric| judge(&points(metric), options))
            .collect(),
    })
}

/// Asks every rule about the points of one metric, which ascend in time.
fn judge(points: &[&TrendPoint], options: &AnomalyOptions) -> Vec<AnomalyFinding> {
    let Some((last, before)) = points.split_last() else {
        return Vec::new();
    };
    if before.is_empty() || points.len() < options.min_data_points as usize {
        return Vec::new();
    }
    let averages = |points: &[&TrendPoint]| points.iter().map(|point| point.avg).collect::<Vec<_>>();
    let newest = |points: &[&TrendPoint], most: u32| {
        let most = if most == 0 { points.len() } else { most as usize };
        averages(&points[points.len().saturating_sub(most)..])
    };
    let looked_at = newest(points, options.z_score_lookback);
    let expected = mean(&looked_at);
    let spread = mean(
        &looked_at
            .iter()
            .map(|value| (value - expected).powi(2))
            .collect::<Vec<_>>(),
    )
    .sqrt();
    let z_score = (spread > 0.0).then(|| (expected, (last.avg - expected) / spread));
    let average = mean(&newest(before, options.moving_average_window));
    let previous = before.last().map_or(0.0, |point| point.avg);
    let judged = [
        (AnomalyRuleName::ZScore, &options.z_score, z_score),
        (
            AnomalyRuleName::MovingAverage,
            &options.moving_average,
            Some((average, last.avg - average)),
        ),
        (
            AnomalyRuleName::RateOfChange,
            &options.rate_of_change,
            Some((previous, last.avg - previous)),
        ),
    ];
    let applies = |rule: &AnomalyRule| rule.enabled && (rule.metrics.is_empty() || rule.metrics.contains(&last.metric));
    let each = judged.into_iter().filter(|(_, rule, _)| applies(rule));
    each.filter_map(|(name, rule, found)| {
        let (expected, deviation) = found.filter(|(_, deviation)| deviation.abs() > rule.threshold)?;
        Some(AnomalyFinding {
            metric: last.metric.clone(),
            rule: name,
            severity: rule.severity,
            timestamp: last.timestamp.clone(),
            value: last.avg,
            expected,
            deviation,
            threshold: rule.threshold,
        })
    })
    .collect()
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(averages: &[f64], adjust: impl FnOnce(&mut AnomalyOptions)) -> Vec<(AnomalyRuleName, f64, f64)> {
        let mut options = AnomalyOptions {
            enabled: true,
            ..AnomalyOptions::default()
        };
        adjust(&mut options);
        let points: Vec<TrendPoint> = averages
            .iter()
            .map(|avg| TrendPoint {
                avg: *avg,
                ..TrendPoint::default()
            })
            .collect();
        let found = judge(&points.iter().collect::<Vec<_>>(), &options);
        found
            .into_iter()
            .map(|finding| (finding.rule, finding.expected, finding.deviation))
            .collect()
    }

    #[test]
    fn each_rule_compares_the_last_bucket() {
        // Mean 0.65, four times 0.1 above and once 0.4 below: the standard deviation of all five is 0.2.
        let found = judged(&[0.75, 0.75, 0.75, 0.75, 0.25], |options| {
            options.z_score.threshold = 1.9;
            options.moving_average.threshold = 0.4;
            options.rate_of_change.threshold = 0.4;
        });
        assert_eq!(
            found,
            [
                (AnomalyRuleName::ZScore, 0.65, -2.0),
                (AnomalyRuleName::MovingAverage, 0.75, -0.5),
                (AnomalyRuleName::RateOfChange, 0.75, -0.5),
            ]
        );
        // A distance that equals the threshold is not above it.
        let at_threshold = judged(&[0.75, 0.75, 0.75, 0.75, 0.25], |options| {
            options.z_score.threshold = 2.5;
            options.moving_average.threshold = 0.5;
            options.rate_of_change.threshold = 0.5;
        });
        assert!(at_threshold.is_empty(), "{at_threshold:?}");
    }

    #[test]
    fn windows_and_least_numbers_of_buckets_count() {
        let values = [0.0, 0.5, 0.5, 0.5, 0.5, 0.75];
        // Without the first bucket: mean 0.55, deviation 0.1.
        let found = judged(&values, |options| {
            options.z_score_lookback = 5;
            options.moving_average_window = 2;
            options.rate_of_change.enabled = false;
        });
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, AnomalyRuleName::MovingAverage);
        assert!(judged(&values, |options| options.min_data_points = 7).is_empty());
        assert!(judged(&[0.5; 6], |options| options.z_score.threshold = 0.0).is_empty());
        assert!(
            judged(&values, |options| options.moving_average.metrics =
                vec!["other".to_owned()])
            .is_empty()
        );
    }
}
