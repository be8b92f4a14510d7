//! One request and its answer: a name for it, its time, a line in the log and one in the audit log.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{SecondsFormat, Utc};
use futures::StreamExt as _;
use serde_json::json;
use tracing::Instrument as _;

use super::{Edge, Peer, address, leftover};
use crate::audit::Statement;
use crate::auth::Caller;
use crate::routes::policy::Policy;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest name of a request that is taken over.
const ID_MAX: usize = 128;
/// Nothing that is answered is a page that may load anything, or be shown within another.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
/// What the pages of `/docs` load, all of it from here.
const CSP_PAGE: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The status of a request whose client went away before there was an answer.
const GONE: u16 = 499;

/// What is known about a request before anybody has decided about it. In the request's extensions.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) address: Option<IpAddr>,
    pub(super) policy: Option<&'static Policy>,
    /// Whether a route matched at all.
    pub(super) matched: bool,
    /// Who asks, once that is known.
    pub(super) caller: OnceLock<Caller>,
}

/// Put into the extensions of an answer that cost nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct FromMemory;

pub(super) async fn exchange(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let headers = request.headers();
    let id = request_id(headers);
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let path = request.extensions().get::<MatchedPath>();
    let policy = path.and_then(|path| edge.policies.find(request.method(), path.as_str()));
    let facts = Arc::new(Facts {
        address: address::client(peer, headers, &edge.config.trusted_proxies),
        policy,
        matched: path.is_some(),
        caller: OnceLock::new(),
    });
    let page = policy.is_some_and(|policy| policy.page);
    let mut ending = Ending {
        method: name(request.method()),
        id: id.clone(),
        begun,
        facts: Arc::clone(&facts),
        status: GONE,
        statement: None,
        quiet: false,
        open: true,
        edge,
    };
    ending.edge.metrics.in_flight.fetch_add(1, Ordering::Relaxed);
    let span = tracing::info_span!(
        "request",
        id = id.to_str().unwrap_or_default(),
        method = ending.method,
        route = ending.route()
    );
    request.extensions_mut().insert(facts);
    let request = request.map(leftover::read_out);
    let mut response = next.run(request).instrument(span.clone()).await;
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, id);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // A file may bring a policy of its own.
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(if page { CSP_PAGE } else { CSP });
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    ending.status = response.status().as_u16();
    ending.statement = response.extensions_mut().remove::<Statement>();
    ending.quiet = response.extensions_mut().remove::<FromMemory>().is_some();
    span.in_scope(|| ending.answered());
    if ending.statement.is_some() && ending.edge.audit.is_on() {
        // The line tells how many rows were sent, so it is written when the body has ended.
        return until_the_end(response, ending);
    }
    if let Some(line) = ending.close().and_then(|line| ending.edge.audit.try_write(line)) {
        ending.edge.audit.write(line).await;
    }
    response
}

/// Takes over the name that the client gave to its request, when it is harmless, and makes one up otherwise.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let harmless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    let given = headers.get(X_REQUEST_ID).filter(|id| {
        let bytes = id.as_bytes();
        (1..=ID_MAX).contains(&bytes.len()) && bytes.iter().all(harmless)
    });
    given.cloned().unwrap_or_else(|| {
        // It names and secures nothing, so a fast random number will do.
        let id = uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        HeaderValue::from_str(id.hyphenated().encode_lower(&mut text)).unwrap_or(HeaderValue::from_static("unnamed"))
    })
}

/// Methods that nobody routes are one.
fn name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "OTHER",
    }
}

/// What is written when the exchange has ended, also when its client went away.
struct Ending {
    edge: Arc<Edge>,
    method: &'static str,
    id: HeaderValue,
    begun: Instant,
    facts: Arc<Facts>,
    status: u16,
    statement: Option<Statement>,
    quiet: bool,
    open: bool,
}

impl Ending {
    fn route(&self) -> &'static str {
        match (self.facts.policy, self.facts.matched) {
            (Some(policy), _) => policy.path,
            (None, true) => "unlisted",
            (None, false) => "unmatched",
        }
    }

    /// Counts and logs the answer.
    fn answered(&self) {
        let (status, elapsed) = (self.status, self.begun.elapsed());
        self.edge.metrics.answered(self.route(), self.method, status, elapsed);
        let elapsed_ms = millis(elapsed);
        // The path and the query are left out: what people search for does not belong into a log.
        if status >= 500 {
            tracing::warn!(status, elapsed_ms, "answered");
        } else if self.quiet || self.facts.policy.is_some_and(Policy::is_probe) {
            tracing::debug!(status, elapsed_ms, "answered");
        } else {
            tracing::info!(status, elapsed_ms, "answered");
        }
    }

    /// Ends the exchange; returns the line of the audit log.
    fn close(&mut self) -> Option<Vec<u8>> {
        if !std::mem::take(&mut self.open) {
            return None;
        }
        self.edge.metrics.in_flight.fetch_sub(1, Ordering::Relaxed);
        if !self.edge.audit.is_on() {
            return None;
        }
        let caller = self.facts.caller.get();
        let line = json!({
            "time": Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true),
            "request_id": self.id.to_str().unwrap_or_default(),
            "client": caller.and_then(Caller::name),
            "address": self.facts.address.map(|address| address.to_string()),
            "role": caller.map(|caller| caller.role().as_str()),
            "method": self.method,
            "route": self.route(),
            "status": self.status,
            "statement_type": self.statement.as_ref().map(|statement| statement.kind),
            "duration_ms": millis(self.begun.elapsed()),
            "rows": self.statement.as_ref().map(|statement| statement.rows.load(Ordering::Relaxed)),
        });
        let mut line = line.to_string().into_bytes();
        line.push(b'\n');
        Some(line)
    }
}

impl Drop for Ending {
    /// Somebody went away: the client before the answer, or in the middle of a body.
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        if self.status == GONE {
            self.answered();
        }
        if let Some(line) = self.close().and_then(|line| self.edge.audit.try_write(line)) {
            drop(line);
            self.edge.audit.lost(1);
        }
    }
}

/// Keeps the exchange open until its body was sent or given up.
fn until_the_end(response: Response, ending: Ending) -> Response {
    let (parts, body) = response.into_parts();
    let body = body.into_data_stream().map(move |part| {
        // Dropped with the stream.
        let _ending = &ending;
        part
    });
    Response::from_parts(parts, Body::from_stream(body))
}

fn millis(elapsed: Duration) -> f64 {
    // Microseconds are fine enough.
    (elapsed.as_secs_f64() * 1e6).round() / 1e3
}
