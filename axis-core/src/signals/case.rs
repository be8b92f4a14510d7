//! Rows of signals that share a `dataset_id` become one case.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::columns::SHARED;
use super::dump::dump;
use super::literal::{parse, parse_nested, parse_object};

/// The category of a metric that has none.
const CATEGORY: &str = "classification";
/// The most characters of a label that is the first line of a message.
const LABEL: usize = 80;
/// How the first message of a conversation names whom it is about.
static NAMED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"New\s+\w+\s+case:[ \t]*([^\r\n]*)").expect("the pattern is constant"));

/// One row of signals, as text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) case_id: String,
    pub(super) timestamp: Option<String>,
    pub(super) metric_name: Option<String>,
    pub(super) metric_category: Option<String>,
    pub(super) signals: Option<String>,
    /// In the order of [`SHARED`].
    pub(super) shared: [Option<String>; SHARED.len()],
}

/// One conversation, with everything that its reviews say. The fields are those of the stored table.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Case {
    pub(super) case_id: String,
    /// In the order of [`SOURCE_FIELDS`](super::columns::SOURCE_FIELDS).
    pub(super) source: [Option<String>; 4],
    pub(super) slack_url: Option<String>,
    pub(super) agent_name: Option<String>,
    pub(super) business: String,
    pub(super) conversation: Vec<Value>,
    pub(super) message_count: i64,
    pub(super) timestamp: String,
    /// In the order of [`CARRIED`](super::columns::CARRIED).
    pub(super) carried: [Option<String>; 3],
    pub(super) additional_input: Option<String>,
    pub(super) metrics: Metrics,
}

/// The metrics of a case, by name.
pub(super) type Metrics = BTreeMap<String, Signals>;

/// What one metric says about a case.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Signals {
    /// In lower case.
    pub(super) category: String,
    /// In order of appearance.
    pub(super) values: Map<String, Value>,
}

impl Case {
    /// Makes a case of the rows of one `dataset_id`; `None` without rows.
    ///
    /// The first row by timestamp, then metric, then everything else as text supplies what a case has once. Later rows of a
    /// metric replace what earlier ones said.
    pub(super) fn of(mut rows: Vec<Row>) -> Option<Self> {
        rows.sort_by(|a, b| order(a).cmp(&order(b)));
        let first = rows.first()?;
        let shared = |name: &str| {
            let at = SHARED.iter().position(|shared| *shared == name)?;
            first.shared[at].as_deref()
        };
        let owned = |name: &str| shared(name).map(str::to_owned);
        let input = shared("additional_input").and_then(parse);
        let conversation = messages(shared("conversation"));
        let carried =
            |name: &str| shared(name).map(|text| parse(text).map_or_else(|| text.to_owned(), |value| dump(&value)));
        Some(Self {
            source: [
                owned("source_name"),
                owned("source_component"),
                owned("source_type"),
                owned("environment"),
            ],
            slack_url: input.as_ref().and_then(|input| text(input.get("message_url")?)),
            agent_name: match &input {
                Some(Value::Object(input)) => input.get("sender").and_then(text),
                _ => owned("source_name"),
            },
            business: label(&conversation),
            conversation,
            message_count: count(shared("conversation_stats")),
            timestamp: first.timestamp.clone().unwrap_or_default(),
            carried: [
                carried("evaluation_metadata"),
                carried("actual_reference"),
                carried("additional_output"),
            ],
            additional_input: input.as_ref().map(dump),
            case_id: first.case_id.clone(),
            metrics: metrics(&rows),
        })
    }

    /// Writes the values of all metrics as one JSON object by metric.
    pub(super) fn signals_json(&self) -> String {
        let metrics = self.metrics.iter();
        let values = metrics.map(|(name, signals)| (name.clone(), Value::Object(signals.values.clone())));
        Value::Object(values.collect()).to_string()
    }

    /// Writes the categories of all metrics as one JSON object.
    pub(super) fn categories_json(&self) -> String {
        let metrics = self.metrics.iter();
        let categories = metrics.map(|(name, signals)| (name.clone(), Value::from(signals.category.as_str())));
        Value::Object(categories.collect()).to_string()
    }
}

/// Reads metrics back that were written by [`Case::signals_json`] and [`Case::categories_json`].
pub(super) fn read_metrics(signals: &str, categories: &str) -> Metrics {
    let object = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(object)) => object,
        _ => Map::new(),
    };
    let mut categories = object(categories);
    let metrics = object(signals).into_iter().filter_map(|(name, values)| {
        let Value::Object(values) = values else { return None };
        let category = match categories.remove(&name) {
            Some(Value::String(category)) => category,
            _ => CATEGORY.to_owned(),
        };
        Some((name, Signals { category, values }))
    });
    metrics.collect()
}

