//! What the scores, latencies and labels of production traces say. One file a question.
//!
//! Every question takes a [`Filter`] and is answered from the dataset's frame: its narrow columns in memory, made at the first
//! question after a change. The relation may be long (`metric_name`, `metric_score`: one row a metric) or wide (columns that end in
//! `_score`: one row a record), which is then read as if it were long, each such column a metric.
//!
//! What holds everywhere: text in a score column is no score; NaN and infinities are no numbers; a number that there is nothing
//! for is 0; NULL is no group of a map, and `null` where groups are a list; a filter on a column that the relation does not
//! have leaves nothing.

mod anomalies;
mod breakdown;
mod classes;
mod classification;
mod correlation;
mod filter;
mod insights;
mod latency;
mod summary;
mod trends;

pub use anomalies::{Anomalies, AnomalyFinding, AnomalyRuleName, anomalies};
pub use breakdown::{Breakdown, BreakdownRequest, GroupScore, MetricBreakdown, breakdown};
pub use classes::{ClassDistribution, ClassRequest, ClassStats, ClassValues, classes};
pub use classification::{
    Category, CategorySource, ClassificationBreakdown, ClassificationMetric, ClassificationPoint, ClassificationTrends,
    classification_breakdown, classification_trends,
};
pub use correlation::{Correlation, correlation};
pub use filter::{Filter, GroupBy};
pub use insights::{Insight, Insights, InsightsRequest, SourceInfo, insights};
pub use latency::{GroupLatency, Histogram, LatencyDistribution, LatencyRequest, Percentiles, latency};
pub use summary::{Summary, SummaryKpis, summary};
pub use trends::{TrendPoint, Trends, trends};

pub use super::frame::Granularity;
