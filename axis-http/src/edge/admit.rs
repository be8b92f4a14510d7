//! Whether a request is answered: who asks, how often, what they may do, how much there is to do; and what is at hand already.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axis_core::config::Role;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Query, Request, State};
use axum::http::header::{CONTENT_LENGTH, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http_body_util::{Limited, StreamBody};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::exchange::{Facts, FromMemory};
use super::metrics::count;
use super::rate::Verdict;
use super::{Edge, answers, cors, host, refusal};
use crate::auth::{Caller, Denied};
use crate::fresh::Found;
use crate::gate::ApiError;
use crate::routes::policy::Access;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATE_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds after which a server that had too much to do may be asked again.
const RETRY_OVERLOADED: u16 = 1;

pub(super) async fn admit(State(edge): State<Arc<Edge>>, mut request: Request, next: Next) -> Response {
    let Some(facts) = request.extensions().get::<Arc<Facts>>().cloned() else {
        // The layer around this one puts it there.
        return ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response();
    };
    if facts.policy.is_some_and(|policy| policy.access == Access::Open) {
        let recognised = edge.authenticator.recognise(request.headers(), false).ok();
        if let Some(caller) = recognised.filter(|_| is_called_right(&edge, &request)) {
            request.extensions_mut().insert(caller);
        }
        return answers::as_json(next.run(request).await).await;
    }
    let headers = request.headers();
    let page = facts.policy.is_some_and(|policy| policy.page);
    let recognised = edge.authenticator.recognise(headers, page);
    let name = recognised.as_ref().ok().and_then(Caller::shared_name);
    let verdict = edge.limiter.as_ref().map(|limiter| limiter.check(name, facts.address));
    let admitted = match verdict {
        Some(Verdict::Wait { after, .. }) => {
            count(&edge.metrics.rate_limited);
            Err(Box::new(too_often(after)))
        }
        _ => check(&edge, &facts, &request, recognised, page),
    };
    let mut response = match admitted {
        Ok(caller) => {
            // Nobody else sets it.
            let _ = facts.caller.set(caller.clone());
            request.extensions_mut().insert(caller);
            answer(&edge, &facts, request, next).await
        }
        Err(refused) => *refused,
    };
    if let Some(Verdict::Pass { limit, .. } | Verdict::Wait { limit, .. }) = verdict {
        let remaining = match verdict {
            Some(Verdict::Pass { remaining, .. }) => remaining,
            _ => 0,
        };
        let headers = response.headers_mut();
        headers.insert(RATE_LIMIT, limit.into());
        headers.insert(RATE_REMAINING, remaining.into());
    }
    response
}

/// Decides by who asks and what the request says of itself.
fn check(
    edge: &Edge,
    facts: &Facts,
    request: &Request,
    recognised: Result<Caller, Denied>,
    page: bool,
) -> Result<Caller, Box<Response>> {
    if !is_called_right(edge, request) {
        let detail = "the request names another host: while nobody is asked for a key, use the server's address, `localhost`, \
                      `server.host`, or the host of one of `server.origins`";
        let refused = refusal(StatusCode::MISDIRECTED_REQUEST, "AXIS_UNKNOWN_HOST", detail);
        return Err(Box::new(refused.into_response()));
    }
    let caller = recognised.map_err(|denied| {
        count(&edge.metrics.unauthenticated);
        Box::new(unauthenticated(denied, page))
    })?;
    // What no route answers needs no role; a route that the table does not know needs the highest.
    let needed = match (facts.policy.map(|policy| policy.access), facts.matched) {
        (Some(Access::Needs(role)), _) => raised(facts, request.uri()).map_or(role, |raised| raised.max(role)),
        (Some(Access::Open), _) | (None, false) => Role::Read,
        (None, true) => Role::Admin,
    };
    if caller.role() < needed {
        count(&edge.metrics.forbidden);
        let detail = format!(
            "this needs the role `{}`, and the key or token has `{}`",
            needed.as_str(),
            caller.role().as_str()
        );
        return Err(Box::new(
            refusal(StatusCode::FORBIDDEN, "AXIS_FORBIDDEN", detail).into_response(),
        ));
    }
    let headers = request.headers();
    if !request.method().is_safe() && cors::is_strange(headers, &edge.config.origins) {
        let detail = "the origin is not allowed; `server.origins`, FRONTEND_URL and FRONTEND_URLS name those that are";
        return Err(Box::new(
            refusal(StatusCode::FORBIDDEN, "AXIS_FORBIDDEN", detail).into_response(),
        ));
    }
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > edge.config.max_body_bytes) {
        return Err(Box::new(too_large(edge.config.max_body_bytes)));
    }
    Ok(caller)
}

/// Where nobody is asked for a key, the name in the request tells whether a page of somebody else has sent it.
fn is_called_right(edge: &Edge, request: &Request) -> bool {
    edge.config.authenticates() || host::is_known(request.headers(), &edge.config)
}

/// The role that a parameter of the query asks for. Whatever does not say no, says yes.
fn raised(facts: &Facts, uri: &Uri) -> Option<Role> {
    let (parameter, role) = facts.policy?.raised?;
    let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?.0;
    let says_no =
        |value: &str| ["", "false", "0", "no", "off", "f", "n"].contains(&value.trim().to_ascii_lowercase().as_str());
    let asked = pairs.iter().any(|(name, value)| name == parameter && !says_no(value));
    asked.then_some(role)
}