/// Rows without a time come last.
fn order(row: &Row) -> impl Ord + '_ {
    (
        row.timestamp.is_none(),
        &row.timestamp,
        row.metric_name.is_none(),
        &row.metric_name,
        &row.signals,
        &row.metric_category,
        &row.shared,
    )
}

fn metrics(rows: &[Row]) -> Metrics {
    let mut metrics = Metrics::new();
    for row in rows {
        let name = row.metric_name.as_deref().unwrap_or_default().trim();
        let Some(values) = row.signals.as_deref().and_then(parse_object) else {
            continue;
        };
        if name.is_empty() {
            continue;
        }
        let metric = metrics.entry(name.to_owned()).or_insert_with(|| Signals {
            category: category(row.metric_category.as_deref()),
            values: Map::new(),
        });
        expand(values, &mut metric.values);
    }
    metrics
}

fn category(text: Option<&str>) -> String {
    let text = text.unwrap_or_default().trim().to_lowercase();
    if text.is_empty() { CATEGORY.to_owned() } else { text }
}

/// Adds signals: texts that spell objects or lists are read, and an object of lists of named items becomes its items.
fn expand(values: Map<String, Value>, into: &mut Map<String, Value>) {
    for (key, value) in values {
        let value = match &value {
            Value::String(text) => parse_nested(text).unwrap_or(value),
            _ => value,
        };
        match value {
            Value::Object(categories) if are_named_items(&categories) => {
                for item in categories.into_iter().flat_map(|(_, items)| match items {
                    Value::Array(items) => items,
                    _ => Vec::new(),
                }) {
                    let Value::Object(mut item) = item else { continue };
                    let name = item.get("name").and_then(text).unwrap_or_default();
                    if !name.trim().is_empty() {
                        let value = item.remove("value").or_else(|| item.remove("score"));
                        into.insert(name, value.unwrap_or(Value::Null));
                    }
                }
            }
            value => {
                into.insert(key, value);
            }
        }
    }
}

fn are_named_items(object: &Map<String, Value>) -> bool {
    let is_named = |item: &Value| item.as_object().is_some_and(|item| item.contains_key("name"));
    !object.is_empty()
        && object
            .values()
            .all(|items| items.as_array().is_some_and(|items| items.iter().all(is_named)))
}

/// A scalar as text, anything nested as JSON text; null is nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value => Some(dump(value)),
    }
}

/// The messages of a conversation: the objects in its list `messages`.
fn messages(conversation: Option<&str>) -> Vec<Value> {
    let conversation = conversation.and_then(parse_object);
    match conversation.and_then(|mut conversation| conversation.remove("messages")) {
        Some(Value::Array(messages)) => messages.into_iter().filter(Value::is_object).collect(),
        _ => Vec::new(),
    }
}

/// Whom a case is about, from its first message.
fn label(conversation: &[Value]) -> String {
    let content = conversation.first().and_then(|message| message["content"].as_str());
    let content = content.unwrap_or_default();
    let named = NAMED.captures(content).and_then(|found| found.get(1));
    if let Some(name) = named.map(|name| name.as_str().trim()).filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    match content.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) => line.chars().take(LABEL).collect(),
        None => "Unknown".to_owned(),
    }
}

