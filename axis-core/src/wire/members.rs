//! The members of one JSON object, taken one after the other; what is left over was not known.

use std::cell::RefCell;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};

/// The members that have not been taken yet.
pub(super) struct Members {
    /// What they are members of, for messages.
    pub(super) of: &'static str,
    left: RefCell<Map<String, Value>>,
    known: RefCell<Vec<&'static str>>,
}

impl Members {
    /// Begins with an object, or with none.
    pub(super) fn of(of: &'static str, value: Value) -> Result<Self> {
        let left = match value {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            other => {
                return Err(wrong(format!(
                    "{} was given for {of}; allowed is an object",
                    kind(&other)
                )));
            }
        };
        Ok(Self {
            of,
            left: RefCell::new(left),
            known: RefCell::default(),
        })
    }

    /// Takes a member; `None` when it is missing or null.
    pub(super) fn take<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>> {
        self.known.borrow_mut().push(name);
        match self.left.borrow_mut().remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => serde_path_to_error::deserialize(value).map(Some).map_err(|cause| {
                let path = cause.path().to_string();
                let inside = if path == "." {
                    String::new()
                } else {
                    format!(" at `{path}`")
                };
                let allowed = allowed(&cause.inner().to_string());
                wrong(format!(
                    "`{name}` of {} is wrong{inside}; allowed is {allowed}",
                    self.of
                ))
            }),
        }
    }

    /// Takes a member, or its default.
    pub(super) fn take_or<T: DeserializeOwned>(&self, name: &'static str, default: T) -> Result<T> {
        Ok(self.take(name)?.unwrap_or(default))
    }

    /// Takes a member that must be there.
    pub(super) fn required<T: DeserializeOwned>(&self, name: &'static str) -> Result<T> {
        self.take(name)?
            .ok_or_else(|| wrong(format!("`{name}` of {} is missing", self.of)))
    }

    /// Takes a text that is one of these.
    pub(super) fn choice<T: Copy>(&self, name: &'static str, choices: &[(&str, T)], default: T) -> Result<T> {
        let Some(given) = self.take::<String>(name)? else {
            return Ok(default);
        };
        let found = choices.iter().find(|(word, _)| *word == given);
        found.map(|(_, choice)| *choice).ok_or_else(|| {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            wrong(format!(
                "`{name}` of {} is `{given}`; allowed are {}",
                self.of,
                words.join(", ")
            ))
        })
    }

    /// Refuses what nobody has taken.
    pub(super) fn finish(self) -> Result<()> {
        let Some(unknown) = self.left.into_inner().keys().next().cloned() else {
            return Ok(());
        };
        let known = self.known.into_inner();
        let there_are = if known.is_empty() {
            "there are none".to_owned()
        } else {
            format!("there are {}", known.join(", "))
        };
        Err(wrong(format!("`{unknown}` is no member of {}; {there_are}", self.of)))
    }
}

/// Takes what is allowed out of the words of the reader. What they say of the value is left out: it may be a secret.
fn allowed(words: &str) -> String {
    let expected = words
        .rsplit_once("expected ")
        .map_or("another value", |(_, expected)| expected);
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".to_owned(),
        "f64" => "a number".to_owned(),
        "a string" => "a text".to_owned(),
        "path string" => "a path".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        other => other.to_owned(),
    }
}

/// Refuses an argument.
pub(super) fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Says what a value is.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
