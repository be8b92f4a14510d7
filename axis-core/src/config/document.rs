//! YAML files that are no configuration of ours, as plain values.

use serde_json::{Map, Number, Value};

use super::yaml::{Data, Node, parse};
use crate::error::Result;

/// Reads a YAML text as a value; an empty one is null.
///
/// # Errors
/// `Config`, naming file and line.
pub(crate) fn document(file: &str, text: &str) -> Result<Value> {
    parse(file, text).map(value)
}

fn value(node: Node) -> Value {
    match node.data {
        Data::Null { .. } => Value::Null,
        Data::Scalar { text, plain: false } => Value::String(text),
        Data::Scalar { text, plain: true } => scalar(text),
        Data::List(items) => Value::Array(items.into_iter().map(value).collect()),
        Data::Map(entries) => {
            let entries = entries.into_iter().map(|entry| (entry.key, value(entry.node)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
    }
}

/// A word without quotes: a truth value, a number, or itself.
fn scalar(text: String) -> Value {
    match &*text {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
    let number = text.parse().ok().filter(|_| is_number).and_then(Number::from_f64);
    number.map_or_else(|| Value::String(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_without_quotes_are_typed() {
        let text = "a: [1, 1.5, true, ~, '1', text, -.5, inf, 1e3]\nb: {c: \"true\"}\n";
        let expected = json!({ "a": [1, 1.5, true, null, "1", "text", -0.5, "inf", 1000.0], "b": { "c": "true" } });
        assert_eq!(document("f.yaml", text).unwrap(), expected);
        assert_eq!(document("f.yaml", "").unwrap(), Value::Null);
        assert!(
            document("f.yaml", "a: [")
                .unwrap_err()
                .message()
                .starts_with("f.yaml:1: ")
        );
    }
}
