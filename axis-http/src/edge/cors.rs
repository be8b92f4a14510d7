//! Pages of other origins: which may read answers, and that no others may change anything.

use axum::http::header::{ETAG, HOST, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use super::exchange::X_REQUEST_ID;

/// Lets the pages of the configured origins ask and read.
pub(super) fn layer(origins: &[String]) -> CorsLayer {
    // A configuration that was read has no `*`; one that a program made must not end it.
    let origins = origins.iter().filter(|origin| *origin != "*");
    let origins = origins.filter_map(|origin| HeaderValue::from_str(origin).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([RETRY_AFTER, ETAG, X_REQUEST_ID, HeaderName::from_static("x-query-id")])
}

/// Tells whether a page of another origin sent the request: a browser asks nobody before it sends a simple POST, and CORS
/// only hides the answer. Programs send no origin, and the server's own pages send its address.
pub(super) fn is_strange(headers: &HeaderMap, allowed: &[String]) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    text(ORIGIN).is_some_and(|origin| {
        let host = origin.split_once("://").map(|(_, host)| host);
        (host.is_none() || host != text(HOST)) && !allowed.iter().any(|allowed| allowed == origin)
    })
}
