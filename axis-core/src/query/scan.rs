//! The parts of a JSON text, one after the other and however deep it is: serde's readers go 127 levels down, and what DuckDB's
//! parser writes of a sum of a hundred numbers goes further.

use crate::error::{Error, ErrorKind, Result};

/// One part.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// An object or a list begins.
    Begin,
    /// It ends.
    End,
    /// The key of what follows.
    Key(String),
    /// A text.
    Text(String),
    /// A number, a truth value or null.
    Other,
}

/// Goes through a JSON text.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    rest: &'a str,
}

impl<'a> Scan<'a> {
    pub(super) fn new(json: &'a str) -> Self {
        Self { rest: json }
    }

    /// Takes a text with its quotes off the front.
    fn quoted(&mut self) -> Result<String> {
        let mut escaped = false;
        let end = self.rest.char_indices().skip(1).find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let (end, _) = end.ok_or_else(broken)?;
        let (text, rest) = self.rest.split_at(end + 1);
        self.rest = rest;
        serde_json::from_str(text).map_err(|error| broken().because(error))
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "DuckDB's parser gave no JSON").during("query")
}

impl Iterator for Scan<'_> {
    type Item = Result<Token>;

    fn next(&mut self) -> Option<Self::Item> {
        self.rest = self
            .rest
            .trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',' || c == ':');
        let token = match self.rest.bytes().next()? {
            b'{' | b'[' => {
                self.rest = &self.rest[1..];
                Token::Begin
            }
            b'}' | b']' => {
                self.rest = &self.rest[1..];
                Token::End
            }
            b'"' => match self.quoted() {
                Ok(text) if self.rest.trim_start().starts_with(':') => Token::Key(text),
                Ok(text) => Token::Text(text),
                Err(error) => {
                    self.rest = "";
                    return Some(Err(error));
                }
            },
            _ => {
                let end = self.rest.find([',', '}', ']']).unwrap_or(self.rest.len());
                self.rest = &self.rest[end..];
                Token::Other
            }
        };
        Some(Ok(token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_comes_in_its_order() {
        let json = r#"{"a": [1, "x\"],\\", {}], "b\u0041": null, "c":-1.5e3}"#;
        let parts: Vec<Token> = Scan::new(json).map(Result::unwrap).collect();
        let expected = [
            Token::Begin,
            Token::Key("a".into()),
            Token::Begin,
            Token::Other,
            Token::Text("x\"],\\".into()),
            Token::Begin,
            Token::End,
            Token::End,
            Token::Key("bA".into()),
            Token::Other,
            Token::Key("c".into()),
            Token::Other,
            Token::End,
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn depth_and_broken_texts_do_no_harm() {
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Scan::new(&deep).count(), 200_001);
        for broken in ["\"", "{\"a", "\"\\"] {
            assert!(Scan::new(broken).any(|part| part.is_err()), "{broken}");
        }
    }
}
