//! A case as clients see it: one flat object, in which every case of an answer has the same keys.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::case::{Case, Metrics};
use super::columns::{CARRIED, SOURCE_FIELDS};
use super::dump::dump;
use super::literal::parse_nested;
use super::schema::{Description, MetricSchema};

/// The fields that every case has, between those of the source and those that are carried over.
const ALWAYS: [&str; 6] = [
    "Slack_URL",
    "Agent_Name",
    "Business",
    "Full_Conversation",
    "Message_Count",
    "Timestamp",
];

/// The keys of a case object, and how they are filled.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    description: Description,
    /// Without the metrics that are not shown.
    pub(super) schema: MetricSchema,
    pub(super) columns: Vec<String>,
    /// Column, metric and signal. A signal whose name is that of a field has none.
    pub(super) cells: Vec<(String, String, String)>,
}

impl Layout {
    /// Lays out cases of which only some metrics are shown; all of them when none is named.
    pub(super) fn new(description: Description, visible: &[String]) -> Self {
        let schema = description.schema.restricted(visible);
        let mut columns = vec!["Case_ID".to_owned()];
        columns.extend(schema.source_fields.iter().cloned());
        columns.extend(ALWAYS.iter().map(|name| (*name).to_owned()));
        columns.extend(description.carried.iter().cloned());
        columns.push("additional_input".to_owned());
        columns.extend(description.promoted.iter().cloned());
        let mut taken: HashSet<String> = columns.iter().cloned().collect();
        let mut cells = Vec::new();
        for (metric, _, signal, _) in schema.each() {
            let name = column(metric, signal);
            if taken.insert(name.clone()) {
                columns.push(name.clone());
                cells.push((name, metric.to_owned(), signal.to_owned()));
            }
        }
        Self {
            description,
            schema,
            columns,
            cells,
        }
    }

    /// The names of all metrics, shown or not, ascending.
    pub(super) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.description.schema.metrics.keys().map(String::as_str)
    }

    /// Writes a case as an object with all keys, null where it has nothing.
    pub(super) fn record(&self, case: &Case) -> Map<String, Value> {
        let mut record = self
            .columns
            .iter()
            .map(|name| (name.clone(), Value::Null))
            .collect::<Map<_, _>>();
        for (name, metric, signal) in &self.cells {
            if let Some(value) = case.metrics.get(metric).and_then(|metric| metric.values.get(signal)) {
                record.insert(name.clone(), scalar(value));
            }
        }
        for name in &self.description.promoted {
            if let Some(value) = first(&case.metrics, name) {
                record.insert(name.clone(), value.clone());
            }
        }
        let mut put = |name: &str, value: Value| {
            if let Some(place) = record.get_mut(name) {
                *place = value;
            }
        };
        put("Case_ID", Value::from(case.case_id.as_str()));
        for (name, value) in SOURCE_FIELDS
            .iter()
            .zip(&case.source)
            .chain(CARRIED.iter().zip(&case.carried))
        {
            put(name, Value::from(value.clone()));
        }
        put("Slack_URL", Value::from(case.slack_url.clone()));
        put("Agent_Name", Value::from(case.agent_name.clone()));
        put("Business", Value::from(case.business.as_str()));
        put("Full_Conversation", Value::Array(case.conversation.clone()));
        put("Message_Count", Value::from(case.message_count));
        put("Timestamp", Value::from(case.timestamp.as_str()));
        put("additional_input", Value::from(case.additional_input.clone()));
        record
    }
}

/// The fields that a signal must not be promoted to.
pub(super) fn fields() -> Vec<&'static str> {
    let fields = ["Case_ID", "additional_input"].into_iter();
    fields.chain(SOURCE_FIELDS).chain(ALWAYS).chain(CARRIED).collect()
}

/// The key of a signal.
pub(super) fn column(metric: &str, signal: &str) -> String {
    format!("{metric}__{signal}")
}

/// The first value of a signal that is not null, metrics ascending.
fn first<'a>(metrics: &'a Metrics, signal: &str) -> Option<&'a Value> {
    let values = metrics.values().filter_map(|metric| metric.values.get(signal));
    values.into_iter().find(|value| !value.is_null())
}

/// A signal as it is shown: lists and objects, and texts that spell them, are JSON text.
fn scalar(value: &Value) -> Value {
    match value {
        Value::Array(_) | Value::Object(_) => Value::from(dump(value)),
        Value::String(text) => parse_nested(text).map_or_else(|| value.clone(), |nested| Value::from(dump(&nested))),
        scalar => scalar.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::case::Row;
    use super::super::columns::Columns;
    use super::super::schema::Collector;
    use super::*;

    fn case(id: &str, rows: &[(&str, Value)]) -> Case {
        let row = |(metric, signals): &(&str, Value)| Row {
            case_id: id.to_owned(),
            metric_name: Some((*metric).to_owned()),
            signals: Some(signals.to_string()),
            ..Row::default()
        };
        Case::of(rows.iter().map(row).collect()).unwrap()
    }

    #[test]
    fn every_case_has_the_same_keys() {
        let cases = [
            case(
                "1",
                &[
                    ("a", json!({ "by": null, "x": [1, "é"] })),
                    ("b", json!({ "by": { "name": "Ann" }, "y": true })),
                ],
            ),
            case("2", &[("a", json!({ "x": "text", "new": 1 }))]),
        ];
        let mut collector = Collector::default();
        cases.iter().for_each(|case| collector.add(&case.metrics));
        let columns = Columns::find([
            "dataset_id",
            "metric_name",
            "signals",
            "source_name",
            "actual_reference",
        ])
        .unwrap();
        let description = collector.finish(&columns, &fields());
        let layout = Layout::new(description.clone(), &[]);
        let expected = [
            "Case_ID",
            "source_name",
            "Slack_URL",
            "Agent_Name",
            "Business",
            "Full_Conversation",
            "Message_Count",
            "Timestamp",
            "actual_reference",
            "additional_input",
            "by",
            "a__x",
            "a__new",
            "b__y",
        ];
        assert_eq!(layout.columns, expected);
        for case in &cases {
            assert_eq!(layout.record(case).keys().collect::<Vec<_>>(), expected);
        }
        let record = layout.record(&cases[0]);
        assert_eq!(record["by"], json!({ "name": "Ann" }));
        assert_eq!(
            (&record["a__x"], &record["b__y"]),
            (&json!(r#"[1, "\u00e9"]"#), &json!(true))
        );
        assert_eq!((&record["a__new"], &record["Timestamp"]), (&Value::Null, &json!("")));
        let visible = Layout::new(description, &["b".to_owned()]);
        assert!(!visible.columns.contains(&"a__x".to_owned()));
        assert_eq!(visible.record(&cases[0])["b__y"], true);
    }

    #[test]
    fn no_signal_replaces_a_field() {
        let one = case(
            "1",
            &[
                ("a", json!({ "Timestamp": "x", "b__c": 1 })),
                ("a__b", json!({ "Timestamp": "y", "c": 2 })),
            ],
        );
        let mut collector = Collector::default();
        collector.add(&one.metrics);
        let columns = Columns::find(["dataset_id", "metric_name", "signals", "source_name"]).unwrap();
        let record = Layout::new(collector.finish(&columns, &fields()), &[]).record(&one);
        assert_eq!(
            (&record["Timestamp"], &record["a__Timestamp"]),
            (&json!(""), &json!("x"))
        );
        assert_eq!(record["a__b__c"], 1);
    }
}
