//! What the signals of all cases look like: metrics, their signals, types and values.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::case::Metrics;
use super::columns::{CARRIED, Columns, SOURCE_FIELDS};

/// The most values of one signal that are listed; a signal with more is named in `values_truncated`.
const VALUES: usize = 200;

/// What the signals of all cases look like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MetricSchema {
    /// The metrics, by name.
    pub metrics: BTreeMap<String, MetricSignals>,
    /// Those of `source_name`, `source_component`, `source_type` and `environment` that the data has, in this order.
    pub source_fields: Vec<String>,
    /// Whether the data has a `timestamp`.
    pub has_timestamp: bool,
}

/// The signals of one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MetricSignals {
    /// `metric_category` of the first case that has the metric, in lower case.
    pub category: String,
    /// The signals, in order of first appearance in the cases, which are ordered by `Case_ID`.
    pub signals: Vec<String>,
    /// The type of each signal, that of its first value.
    pub signal_types: BTreeMap<String, SignalType>,
    /// The distinct texts of signals that are texts, ascending; at most 200 each.
    pub values: BTreeMap<String, Vec<String>>,
    /// The signals that have more values than are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_truncated: Vec<String>,
}

/// What a signal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum SignalType {
    /// True or false.
    Boolean,
    /// A number.
    Number,
    /// A list.
    Array,
    /// An object.
    Object,
    /// A text.
    String,
    /// Every value is null.
    Unknown,
}

impl SignalType {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(_) => Some(Self::Number),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
            Value::String(_) => Some(Self::String),
        }
    }
}

impl MetricSchema {
    /// Returns the schema of some metrics only; all of them when none is named.
    #[must_use]
    pub(super) fn restricted(&self, visible: &[String]) -> Self {
        let mut schema = self.clone();
        if !visible.is_empty() {
            schema.metrics.retain(|name, _| visible.contains(name));
        }
        schema
    }

    /// Returns every signal with its metric and type: metrics ascending, signals in their order.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, &MetricSignals, &str, SignalType)> {
        self.metrics.iter().flat_map(|(name, metric)| {
            metric.signals.iter().map(move |signal| {
                let ty = metric.signal_types.get(signal).copied();
                (
                    name.as_str(),
                    metric,
                    signal.as_str(),
                    ty.unwrap_or(SignalType::Unknown),
                )
            })
        })
    }
}

/// What all cases have in common; stored beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    pub(super) schema: MetricSchema,
    /// The signals that most metrics repeat: facts of the case, in order of first appearance.
    pub(super) promoted: Vec<String>,
    /// The fields that cases take over from their first row, as far as the data has them.
    pub(super) carried: Vec<String>,
    /// How many cases are stored.
    pub(super) cases: u64,
}

/// Collects the schema from cases, which must come in the order of their ids.
#[derive(Debug, Default)]
pub(super) struct Collector {
    metrics: BTreeMap<String, Metric>,
}

#[derive(Debug, Default)]
struct Metric {
    category: String,
    names: Vec<String>,
    signals: HashMap<String, Signal>,
}

#[derive(Debug, Default)]
struct Signal {
    ty: Option<SignalType>,
    /// One more than are listed.
    values: BTreeSet<String>,
}

impl Collector {
    /// Adds a case.
    pub(super) fn add(&mut self, metrics: &Metrics) {
        for (name, signals) in metrics {
            if !self.metrics.contains_key(name) {
                let category = signals.category.clone();
                self.metrics.insert(
                    name.clone(),
                    Metric {
                        category,
                        ..Metric::default()
                    },
                );
            }
            let Some(metric) = self.metrics.get_mut(name) else {
                continue;
            };
            for (key, value) in &signals.values {
                if !metric.signals.contains_key(key) {
                    metric.names.push(key.clone());
                    metric.signals.insert(key.clone(), Signal::default());
                }
                if let Some(signal) = metric.signals.get_mut(key) {
                    signal.add(value);
                }
            }
        }
    }

    /// Returns what was collected. A key that occurs in more than half of at least two metrics is promoted to the case;
    /// `taken` names the fields of a case, which no key can replace.
    pub(super) fn finish(self, columns: &Columns, taken: &[&str]) -> Description {
        let half = self.metrics.len();
        let mut occurrences: HashMap<&str, usize> = HashMap::new();
        for name in self.metrics.values().flat_map(|metric| &metric.names) {
            *occurrences.entry(name).or_default() += 1;
        }
        let is_common = |name: &str| half >= 2 && 2 * occurrences[name] > half && !taken.contains(&name);
        let mut promoted: Vec<String> = Vec::new();
        for name in self.metrics.values().flat_map(|metric| &metric.names) {
            if is_common(name) && !promoted.contains(name) {
                promoted.push(name.clone());
            }
        }
        let metrics = self.metrics.into_iter();
        Description {
            schema: MetricSchema {
                metrics: metrics.map(|(name, metric)| (name, metric.finish(&promoted))).collect(),
                source_fields: columns.present(&SOURCE_FIELDS),
                has_timestamp: columns.timestamp.is_some(),
            },
            carried: columns.present(&CARRIED),
            promoted,
            cases: 0,
        }
    }
}

