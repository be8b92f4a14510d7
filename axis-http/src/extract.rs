//! Names in paths, query parameters and bodies: read leniently and reported in the shape that clients of the API know.

mod body;
mod file;
mod rows;

use std::convert::Infallible;
use std::ops::RangeInclusive;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};

use crate::gate::ApiError;

pub(crate) use body::{Body, Fields};
pub(crate) use file::{CsvFile, CsvForm, FORM_MAX};
pub(crate) use rows::{RowsBody, RowsForm, too_large};

/// The parameters of a request. Of a repeated one the last counts; unknown ones are ignored.
///
/// Values that cannot be read are collected, so that one answer names all of them: call [`check`](Self::check) at the end.
#[derive(Debug, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    problems: Vec<Value>,
}

impl Params {
    /// Returns a text; an empty one counts as not given.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.last(name).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Returns a text that must be there.
    pub(crate) fn required_text(&mut self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            let problem = json!({ "type": "missing", "loc": ["query", name], "msg": "Field required", "input": null });
            self.problems.push(problem);
            String::new()
        })
    }

    /// Returns the items of a comma-separated list; empty ones are left out.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let items = self.last(name).unwrap_or_default().split(',').map(str::trim);
        items.filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Returns a text that must be given; it may be empty.
    pub(crate) fn required(&mut self, name: &str) -> String {
        if let Some(text) = self.last(name) {
            return text.to_owned();
        }
        let problem = json!({ "type": "missing", "loc": ["query", name], "msg": "Field required", "input": null });
        self.problems.push(problem);
        String::new()
    }

    /// Returns a number.
    pub(crate) fn number(&mut self, name: &str, default: f64) -> f64 {
        let Some(text) = self.last(name).map(str::to_owned) else {
            return default;
        };
        if let Ok(number) = text.trim().parse() {
            return number;
        }
        let message = "Input should be a valid number, unable to parse string as a number";
        self.problem("float_parsing", name, message, &text, None);
        default
    }

    /// Returns a whole number within bounds.
    pub(crate) fn integer(&mut self, name: &str, default: u32, bounds: RangeInclusive<u32>) -> u32 {
        let Some(text) = self.last(name).map(str::to_owned) else {
            return default;
        };
        let Ok(number) = text.trim().parse::<i64>() else {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.problem("int_parsing", name, message, &text, None);
            return default;
        };
        let (least, most) = bounds.into_inner();
        if number < i64::from(least) {
            let message = format!("Input should be greater than or equal to {least}");
            self.problem(
                "greater_than_equal",
                name,
                &message,
                &text,
                Some(json!({ "ge": least })),
            );
        } else if number > i64::from(most) {
            let message = format!("Input should be less than or equal to {most}");
            self.problem("less_than_equal", name, &message, &text, Some(json!({ "le": most })));
        }
        u32::try_from(number).unwrap_or(default)
    }

    /// Returns every value of a parameter that may be repeated, in order; empty ones count as not given.
    pub(crate) fn all(&self, name: &str) -> Vec<String> {
        let values = self
            .pairs
            .iter()
            .filter(|(key, value)| key == name && !value.is_empty());
        values.map(|(_, value)| value.clone()).collect()
    }

    /// Returns a whole number from 1 up to `max`.
    pub(crate) fn count(&mut self, name: &str, default: u64, max: Option<u64>) -> u64 {
        let Some(text) = self.last(name).map(str::to_owned) else {
            return default;
        };
        let Ok(number) = text.trim().parse::<i64>() else {
            let message = "Input should be a valid integer, unable to parse string as an integer";
            self.problem("int_parsing", name, message, &text, None);
            return default;
        };
        match (u64::try_from(number), max) {
            (Err(_) | Ok(0), _) => {
                let message = "Input should be greater than or equal to 1";
                self.problem("greater_than_equal", name, message, &text, Some(json!({ "ge": 1 })));
                default
            }
            (Ok(number), Some(max)) if number > max => {
                let message = format!("Input should be less than or equal to {max}");
                self.problem("less_than_equal", name, &message, &text, Some(json!({ "le": max })));
                default
            }
            (Ok(number), _) => number,
        }
    }

    /// Returns a truth value in any of the usual spellings.
    pub(crate) fn boolean(&mut self, name: &str, default: bool) -> bool {
        let Some(text) = self.last(name).map(str::to_owned) else {
            return default;
        };
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => true,
            "false" | "0" | "no" | "off" | "f" | "n" => false,
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                self.problem("bool_parsing", name, message, &text, None);
                default
            }
        }
    }

    /// Returns the index of one of two or more words; the default is the index of a word, too.
    pub(crate) fn choice(&mut self, name: &str, words: &[&str], default: usize) -> usize {
        let Some(text) = self.last(name).map(str::to_owned) else {
            return default;
        };
        if let Some(index) = words.iter().position(|word| *word == text) {
            return index;
        }
        let mut words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let last = words.pop().unwrap_or_default();
        let expected = format!("{} or {last}", words.join(", "));
        let message = format!("Input should be {expected}");
        self.problem(
            "literal_error",
            name,
            &message,
            &text,
            Some(json!({ "expected": expected })),
        );
        default
    }

    /// Answers 422 when a value could not be read.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::validation(self.problems))
        }
    }

    fn last(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn problem(&mut self, kind: &str, name: &str, message: &str, input: &str, context: Option<Value>) {
        let mut problem = json!({ "type": kind, "loc": ["query", name], "msg": message, "input": input });
        if let Some(context) = context {
            problem["ctx"] = context;
        }
        self.problems.push(problem);
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        // Pairs of text can always be read.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map(|Query(pairs)| pairs)
            .unwrap_or_default();
        Ok(Self {
            pairs,
            problems: Vec::new(),
        })
    }
}