/// Answers from what is at hand, or by the handler within the limits.
async fn answer(edge: &Edge, facts: &Facts, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method(), request.headers());
    let policy = facts.policy.filter(|_| method.is_safe());
    let stamp = match policy.and_then(|policy| policy.file) {
        Some(file) => edge.fresh.stamp(file).await,
        None => None,
    };
    let tag = policy.and_then(|policy| edge.fresh.tag(policy.depends, stamp, method, request.uri(), headers));
    if let Some(tag) = tag {
        let (counter, mut found) = match edge.fresh.find(&tag, method, headers) {
            Found::Same(found) => (&edge.metrics.not_modified, found),
            Found::Kept(found) => (&edge.metrics.cache_hits, found),
            Found::Nothing => {
                count(&edge.metrics.cache_misses);
                return match run(edge, facts, request, next).await {
                    Ok(response) => edge.fresh.keep(tag, response).await,
                    Err(refused) => refused,
                };
            }
        };
        count(counter);
        found.extensions_mut().insert(FromMemory);
        return found;
    }
    run(edge, facts, request, next).await.unwrap_or_else(|refused| refused)
}

/// Runs the handler.
async fn run(edge: &Edge, facts: &Facts, request: Request, next: Next) -> Result<Response, Response> {
    let Ok(_running) = edge.running.try_acquire() else {
        count(&edge.metrics.overloaded);
        let detail = "too many requests are being answered; `server.max_concurrent_requests` is the limit";
        let refused = refusal(StatusCode::SERVICE_UNAVAILABLE, "AXIS_OVERLOADED", detail);
        return Err(refused.retry_after(RETRY_OVERLOADED).into_response());
    };
    let limit = edge.config.max_body_bytes;
    let patience = edge.config.request_timeout;
    let request = limited(request, limit);
    let timed = facts.policy.is_none_or(|policy| policy.timed);
    let response = if timed {
        match timeout(patience, next.run(request)).await {
            Ok(response) => response,
            Err(_) => return Err(took_too_long(patience)),
        }
    } else {
        // The answer may take its time, but not the client that has to say what it wants.
        let (request, taken) = until_taken(request);
        let mut answering = pin!(next.run(request));
        tokio::select! {
            biased;
            response = &mut answering => response,
            taken = timeout(patience, taken) => match taken {
                Ok(_) => answering.await,
                Err(_) => return Err(sent_too_slowly(patience)),
            },
        }
    };
    if response.status() == StatusCode::PAYLOAD_TOO_LARGE && !is_json(&response) {
        return Err(too_large(limit));
    }
    Ok(answers::as_json(response).await)
}

fn is_json(response: &Response) -> bool {
    let content_type = response.headers().get(axum::http::header::CONTENT_TYPE);
    content_type.is_some_and(|ty| ty.as_bytes().starts_with(b"application/json"))
}

/// Ends a body that grows beyond the limit. A route may have a lower one of its own.
fn limited(request: Request, limit: u64) -> Request {
    if request.body().is_end_stream() {
        return request;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    request.map(|body| Body::new(Limited::new(body, limit)))
}

/// Returns the request, and what is ready once its body was read or given up.
fn until_taken(request: Request) -> (Request, oneshot::Receiver<()>) {
    let (sender, taken) = oneshot::channel();
    if request.body().is_end_stream() {
        return (request, taken);
    }
    // The sender is dropped at the end of the body, or with it.
    let request = request.map(|body| {
        let mut reading = Some(sender);
        let mut body = body;
        Body::new(StreamBody::new(futures::stream::poll_fn(move |context| {
            let polled = Pin::new(&mut body).poll_frame(context);
            if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
                drop(reading.take());
            }
            polled
        })))
    });
    (request, taken)
}

fn unauthenticated(denied: Denied, page: bool) -> Response {
    let (detail, challenge) = match denied {
        Denied::Missing => (
            "this needs a key or a token, as `Authorization: Bearer` or `X-API-Key`",
            "Bearer realm=\"axis\"",
        ),
        Denied::Invalid => (
            "the key or token is not known, not valid or no longer valid",
            "Bearer realm=\"axis\", error=\"invalid_token\"",
        ),
    };
    let mut response = refusal(StatusCode::UNAUTHORIZED, "AXIS_UNAUTHENTICATED", detail).into_response();
    let headers = response.headers_mut();
    headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    if page {
        headers.append(
            WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"axis\", charset=\"UTF-8\""),
        );
    }
    response
}

fn too_often(after: Duration) -> Response {
    let seconds = u16::try_from(after.as_millis().div_ceil(1000))
        .unwrap_or(u16::MAX)
        .max(1);
    let detail = format!("too many requests; try again in {seconds} s");
    refusal(StatusCode::TOO_MANY_REQUESTS, "AXIS_RATE_LIMITED", detail)
        .retry_after(seconds)
        .into_response()
}

fn too_large(limit: u64) -> Response {
    let detail = format!("the body is larger than {limit} bytes, which `server.max_body_bytes` allows");
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "AXIS_BODY_TOO_LARGE", detail).into_response()
}

fn sent_too_slowly(limit: Duration) -> Response {
    let detail = format!("the body did not come within {} s", limit.as_secs());
    refusal(StatusCode::REQUEST_TIMEOUT, "AXIS_TIMEOUT", detail).into_response()
}

fn took_too_long(limit: Duration) -> Response {
    let detail = format!("the answer took longer than {} s", limit.as_secs());
    refusal(StatusCode::GATEWAY_TIMEOUT, "AXIS_TIMEOUT", detail).into_response()
}