impl Signal {
    fn add(&mut self, value: &Value) {
        self.ty = self.ty.or_else(|| SignalType::of(value));
        if let (Value::String(text), Some(SignalType::String)) = (value, self.ty)
            && !text.trim().is_empty()
            && !self.values.contains(text)
        {
            self.values.insert(text.clone());
            if self.values.len() > VALUES + 1 {
                self.values.pop_last();
            }
        }
    }
}

impl Metric {
    fn finish(mut self, promoted: &[String]) -> MetricSignals {
        let mut schema = MetricSignals {
            category: self.category,
            ..MetricSignals::default()
        };
        for name in self.names.into_iter().filter(|name| !promoted.contains(name)) {
            let Signal { ty, values } = self.signals.remove(&name).unwrap_or_default();
            schema
                .signal_types
                .insert(name.clone(), ty.unwrap_or(SignalType::Unknown));
            if values.len() > VALUES {
                schema.values_truncated.push(name.clone());
            }
            if !values.is_empty() {
                schema
                    .values
                    .insert(name.clone(), values.into_iter().take(VALUES).collect());
            }
            schema.signals.push(name);
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::case::Signals;
    use super::*;

    fn metrics(all: Value) -> Metrics {
        let Value::Object(all) = all else { panic!() };
        let one = |(name, values): (String, Value)| {
            let Value::Object(values) = values else { panic!() };
            let category = format!("of {name}");
            (name, Signals { category, values })
        };
        all.into_iter().map(one).collect()
    }

    fn describe(cases: &[Value]) -> Description {
        let mut collector = Collector::default();
        for case in cases {
            collector.add(&metrics(case.clone()));
        }
        let columns = Columns::find([
            "dataset_id",
            "metric_name",
            "signals",
            "source_name",
            "additional_output",
        ])
        .unwrap();
        collector.finish(&columns, &["Timestamp"])
    }

    #[test]
    fn types_and_values_are_collected() {
        let description = describe(&[
            json!({ "b": { "z": null, "ok": true }, "a": { "n": 1, "list": [], "o": {} } }),
            json!({ "b": { "z": "x", "ok": "maybe", "late": null }, "a": { "n": "text" } }),
            json!({ "b": { "z": "a" } }),
            json!({ "b": { "z": " " } }),
        ]);
        let schema = json!({
            "metrics": {
                "a": {
                    "category": "of a", "signals": ["n", "list", "o"],
                    "signal_types": { "n": "number", "list": "array", "o": "object" }, "values": {},
                },
                "b": {
                    "category": "of b", "signals": ["z", "ok", "late"],
                    "signal_types": { "z": "string", "ok": "boolean", "late": "unknown" }, "values": { "z": ["a", "x"] },
                },
            },
            "source_fields": ["source_name"],
            "has_timestamp": false,
        });
        assert_eq!(serde_json::to_value(&description.schema).unwrap(), schema);
        assert_eq!(description.carried, ["additional_output"]);
        let restricted = description.schema.restricted(&["b".to_owned()]);
        assert_eq!(restricted.metrics.keys().collect::<Vec<_>>(), ["b"]);
        assert_eq!(description.schema.restricted(&[]), description.schema);
    }

    #[test]
    fn what_most_metrics_repeat_is_promoted() {
        let two = json!({ "a": { "x": 1, "by": "Ann", "Timestamp": 1 }, "b": { "by": "Ann", "Timestamp": 1 } });
        let description = describe(&[two]);
        assert_eq!(description.promoted, ["by"]);
        assert_eq!(description.schema.metrics["a"].signals, ["x", "Timestamp"]);
        // Half of the metrics is not enough, and one metric promotes nothing.
        let half = json!({ "a": { "by": 1 }, "b": { "by": 1 }, "c": {}, "d": {} });
        assert!(describe(&[half]).promoted.is_empty());
        assert!(describe(&[json!({ "a": { "by": 1 } })]).promoted.is_empty());
    }

    #[test]
    fn long_lists_of_values_are_cut_and_named() {
        let cases: Vec<Value> = (0..300)
            .rev()
            .map(|n| json!({ "m": { "note": format!("{n:03}"), "two": format!("{}", n % 2) } }))
            .collect();
        let metric = &describe(&cases).schema.metrics["m"];
        assert_eq!(metric.values["note"].len(), 200);
        assert_eq!(
            (metric.values["note"][0].as_str(), metric.values["note"][199].as_str()),
            ("000", "199")
        );
        assert_eq!(metric.values_truncated, ["note"]);
        assert_eq!(metric.values["two"], ["0", "1"]);
    }
}
