//! Answers that no handler gives: unknown paths, wrong methods, panics, and errors of the framework, all of them JSON.

use std::any::Any;

use axum::body::{Body, to_bytes};
use axum::http::header::{ALLOW, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

use crate::gate::ApiError;

/// The framework's errors are sentences.
const SENTENCE_MAX: usize = 16 * 1024;

/// Redirects a path with a slash at its end to the one without; anything else does not exist.
pub(super) async fn not_found(uri: Uri) -> Response {
    let path = uri.path();
    let trimmed = path.trim_end_matches('/');
    // Two slashes at the beginning, or a backslash, would name another host to a browser.
    let plain = !path.starts_with("//")
        && trimmed
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/-_.%".contains(c));
    if trimmed.is_empty() || trimmed.len() == path.len() || !plain {
        return ApiError::new(StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    let target = uri
        .query()
        .map_or_else(|| trimmed.to_owned(), |query| format!("{trimmed}?{query}"));
    match HeaderValue::from_str(&target) {
        Ok(target) => (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, target)]).into_response(),
        Err(_) => ApiError::new(StatusCode::NOT_FOUND, "Not Found").into_response(),
    }
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}

/// The panic's own message may hold anything, so the client gets none of it.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = message.unwrap_or("unknown"), "a request panicked");
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response()
}

/// Turns an error that the framework wrote as plain text into JSON.
pub(super) async fn as_json(response: Response) -> Response {
    let status = response.status();
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !status.is_client_error() && !status.is_server_error()
        || !content_type.is_none_or(|ty| ty.starts_with(b"text/plain"))
    {
        return response;
    }
    let allow = response.headers().get(ALLOW).cloned();
    let sentence = to_bytes(response.into_body(), SENTENCE_MAX).await.unwrap_or_default();
    let sentence = String::from_utf8_lossy(&sentence);
    let reason = status.canonical_reason().unwrap_or("Error");
    let detail = if sentence.is_empty() { reason } else { &sentence };
    let mut response: Response<Body> = ApiError::new(status, detail).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}
