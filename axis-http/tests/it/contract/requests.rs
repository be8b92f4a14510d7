//! Requests that an operation allows, nearly allows, or that somebody hostile would send.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::document::{Body, Operation, Parameter, Place};

/// Words of the domain: names of datasets, relations, columns, metrics, values, times.
const WORDS: [&str; 30] = [
    "monitoring",
    "eval",
    "kpi",
    "human_signals",
    "human_signals_raw",
    "hitl",
    "model",
    "environment",
    "source_name",
    "metric_name",
    "metric_score",
    "dataset_id",
    "timestamp",
    "latency",
    "explanation",
    "production",
    "SCORE",
    "score",
    "CLASSIFICATION",
    "ANALYSIS",
    "daily",
    "2026-01-31",
    "2026-01-31 12:30:00",
    "2026-01-31T12:30:00Z",
    "faithfulness,relevance",
    "branding",
    "select 1",
    "select * from monitoring_data",
    "json",
    "00000000-0000-0000-0000-000000000000",
];

/// What breaks programs that are not careful.
const HOSTILE: [&str; 22] = [
    "",
    " ",
    "'",
    "\"",
    "'; drop table monitoring_data; --",
    "\" or 1=1 --",
    "%",
    "_",
    "\\",
    "../../../etc/passwd",
    "..%2f..%2fetc",
    "\u{0}",
    "\u{202e}\u{200b}",
    "ünïcödé 🦆",
    "-1",
    "0",
    "9223372036854775808",
    "1e309",
    "NaN",
    "null",
    "[]",
    "yesterday",
];

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<(String, Vec<u8>)>,
}

/// Requests to one operation.
pub(super) fn to(operation: &Operation) -> BoxedStrategy<Request> {
    let parameters: Vec<_> = operation.parameters.iter().map(value).collect();
    let body = match &operation.body {
        Some(body) => content(body).prop_map(Some).boxed(),
        None => Just(None).boxed(),
    };
    let operation = operation.clone();
    (parameters, body)
        .prop_map(move |(values, body)| assemble(&operation, &values, body))
        .boxed()
}

fn assemble(operation: &Operation, values: &[Option<String>], body: Option<(String, Vec<u8>)>) -> Request {
    let mut path = operation.path.clone();
    let mut query = Vec::new();
    let mut headers = Vec::new();
    for (parameter, value) in operation.parameters.iter().zip(values) {
        let Some(value) = value else { continue };
        match parameter.place {
            Place::Path => path = path.replace(&format!("{{{}}}", parameter.name), &encode(value)),
            Place::Query => query.push(format!("{}={}", encode(&parameter.name), encode(value))),
            Place::Header => {
                let plain: String = value.chars().filter(char::is_ascii_graphic).collect();
                headers.push((parameter.name.clone(), plain));
            }
        }
    }
    if !query.is_empty() {
        path = format!("{path}?{}", query.join("&"));
    }
    Request {
        method: operation.method.clone(),
        target: path,
        headers,
        body,
    }
}

