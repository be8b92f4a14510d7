//! `kpi_db`'s own settings: which KPIs are shown, and how.

use std::collections::BTreeMap;

use super::node::{Block, either};
use super::{CompositionChart, KpiCategory, KpiDisplay, KpiOptions, KpiOverride};

const CARD_VALUES: [(&str, &str); 3] = [("latest", "latest"), ("avg_7d", "avg_7d"), ("avg_30d", "avg_30d")];
const TREND_LINES: [&str; 3] = ["daily", "avg_7d", "avg_30d"];
const UNITS: [(&str, &str); 4] = [
    ("percent", "percent"),
    ("seconds", "seconds"),
    ("count", "count"),
    ("score", "score"),
];
const POLARITIES: [(&str, &str); 2] = [("higher_better", "higher_better"), ("lower_better", "lower_better")];
const GREY: &str = "#6B7280";

/// Reads the keys.
pub(super) fn read(block: &Block<'_>) -> KpiOptions {
    KpiOptions {
        visible_kpis: block.strings("visible_kpis", false).unwrap_or_default(),
        visible_kpis_per_source: visible_per_source(block),
        display: display(block, "latest", "[daily, avg_7d, avg_30d]"),
        display_per_source: block
            .children("display_per_source")
            .into_iter()
            .map(|(source, own)| {
                let display = display(&own, "none", "none");
                own.finish();
                (source, display)
            })
            .collect(),
        categories: categories(block),
        composition_charts: charts(block),
    }
}

fn visible_per_source(block: &Block<'_>) -> BTreeMap<String, Vec<String>> {
    let outer = block.child("visible_kpis_per_source");
    let names: Vec<String> = outer.entries().iter().map(|entry| entry.key.clone()).collect();
    if names.is_empty() {
        block.default("visible_kpis_per_source", "{}");
    }
    names
        .into_iter()
        .filter_map(|name| outer.strings(&name, false).map(|kpis| (name, kpis)))
        .collect()
}

fn display(block: &Block<'_>, card: &str, lines: &str) -> KpiDisplay {
    KpiDisplay {
        card_display_value: choice(block, "card_display_value", &CARD_VALUES, card),
        trend_lines: trend_lines(block, lines),
        overrides: block
            .children("kpi_overrides")
            .into_iter()
            .map(|(kpi, own)| {
                let looks = KpiOverride {
                    display_name: own.string("display_name"),
                    unit: choice(&own, "unit", &UNITS, "none"),
                    polarity: choice(&own, "polarity", &POLARITIES, "none"),
                    card_display_value: choice(&own, "card_display_value", &CARD_VALUES, "none"),
                    trend_lines: trend_lines(&own, "none"),
                };
                own.finish();
                (kpi, looks)
            })
            .filter(|(_, looks)| *looks != KpiOverride::default())
            .collect(),
    }
}

fn choice(block: &Block<'_>, key: &str, choices: &[(&str, &'static str)], default: &str) -> Option<String> {
    block.choice(key, choices, default).map(str::to_owned)
}

fn trend_lines(block: &Block<'_>, default: &str) -> Option<Vec<String>> {
    let lines = block.strings("trend_lines", false).unwrap_or_default();
    for (index, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !TREND_LINES.contains(&line.as_str()))
    {
        let place = block.entry("trend_lines").map_or(&block.place, |entry| &entry.place);
        let allowed = either(TREND_LINES.into_iter());
        block.bad(&format!("trend_lines[{index}]"), place, format!("{line:?}"), allowed);
    }
    if lines.is_empty() {
        block.default("trend_lines", default);
        return None;
    }
    Some(lines)
}

fn categories(block: &Block<'_>) -> Vec<KpiCategory> {
    let mut categories = Vec::new();
    for (slug, own) in block.children("categories") {
        let title = title_case(&slug);
        categories.push(KpiCategory {
            display_name: own.string_or("display_name", &title).unwrap_or(title),
            icon: own
                .string_or("icon", "BarChart3")
                .unwrap_or_else(|| "BarChart3".to_owned()),
            slug,
        });
        own.finish();
    }
    categories
}

fn charts(block: &Block<'_>) -> Vec<CompositionChart> {
    let mut charts = Vec::new();
    for own in block.items("composition_charts", None) {
        let text = |key: &str, default: &str| own.string_or(key, default).unwrap_or_else(|| default.to_owned());
        let title = own.string("title");
        if title.is_none() {
            own.wrong("title", &own.place, "is missing");
        }
        let kpis = chart_kpis(&own);
        if kpis.is_empty() {
            own.wrong("kpis", &own.place, "names no KPI, at least one is needed");
        }
        charts.push(CompositionChart {
            title: title.unwrap_or_default(),
            kpis,
            show_remainder: own.bool("show_remainder", false),
            remainder_label: text("remainder_label", "Other"),
            remainder_color: text("remainder_color", GREY),
        });
        own.finish();
    }
    charts
}

/// Reads the KPIs of one chart: name, label and colour.
fn chart_kpis(chart: &Block<'_>) -> Vec<(String, String, String)> {
    let mut kpis = Vec::new();
    for own in chart.items("kpis", Some("kpi_name")) {
        match own.string("kpi_name") {
            Some(name) => {
                let label = own.string_or("label", &name).unwrap_or_else(|| name.clone());
                let color = own.string_or("color", GREY).unwrap_or_else(|| GREY.to_owned());
                kpis.push((name, label, color));
            }
            None => own.wrong("kpi_name", &own.place, "is missing"),
        }
        own.finish();
    }
    kpis
}

/// Turns a name into a title: underscores become blanks, and every letter that begins a word a capital.
pub(crate) fn title_case(name: &str) -> String {
    let mut begins = true;
    let words = name.split(['_', ' ']).filter(|word| !word.is_empty());
    let spaced = words.collect::<Vec<_>>().join(" ");
    let mut title = String::with_capacity(spaced.len());
    for c in spaced.chars() {
        if begins {
            title.extend(c.to_uppercase());
        } else {
            title.extend(c.to_lowercase());
        }
        // As in `7D`, a letter behind a digit begins a word.
        begins = !c.is_alphabetic();
    }
    title
}
