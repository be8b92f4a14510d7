//! Work that takes processor time: off the executor, and no more of it at once than there are processors.

use std::sync::Arc;

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::gate::ApiError;

/// Runs work on threads of its own.
#[derive(Clone, Debug)]
pub(crate) struct Workers(Arc<Semaphore>);

impl Default for Workers {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, Into::into);
        Self(Arc::new(Semaphore::new(processors)))
    }
}

impl Workers {
    /// Waits for a turn and runs the work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let broken = || ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
        let turn = Arc::clone(&self.0).acquire_owned().await.map_err(|_| broken())?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "work for a request panicked");
            Err(broken())
        })
    }
}

/// Writes an answer; a large one takes its time.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be written as JSON");
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    })?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response())
}
