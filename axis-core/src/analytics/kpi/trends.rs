//! How KPIs went: one point a day and KPI, with the averages of the days before.

use std::collections::BTreeMap;

use serde::Serialize;

use super::display::{LINES, Looks};
use super::frame::{Entry, date_of};
use super::{KpiRequest, Question, compute};
use crate::dataset::Dataset;
use crate::error::Result;

/// Lines over days.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiTrends {
    /// The points, by KPI, then by day.
    pub data: Vec<KpiTrendPoint>,
    /// The KPIs that have points, ascending.
    pub kpi_names: Vec<String>,
    /// Which of `daily`, `avg_7d` and `avg_30d` any of them wants drawn, in that order.
    pub trend_lines: Vec<String>,
}

/// One day of one KPI.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiTrendPoint {
    /// The day, as `YYYY-MM-DD`.
    pub date: String,
    /// The KPI.
    pub kpi_name: String,
    /// The day's value.
    pub value: f64,
    /// Mean of the observed values of the last 7 calendar days.
    pub avg_7d: f64,
    /// Of the last 30.
    pub avg_30d: f64,
    /// Rows behind the value.
    pub count: u64,
}

/// Answers with the points; without any, and with all three lines, when nothing was ever synced. Days without rows are left out.
///
/// # Errors
/// As [`categories`](super::categories).
pub async fn trends(dataset: &Dataset, request: &KpiRequest) -> Result<KpiTrends> {
    match Question::new(dataset, request).await? {
        Some(question) => compute(move || question.trends()).await,
        None => Ok(KpiTrends {
            data: Vec::new(),
            kpi_names: Vec::new(),
            trend_lines: LINES.map(str::to_owned).to_vec(),
        }),
    }
}

impl Question {
    fn trends(&self) -> KpiTrends {
        let mut kpis: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in self.entries() {
            if let Some(kpi) = entry.key.kpi() {
                kpis.entry(kpi).or_default().push(entry);
            }
        }
        let looks = Looks::new(&self.options, self.request.source_name.as_deref());
        let mut data = Vec::new();
        let mut kpi_names = Vec::new();
        let mut wanted = Vec::new();
        for (kpi, entries) in kpis {
            let days = self.series(kpi, &entries).days;
            if days.is_empty() {
                continue;
            }
            kpi_names.push(kpi.to_owned());
            wanted.extend(looks.lines(kpi));
            data.extend(days.into_iter().map(|day| KpiTrendPoint {
                date: date_of(day.day),
                kpi_name: kpi.to_owned(),
                value: day.value,
                avg_7d: day.avg_7d,
                avg_30d: day.avg_30d,
                count: day.count,
            }));
        }
        KpiTrends {
            data,
            kpi_names,
            trend_lines: LINES
                .into_iter()
                .filter(|line| wanted.contains(line))
                .map(str::to_owned)
                .collect(),
        }
    }
}
