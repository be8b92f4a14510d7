//! The router with everything around it, and the life of a server.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axis_core::config::SyncMode;
use axis_core::{CancellationToken, Engine, Error, ErrorKind, Result, SyncOptions};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST, LOCATION, ORIGIN, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response as AxumResponse};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::gate::ApiError;
use crate::routes;

/// How long running requests may take once the server was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// Creates the routes over an engine, with CORS for the configured origins.
pub fn router(engine: Engine) -> Router {
    let origins = engine.config().server.origins.clone();
    wrap(routes::all(engine), &origins)
}

/// Serves until `shutdown` is cancelled: syncs what has `auto_load` at startup, runs the schedule, and answers.
///
/// Then running requests get ten seconds, and the engine is closed: a commit that has begun is finished, everything else is
/// rolled back.
///
/// # Errors
/// `Internal` when connections can no longer be accepted; as [`Engine::close`].
pub async fn serve(engine: Engine, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    if let Ok(address) = listener.local_addr() {
        tracing::info!(%address, "listening");
        if !address.ip().is_loopback() {
            tracing::warn!("there is no authentication: whoever reaches {address} can read the store and start syncs");
        }
    }
    for error in &engine.config().dashboard.broken {
        tracing::warn!(code = error.code(), error = %error, "the dashboard has a default instead");
    }
    let app = router(engine.clone());
    start_work(&engine);
    let stopped = shutdown.clone().cancelled_owned();
    let serving = axum::serve(listener, app).with_graceful_shutdown(stopped);
    let served = tokio::select! {
        served = serving.into_future() => served,
        () = async {
            shutdown.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        } => Ok(()),
    };
    tracing::info!("stopping");
    engine.close().await?;
    served.map_err(|error| Error::new(ErrorKind::Internal, "the server stopped accepting connections").because(error))
}

/// Starts the syncs of startup and the schedule, as far as the configuration wants them.
fn start_work(engine: &Engine) {
    let store = &engine.config().store;
    if !store.enabled {
        tracing::warn!("the store is disabled by `duckdb.enabled: false`; nothing is synced");
        return;
    }
    if store.sync_mode == SyncMode::Startup {
        let datasets: Vec<_> = engine.syncable().filter(|dataset| dataset.config().auto_load).collect();
        for (dataset, started) in engine.start_sync(&datasets, &SyncOptions::default()) {
            match started {
                Ok(handle) => handle.detach(),
                Err(error) => {
                    tracing::warn!(dataset, code = error.code(), error = %error, "not synced at startup");
                }
            }
        }
    }
    if store.scheduler {
        engine.start_scheduler();
    }
}

/// Adds what every answer has: JSON for unknown paths, wrong methods and panics, CORS, and a line in the log.
fn wrap(router: Router, origins: &[String]) -> Router {
    let allowed: Arc<[String]> = origins.into();
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER]);
    router
        .fallback(not_found)
        .method_not_allowed_fallback(|| async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed") })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(allowed, refuse_strangers))
        .layer(middleware::from_fn(log))
        .layer(cors)
}

/// Redirects a path with a slash at its end to the one without; anything else does not exist.
async fn not_found(uri: Uri) -> AxumResponse {
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

/// Refuses requests that change something when a page of another origin sends them: a browser asks nobody before it sends a
/// simple POST, and CORS only hides the answer. Programs send no origin, and the server's own pages send its address.
async fn refuse_strangers(State(allowed): State<Arc<[String]>>, request: Request, next: Next) -> AxumResponse {
    if !request.method().is_safe() && is_strange(request.headers(), &allowed) {
        let message = "the origin is not allowed; FRONTEND_URL and FRONTEND_URLS name those that are";
        return ApiError::new(StatusCode::FORBIDDEN, message).into_response();
    }
    next.run(request).await
}

fn is_strange(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    text(ORIGIN).is_some_and(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        (host.is_none() || host != text(HOST)) && !allowed.iter().any(|allowed| allowed == origin)
    })
}

async fn log(request: Request, next: Next) -> AxumResponse {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let begun = Instant::now();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let elapsed_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    // The query is left out: what people search for does not belong into a log.
    tracing::info!(%method, path, status = response.status().as_u16(), elapsed_ms, "answered");
    response
}

/// The panic's own message may hold anything, so the client gets none of it.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send>) -> Response<axum::body::Body> {
    let message = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = message.unwrap_or("unknown"), "a request panicked");
    let mut response = Response::new(axum::body::Body::from(r#"{"detail":"Internal Server Error"}"#));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ORIGIN};
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    fn app() -> Router {
        async fn broken() -> &'static str {
            panic!("a secret")
        }
        wrap(
            Router::new()
                .route("/a", get(|| async { "a" }))
                .route("/broken", get(broken)),
            &["http://ui".to_owned()],
        )
    }

    async fn ask(path: &str) -> (Response<()>, String) {
        let request = Request::builder()
            .uri(path)
            .header(ORIGIN, "http://ui")
            .body(Body::empty())
            .unwrap();
        let (parts, body) = app().oneshot(request).await.unwrap().into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        (
            Response::from_parts(parts, ()),
            String::from_utf8(body.to_vec()).unwrap(),
        )
    }

    #[tokio::test]
    async fn a_panic_is_json_with_cors_and_tells_nothing() {
        let (response, body) = ask("/broken").await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "http://ui");
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        assert_eq!(body, r#"{"detail":"Internal Server Error"}"#);
    }

    #[tokio::test]
    async fn a_slash_at_the_end_redirects_but_never_to_another_host() {
        let (response, _) = ask("/a/?x=1").await;
        assert_eq!(response.status(), 307);
        assert_eq!(response.headers()[LOCATION], "/a?x=1");
        for path in ["//evil.example/", "/%5C/..;/a\u{7c}/", "/nothing", "//"] {
            let Ok(uri) = path.parse::<Uri>() else { continue };
            assert_eq!(not_found(uri).await.status(), 404, "{path}");
        }
    }

    #[tokio::test]
    async fn unknown_paths_are_json() {
        let (response, body) = ask("/nothing").await;
        assert_eq!(response.status(), 404);
        assert_eq!(body, r#"{"detail":"Not Found"}"#);
    }
}
