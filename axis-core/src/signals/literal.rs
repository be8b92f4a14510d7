//! Cells as their writers left them: JSON, or the literal that Python prints for the same object.

use serde_json::{Map, Number, Value};

/// As deep as `serde_json` goes; keeps the recursion within the stack.
const MAX_DEPTH: usize = 128;

/// Reads a cell: JSON, else a Python literal (single quotes, `True`, `False`, `None`, tuples, sets).
///
/// NaN and infinities, which Python writes into JSON as well, are null.
pub(crate) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| Parser::new(text).document())
}

/// Reads a cell that is meant to hold an object.
pub(crate) fn parse_object(text: &str) -> Option<Map<String, Value>> {
    match parse(text)? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// Reads a text that spells an object or a list.
pub(crate) fn parse_nested(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    parse(text).filter(|value| value.is_object() || value.is_array())
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    fn document(mut self) -> Option<Value> {
        let value = self.value(0)?;
        self.blanks();
        self.rest.is_empty().then_some(value)
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes a character after blanks, if it comes next.
    fn take(&mut self, wanted: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.blanks();
        match self.rest.chars().next()? {
            '{' => self.braces(depth),
            '[' => {
                self.take('[');
                self.items(']', depth).map(Value::Array)
            }
            '(' => self.parentheses(depth),
            '\'' | '"' => self.string().map(Value::String),
            'u' | 'U' if self.rest[1..].starts_with(['\'', '"']) => {
                self.rest = &self.rest[1..];
                self.string().map(Value::String)
            }
            '-' | '+' | '.' | '0'..='9' => self.number(),
            _ => self.word(),
        }
    }

    /// A dictionary, or a set, which becomes a list.
    fn braces(&mut self, depth: usize) -> Option<Value> {
        self.take('{');
        let mut object = Map::new();
        if self.take('}') {
            return Some(Value::Object(object));
        }
        let first = self.value(depth + 1)?;
        if !self.take(':') {
            let mut items = vec![first];
            if self.take(',') {
                items.extend(self.items('}', depth)?);
            } else if !self.take('}') {
                return None;
            }
            return Some(Value::Array(items));
        }
        let mut key = key_of(first)?;
        loop {
            let value = self.value(depth + 1)?;
            object.insert(key, value);
            let more = self.take(',');
            if self.take('}') {
                return Some(Value::Object(object));
            }
            if !more {
                return None;
            }
            key = key_of(self.value(depth + 1)?)?;
            if !self.take(':') {
                return None;
            }
        }
    }

    /// Values up to the end of a collection; a comma may stand before the end.
    fn items(&mut self, end: char, depth: usize) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        loop {
            if self.take(end) {
                return Some(items);
            }
            items.push(self.value(depth + 1)?);
            if !self.take(',') {
                return self.take(end).then_some(items);
            }
        }
    }

    /// A tuple, or a value in parentheses.
    fn parentheses(&mut self, depth: usize) -> Option<Value> {
        self.take('(');
        if self.take(')') {
            return Some(Value::Array(Vec::new()));
        }
        let first = self.value(depth + 1)?;
        if self.take(')') {
            return Some(first);
        }
        if !self.take(',') {
            return None;
        }
        let mut items = vec![first];
        items.extend(self.items(')', depth)?);
        Some(Value::Array(items))
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.next()?;
        let mut text = String::new();
        loop {
            match self.next()? {
                '\\' => self.escape(&mut text)?,
                '\n' => return None,
                c if c == quote => return Some(text),
                c => text.push(c),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let next = self.rest.chars().next()?;
        self.rest = &self.rest[next.len_utf8()..];
        Some(next)
    }

    /// Reads what follows a backslash. An unknown escape stays as it is written, as in Python.
    fn escape(&mut self, text: &mut String) -> Option<()> {
        let c = match self.next()? {
            '\n' => return Some(()),
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'a' => '\u{7}',
            'v' => '\u{b}',
            '0' => '\0',
            'x' => char::from_u32(self.code(2)?)?,
            'U' => char::from_u32(self.code(8)?)?,
            'u' => self.utf16()?,
            c @ ('\\' | '\'' | '"') => c,
            c => {
                text.push('\\');
                c
            }
        };
        text.push(c);
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<u32> {
        let code = u32::from_str_radix(self.rest.get(..digits)?, 16).ok()?;
        self.rest = &self.rest[digits..];
        Some(code)
    }

    /// A code unit, and the one that completes it when it is the first half of a pair.
    fn utf16(&mut self) -> Option<char> {
        let first = self.code(4)?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        self.rest = self.rest.strip_prefix("\\u")?;
        let second = self.code(4)?.checked_sub(0xDC00).filter(|second| *second < 0x400)?;
        char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + second)
    }

    fn number(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.' | '_')))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let digits = word.strip_prefix('+').unwrap_or(word).replace('_', "");
        if digits.trim_start_matches('-').eq_ignore_ascii_case("infinity") {
            return Some(Value::Null);
        }
        if let Ok(whole) = digits.parse::<i64>() {
            return Some(Value::from(whole));
        }
        if let Ok(whole) = digits.parse::<u64>() {
            return Some(Value::from(whole));
        }
        // Rust reads `inf` and `nan`, too; Python prints neither as a literal.
        if digits.contains(|c: char| c.is_ascii_alphabetic() && !matches!(c, 'e' | 'E')) {
            return None;
        }
        let number = digits.parse::<f64>().ok()?;
        Some(Number::from_f64(number).map_or(Value::Null, Value::Number))
    }

    fn word(&mut self) -> Option<Value> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let value = match word {
            "True" | "true" => Value::Bool(true),
            "False" | "false" => Value::Bool(false),
            "None" | "null" | "NaN" | "nan" | "Infinity" | "inf" => Value::Null,
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }
}

/// A key of a dictionary as JSON names it.
fn key_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null => Some("null".to_owned()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_python_are_read() {
        let object = json!({ "a": true, "b": null, "c": "it's", "d": [1, 2.5, -3], "e": { "f": "x\"y" } });
        for text in [
            r#"{"a": true, "b": null, "c": "it's", "d": [1, 2.5, -3], "e": {"f": "x\"y"}}"#,
            r#" {'a': True, 'b': None, 'c': "it's", 'd': (1, 2.5, -3,), 'e': {'f': 'x"y'},} "#,
        ] {
            assert_eq!(parse(text), Some(object.clone()), "{text}");
        }
        assert_eq!(
            parse(r#"{"a": NaN, "b": [-Infinity]}"#),
            Some(json!({ "a": null, "b": [null] }))
        );
        assert_eq!(
            parse("{1: 'x', None: 2, True: 3}"),
            Some(json!({ "1": "x", "null": 2, "true": 3 }))
        );
        assert_eq!(parse("{'b', 'a'}"), Some(json!(["b", "a"])));
        assert_eq!(parse("((), (1), (1,))"), Some(json!([[], 1, [1]])));
        assert_eq!(
            parse(r"['\u00e9\x41\ud83d\ude00\q\n']"),
            Some(json!(["\u{e9}A\u{1f600}\\q\n"]))
        );
        assert_eq!(
            parse("[1_000, 1e3, 18446744073709551615]"),
            Some(json!([1000, 1000.0, u64::MAX]))
        );
    }

    #[test]
    fn what_is_neither_is_nothing() {
        for text in [
            "",
            "{",
            "{'a'}}",
            "{'a': }",
            "['a' 'b']",
            "(see above)",
            "'open",
            "{'a': b}",
            "[1, 2",
            "0x10",
            r"'\ud83d'",
            "é",
            "u'é",
            r"'\xé'",
            "1é",
            "{'a': inf2}",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(parse(&deep), None);
        assert_eq!(parse_nested("plain"), None);
        assert_eq!(parse_nested("[1]"), Some(json!([1])));
        assert_eq!(parse_object("[1]"), None);
    }
}
