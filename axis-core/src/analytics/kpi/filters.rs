//! What KPIs can be filtered by, and in which order and composition they are shown.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::frame::{Frame, Key};
use super::{compute, options};
use crate::config::{CompositionChart, KpiOptions};
use crate::dataset::Dataset;
use crate::error::Result;

/// The name under which the order for all sources is listed.
const DEFAULT: &str = "_default";

/// Distinct values, ascending, and what is configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiFilters {
    /// Sources.
    pub source_names: Vec<String>,
    /// Environments.
    pub environments: Vec<String>,
    /// Categories.
    pub kpi_categories: Vec<String>,
    /// KPIs that are visible for any source.
    pub kpi_names: Vec<String>,
    /// Types of sources.
    pub source_types: Vec<String>,
    /// Segments.
    pub segments: Vec<String>,
    /// The order of KPIs by source; `_default` is for those that have none of their own.
    pub kpi_order: BTreeMap<String, Vec<String>>,
    /// Charts of several KPIs, in the order of the file.
    pub composition_charts: Vec<KpiChart>,
}

/// A chart that several KPIs make up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiChart {
    /// Title.
    pub title: String,
    /// Its parts.
    pub kpis: Vec<KpiChartItem>,
    /// Whether what is missing to 100 is a part, too.
    pub show_remainder: bool,
    /// The name of that part.
    pub remainder_label: String,
    /// Its colour.
    pub remainder_color: String,
}

/// One part of a chart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct KpiChartItem {
    /// The KPI.
    pub kpi_name: String,
    /// Its name in the chart.
    pub label: String,
    /// Its colour.
    pub color: String,
}

/// Answers with everything that can be chosen; empty when nothing was ever synced.
///
/// # Errors
/// As [`categories`](super::categories).
pub async fn filters(dataset: &Dataset) -> Result<KpiFilters> {
    let options = options(dataset)?.clone();
    let Some(frame) = Frame::of(dataset).await? else {
        return Ok(KpiFilters::default());
    };
    frame.check()?;
    compute(move || answer(&frame, &options)).await
}

fn answer(frame: &Frame, options: &KpiOptions) -> KpiFilters {
    let distinct = |read: fn(&Key) -> Option<&str>| -> Vec<String> {
        let values: BTreeSet<&str> = frame.entries().iter().filter_map(|entry| read(&entry.key)).collect();
        values.into_iter().map(str::to_owned).collect()
    };
    let per_source = &options.visible_kpis_per_source;
    let visible: BTreeSet<&String> = per_source.values().flatten().chain(&options.visible_kpis).collect();
    let mut kpi_names = distinct(Key::kpi);
    kpi_names.retain(|kpi| visible.is_empty() || visible.contains(kpi));
    let mut kpi_order = per_source.clone();
    if !options.visible_kpis.is_empty() {
        kpi_order.insert(DEFAULT.to_owned(), options.visible_kpis.clone());
    }
    KpiFilters {
        source_names: distinct(Key::source),
        environments: distinct(Key::environment),
        kpi_categories: distinct(Key::category),
        kpi_names,
        source_types: distinct(Key::source_type),
        segments: distinct(Key::segment),
        kpi_order,
        composition_charts: options.composition_charts.iter().map(KpiChart::of).collect(),
    }
}

impl KpiChart {
    fn of(chart: &CompositionChart) -> Self {
        let part = |(kpi_name, label, color): &(String, String, String)| KpiChartItem {
            kpi_name: kpi_name.clone(),
            label: label.clone(),
            color: color.clone(),
        };
        Self {
            title: chart.title.clone(),
            kpis: chart.kpis.iter().map(part).collect(),
            show_remainder: chart.show_remainder,
            remainder_label: chart.remainder_label.clone(),
            remainder_color: chart.remainder_color.clone(),
        }
    }
}
