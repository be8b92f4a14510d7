//! The figures at the top of the page.

use serde::Serialize;

use super::Filter;
use crate::analytics::frame::{Frame, Needs, Selection, Tally, compute, narrowed, quantile_of};
use crate::dataset::Dataset;
use crate::error::Result;

/// The score that passes.
pub(super) const PASS: f64 = 0.5;
/// The quantiles that are shown of latencies and scores.
pub(super) const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// The answer of [`summary`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Summary {
    /// The figures.
    pub kpis: SummaryKpis,
}

/// Figures over the rows with a score.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct SummaryKpis {
    /// Rows with a score; a record has one for each of its metrics.
    pub total_records: u64,
    /// Mean score.
    pub avg_score: f64,
    /// Percentage of scores at or above 0.5.
    pub pass_rate: f64,
    /// Median of the latency over these rows, interpolated.
    pub p50_latency: f64,
    /// 95th percentile.
    pub p95_latency: f64,
    /// 99th percentile.
    pub p99_latency: f64,
    /// Different records (`dataset_id`) among these rows.
    pub records: u64,
}

/// Sums up the rows with a score.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read; `NotSynced`, `Store`, `Closed`.
pub async fn summary(dataset: &Dataset, filter: &Filter) -> Result<Summary> {
    let conditions = filter.conditions(dataset)?;
    let needs = Needs {
        scores: true,
        latencies: true,
        records: true,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    compute(dataset, move || Summary {
        kpis: sum_up(&frame, &frame.select(&conditions)),
    })
    .await
}

fn sum_up(frame: &Frame, selection: &Selection) -> SummaryKpis {
    let mut tally = Tally::default();
    selection.each(frame.scored(), |row| tally.add(frame.scores[row], PASS));
    let [p50_latency, p95_latency, p99_latency] = latencies(frame, selection);
    SummaryKpis {
        total_records: tally.count,
        avg_score: tally.mean(),
        pass_rate: tally.pass_rate(),
        p50_latency,
        p95_latency,
        p99_latency,
        records: records(frame, selection),
    }
}

/// The quantiles of the latency over selected rows with a score.
fn latencies(frame: &Frame, selection: &Selection) -> [f64; 3] {
    let Some(latencies) = &frame.latencies else {
        return [0.0; 3];
    };
    let scored = frame.scored();
    let mut values = Vec::with_capacity(selection.count(scored));
    for (row, value) in latencies.rows.iter().zip(&latencies.values) {
        let row = *row as usize;
        if row < scored && selection.has(row) {
            values.push(*value);
        }
    }
    // They were in order before, and still are.
    QUANTILES.map(|quantile| quantile_of(&values, quantile))
}

/// Counts the different records among selected rows with a score.
fn records(frame: &Frame, selection: &Selection) -> u64 {
    let Some(records) = &frame.records else { return 0 };
    let mut seen = vec![0_u64; records.cardinality.div_ceil(64)];
    selection.each(frame.scored(), |row| {
        let code = records.codes[row] as usize;
        seen[code / 64] |= 1 << (code % 64);
    });
    // NULL names no record.
    seen[0] &= !1;
    seen.iter().map(|word| u64::from(word.count_ones())).sum()
}
