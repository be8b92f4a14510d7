//! JSON bodies: every member that is missing or wrong is named in one answer 422, with its path behind `body`.
//!
//! No value of a body is repeated in an answer: it may be a password or a row.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use axis_core::{Error, ErrorKind, wire};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Map, Value, json};

use crate::gate::ApiError;

/// The largest JSON that is read: one that asks something is small, and as values it takes many times its length.
const JSON_MAX: usize = 1024 * 1024;

/// The JSON of a request. What is no JSON, has a member twice or a whole number of more than 64 bits is answered with 422, what is
/// too large with 413.
#[derive(Debug)]
pub(crate) struct Body(Value);

impl Body {
    /// Reads the members of an object; answers 422 when the body is none, or when `read` has found something wrong.
    ///
    /// The accessors of [`Fields`] return a default for what is wrong, so that `read` goes on and finds the rest.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Fields<'_>) -> T) -> Result<T, ApiError> {
        let problems = RefCell::default();
        let empty = Map::new();
        let fields = Fields {
            object: self.0.as_object().unwrap_or(&empty),
            path: vec![json!("body")],
            problems: &problems,
        };
        if !self.0.is_object() {
            return Err(ApiError::validation(vec![problem(
                "model_attributes_type",
                &fields.path,
                "Input should be a valid dictionary or object to extract fields from",
                None,
            )]));
        }
        let value = read(&fields);
        let problems = problems.take();
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(ApiError::validation(problems))
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Self::Rejection> {
        DefaultBodyLimit::max(JSON_MAX).apply(&mut request);
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let status = rejection.into_response().status();
            let detail = match status {
                StatusCode::PAYLOAD_TOO_LARGE => {
                    format!("the body is too large; at most {} MB are read", JSON_MAX / 1024 / 1024)
                }
                _ => "the body cannot be read".to_owned(),
            };
            ApiError::new(status, detail)
        })?;
        let body = [json!("body")];
        if bytes.is_empty() {
            return Err(ApiError::validation(vec![problem(
                "missing",
                &body,
                "Field required",
                None,
            )]));
        }
        parse(&bytes).map(Self).map_err(|error| {
            let problem = problem("json_invalid", &body, error.message(), None);
            ApiError::validation(vec![problem]).code(error.code())
        })
    }
}

/// Reads JSON as every adapter does: what would be lost silently is refused. The message names a place, and no value.
fn parse(bytes: &[u8]) -> axis_core::Result<Value> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("`body` is not UTF-8 at byte {}", error.valid_up_to());
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    wire::json(text, "body")
}

/// The members of one object of a body. Unknown ones are ignored; `null` counts as not given.
#[derive(Debug)]
pub(crate) struct Fields<'v> {
    object: &'v Map<String, Value>,
    path: Vec<Value>,
    problems: &'v RefCell<Vec<Value>>,
}