/// The name in the path. One that is no text names nothing.
#[derive(Debug)]
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(ApiError::new(StatusCode::NOT_FOUND, "Not Found")),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::response::IntoResponse as _;

    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Params {
        Params {
            pairs: pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            problems: Vec::new(),
        }
    }

    #[test]
    fn values_are_read_leniently() {
        let mut given = params(&[
            ("page", "1"),
            ("page", "7"),
            ("full", "YES"),
            ("search", ""),
            ("dir", "asc"),
        ]);
        assert_eq!(given.count("page", 1, None), 7);
        assert_eq!(given.count("page_size", 50, Some(500)), 50);
        assert!(given.boolean("full", false));
        assert_eq!(given.text("search"), None);
        assert_eq!(given.choice("dir", &["asc", "desc"], 1), 0);
        given.check().unwrap();
    }

    #[tokio::test]
    async fn every_wrong_value_is_named() {
        let mut given = params(&[
            ("page", "0"),
            ("page_size", "501"),
            ("n", "x"),
            ("full", "2"),
            ("dir", "up"),
        ]);
        given.count("page", 1, None);
        given.count("page_size", 50, Some(500));
        given.count("n", 1, None);
        given.boolean("full", false);
        given.choice("dir", &["asc", "desc"], 1);
        let response = given.check().unwrap_err().into_response();
        assert_eq!(response.status(), 422);
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 10_000).await.unwrap()).unwrap();
        let kinds: Vec<&str> = body["detail"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["type"].as_str().unwrap())
            .collect();
        assert_eq!(
            kinds,
            [
                "greater_than_equal",
                "less_than_equal",
                "int_parsing",
                "bool_parsing",
                "literal_error"
            ]
        );
        assert_eq!(body["detail"][1]["loc"], json!(["query", "page_size"]));
        assert_eq!(body["detail"][1]["ctx"], json!({ "le": 500 }));
        assert_eq!(body["detail"][4]["msg"], "Input should be 'asc' or 'desc'");
    }
}
