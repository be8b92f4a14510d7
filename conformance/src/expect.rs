//! Compares an answer with what is expected, and says where they differ.

use serde_json::{Map, Value};

/// Stands in an expectation for a value that is another one each time.
const PATTERNS: [&str; 8] = [
    "<any>",
    "<text>",
    "<integer>",
    "<number>",
    "<boolean>",
    "<time>",
    "<uuid>",
    "<version>",
];

/// What an answer may have or lack.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Leniency {
    /// Objects may have members that are not expected.
    pub(crate) more: bool,
    /// Objects may lack members that are expected.
    pub(crate) fewer: bool,
}

/// Returns a line for each difference.
pub(crate) fn differences(expected: &Value, actual: &Value, leniency: Leniency) -> Vec<String> {
    let mut found = Vec::new();
    compare("", expected, actual, leniency, &mut found);
    found
}

fn compare(path: &str, expected: &Value, actual: &Value, leniency: Leniency, found: &mut Vec<String>) {
    let mut differs = |what: String| {
        let place = if path.is_empty() { "the answer" } else { path };
        found.push(format!("{place}: {what}"));
    };
    match (expected, actual) {
        (Value::String(pattern), _) if is_pattern(pattern) => {
            if !fits(pattern, actual) {
                differs(format!("{pattern} was expected, and it is {actual}"));
            }
        }
        (Value::Object(wanted), Value::Object(given)) => {
            members(path, wanted, given, leniency, found);
        }
        (Value::Array(wanted), Value::Array(given)) => {
            if wanted.len() != given.len() {
                differs(format!(
                    "{} elements were expected, and there are {}",
                    wanted.len(),
                    given.len()
                ));
            }
            for (index, (wanted, given)) in wanted.iter().zip(given).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, given, leniency, found);
            }
        }
        (Value::Number(wanted), Value::Number(given)) if same_number(wanted, given) => {}
        _ if expected == actual => {}
        _ => differs(format!("{expected} was expected, and it is {actual}")),
    }
}

fn members(
    path: &str,
    wanted: &Map<String, Value>,
    given: &Map<String, Value>,
    leniency: Leniency,
    found: &mut Vec<String>,
) {
    for (name, wanted) in wanted {
        match given.get(name) {
            Some(given) => compare(&format!("{path}.{name}"), wanted, given, leniency, found),
            None if leniency.fewer => {}
            None => found.push(format!("{path}.{name}: it is missing; {wanted} was expected")),
        }
    }
    for (name, given) in given {
        if !leniency.more && !wanted.contains_key(name) {
            found.push(format!("{path}.{name}: it was not expected, and is {given}"));
        }
    }
}

/// Whole numbers are equal to the last digit; sums of fractions may differ in the last bits, and 1.0 may be written as 1.
fn same_number(wanted: &serde_json::Number, given: &serde_json::Number) -> bool {
    if wanted == given {
        return true;
    }
    let is_fraction = wanted.is_f64() || given.is_f64();
    match (wanted.as_f64(), given.as_f64()) {
        (Some(wanted), Some(given)) if is_fraction => (wanted - given).abs() <= 1e-9 * wanted.abs().max(1.0),
        _ => false,
    }
}

/// Tells whether a text is written as a pattern is.
pub(crate) fn is_pattern(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_lowercase()))
}

/// Refuses patterns that do not exist, which would be compared as texts.
pub(crate) fn check_patterns(expected: &Value) -> Result<(), String> {
    match expected {
        Value::String(text) if is_pattern(text) && !PATTERNS.contains(&text.as_str()) => Err(format!(
            "there is no pattern {text}; there are: {}",
            PATTERNS.join(", ")
        )),
        Value::Array(elements) => elements.iter().try_for_each(check_patterns),
        Value::Object(members) => members.values().try_for_each(check_patterns),
        _ => Ok(()),
    }
}

fn fits(pattern: &str, actual: &Value) -> bool {
    let text = actual.as_str();
    match pattern {
        "<any>" => true,
        "<text>" => text.is_some_and(|text| !text.is_empty()),
        "<integer>" => actual.is_i64() || actual.is_u64(),
        "<number>" => actual.is_number(),
        "<boolean>" => actual.is_boolean(),
        "<time>" => text.is_some_and(|text| chrono::DateTime::parse_from_rfc3339(text).is_ok()),
        "<version>" => text == Some(env!("CARGO_PKG_VERSION")),
        "<uuid>" => text.is_some_and(|text| uuid::Uuid::try_parse(text).is_ok()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn exact(expected: &Value, actual: &Value) -> Vec<String> {
        differences(expected, actual, Leniency::default())
    }

    #[test]
    fn every_difference_has_its_place() {
        let expected = json!({ "a": [1, { "b": "x" }], "c": null, "d": true });
        assert!(exact(&expected, &expected).is_empty());
        assert_eq!(
            exact(&expected, &json!({ "a": [1, { "b": "y" }], "c": 1, "e": 2 })),
            [
                r#".a[1].b: "x" was expected, and it is "y""#,
                ".c: null was expected, and it is 1",
                ".d: it is missing; true was expected",
                ".e: it was not expected, and is 2",
            ]
        );
        assert_eq!(
            exact(&json!([1]), &json!([1, 2])),
            ["the answer: 1 elements were expected, and there are 2"]
        );
    }

    #[test]
    fn whole_numbers_are_exact_and_fractions_are_not() {
        assert!(exact(&json!(9_007_199_254_740_993_i64), &json!(9_007_199_254_740_993_i64)).is_empty());
        assert!(!exact(&json!(9_007_199_254_740_993_i64), &json!(9_007_199_254_740_992_i64)).is_empty());
        assert!(exact(&json!([1.0, 0.3]), &json!([1, 0.1 + 0.2])).is_empty());
        assert!(!exact(&json!(0.3), &json!(0.300_001)).is_empty());
    }

    #[test]
    fn leniency_has_its_bounds() {
        let more = Leniency {
            more: true,
            fewer: false,
        };
        assert!(differences(&json!([{ "a": 1 }]), &json!([{ "a": 1, "b": 2 }]), more).is_empty());
        assert!(!differences(&json!({ "a": 1, "b": 2 }), &json!({ "a": 1 }), more).is_empty());
        let fewer = Leniency {
            more: false,
            fewer: true,
        };
        assert!(differences(&json!({ "a": 1, "b": 2 }), &json!({ "a": 1 }), fewer).is_empty());
        assert!(!differences(&json!({ "a": 1, "b": 2 }), &json!({ "a": 2 }), fewer).is_empty());
        assert!(!differences(&json!([{ "a": 1 }]), &json!([]), fewer).is_empty());
    }

    #[test]
    fn patterns_stand_for_what_changes() {
        let expected = json!([
            "<time>",
            "<uuid>",
            "<integer>",
            "<number>",
            "<boolean>",
            "<text>",
            "<any>"
        ]);
        let fitting = json!([
            "2026-01-01T00:00:00.5Z",
            "5d1e2f0e-7a55-4e9f-8a52-6f6c0a6f4b51",
            1,
            0.5,
            false,
            "x",
            null
        ]);
        assert!(exact(&expected, &fitting).is_empty());
        assert_eq!(exact(&expected, &json!(["soon", "x", 0.5, "1", 0, "", null])).len(), 6);
        assert!(check_patterns(&json!({ "a": ["<tme>"] })).is_err());
        assert!(check_patterns(&expected).is_ok());
    }
}