fn count(stats: Option<&str>) -> i64 {
    let Some(stats) = stats.and_then(parse_object) else {
        return 0;
    };
    let number = |name: &str| whole(stats.get(name)?);
    let both = || {
        number("user_message_count")
            .unwrap_or(0)
            .saturating_add(number("ai_message_count").unwrap_or(0))
    };
    number("turn_count").unwrap_or_else(both)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "counts of messages are small, and the cast saturates"
)]
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|number| number as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(metric: &str, at: &str, signals: &str, shared: &[(&str, &str)]) -> Row {
        let mut row = Row {
            case_id: "c1".to_owned(),
            timestamp: Some(at.to_owned()),
            metric_name: Some(metric.to_owned()),
            metric_category: Some(" Analysis ".to_owned()),
            signals: Some(signals.to_owned()),
            ..Row::default()
        };
        for (name, value) in shared {
            row.shared[SHARED.iter().position(|shared| shared == name).unwrap()] = Some((*value).to_owned());
        }
        row
    }

    #[test]
    fn a_case_is_made_of_its_first_row_and_all_signals() {
        let conversation = r#"{"messages": [{"role": "user", "content": "Hi\nNew claims case:  Acme Ltd \nHelp"}, 7]}"#;
        let first = row(
            "outcome",
            "2026-01-01 10:00:00",
            "{'ok': True}",
            &[
                ("source_name", "claims"),
                ("conversation", conversation),
                (
                    "conversation_stats",
                    r#"{"user_message_count": 2, "ai_message_count": "3"}"#,
                ),
                (
                    "additional_input",
                    r#"{"message_url": "https://chat/1", "sender": "Ann"}"#,
                ),
                ("evaluation_metadata", r#"{"k":[1,"é"]}"#),
                ("actual_reference", "plain text"),
            ],
        );
        let second = row(
            "cause",
            "2026-01-02 10:00:00",
            r#"{"why": "late"}"#,
            &[("source_name", "other")],
        );
        let case = Case::of(vec![second.clone(), first.clone()]).unwrap();
        assert_eq!(case, Case::of(vec![first, second]).unwrap());
        assert_eq!(case.source, [Some("claims".to_owned()), None, None, None]);
        assert_eq!(case.slack_url.as_deref(), Some("https://chat/1"));
        assert_eq!(case.agent_name.as_deref(), Some("Ann"));
        assert_eq!((case.business.as_str(), case.message_count), ("Acme Ltd", 5));
        assert_eq!(case.timestamp, "2026-01-01 10:00:00");
        assert_eq!(case.conversation.len(), 1);
        let carried = [
            Some(r#"{"k": [1, "\u00e9"]}"#.to_owned()),
            Some("plain text".to_owned()),
            None,
        ];
        assert_eq!(case.carried, carried);
        assert_eq!(case.signals_json(), r#"{"cause":{"why":"late"},"outcome":{"ok":true}}"#);
        assert_eq!(
            read_metrics(&case.signals_json(), &case.categories_json()),
            case.metrics
        );
        assert_eq!(case.metrics["cause"].category, "analysis");
        assert_eq!(Case::of(Vec::new()), None);
    }

    #[test]
    fn rows_of_one_time_are_ordered_by_everything_else() {
        let rows = vec![
            row("a", "2026-01-01", r#"{"x": 2}"#, &[("source_name", "b")]),
            row("a", "2026-01-01", r#"{"x": 1}"#, &[("source_name", "a")]),
            Row {
                timestamp: None,
                ..row("a", "", r#"{"y": 3}"#, &[("source_name", "0")])
            },
        ];
        let mut reversed = rows.clone();
        reversed.reverse();
        let case = Case::of(rows).unwrap();
        assert_eq!(case, Case::of(reversed).unwrap());
        assert_eq!(case.source[0].as_deref(), Some("a"));
        // The later of two rows of a metric counts, key by key.
        assert_eq!(case.signals_json(), r#"{"a":{"x":2,"y":3}}"#);
    }

    #[test]
    fn named_items_and_nested_texts_are_expanded() {
        let signals = json!({
            "checks": { "one": [{ "name": "tone", "value": 1, "score": 9 }, { "name": "fit", "score": 0.5 }, { "name": " " }], "two": [] },
            "text": "{\"a\": 1}",
            "kept": { "list": [1] },
            "empty": {},
            "plain": "{no",
        });
        let case = Case::of(vec![row("m", "1", &signals.to_string(), &[])]).unwrap();
        let expected =
            json!({ "tone": 1, "fit": 0.5, "text": { "a": 1 }, "kept": { "list": [1] }, "empty": {}, "plain": "{no" });
        assert_eq!(Value::Object(case.metrics["m"].values.clone()), expected);
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let rows = vec![
            row(
                "m",
                "1",
                "no object",
                &[("additional_input", "[1]"), ("source_name", "s"), ("conversation", "x")],
            ),
            row("  ", "2", "{}", &[]),
            row("m", "3", "[1]", &[]),
        ];
        let case = Case::of(rows).unwrap();
        assert!(case.metrics.is_empty());
        assert_eq!(case.agent_name.as_deref(), Some("s"));
        assert_eq!(case.additional_input.as_deref(), Some("[1]"));
        assert_eq!((case.business.as_str(), case.message_count), ("Unknown", 0));
    }

    #[test]
    fn labels_come_from_the_first_message() {
        let of = |content: Value| label(&[json!({ "content": content })]);
        assert_eq!(of(json!("\n  first line \nsecond")), "first line");
        assert_eq!(of(json!("New claims case:\nnext")), "New claims case:");
        assert_eq!(of(json!("é".repeat(100))), "é".repeat(80));
        assert_eq!(of(json!([{ "text": "part" }])), "Unknown");
        assert_eq!(label(&[]), "Unknown");
    }
}
