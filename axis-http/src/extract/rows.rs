//! Rows in a JSON body: a bare list, or an object with `data` and, for some questions, `metrics`.

use std::collections::HashMap;

use axis_core::uploads::{Limits, OVER_LIMIT, Posted, Problem, Step};
use axis_core::{Error, ErrorKind};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use serde_json::{Value, json};

use super::FORM_MAX;
use crate::gate::ApiError;

/// A body that holds rows, not yet read. Answers 413 when it is too large.
///
/// The router needs the layer `DefaultBodyLimit::max(FORM_MAX)`; without it bodies end at 2 MB.
#[derive(Debug)]
pub(crate) struct RowsBody(Bytes);

/// The rows, for the description of the API.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is described and never built")]
pub(crate) enum RowsForm {
    /// The rows alone.
    List(Vec<HashMap<String, Value>>),
    /// The rows, and the metrics that are asked about.
    Object {
        /// The rows.
        data: Vec<HashMap<String, Value>>,
        /// The metrics; all by default.
        metrics: Option<Vec<String>>,
    },
}

impl RowsBody {
    /// Reads the rows; answers 422 with everything that does not fit. A large body takes its time, so call it where that blocks
    /// nobody.
    pub(crate) fn read(self) -> Result<Posted, ApiError> {
        Posted::read(&self.0, Limits::default()).map_err(|refused| match refused {
            Ok(problems) => ApiError::validation(problems.iter().map(problem).collect()),
            Err(error) => too_large(error),
        })
    }
}

/// Answers 413 when an upload holds too much, and what the error says otherwise.
pub(crate) fn too_large(error: Error) -> ApiError {
    if error.kind() == ErrorKind::InvalidArgument && error.operation() == OVER_LIMIT {
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, error.message());
    }
    error.into()
}

/// Writes a problem without the value that it is about.
fn problem(problem: &Problem) -> Value {
    let mut place = vec![json!("body")];
    place.extend(problem.place.iter().map(|step| match step {
        Step::Key(key) => json!(key),
        Step::Index(index) => json!(index),
    }));
    json!({ "type": problem.kind, "loc": place, "msg": problem.message, "input": null })
}

impl<S: Send + Sync> FromRequest<S> for RowsBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        Bytes::from_request(request, state)
            .await
            .map(Self)
            .map_err(|rejection| {
                let status = rejection.into_response().status();
                let detail = match status {
                    StatusCode::PAYLOAD_TOO_LARGE => {
                        format!("the body is too large; at most {} MB are read", FORM_MAX / 1024 / 1024)
                    }
                    _ => "the body cannot be read".to_owned(),
                };
                ApiError::new(status, detail)
            })
    }
}
