//! Requests that say everything in their path.

use std::convert::Infallible;

use axum::extract::{FromRequest, Request};
use futures::StreamExt as _;

/// The most bytes of a body that nobody asked for that are read.
const MOST: usize = 64 * 1024;

/// The body of a request that needs none, read to its end and dropped.
///
/// An answer that is sent while the end of a body is still on its way may be lost: the connection is then reset behind it. Some
/// clients send an empty body in chunks, whose end comes late.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoBody;

impl<S: Send + Sync> FromRequest<S> for NoBody {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let mut body = request.into_body().into_data_stream();
        let mut read = 0;
        while let Some(Ok(part)) = body.next().await {
            read += part.len();
            if read > MOST {
                break;
            }
        }
        Ok(Self)
    }
}
