//! Questions about evaluations: which metrics there are, how they are distributed, compared, correlated.
//!
//! The rows come from a body ([`Frame::of_rows`]) or from the store ([`Dataset::eval_frame`](crate::Dataset::eval_frame)); the
//! answers are computed from a [`Frame`] either way. Rows may be wide, with a column for each metric, or long, with
//! `metric_name` and `metric_score`; long rows are brought together by record.

mod build;
mod comparison;
mod correlation;
mod distribution;
mod frame;
mod load;
mod radar;
mod scatter;
mod stats;
mod summary;
#[cfg(test)]
mod tests;

pub use comparison::{Comparison, ComparisonGroup, GroupStats, comparison};
pub use correlation::{Correlation, Matrix, correlation};
pub use distribution::{Distribution, DistributionRequest, DistributionStats, Histogram, distribution};
pub use frame::{Frame, MetricFilter, RowSource};
pub(crate) use load::Cache;
pub use radar::{Radar, Trace, radar};
pub use scatter::{Scatter, ScatterRequest, scatter};
pub use summary::{MetricSummary, Summary, summary};

/// Scores at or above this pass.
pub const PASSING: f64 = 0.5;
