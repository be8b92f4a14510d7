//! Everything between the socket and the handlers.
//!
//! From the outside: [`exchange`] names, measures, logs and audits each request; CORS, compression and panics are
//! `tower-http`'s; [`admit`] decides whether the request is answered, and from where.

mod address;
mod admit;
mod answers;
mod cors;
mod exchange;
mod host;
mod leftover;
mod metrics;
mod rate;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::sync::Arc;

use axis_core::config::ServerConfig;
use axis_core::{CancellationToken, Engine, Result};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
use tower_http::compression::{CompressionLayer, CompressionLevel};

use crate::audit::Audit;
use crate::auth::Authenticator;
use crate::fresh::Fresh;
use crate::gate::ApiError;
use crate::routes::policy::Policies;

pub(crate) use address::{Cut, Peer};
pub(crate) use metrics::{Metrics, Text};

/// Smaller bodies are not worth compressing, in bytes.
const COMPRESS_ABOVE: u16 = 1024;

/// What the requests of one server share.
#[derive(Debug)]
pub(crate) struct Edge {
    config: ServerConfig,
    policies: Policies,
    authenticator: Authenticator,
    limiter: Option<rate::Limiter>,
    running: Semaphore,
    fresh: Fresh,
    /// Cancelled when the server begins to stop.
    pub(crate) stopping: CancellationToken,
    pub(crate) audit: Audit,
    pub(crate) metrics: Metrics,
}

impl Edge {
    /// # Errors
    /// `Config` when the audit log or the public key for tokens cannot be opened.
    pub(crate) fn new(engine: &Engine, stopping: CancellationToken) -> Result<Arc<Self>> {
        let config = engine.config().server.clone();
        let at_once = NonZeroUsize::new(config.max_concurrent_requests).unwrap_or(NonZeroUsize::MIN);
        Ok(Arc::new(Self {
            policies: Policies::new(),
            authenticator: Authenticator::new(&config)?,
            limiter: config.rate_limit.map(rate::Limiter::new),
            running: Semaphore::new(at_once.get().min(Semaphore::MAX_PERMITS)),
            fresh: Fresh::new(engine),
            stopping,
            audit: Audit::open(&config.audit_log)?,
            metrics: Metrics::default(),
            config,
        }))
    }
}

/// Adds what every answer has.
pub(crate) fn wrap(router: Router, edge: &Arc<Edge>) -> Router {
    let compression = CompressionLayer::new()
        // The best compression takes ten times as long as what is sent takes to compute.
        .quality(CompressionLevel::Fastest)
        .compress_when(
            SizeAbove::new(COMPRESS_ABOVE)
                .and(NotForContentType::new("application/vnd.apache.arrow"))
                .and(NotForContentType::new("text/event-stream"))
                .and(NotForContentType::new("application/x-tar"))
                .and(NotForContentType::IMAGES),
        );
    let body_max = usize::try_from(edge.config.max_body_bytes).unwrap_or(usize::MAX);
    router
        .fallback(answers::not_found)
        .method_not_allowed_fallback(answers::method_not_allowed)
        // A route may have a limit of its own, which is then nearer to its handler.
        .layer(DefaultBodyLimit::max(body_max))
        .layer(middleware::from_fn_with_state(Arc::clone(edge), admit::admit))
        .layer(CatchPanicLayer::custom(answers::panicked))
        .layer(compression)
        .layer(cors::layer(&edge.config.origins))
        .layer(middleware::from_fn_with_state(Arc::clone(edge), exchange::exchange))
}

/// An error of this layer; its code is none of the engine's.
fn refusal(status: axum::http::StatusCode, code: &'static str, detail: impl Into<String>) -> ApiError {
    ApiError::new(status, detail).code(code)
}
