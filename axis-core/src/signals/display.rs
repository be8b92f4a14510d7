//! How the cases are shown: tiles, charts, filters, columns and colours, chosen by what the signals look like.

use serde_json::{Map, Value, json};

use super::record::column;
use super::schema::{MetricSchema, SignalType};

/// How many different values a signal may have to be charted and filtered by.
const CHARTED: std::ops::RangeInclusive<usize> = 2..=20;
const COLORS: [&str; 10] = [
    "#8B9F4F", "#D4AF37", "#B8C5D3", "#A4B86C", "#6B7A3A", "#F39C12", "#E74C3C", "#7F8C8D", "#34495E", "#B8C78A",
];
/// Parts of the names of truth values, and their icons; the first that is found counts.
const BOOLEAN_ICONS: [(&str, &str); 5] = [
    ("complian", "shield-check"),
    ("intervention", "target"),
    ("escalat", "alert-triangle"),
    ("actionable", "check-circle"),
    ("overrid", "rotate-ccw"),
];
/// Words that say that a number is a time.
const TIME_WORDS: [&str; 7] = ["time", "duration", "latency", "elapsed", "wait", "ttq", "tat"];
/// Words in the names of numbers, and their icons.
const NUMBER_ICONS: [(&[&str], &str); 4] = [
    (&["cost", "price", "revenue"], "dollar-sign"),
    (&["count", "total"], "bar-chart-3"),
    (&["rate", "ratio"], "percent"),
    (&["efficiency", "performance"], "activity"),
];

