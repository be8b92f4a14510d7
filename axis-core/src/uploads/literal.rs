//! Lists in a cell, as Python or JSON writes them: `['a', "b", 1.5, None]`.

use serde_json::Value;

/// How deep a list may be nested.
const DEPTH: usize = 32;

/// Reads a list, a tuple, a dictionary or a plain value; `None` when the text is none of them.
pub(super) fn read(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text) {
        return Some(value);
    }
    let mut reader = Reader {
        rest: text.trim(),
        depth: 0,
    };
    let value = reader.value()?;
    reader.rest.trim().is_empty().then_some(value)
}

struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next()? {
            '[' => self.list(']').map(Value::Array),
            '(' => self.list(')').map(Value::Array),
            '{' => self.dictionary(),
            '\'' | '"' => self.string().map(Value::String),
            _ => self.word(),
        }
    }

    fn list(&mut self, end: char) -> Option<Vec<Value>> {
        self.open()?;
        let mut values = Vec::new();
        while !self.take(end) {
            values.push(self.value()?);
            if !self.take(',') {
                self.take(end).then_some(())?;
                break;
            }
        }
        self.depth -= 1;
        Some(values)
    }

    fn dictionary(&mut self) -> Option<Value> {
        self.open()?;
        let mut object = serde_json::Map::new();
        while !self.take('}') {
            let key = match self.value()? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            self.take(':').then_some(())?;
            object.insert(key, self.value()?);
            if !self.take(',') {
                self.take('}').then_some(())?;
                break;
            }
        }
        self.depth -= 1;
        Some(Value::Object(object))
    }

    fn open(&mut self) -> Option<()> {
        self.rest = &self.rest[1..];
        self.depth += 1;
        (self.depth <= DEPTH).then_some(())
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn string(&mut self) -> Option<String> {
        let mut chars = self.rest.char_indices();
        let (_, quote) = chars.next()?;
        let mut text = String::new();
        while let Some((index, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &self.rest[index + quote.len_utf8()..];
                    return Some(text);
                }
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    // Other escapes are rare in texts, and stay as they are written.
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        None
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest.find([',', ']', ')', '}', ':']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word.trim() {
            "None" => Some(Value::Null),
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            word => serde_json::from_str(word).ok().filter(Value::is_number),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_languages_are_read() {
        assert_eq!(read("['it''s', 1]"), None);
        assert_eq!(
            read("['a', \"b's\", 1.5, None, True,]"),
            Some(json!(["a", "b's", 1.5, null, true]))
        );
        assert_eq!(read("[\"a\", null]"), Some(json!(["a", null])));
        assert_eq!(
            read("[{'id': 1, 'text': 'x\\n\\'y\\''}, (1, 2)]"),
            Some(json!([{"id": 1, "text": "x\n'y'"}, [1, 2]]))
        );
        assert_eq!(read("[]"), Some(json!([])));
        for text in ["", "[", "['a'", "[a]", "a text", "[1] 2", "{'a'}", "\\"] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"[".repeat(10_000)), None);
    }
}
