//! JSON text for JavaScript, whose numbers hold integers exactly only up to 2^53.

use axis_core::arrow::record_batch::RecordBatch;
use axis_core::{Error, ErrorKind, Result, rows_to_json, wire, write_json};
use serde::Serialize;
use serde_json::{Value, json};

/// `Number.MAX_SAFE_INTEGER`.
const SAFE: u64 = (1 << 53) - 1;
/// The digits of the first integer beyond it.
const DIGITS: usize = 16;

/// Returns an answer as JSON. Integers that a number of JavaScript would round are texts in it; a second line then has their
/// places, each a list of keys and indices, and `lib/json.ts` makes a `bigint` of each.
pub(crate) fn answer(answer: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(answer).map_err(unwritten)?;
    if !may_round(text.as_bytes()) {
        return Ok(text);
    }
    serde_json::to_value(answer).map(marked).map_err(unwritten)
}

/// Returns the rows of a batch as a JSON array, as [`answer`] does.
pub(crate) fn rows(batch: &RecordBatch) -> Result<String> {
    let mut text = b"[".to_vec();
    write_json(batch, &mut text)?;
    text.push(b']');
    if may_round(&text) {
        return Ok(marked(Value::Array(rows_to_json(std::slice::from_ref(batch)))));
    }
    String::from_utf8(text).map_err(unwritten)
}

/// Tells whether there is a run of so many digits that is no fraction. A text of digits is one, too; that only costs time.
fn may_round(text: &[u8]) -> bool {
    let mut digits = 0;
    let mut fraction = false;
    text.iter().any(|byte| {
        if byte.is_ascii_digit() {
            digits += usize::from(!fraction);
        } else {
            digits = 0;
            fraction = *byte == b'.';
        }
        digits >= DIGITS
    })
}

fn marked(mut value: Value) -> String {
    let mut places = Vec::new();
    mark(&mut value, &mut Vec::new(), &mut places);
    if places.is_empty() {
        return value.to_string();
    }
    // JSON has no line breaks outside of texts, and in texts they are escaped.
    format!("{value}\n{}", Value::Array(places))
}

fn mark(value: &mut Value, path: &mut Vec<Value>, places: &mut Vec<Value>) {
    match value {
        Value::Number(number) => {
            let whole = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            if whole.is_some_and(|whole| whole > SAFE) {
                places.push(json!(path));
                *value = Value::String(number.to_string());
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                path.push(json!(index));
                mark(element, path, places);
                path.pop();
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                path.push(json!(key));
                mark(member, path, places);
                path.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// Reads what `lib/json.ts` has written.
pub(crate) fn read(text: &str) -> Result<Value> {
    wire::json(text, "argument")
}

fn unwritten(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(error)
}
