//! Turns a server's text of values into JSON.

use serde_json::{Map, Value, json};

use super::rows::Rows;
use crate::source::postgres::{Answer, Shape};

/// The most digits that a double carries whole.
const FLOAT_DIGITS: usize = 15;

/// Turns an answer into rows. A second column of one name gets `_1` behind it, a third `_2`.
pub(super) fn rows(answer: Answer) -> Rows {
    let names = unique(answer.columns.iter().map(|(name, _)| name.as_str()));
    let row = |cells: Vec<Option<String>>| -> Map<String, Value> {
        let cells = names.iter().zip(&answer.columns).zip(cells);
        cells
            .map(|((name, (_, shape)), cell)| (name.clone(), value(shape, cell)))
            .collect()
    };
    Rows {
        rows: answer.rows.into_iter().map(row).collect(),
        truncated: answer.truncated,
        columns: names,
    }
}

/// Turns one value into JSON.
pub(super) fn value(shape: &Shape, cell: Option<String>) -> Value {
    let Some(text) = cell else { return Value::Null };
    match shape {
        Shape::Boolean => json!(matches!(text.as_str(), "true" | "t")),
        Shape::Integer => text.parse::<i64>().map_or(Value::String(text), |number| json!(number)),
        Shape::Float => text.parse::<f64>().map_or(Value::Null, number),
        Shape::Numeric => numeric(text),
        Shape::Json => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        Shape::Timestamp => json!(text.replacen(' ', "T", 1)),
        Shape::TimestampTz => json!(instant(&text)),
        Shape::List(element) => match serde_json::from_str(&text) {
            Ok(elements) => list(element, elements),
            Err(_) => Value::String(text),
        },
        Shape::Text => Value::String(text),
    }
}

/// Turns the texts within a list, of any number of dimensions, into values.
fn list(element: &Shape, elements: Value) -> Value {
    match elements {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| list(element, item)).collect()),
        Value::String(text) => value(element, Some(text)),
        other => other,
    }
}

/// Writes an instant of the session's zone, which is UTC, with `Z`.
fn instant(text: &str) -> String {
    let text = text.replacen(' ', "T", 1);
    match text.strip_suffix("+00") {
        Some(time) => format!("{time}Z"),
        // An infinity, or a year before Christ, whose era stands behind the zone.
        None => text,
    }
}

fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// A number as long as nothing of it is lost, its text otherwise; NaN and infinities are null.
fn numeric(text: String) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return json!(whole);
    }
    let digits = text.trim_start_matches(['-', '0', '.']);
    let digits = if text.contains('.') {
        digits.trim_end_matches('0')
    } else {
        digits
    };
    match text.parse::<f64>() {
        Ok(value) if !value.is_finite() => Value::Null,
        Ok(value) if digits.bytes().filter(u8::is_ascii_digit).count() <= FLOAT_DIGITS => number(value),
        _ => Value::String(text),
    }
}

fn unique<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let names: Vec<&str> = names.collect();
    let mut taken: std::collections::HashSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut seen = std::collections::HashSet::new();
    let mut name = |name: &&str| {
        if seen.insert((*name).to_owned()) {
            return (*name).to_owned();
        }
        let free = (1_usize..).map(|number| format!("{name}_{number}"));
        free.into_iter()
            .find(|name| taken.insert(name.clone()))
            .unwrap_or_default()
    };
    names.iter().map(&mut name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: &Shape, text: &str) -> Value {
        value(shape, Some(text.to_owned()))
    }

    #[test]
    fn nothing_is_lost() {
        assert_eq!(of(&Shape::Integer, "9223372036854775807"), json!(i64::MAX));
        assert_eq!(of(&Shape::Numeric, "0.10"), json!(0.1));
        assert_eq!(of(&Shape::Numeric, "-5"), json!(-5));
        assert_eq!(
            of(&Shape::Numeric, "100000000000000000000"),
            json!("100000000000000000000")
        );
        assert_eq!(of(&Shape::Numeric, "1234567890.123456"), json!("1234567890.123456"));
        assert_eq!(of(&Shape::Numeric, "123456789012345.000"), json!(123_456_789_012_345.0));
        assert_eq!(of(&Shape::Numeric, "NaN"), Value::Null);
        assert_eq!(of(&Shape::Float, "0.1"), json!(0.1));
        assert_eq!(of(&Shape::Float, "-Infinity"), Value::Null);
        assert_eq!(
            of(&Shape::TimestampTz, "2026-01-02 03:04:05.6+00"),
            json!("2026-01-02T03:04:05.6Z")
        );
        assert_eq!(of(&Shape::TimestampTz, "infinity"), json!("infinity"));
        assert_eq!(
            of(&Shape::Timestamp, "2026-01-02 03:04:05"),
            json!("2026-01-02T03:04:05")
        );
        assert_eq!(of(&Shape::Json, "{\"a\": [1]}"), json!({ "a": [1] }));
        let list = Shape::List(Box::new(Shape::Numeric));
        assert_eq!(
            of(&list, r#"[["1.5",null],["2","NaN"]]"#),
            json!([[1.5, null], [2, null]])
        );
    }

    #[test]
    fn names_differ() {
        assert_eq!(unique(["a", "a", "a_1", "a"].into_iter()), ["a", "a_2", "a_1", "a_3"]);
    }
}
