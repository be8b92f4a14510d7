//! Reading JSON from a caller: nothing in it is lost silently.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::members::wrong;
use crate::error::Result;

/// Reads what a caller has written as JSON, for what takes a [`Value`] here. `name` is what the caller calls it.
///
/// # Errors
/// `InvalidArgument` when it is no JSON, when an object has a member twice, and for a whole number of more than 64 bits, which a
/// double would round.
pub fn json(text: &str, name: &str) -> Result<Value> {
    let Unique(value) = serde_json::from_str(text).map_err(|error| wrong(format!("`{name}` is not JSON: {error}")))?;
    if let Some(place) = too_large(text) {
        return Err(wrong(format!(
            "`{name}` has a whole number of more than 64 bits at byte {place}; give it as text, and cast that in the query"
        )));
    }
    Ok(value)
}

/// A value whose objects have each member once.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Unique)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Unique(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> std::result::Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            if members.contains_key(&name) {
                return Err(de::Error::custom(format_args!("the member `{name}` is there twice")));
            }
            let Unique(value) = object.next_value()?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

/// Finds the first whole number, in a text that is JSON, that has more than 64 bits.
fn too_large(json: &str) -> Option<usize> {
    let mut place = 0;
    while let Some(rest) = json.get(place..).filter(|rest| !rest.is_empty()) {
        let length = match rest.as_bytes()[0] {
            b'"' => text_length(rest),
            b'-' | b'0'..=b'9' => {
                let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'));
                let number = &rest[..end.unwrap_or(rest.len())];
                let is_whole = !number.contains(['.', 'e', 'E']);
                if is_whole && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
                    return Some(place);
                }
                number.len()
            }
            // Outside of texts JSON has one byte a character.
            _ => 1,
        };
        place += length;
    }
    None
}

/// The bytes of the text that a JSON begins with, its quotes included.
fn text_length(json: &str) -> usize {
    let mut escaped = false;
    let end = json.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(json.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let text = r#" {"a": [1, -9223372036854775808, 18446744073709551615, 1e300, -0.5, "\"é\\", null, true], "b": {"a": {}}} "#;
        let value = json!({
            "a": [1, i64::MIN, u64::MAX, 1e300, -0.5, "\"é\\", null, true],
            "b": {"a": {}},
        });
        assert_eq!(json(text, "x").unwrap(), value);
        assert_eq!(json("null", "x").unwrap(), Value::Null);
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        for (text, told) in [
            ("", "`x` is not JSON"),
            ("[1,]", "`x` is not JSON"),
            (r#"{"a": 1, "b": {"c": 1, "c": 2}}"#, "the member `c` is there twice"),
            (r#"{"a": 1, "\u0061": 1}"#, "the member `a` is there twice"),
            ("[18446744073709551616]", "64 bits at byte 1"),
            (r#"{"\"9": -9223372036854775809}"#, "64 bits at byte 8"),
            ("100000000000000000000", "64 bits at byte 0"),
        ] {
            let error = json(text, "x").unwrap_err();
            assert!(error.message().contains(told), "{text}: {error}");
        }
        assert!(json(&"[".repeat(100_000), "x").is_err());
    }
}