fn encode(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    text.bytes()
        .map(|byte| {
            if plain(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

fn value(parameter: &Parameter) -> BoxedStrategy<Option<String>> {
    let good = good_text(&parameter.schema);
    let bad = hostile();
    if parameter.place == Place::Path {
        // An empty segment is another path.
        let segment = prop_oneof![4 => good, 1 => bad].prop_map(|text| {
            let plain = !text.is_empty() && text != "." && text != "..";
            Some(if plain { text } else { "x".to_owned() })
        });
        return segment.boxed();
    }
    prop_oneof![3 => Just(None), 5 => good.prop_map(Some), 2 => bad.prop_map(Some)].boxed()
}

fn hostile() -> BoxedStrategy<String> {
    let long = (1_usize..3).prop_map(|times| "x".repeat(times * 1_500));
    prop_oneof![6 => select(&HOSTILE[..]).prop_map(str::to_owned), 1 => long, 1 => any::<String>()].boxed()
}

/// A text that the schema allows, or nearly.
fn good_text(schema: &Value) -> BoxedStrategy<String> {
    good(schema, 0)
        .prop_map(|value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        })
        .boxed()
}

fn good(schema: &Value, depth: usize) -> BoxedStrategy<Value> {
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.is_empty()) {
        return select(allowed.clone()).boxed();
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = schema[key].as_array().filter(|choices| !choices.is_empty()) {
            let choices: Vec<_> = choices.iter().map(|choice| good(choice, depth + 1)).collect();
            return proptest::strategy::Union::new(choices).boxed();
        }
    }
    let kind = match &schema["type"] {
        Value::String(kind) => kind.as_str(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or(""),
        _ => "",
    };
    match kind {
        "integer" => whole(schema),
        "number" => prop_oneof![
            (-10.0..10.0_f64).prop_map(|number| json!(number)),
            select(vec![json!(0), json!(0.5), json!(1e300)])
        ]
        .boxed(),
        "boolean" => any::<bool>().prop_map(Value::Bool).boxed(),
        "string" => select(&WORDS[..]).prop_map(Value::from).boxed(),
        "array" => proptest::collection::vec(good(&schema["items"], depth + 1), 0..5)
            .prop_map(Value::Array)
            .boxed(),
        "object" => object(schema, depth),
        _ if depth > 4 => Just(Value::Null).boxed(),
        _ => anything(),
    }
}

fn whole(schema: &Value) -> BoxedStrategy<Value> {
    let least = schema["minimum"].as_i64().unwrap_or(-3);
    let most = schema["maximum"].as_i64().unwrap_or(least.saturating_add(200));
    let edges = vec![least.saturating_sub(1), least, most, most.saturating_add(1), i64::MAX];
    prop_oneof![3 => least..=most.max(least), 1 => select(edges)]
        .prop_map(Value::from)
        .boxed()
}

fn object(schema: &Value, depth: usize) -> BoxedStrategy<Value> {
    let Some(members) = schema["properties"].as_object().filter(|members| !members.is_empty()) else {
        return row();
    };
    let members: Vec<_> = members
        .iter()
        .map(|(name, member)| {
            let name = name.clone();
            prop_oneof![6 => good(member, depth + 1).prop_map(Some), 1 => anything().prop_map(Some), 1 => Just(None)]
                .prop_map(move |value| Some((name.clone(), value?)))
        })
        .collect();
    members
        .prop_map(|members| members.into_iter().flatten().collect::<Map<_, _>>().into())
        .boxed()
}

/// A row as clients post them.
fn row() -> BoxedStrategy<Value> {
    let names = select(&WORDS[..]).prop_map(str::to_owned);
    proptest::collection::btree_map(names, anything(), 0..6)
        .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into())
        .boxed()
}

fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        (-1_000_000_i64..1_000_000).prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(|number| json!(number)),
        hostile().prop_map(Value::String),
        select(&WORDS[..]).prop_map(Value::from),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(select(&WORDS[..]).prop_map(str::to_owned), inner, 0..4)
                .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    });
    nested.boxed()
}

fn content(body: &Body) -> BoxedStrategy<(String, Vec<u8>)> {
    if body.content_type.starts_with("multipart/") {
        return multipart();
    }
    let content_type = body.content_type.clone();
    let document =
        prop_oneof![6 => good(&body.schema, 0), 2 => anything()].prop_map(|value| value.to_string().into_bytes());
    let broken = prop_oneof![
        Just(Vec::new()),
        Just(b"{".to_vec()),
        Just(b"\xff\xfe".to_vec()),
        Just("[".repeat(5_000).into_bytes())
    ];
    prop_oneof![8 => document, 1 => broken]
        .prop_map(move |bytes| (content_type.clone(), bytes))
        .boxed()
}

fn multipart() -> BoxedStrategy<(String, Vec<u8>)> {
    let cell = prop_oneof![
        select(&WORDS[..]).prop_map(str::to_owned),
        hostile(),
        (0..100_u8).prop_map(|n| n.to_string())
    ];
    let lines = proptest::collection::vec(proptest::collection::vec(cell, 1..6), 0..6);
    let header = proptest::sample::subsequence(
        vec![
            "dataset_id",
            "metric_name",
            "metric_score",
            "timestamp",
            "query",
            "signals",
            "source_name",
            "judgment",
        ],
        0..8,
    );
    let name = select(vec!["rows.csv", "rows.CSV", "rows.txt", "", "../../x.csv"]);
    let field = select(vec!["file", "file", "file", "other"]);
    (name, field, header, lines)
        .prop_map(|(name, field, header, lines)| {
            let mut text = header.join(",");
            for line in lines {
                text.push('\n');
                text.push_str(&line.join(","));
            }
            let body = format!(
                "--axis\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
                 Content-Type: text/csv\r\n\r\n{text}\r\n--axis--\r\n"
            );
            ("multipart/form-data; boundary=axis".to_owned(), body.into_bytes())
        })
        .boxed()
}
