//! What a request sends and nobody reads.
//!
//! An answer may be ready before the body was read, or without it being read at all. If the connection were then closed while
//! more arrives, the kernel would reset it, and the client would lose the answer. So what is left is read and thrown away, as
//! far as it is not much and comes soon.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

/// Bytes that are thrown away, at most: more than a proxy lets through. A proxy that cannot send all of a body takes the server for
/// broken and answers 502, whatever the server has said.
const BYTES_MAX: usize = 128 * 1024 * 1024;
/// How long to wait for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body whose rest is read when it is dropped.
#[derive(Debug)]
struct Kept(Option<Body>);

/// Sees to it that all of a body is read.
pub(super) fn read_out(body: Body) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Body::new(Kept(Some(body)))
}

impl HttpBody for Kept {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(body).poll_frame(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let rest = self.0.take().filter(|body| !body.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(PATIENCE, throw_away(rest)));
        }
    }
}

async fn throw_away(mut body: Body) {
    let mut left = BYTES_MAX;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(rest) = left.checked_sub(length) else { return };
        left = rest;
    }
}