impl<'v> Fields<'v> {
    /// Returns a member as it is.
    pub(crate) fn value(&self, name: &str) -> Option<&'v Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Returns a text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong(name, "string_type", "Input should be a valid string", None);
                None
            }
        }
    }

    /// Returns a text that must be there.
    pub(crate) fn required_text(&self, name: &str) -> String {
        if self.value(name).is_none() {
            self.missing(name);
        }
        self.text(name).unwrap_or_default()
    }

    /// Returns a text that must be there and not be blank, trimmed.
    pub(crate) fn filled_text(&self, name: &str) -> String {
        let text = self.required_text(name);
        if text.trim().is_empty() && matches!(self.value(name), Some(Value::String(_))) {
            let context = json!({ "min_length": 1 });
            let message = "String should have at least 1 character";
            self.wrong(name, "string_too_short", message, Some(context));
        }
        text.trim().to_owned()
    }

    /// Returns a whole number within bounds; a text that is one counts, too.
    pub(crate) fn integer(&self, name: &str, bounds: RangeInclusive<i64>, default: i64) -> i64 {
        let Some(value) = self.value(name) else { return default };
        let number = match value {
            Value::Number(number) => number.as_i64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        let (least, most) = bounds.into_inner();
        match number {
            Some(number) if number < least => {
                let message = format!("Input should be greater than or equal to {least}");
                self.wrong(name, "greater_than_equal", &message, Some(json!({ "ge": least })));
            }
            Some(number) if number > most => {
                let message = format!("Input should be less than or equal to {most}");
                self.wrong(name, "less_than_equal", &message, Some(json!({ "le": most })));
            }
            Some(number) => return number,
            None => self.wrong(name, "int_type", "Input should be a valid integer", None),
        }
        default
    }

    /// Returns a truth value.
    pub(crate) fn boolean(&self, name: &str, default: bool) -> bool {
        match self.value(name) {
            None => default,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                self.wrong(name, "bool_type", "Input should be a valid boolean", None);
                default
            }
        }
    }

    /// Returns the index of one of two or more words; the default is the index of a word, too.
    pub(crate) fn choice(&self, name: &str, words: &[&str], default: usize) -> usize {
        let Some(value) = self.value(name) else { return default };
        if let Some(index) = words.iter().position(|word| value.as_str() == Some(word)) {
            return index;
        }
        let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
        let expected = match quoted.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => String::new(),
        };
        let message = format!("Input should be {expected}");
        self.wrong(name, "literal_error", &message, Some(json!({ "expected": expected })));
        default
    }

    /// Reads an object that must be there.
    pub(crate) fn object<T: Default>(&self, name: &str, read: impl FnOnce(&Fields<'_>) -> T) -> T {
        match self.value(name) {
            Some(Value::Object(object)) => read(&self.inner(object, [json!(name)])),
            Some(_) => {
                let message = "Input should be a valid dictionary or object to extract fields from";
                self.wrong(name, "model_attributes_type", message, None);
                T::default()
            }
            None => {
                self.missing(name);
                T::default()
            }
        }
    }

    /// Reads a list of objects; one that is not given is empty.
    pub(crate) fn objects<T>(&self, name: &str, read: impl Fn(&Fields<'_>) -> T) -> Vec<T> {
        let items = match self.value(name) {
            None => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(_) => {
                self.wrong(name, "list_type", "Input should be a valid list", None);
                return Vec::new();
            }
        };
        let mut all = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item {
                Value::Object(object) => all.push(read(&self.inner(object, [json!(name), json!(index)]))),
                _ => {
                    let path = [&self.path[..], &[json!(name), json!(index)]].concat();
                    let message = "Input should be a valid dictionary or object to extract fields from";
                    self.problems
                        .borrow_mut()
                        .push(problem("model_attributes_type", &path, message, None));
                }
            }
        }
        all
    }

    /// Reports a member that is not there.
    pub(crate) fn missing(&self, name: &str) {
        self.wrong(name, "missing", "Field required", None);
    }

    /// Reports a member that is wrong.
    pub(crate) fn wrong(&self, name: &str, kind: &str, message: &str, context: Option<Value>) {
        let path = [&self.path[..], &[json!(name)]].concat();
        self.problems.borrow_mut().push(problem(kind, &path, message, context));
    }

    fn inner<const N: usize>(&self, object: &'v Map<String, Value>, steps: [Value; N]) -> Fields<'v> {
        Fields {
            object,
            path: self.path.iter().cloned().chain(steps).collect(),
            problems: self.problems,
        }
    }
}

/// `10.0` is a whole number to clients that know but one kind of number.
fn whole(number: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the bounds were checked")]
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn problem(kind: &str, path: &[Value], message: &str, context: Option<Value>) -> Value {
    let mut problem = json!({ "type": kind, "loc": path, "msg": message, "input": null });
    if let Some(context) = context {
        problem["ctx"] = context;
    }
    problem
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::extract::FromRequest as _;
    use axum::response::IntoResponse as _;

    use super::*;

    async fn body(text: &'static str) -> Result<Body, ApiError> {
        Body::from_request(Request::new(axum::body::Body::from(text)), &()).await
    }

    async fn problems(error: ApiError) -> Vec<(String, Value)> {
        let response = error.into_response();
        assert_eq!(response.status(), 422);
        let bytes = to_bytes(response.into_body(), 10_000).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        let of = |problem: &Value| (problem["type"].as_str().unwrap().to_owned(), problem["loc"].clone());
        body["detail"].as_array().unwrap().iter().map(of).collect()
    }

    #[tokio::test]
    async fn members_are_read_and_others_ignored() {
        let given =
            body(r#"{"host":" h ","port":"7","limit":3.0,"deep":{"name":"t"},"list":[{"a":"1"}],"x":1,"n":null}"#);
        let given = given.await.unwrap();
        let read = given.read(|fields| {
            assert_eq!(fields.filled_text("host"), "h");
            assert_eq!(fields.integer("port", 1..=65_535, 5432), 7);
            assert_eq!(fields.integer("limit", 1..=10, 1), 3);
            assert_eq!(fields.integer("n", 1..=10, 2), 2);
            assert!(fields.boolean("missing", true));
            assert_eq!(fields.choice("mode", &["a", "b"], 1), 1);
            assert_eq!(fields.object("deep", |deep| deep.required_text("name")), "t");
            assert_eq!(fields.objects("list", |item| item.required_text("a")), ["1"]);
        });
        read.unwrap();
    }

    #[tokio::test]
    async fn every_wrong_member_is_named_and_no_value_is_repeated() {
        let text = r#"{"host":"  ","user":5,"port":70000,"limit":1.5,"flag":"yes","mode":"secret-mode","deep":{},"list":[{},"secret-item"]}"#;
        let error = body(text).await.unwrap().read(|fields| {
            fields.filled_text("host");
            fields.required_text("user");
            fields.required_text("database");
            fields.integer("port", 1..=65_535, 1);
            fields.integer("limit", 1..=9, 1);
            fields.boolean("flag", true);
            fields.choice("mode", &["a", "b", "c"], 0);
            fields.object("deep", |deep| deep.required_text("name"));
            fields.objects("list", |item| item.required_text("a"));
        });
        let error = error.unwrap_err();
        assert!(!format!("{error:?}").contains("secret"));
        assert_eq!(
            problems(error).await,
            [
                ("string_too_short", json!(["body", "host"])),
                ("string_type", json!(["body", "user"])),
                ("missing", json!(["body", "database"])),
                ("less_than_equal", json!(["body", "port"])),
                ("int_type", json!(["body", "limit"])),
                ("bool_type", json!(["body", "flag"])),
                ("literal_error", json!(["body", "mode"])),
                ("missing", json!(["body", "deep", "name"])),
                ("missing", json!(["body", "list", 0, "a"])),
                ("model_attributes_type", json!(["body", "list", 1])),
            ]
            .map(|(kind, path)| (kind.to_owned(), path))
        );
    }

    #[tokio::test]
    async fn what_is_no_object_is_422() {
        assert_eq!(
            problems(body("").await.unwrap_err()).await,
            [("missing".to_owned(), json!(["body"]))]
        );
        assert_eq!(
            problems(body("{\"a\":").await.unwrap_err()).await,
            [("json_invalid".to_owned(), json!(["body"]))]
        );
        let list = body("[1]").await.unwrap().read(|_| ()).unwrap_err();
        assert_eq!(
            problems(list).await,
            [("model_attributes_type".to_owned(), json!(["body"]))]
        );
    }

    #[tokio::test]
    async fn what_is_too_large_is_413() {
        let of = async |length: usize| {
            let text = format!("{{\"a\":\"{}\"}}", "x".repeat(length - 8));
            Body::from_request(Request::new(axum::body::Body::from(text)), &()).await
        };
        assert!(of(JSON_MAX).await.is_ok());
        let refused = of(JSON_MAX + 1).await.unwrap_err().into_response();
        assert_eq!(refused.status(), 413);
    }
}