/// Chooses how cases of this schema are shown. `visible_kpis` restricts the tiles; none restricts nothing.
pub(super) fn automatic(schema: &MetricSchema, visible_kpis: &[String]) -> Map<String, Value> {
    let sections = [
        ("kpi_strip", Value::Array(kpi_strip(schema, visible_kpis))),
        ("chart_sections", Value::Array(chart_sections(schema))),
        ("filters", Value::Array(filters(schema))),
        ("table_columns", Value::Array(table_columns(schema))),
        ("color_maps", Value::Object(color_maps(schema))),
    ];
    sections
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn kpi_strip(schema: &MetricSchema, visible: &[String]) -> Vec<Value> {
    let is_visible = |name: &str| visible.is_empty() || visible.iter().any(|visible| visible == name);
    let of_type = |wanted| {
        schema
            .each()
            .filter(move |(.., signal, ty)| *ty == wanted && is_visible(signal))
    };
    let truths =
        of_type(SignalType::Boolean).filter(|(.., signal, _)| signal.starts_with("is_") || signal.starts_with("has_"));
    let truths = truths.map(|(metric, _, signal, _)| {
        let lower = signal.to_lowercase();
        let icon = BOOLEAN_ICONS.iter().find(|(part, _)| lower.contains(part));
        json!({
            "metric": metric, "signal": signal, "label": title(signal), "format": "percent",
            "icon": icon.map_or("target", |(_, icon)| icon), "highlight": lower.contains("complian"),
        })
    });
    let numbers = of_type(SignalType::Number).filter(|(.., signal, _)| !signal.ends_with("_score"));
    let numbers = numbers.map(|(metric, _, signal, _)| {
        let words = words(signal);
        let has = |wanted: &[&str]| {
            words
                .iter()
                .any(|word| wanted.iter().any(|wanted| is_form(word, wanted)))
        };
        let (format, icon) = if has(&TIME_WORDS) {
            ("duration", "clock")
        } else {
            let icon = NUMBER_ICONS.iter().find(|(wanted, _)| has(wanted));
            ("number", icon.map_or("hash", |(_, icon)| icon))
        };
        json!({
            "metric": metric, "signal": signal, "label": title(signal), "aggregation": "median", "format": format,
            "icon": icon,
        })
    });
    let aggregates = [
        ("avg_message_count", "Avg Messages", "message-square"),
        ("total_cases", "Total Cases", "database"),
    ];
    let aggregates = aggregates.into_iter().filter(|(name, ..)| is_visible(name));
    let aggregates = aggregates.map(|(name, label, icon)| json!({ "aggregate": name, "label": label, "icon": icon }));
    truths.chain(numbers).chain(aggregates).collect()
}

fn chart_sections(schema: &MetricSchema) -> Vec<Value> {
    let chart = |metric: &str, signal: &str, kind: &str, title: String| json!({ "metric": metric, "signal": signal, "type": kind, "title": title });
    let mut charts = Vec::new();
    let mut insights = Vec::new();
    for (metric, signals, signal, ty) in schema.each() {
        match (ty, signal) {
            (SignalType::String, _) if !is_charted(signals.values.get(signal), signals, signal) => {}
            (SignalType::String, "suggested_action") => {
                insights.push(chart(metric, signal, "text_list", format!("Top {}s", title(signal))));
            }
            (SignalType::String, _) => charts.push(chart(metric, signal, "bar", title(signal))),
            (SignalType::Array, "requests" | "learnings") => {
                insights.push(chart(metric, signal, "text_list", format!("Top {}", title(signal))));
            }
            (SignalType::Array, "categories") => {
                insights.push(chart(
                    metric,
                    signal,
                    "ranked_list",
                    format!("{} Breakdown", title(signal)),
                ));
            }
            _ => {}
        }
    }
    let mut sections = Vec::new();
    let mut add = |title: &str, layout: &str, charts: Vec<Value>| {
        if !charts.is_empty() {
            sections.push(json!({ "title": title, "layout": layout, "charts": charts }));
        }
    };
    let mut rest = charts.into_iter();
    let mut outcome: Vec<Value> = rest.by_ref().take(1).collect();
    outcome
        .iter_mut()
        .for_each(|chart| chart["type"] = json!("stacked_bar"));
    add("Outcome Distribution", "full", outcome);
    if rest.len() == 1 {
        add("Breakdown", "full", rest.collect());
    } else {
        add("Root Cause Analysis", "grid_2", rest.by_ref().take(2).collect());
        add("Additional Metrics", "grid_2", rest.collect());
    }
    let layout = if insights.len() == 1 { "full" } else { "grid_2" };
    add("Insights", layout, insights);
    sections
}

fn filters(schema: &MetricSchema) -> Vec<Value> {
    let sources = schema.source_fields.iter().map(|field| {
        let label = match field.as_str() {
            "source_name" => "Source",
            "source_component" => "Component",
            "source_type" => "Source Type",
            _ => "Environment",
        };
        json!({ "type": "source", "field": field, "label": label })
    });
    let signals = schema.each().filter_map(|(metric, signals, signal, ty)| {
        let options = signals.values.get(signal)?;
        (ty == SignalType::String && is_charted(Some(options), signals, signal)).then(|| {
            json!({ "type": "metric", "metric": metric, "signal": signal, "label": title(signal), "options": options })
        })
    });
    sources.chain(signals).collect()
}

fn table_columns(schema: &MetricSchema) -> Vec<Value> {
    let mut columns = vec![("Case_ID".to_owned(), "Case ID".to_owned())];
    if schema.source_fields.iter().any(|field| field == "source_name") {
        columns.push(("source_name".to_owned(), "Source".to_owned()));
    }
    columns.push(("Business".to_owned(), "Business".to_owned()));
    for (name, metric) in &schema.metrics {
        if let Some(signal) = metric.signals.iter().find(|signal| metric.values.contains_key(*signal)) {
            columns.push((column(name, signal), title(signal)));
        }
    }
    columns.push(("Message_Count".to_owned(), "Messages".to_owned()));
    columns.push(("Timestamp".to_owned(), "Timestamp".to_owned()));
    let columns = columns.into_iter();
    columns
        .map(|(key, label)| json!({ "key": key, "label": label, "sortable": true }))
        .collect()
}

fn color_maps(schema: &MetricSchema) -> Map<String, Value> {
    let signals = schema.each().filter_map(|(metric, signals, signal, _)| {
        let values = signals.values.get(signal)?;
        let colors = values.iter().zip(COLORS.iter().cycle());
        let colors: Map<String, Value> = colors.map(|(value, color)| (value.clone(), json!(color))).collect();
        Some((column(metric, signal), Value::Object(colors)))
    });
    signals.collect()
}

fn is_charted(values: Option<&Vec<String>>, metric: &super::schema::MetricSignals, signal: &str) -> bool {
    values.is_some_and(|values| CHARTED.contains(&values.len()))
        && !metric.values_truncated.iter().any(|name| name == signal)
}

/// `resolution_time` as `Resolution Time`.
fn title(name: &str) -> String {
    let words = name.split(['_', '-', ' ']).filter(|word| !word.is_empty());
    let words = words.map(|word| {
        let mut chars = word.chars();
        let first = chars.next().into_iter().flat_map(char::to_uppercase);
        first.chain(chars.flat_map(char::to_lowercase)).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The words of a name in lower case, also of one that is written `likeThis`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    words
}

/// Whether a word is another one, or its plural or gerund.
fn is_form(word: &str, of: &str) -> bool {
    word.strip_prefix(of)
        .is_some_and(|ending| matches!(ending, "" | "s" | "ed" | "ing"))
        || (of == "latency" && word == "latencies")
}

#[cfg(test)]
mod tests {
    use super::super::case::{Metrics, Signals};
    use super::super::columns::Columns;
    use super::super::schema::Collector;
    use super::*;

    fn schema(cases: &[Value]) -> MetricSchema {
        let mut collector = Collector::default();
        for case in cases {
            let metrics: Metrics = case
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, values)| {
                    let values = values.as_object().unwrap().clone();
                    (
                        name.clone(),
                        Signals {
                            category: String::new(),
                            values,
                        },
                    )
                })
                .collect();
            collector.add(&metrics);
        }
        let columns = Columns::find(["dataset_id", "metric_name", "signals", "source_name", "environment"]).unwrap();
        collector.finish(&columns, &[]).schema
    }

    #[test]
    fn tiles_are_chosen_by_type_and_name() {
        let schema = schema(&[json!({ "m": {
            "is_compliant": true, "has_overridden": true, "is_late": false, "done": true,
            "wait_minutes": 1, "status": 2, "rotation": 2, "unit_price": 3, "quality_score": 4, "accounts": 5, "counts": 6,
        } })]);
        let strip = kpi_strip(&schema, &[]);
        let shown: Vec<(&str, &str, &str)> = strip
            .iter()
            .map(|kpi| {
                let text = |key: &str| kpi[key].as_str().unwrap_or_default();
                (text("label"), text("format"), text("icon"))
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("Is Compliant", "percent", "shield-check"),
                ("Has Overridden", "percent", "rotate-ccw"),
                ("Is Late", "percent", "target"),
                ("Wait Minutes", "duration", "clock"),
                ("Status", "number", "hash"),
                ("Rotation", "number", "hash"),
                ("Unit Price", "number", "dollar-sign"),
                ("Accounts", "number", "hash"),
                ("Counts", "number", "bar-chart-3"),
                ("Avg Messages", "", "message-square"),
                ("Total Cases", "", "database"),
            ]
        );
        assert_eq!(
            (&strip[0]["highlight"], &strip[1]["highlight"]),
            (&json!(true), &json!(false))
        );
        assert_eq!(strip[3]["aggregation"], "median");
        let visible = ["status".to_owned(), "total_cases".to_owned()];
        assert_eq!(kpi_strip(&schema, &visible).len(), 2);
    }

    #[test]
    fn no_chart_is_left_out() {
        let case = |value: &str, charts: usize| {
            let mut signals: Map<String, Value> = (0..charts).map(|n| (format!("s{n}"), json!(value))).collect();
            signals.insert("suggested_action".to_owned(), json!(value));
            signals.insert("learnings".to_owned(), json!([value]));
            json!({ "m": signals })
        };
        let titles = |charts: usize| -> Vec<(String, usize)> {
            let sections = chart_sections(&schema(&[case("a", charts), case("b", charts)]));
            let one = |section: &Value| {
                (
                    section["title"].as_str().unwrap().to_owned(),
                    section["charts"].as_array().unwrap().len(),
                )
            };
            sections.iter().map(one).collect()
        };
        let expect = |sections: &[(&str, usize)]| -> Vec<(String, usize)> {
            sections
                .iter()
                .map(|(title, charts)| ((*title).to_owned(), *charts))
                .collect()
        };
        assert_eq!(titles(0), expect(&[("Insights", 2)]));
        assert_eq!(titles(1), expect(&[("Outcome Distribution", 1), ("Insights", 2)]));
        assert_eq!(
            titles(2),
            expect(&[("Outcome Distribution", 1), ("Breakdown", 1), ("Insights", 2)])
        );
        assert_eq!(
            titles(8),
            expect(&[
                ("Outcome Distribution", 1),
                ("Root Cause Analysis", 2),
                ("Additional Metrics", 5),
                ("Insights", 2)
            ])
        );
        let sections = chart_sections(&schema(&[case("a", 1), case("b", 1)]));
        assert_eq!(
            sections[0]["charts"][0],
            json!({ "metric": "m", "signal": "s0", "type": "stacked_bar", "title": "S0" })
        );
        assert_eq!(sections[1]["charts"][0]["title"], "Top Suggested Actions");
        assert_eq!(sections[1]["charts"][1]["title"], "Top Learnings");
    }

    #[test]
    fn filters_columns_and_colours() {
        let schema = schema(&[json!({ "m": { "x": "b", "n": 1 } }), json!({ "m": { "x": "a" } })]);
        let config = automatic(&schema, &[]);
        assert_eq!(
            config["filters"],
            json!([
                { "type": "source", "field": "source_name", "label": "Source" },
                { "type": "source", "field": "environment", "label": "Environment" },
                { "type": "metric", "metric": "m", "signal": "x", "label": "X", "options": ["a", "b"] },
            ])
        );
        let keys: Vec<&str> = config["table_columns"]
            .as_array()
            .unwrap()
            .iter()
            .map(|column| column["key"].as_str().unwrap())
            .collect();
        assert_eq!(
            keys,
            [
                "Case_ID",
                "source_name",
                "Business",
                "m__x",
                "Message_Count",
                "Timestamp"
            ]
        );
        assert_eq!(
            config["color_maps"],
            json!({ "m__x": { "a": "#8B9F4F", "b": "#D4AF37" } })
        );
    }
}
