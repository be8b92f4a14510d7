//! `${NAME}` and `${NAME:-default}` within values; `$${` stands for `${` itself.

use std::fmt;

/// A text after substitution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expanded {
    /// The value.
    pub(super) value: String,
    /// The value as it may be shown: what came from a variable that sounds secret is redacted.
    pub(super) shown: String,
}

/// Why a text cannot be substituted. Displays as the end of a sentence that begins with the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The variable is not set and has no default.
    Unset(String),
    /// There is no `}`.
    Unclosed,
    /// What stands between the braces is no name.
    NoName,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unset(name) => write!(
                f,
                "needs the environment variable `{name}`, which is not set; set it, or give a default as in `${{{name}:-default}}`"
            ),
            Self::Unclosed => f.write_str("has a `${` without its `}`; write `$${` for the characters themselves"),
            Self::NoName => f.write_str(
                "has a `${...}` that holds no name of a variable; write `$${` for the characters themselves",
            ),
        }
    }
}

/// Replaces every variable of `text`.
pub(super) fn expand<'a>(text: &str, lookup: impl Fn(&str) -> Option<&'a str>) -> Result<Expanded, Trouble> {
    let mut out = Expanded {
        value: String::with_capacity(text.len()),
        shown: String::with_capacity(text.len()),
    };
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push(&rest[..at]);
        rest = &rest[at..];
        if let Some(tail) = rest.strip_prefix("$${") {
            out.push("${");
            rest = tail;
        } else if let Some(tail) = rest.strip_prefix("${") {
            let (inside, tail) = tail.split_once('}').ok_or(Trouble::Unclosed)?;
            let (name, default) = match inside.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inside, None),
            };
            if !is_name(name) {
                return Err(Trouble::NoName);
            }
            let value = match (lookup(name), default) {
                (Some(value), None) => value,
                (Some(value), Some(_)) if !value.is_empty() => value,
                (_, Some(default)) => default,
                (None, None) => return Err(Trouble::Unset(name.to_owned())),
            };
            out.value.push_str(value);
            out.shown
                .push_str(if sounds_secret(name) { "[redacted]" } else { value });
            rest = tail;
        } else {
            out.push("$");
            rest = &rest[1..];
        }
    }
    out.push(rest);
    Ok(out)
}

impl Expanded {
    fn push(&mut self, text: &str) {
        self.value.push_str(text);
        self.shown.push_str(text);
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_uppercase();
    [
        "PASS",
        "PWD",
        "SECRET",
        "TOKEN",
        "KEY",
        "CREDENTIAL",
        "URL",
        "URI",
        "DSN",
    ]
    .iter()
    .any(|part| name.contains(part))
}
