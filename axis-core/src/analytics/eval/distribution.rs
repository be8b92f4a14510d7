//! How are the values of one metric distributed?

use serde::Serialize;

use super::frame::{Frame, RowSource, spread};
use super::stats;
use crate::error::{Error, ErrorKind, Result};

/// The most bins of a histogram.
const BINS_MAX: u64 = 1_000;
/// The most values of one answer.
const VALUES_MAX: u64 = 100_000;

/// What is asked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DistributionRequest {
    /// The metric.
    pub metric: String,
    /// Bins of the histogram, 1 to 1,000 (default 20).
    pub bins: u64,
    /// The most values to return, up to 100,000 (default 10,000); more are thinned out evenly.
    pub max_values: u64,
}

impl DistributionRequest {
    /// Asks about a metric.
    #[must_use]
    pub fn new(metric: impl Into<String>) -> Self {
        Self {
            metric: metric.into(),
            bins: 20,
            max_values: 10_000,
        }
    }

    /// Sets the bins.
    #[must_use]
    pub fn bins(mut self, bins: u64) -> Self {
        self.bins = bins;
        self
    }

    /// Sets the most values to return.
    #[must_use]
    pub fn max_values(mut self, values: u64) -> Self {
        self.max_values = values;
        self
    }
}

/// The values of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Distribution {
    /// Always true.
    pub success: bool,
    /// The metric.
    pub metric: String,
    /// Its values, in the order of the records.
    pub values: Vec<f64>,
    /// Whether there are more values than are listed; everything else is made of all of them.
    pub values_truncated: bool,
    /// How many there are.
    pub count: u64,
    /// Values by bin.
    pub histogram: Histogram,
    /// The values in numbers.
    pub stats: DistributionStats,
    /// Where the rows came from.
    pub source: RowSource,
}

/// Bins of one width from the least to the greatest value; the last holds its upper edge, too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Histogram {
    /// Values in each bin.
    pub counts: Vec<u64>,
    /// The edges: one more than bins.
    pub bin_edges: Vec<f64>,
}

/// The values of a metric in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DistributionStats {
    /// Mean.
    pub mean: f64,
    /// Median, interpolated.
    pub median: f64,
    /// Deviation of a sample; 0 of a single value.
    pub std: f64,
    /// First quartile, interpolated.
    pub q25: f64,
    /// Third quartile, interpolated.
    pub q75: f64,
}

/// Tells how the values of a metric are distributed.
///
/// # Errors
/// `InvalidArgument` when there is no such metric, or a bound is not kept.
pub fn distribution(frame: &Frame, request: &DistributionRequest) -> Result<Distribution> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval"));
    if !(1..=BINS_MAX).contains(&request.bins) {
        return wrong(format!("bins {} is not allowed; it is 1 to {BINS_MAX}", request.bins));
    }
    if request.max_values > VALUES_MAX {
        return wrong(format!(
            "max_values {} is not allowed; it is at most {VALUES_MAX}",
            request.max_values
        ));
    }
    let metric = frame.metric(&request.metric)?;
    let bins = usize::try_from(request.bins).unwrap_or(1);
    let most = usize::try_from(request.max_values).unwrap_or(0);
    let (counts, bin_edges) = stats::histogram(&metric.values, bins);
    let moments = stats::moments(metric.values.iter().copied());
    let [q25, median, q75] = stats::quantiles(&mut metric.values.clone(), [0.25, 0.5, 0.75]);
    Ok(Distribution {
        success: true,
        metric: metric.name.clone(),
        values: spread(&metric.values, most).into_owned(),
        values_truncated: metric.values.len() > most,
        count: moments.count,
        histogram: Histogram { counts, bin_edges },
        stats: DistributionStats {
            mean: moments.mean,
            median,
            std: moments.std,
            q25,
            q75,
        },
        source: frame.source,
    })
}
