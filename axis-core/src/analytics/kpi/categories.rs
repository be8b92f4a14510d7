//! Which cards there are, by panel: a value, a trend and a line for each KPI.

use std::collections::BTreeMap;

use serde::Serialize;

use super::display::Looks;
use super::frame::{Entry, date_of};
use super::series::{Day, Series};
use super::{KpiRequest, Question, compute, visible};
use crate::config::title_case;
use crate::dataset::Dataset;
use crate::error::Result;

/// The most points of a sparkline.
const SPARKLINE: usize = 30;
/// A relative difference of the two averages above this is a trend.
const TREND: f64 = 0.05;
/// The icon of a panel that is not configured.
const ICON: &str = "BarChart3";

/// Cards by category.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiCategories {
    /// The configured categories that have data in the order of the file, then the others by name.
    pub categories: Vec<KpiPanel>,
    /// First and last day of the rows behind the cards; none without rows.
    pub date_range: Option<KpiDateRange>,
}

/// First and last day, as `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiDateRange {
    /// First.
    pub min_date: String,
    /// Last.
    pub max_date: String,
}

/// The cards of one category.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiPanel {
    /// The category in the data. Rows without one are on no card.
    pub category: String,
    /// Its title.
    pub display_name: String,
    /// The name of its icon.
    pub icon: String,
    /// Its cards: first the visible KPIs in the configured order, then the others by name.
    pub kpis: Vec<KpiCard>,
}

/// One KPI within its category.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiCard {
    /// The KPI.
    pub kpi_name: String,
    /// Its title.
    pub display_name: String,
    /// What `card_display_value` names, on the last day within the range.
    pub current_value: f64,
    /// `latest`, `avg_7d` or `avg_30d`.
    pub card_display_value: String,
    /// `up` or `down` when the average of 7 days is more than 5 % above or below that of 30 days, else `flat`.
    pub trend_direction: String,
    /// `higher_better` or `lower_better`; the direction is as it is for both.
    pub polarity: String,
    /// The last 30 days that have rows, ascending.
    pub sparkline: Vec<KpiPoint>,
    /// `percent`, `seconds`, `count` or `score`.
    pub unit: String,
    /// Rows behind the card.
    pub record_count: u64,
}

/// The value of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiPoint {
    /// The day, as `YYYY-MM-DD`.
    pub date: String,
    /// Its value.
    pub value: f64,
}

/// Answers with the cards; empty when nothing was ever synced.
///
/// A KPI of several categories has a card in each, from the rows of that category.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read, or a dataset of another kind; `Config` when a required column is missing;
/// `Store`, `Closed`.
pub async fn categories(dataset: &Dataset, request: &KpiRequest) -> Result<KpiCategories> {
    match Question::new(dataset, request).await? {
        Some(question) => compute(move || question.categories()).await,
        None => Ok(KpiCategories::default()),
    }
}

impl Question {
    fn categories(&self) -> KpiCategories {
        let mut cards: BTreeMap<&str, BTreeMap<&str, Vec<&Entry>>> = BTreeMap::new();
        for entry in self.entries() {
            if let (Some(category), Some(kpi)) = (entry.key.category(), entry.key.kpi()) {
                cards.entry(category).or_default().entry(kpi).or_default().push(entry);
            }
        }
        let mut days: Option<(i64, i64)> = None;
        let mut panels = Vec::new();
        for (category, kpis) in cards {
            let mut kpis: Vec<KpiCard> = kpis
                .into_iter()
                .filter_map(|(kpi, entries)| {
                    let series = self.series(kpi, &entries);
                    let (first, last) = (series.days.first()?.day, series.days.last()?.day);
                    let (min, max) = days.unwrap_or((first, last));
                    days = Some((min.min(first), max.max(last)));
                    Some(self.card(kpi, &series, series.days.last()?))
                })
                .collect();
            if !kpis.is_empty() {
                let order = visible(&self.options, self.request.source_name.as_deref());
                // Stable, so that KPIs that are not listed stay ordered by name.
                kpis.sort_by_key(|card| order.iter().position(|kpi| *kpi == card.kpi_name).unwrap_or(usize::MAX));
                panels.push(self.panel(category, kpis));
            }
        }
        let configured = &self.options.categories;
        panels.sort_by_key(|panel| {
            configured
                .iter()
                .position(|own| own.slug == panel.category)
                .unwrap_or(usize::MAX)
        });
        KpiCategories {
            categories: panels,
            date_range: days.map(|(first, last)| KpiDateRange {
                min_date: date_of(first),
                max_date: date_of(last),
            }),
        }
    }

    fn panel(&self, category: &str, kpis: Vec<KpiCard>) -> KpiPanel {
        let own = self.options.categories.iter().find(|own| own.slug == category);
        KpiPanel {
            category: category.to_owned(),
            display_name: own.map_or_else(|| title_case(category), |own| own.display_name.clone()),
            icon: own.map_or(ICON, |own| &own.icon).to_owned(),
            kpis,
        }
    }

    fn card(&self, kpi: &str, series: &Series<'_>, last: &Day) -> KpiCard {
        let looks = Looks::new(&self.options, self.request.source_name.as_deref());
        let shown = looks.card_value(kpi);
        let sparkline = &series.days[series.days.len().saturating_sub(SPARKLINE)..];
        KpiCard {
            kpi_name: kpi.to_owned(),
            display_name: looks.display_name(kpi),
            current_value: match shown {
                "avg_7d" => last.avg_7d,
                "avg_30d" => last.avg_30d,
                _ => last.value,
            },
            card_display_value: shown.to_owned(),
            trend_direction: direction(last).to_owned(),
            polarity: looks.polarity(kpi).to_owned(),
            sparkline: sparkline.iter().map(KpiPoint::of).collect(),
            unit: series.unit.to_owned(),
            record_count: series.days.iter().map(|day| day.count).sum(),
        }
    }
}

impl KpiPoint {
    fn of(day: &Day) -> Self {
        Self {
            date: date_of(day.day),
            value: day.value,
        }
    }
}

fn direction(day: &Day) -> &'static str {
    if day.avg_30d == 0.0 {
        return "flat";
    }
    match (day.avg_7d - day.avg_30d) / day.avg_30d.abs() {
        change if change > TREND => "up",
        change if change < -TREND => "down",
        _ => "flat",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_is_more_than_five_percent() {
        let direction = |avg_7d, avg_30d| {
            direction(&Day {
                day: 0,
                value: 0.0,
                avg_7d,
                avg_30d,
                count: 1,
            })
        };
        assert_eq!(direction(105.0, 100.0), "flat");
        assert_eq!(direction(105.1, 100.0), "up");
        assert_eq!(direction(94.9, 100.0), "down");
        // Of negative numbers the greater one is up.
        assert_eq!(direction(-90.0, -100.0), "up");
        assert_eq!(direction(5.0, 0.0), "flat");
    }
}
