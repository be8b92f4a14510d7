//! Reads `.env` files: assignments, comments, quotes, and values of several lines in quotes.

use super::substitute;
use crate::error::{Error, ErrorKind, Result};

/// One assignment of the file.
pub(super) struct Assignment {
    pub(super) name: String,
    text: String,
    literal: bool,
}

impl Assignment {
    /// Returns the value with `${NAME}` replaced; unknown names stand for nothing, as in a shell.
    pub(super) fn value<'a>(&self, lookup: impl Fn(&str) -> Option<&'a str>) -> String {
        if self.literal {
            return self.text.clone();
        }
        match substitute::expand(&self.text, |name| Some(lookup(name).unwrap_or_default())) {
            Ok(expanded) => expanded.value,
            Err(_) => self.text.clone(),
        }
    }
}

/// Reads a file; `label` names it in errors.
pub(super) fn parse(text: &str, label: &str) -> Result<Vec<Assignment>> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1;
    let mut assignments = Vec::new();
    while !rest.is_empty() {
        let (first, after) = split_line(rest);
        let trimmed = first.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            line += 1;
            continue;
        }
        let bad = |what: &str| Error::new(ErrorKind::Config, format!("{label}:{line}: {what}")).during("config.dotenv");
        let body = rest.trim_start();
        let body = match body.strip_prefix("export") {
            Some(tail) if tail.starts_with([' ', '\t']) => tail.trim_start_matches([' ', '\t']),
            _ => body,
        };
        let end = body
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(body.len());
        let (name, tail) = body.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad(
                "the line does not begin with the name of a variable, expected `NAME=value`",
            ));
        }
        let Some(tail) = tail.trim_start_matches([' ', '\t']).strip_prefix('=') else {
            return Err(bad("there is no `=` after the name, expected `NAME=value`"));
        };
        let tail = tail.trim_start_matches([' ', '\t']);
        let (value, literal, after) = match tail.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let Some((value, after)) = quoted(&tail[1..], quote) else {
                    return Err(bad("the quote that begins here is never closed"));
                };
                let (remainder, after) = split_line(after);
                let remainder = remainder.trim();
                if !remainder.is_empty() && !remainder.starts_with('#') {
                    return Err(bad("there is text after the closing quote"));
                }
                (value, quote == '\'', after)
            }
            _ => {
                let (value, after) = split_line(tail);
                (bare(value).to_owned(), false, after)
            }
        };
        assignments.push(Assignment {
            name: name.to_owned(),
            text: value,
            literal,
        });
        line += rest[..rest.len() - after.len()].matches('\n').count();
        rest = after;
    }
    Ok(assignments)
}

fn split_line(text: &str) -> (&str, &str) {
    match text.split_once('\n') {
        Some((line, rest)) => (line.strip_suffix('\r').unwrap_or(line), rest),
        None => (text, ""),
    }
}

/// Cuts a comment, which a blank precedes, and the blanks at the end.
fn bare(value: &str) -> &str {
    let mut previous = ' ';
    for (index, c) in value.char_indices() {
        if c == '#' && previous.is_whitespace() {
            return value[..index].trim_end();
        }
        previous = c;
    }
    value.trim_end()
}

/// Reads up to the closing quote and returns the value and what follows. Unknown escapes stay as they are.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((index, c)) = chars.next() {
        if c == quote {
            return Some((value, &text[index + 1..]));
        }
        if c != '\\' {
            value.push(c);
            continue;
        }
        let (_, escaped) = chars.next()?;
        match escaped {
            '\\' | '\'' => value.push(escaped),
            '"' if quote == '"' => value.push('"'),
            'n' if quote == '"' => value.push('\n'),
            'r' if quote == '"' => value.push('\r'),
            't' if quote == '"' => value.push('\t'),
            other => value.extend(['\\', other]),
        }
    }
    None
}
