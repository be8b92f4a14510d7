//! What a failed request answers: a status and `{"detail": …, "code": …}`.

use axis_core::{Error, ErrorKind};
use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Seconds after which a client may try again: a running sync is soon over, anything else takes longer.
const RETRY_BUSY: u16 = 1;
const RETRY_LATER: u16 = 5;

/// The body of an answer other than success, for the description of the API.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "only its description is used")]
pub(crate) struct Problem {
    /// A sentence, or a list of objects with `type`, `loc`, `msg` and `input` when parameters or the body are wrong.
    detail: Value,
    /// What programs tell errors apart by, such as `AXIS_BUSY`.
    code: Option<String>,
}

/// An answer other than success.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    detail: Value,
    code: Option<&'static str>,
    retry_after: Option<u16>,
}

impl ApiError {
    /// Answers with a status and a sentence.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: Value::String(detail.into()),
            code: None,
            retry_after: None,
        }
    }

    /// Adds a code that programs can tell apart.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Says after how many seconds to try again.
    pub(crate) fn retry_after(mut self, seconds: u16) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Answers with another status than the error's own.
    pub(crate) fn at(status: StatusCode, error: &Error) -> Self {
        Self {
            code: Some(error.code()),
            ..Self::new(status, error.to_string())
        }
    }

    /// Says when to try again.
    pub(crate) fn retry(mut self) -> Self {
        self.retry_after = Some(RETRY_BUSY);
        self
    }

    /// Answers 422 with one object for each wrong parameter.
    pub(crate) fn validation(problems: Vec<Value>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            detail: Value::Array(problems),
            code: None,
            retry_after: None,
        }
    }
}

impl From<Error> for ApiError {
    /// Takes the status from the kind. A wrong configuration is 422 here: the request is understood, but names something
    /// that is not set up.
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Config => StatusCode::UNPROCESSABLE_ENTITY,
            kind => StatusCode::from_u16(kind.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!(code = error.code(), error = %error.chain(), "the request failed");
        }
        let retry_after = match error.kind() {
            ErrorKind::Busy => Some(RETRY_BUSY),
            kind if kind.is_retryable() => Some(RETRY_LATER),
            _ => None,
        };
        Self {
            status,
            detail: Value::String(error.to_string()),
            code: Some(error.code()),
            retry_after,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "detail": self.detail });
        if let Some(code) = self.code {
            body["code"] = json!(code);
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
