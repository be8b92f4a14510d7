//! Values as JSON text in the form that clients of this API know: Python's default, with blanks behind `,` and `:` and only ASCII.

use std::fmt::Write as _;

use serde_json::{Number, Value};

/// Writes a value as JSON text.
pub(crate) fn dump(value: &Value) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            for (index, (key, value)) in object.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_text(out, key);
                out.push_str(": ");
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
}

/// Whole numbers as they are; others by their shortest digits, with an exponent below 0.0001 and from 1e16 on.
fn write_number(out: &mut String, number: &Number) {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else {
        let _ = write!(out, "{number}");
        return;
    };
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let plain = float.to_string();
        out.push_str(&plain);
        if !plain.contains('.') {
            out.push_str(".0");
        }
    } else {
        let sign = if exponent < 0 { '-' } else { '+' };
        let _ = write!(out, "{digits}e{sign}{:02}", exponent.abs());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_written_as_python_does() {
        let value = json!({ "é": ["a\"\n\u{1f600}\u{7f}", null, true], "n": { "x": 1, "y": {} } });
        assert_eq!(
            dump(&value),
            r#"{"\u00e9": ["a\"\n\ud83d\ude00\u007f", null, true], "n": {"x": 1, "y": {}}}"#
        );
        let numbers = json!([
            1.0,
            0.5,
            1e15,
            1e16,
            1.5e-5,
            0.0001,
            -2.5e300,
            0.1,
            18446744073709551615_u64,
            -0.0
        ]);
        assert_eq!(
            dump(&numbers),
            "[1.0, 0.5, 1000000000000000.0, 1e+16, 1.5e-05, 0.0001, -2.5e+300, 0.1, 18446744073709551615, -0.0]"
        );
    }
}
