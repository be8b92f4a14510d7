//! The dashboard at `/ui`: files that were built from `ui/` before this crate was, and that are part of the program.

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, LOCATION,
    VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::app::App;
use crate::fresh;
use crate::gate::ApiError;

/// What Vite has built. Debug builds have it, too: the folder may be gone, or another's, when the program runs.
#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Built;

const INDEX: &str = "index.html";
/// Names of files in it hold a hash of their content.
const HASHED: &str = "assets/";
const FOR_GOOD: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");
/// The pages load what is served here and ask the API, and nothing else.
const CSP: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><title>AXIS</title><h1>The dashboard is not part of this program</h1>\
    <p>It was compiled before the dashboard was built. <code>make ui</code> builds it; compile again afterwards.</p>\
    <p>The API answers as ever: <a href=\"/docs/\">/docs/</a></p></html>";
/// Compressed forms by the ends of their names, the smallest first.
const ENCODINGS: [(&str, &str); 2] = [("br", ".br"), ("gzip", ".gz")];

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ui", get(enter))
        .route("/ui/", get(async |headers: HeaderMap| serve("", &headers)))
        .route(
            "/ui/{*path}",
            get(async |Path(path): Path<String>, headers: HeaderMap| serve(&path, &headers)),
        )
}

/// Whether the program has the dashboard.
pub(crate) fn is_built() -> bool {
    Built::get(INDEX).is_some()
}

/// Sends browsers that come to the root of the server to the dashboard; programs get their JSON.
pub(super) fn welcome(headers: &HeaderMap) -> Option<Response> {
    (is_built() && prefers_html(headers)).then(|| redirect("ui/"))
}

/// The addresses within the page are relative, so that a proxy may put a path before them; they need the slash.
async fn enter() -> Response {
    redirect("ui/")
}

fn redirect(to: &'static str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

fn serve(path: &str, headers: &HeaderMap) -> Response {
    if let Some(response) = file(path, headers) {
        return response;
    }
    // A page of the dashboard is a name; anything else would be a file.
    if path.contains(['.', '/']) {
        return ApiError::new(StatusCode::NOT_FOUND, "Not Found").into_response();
    }
    file(INDEX, headers).unwrap_or_else(|| (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response())
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let content_type = content_type(path)?;
    let plain = Built::get(path)?;
    let smaller = ENCODINGS
        .iter()
        .filter(|(encoding, _)| accepts(headers, &ACCEPT_ENCODING, encoding) > 0.0)
        .find_map(|(encoding, end)| Some((*encoding, Built::get(&format!("{path}{end}"))?)));
    let (encoding, file) = match smaller {
        Some((encoding, file)) => (Some(encoding), file),
        None => (None, plain),
    };
    let etag = tag(&file)?;
    let mut response = if fresh::matches(headers, &etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = file.data.into_response();
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        if let Some(encoding) = encoding {
            let headers = response.headers_mut();
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(ETAG, etag);
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    let cached = if path.starts_with(HASHED) { FOR_GOOD } else { ASK_AGAIN };
    headers.insert(CACHE_CONTROL, cached);
    Some(response)
}

/// Names what is served; forms for the wire are reached by `Accept-Encoding` alone.
fn content_type(path: &str) -> Option<HeaderValue> {
    let (_, end) = path.rsplit_once('.')?;
    let name = match end {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => return None,
    };
    Some(HeaderValue::from_static(name))
}

/// Each form of a file has a tag of its own.
fn tag(file: &EmbeddedFile) -> Option<HeaderValue> {
    let hash = file.metadata.sha256_hash();
    let (head, _) = hash.split_first_chunk::<8>()?;
    HeaderValue::from_str(&format!("\"{:016x}\"", u64::from_be_bytes(*head))).ok()
}

/// Whether a web page is wanted rather than JSON.
fn prefers_html(headers: &HeaderMap) -> bool {
    let json = ["application/json", "application/*", "*/*"]
        .iter()
        .map(|name| accepts(headers, &ACCEPT, name))
        .fold(0.0, f32::max);
    accepts(headers, &ACCEPT, "text/html") > json
}

/// Returns how much something is wanted that a header lists, from 0 to 1; 0 when it is not listed.
fn accepts(headers: &HeaderMap, header: &HeaderName, name: &str) -> f32 {
    let lines = headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
    let mut listed = lines.flat_map(|line| line.split(',')).filter_map(|item| {
        let mut parts = item.split(';').map(str::trim);
        if !parts.next()?.eq_ignore_ascii_case(name) {
            return None;
        }
        let weight = parts.find_map(|part| part.strip_prefix("q="));
        Some(weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0)))
    });
    listed.next().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefers(accept: &str) -> bool {
        prefers_html(&HeaderMap::from_iter([(
            ACCEPT,
            HeaderValue::from_str(accept).unwrap(),
        )]))
    }

    #[test]
    fn only_those_who_prefer_pages_get_them() {
        assert!(prefers(
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
        ));
        assert!(prefers("application/json;q=0.5, Text/HTML"));
        assert!(!prefers("*/*"));
        assert!(!prefers("application/json, text/html;q=0.9"));
        assert!(!prefers("text/html;q=0"));
        assert!(!prefers_html(&HeaderMap::new()));
    }

    #[test]
    fn forms_for_the_wire_have_no_address() {
        assert!(content_type("assets/a.js").is_some());
        assert!(content_type("assets/a.js.br").is_none());
        assert!(content_type("index").is_none());
    }
}
