//! One answer on its way: batches come from the query, go through the encoder on a thread that may block, and leave as pieces
//! of a body. A few pieces wait for a slow client, then the query does; it is stopped when the client goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use arrow::record_batch::RecordBatch;
use axis_core::{Engine, Error, ErrorKind, Query, QueryStream, Result};
use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::encode::{Encoder, End, Format};

/// Pieces of a body that may wait for a client.
const BUFFERED: usize = 2;

/// Runs the query. What fails before the first rows is an error; what fails later is told as the format can.
///
/// `sent` counts the rows, for whoever wants to know while they are sent.
pub(super) async fn of(
    engine: &Engine,
    query: Query,
    format: Format,
    is_chosen: bool,
    sent: &Arc<AtomicU64>,
) -> Result<Response> {
    let begun = Instant::now();
    let mut stream = engine.query(query).await?;
    let encoder = Encoder::begin(format, &stream.schema())?;
    let first = stream.next().await.transpose()?;
    let (pieces, mut body) = mpsc::channel(BUFFERED);
    let answer = Answer {
        stream,
        encoder,
        pieces,
        begun,
        is_chosen,
        rows: 0,
        sent: Arc::clone(sent),
    };
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || answer.send(&runtime, first));
    let body = Body::from_stream(futures::stream::poll_fn(move |context| body.poll_recv(context)));
    Ok(([(CONTENT_TYPE, format.content_type())], body).into_response())
}

struct Answer {
    stream: QueryStream,
    encoder: Encoder,
    pieces: mpsc::Sender<Result<Bytes>>,
    begun: Instant,
    /// Whether the number of rows was asked for, so that a cut is no surprise.
    is_chosen: bool,
    rows: u64,
    sent: Arc<AtomicU64>,
}

impl Answer {
    /// Sends everything. When nobody listens any more the query is dropped, which interrupts it.
    fn send(mut self, runtime: &Handle, first: Option<RecordBatch>) {
        let outcome = self.batches(runtime, first);
        let Self { encoder, pieces, .. } = self;
        let rest = match outcome {
            Ok(None) => return,
            Ok(Some(end)) => encoder.end(end),
            Err(error) => match encoder.fail(&error) {
                Some(rest) => Ok(rest),
                None => Err(error),
            },
        };
        if let Err(error) = &rest {
            tracing::info!(code = error.code(), "an answer was broken off");
        }
        // The client may have gone.
        let _ = pieces.blocking_send(rest.map(Bytes::from));
    }

    /// Sends the batches; `None` when nobody listens any more.
    fn batches(&mut self, runtime: &Handle, first: Option<RecordBatch>) -> Result<Option<End>> {
        let mut next = first;
        while let Some(batch) = next {
            self.rows += batch.num_rows() as u64;
            let piece = self.encoder.batch(&batch)?;
            if self.pieces.blocking_send(Ok(Bytes::from(piece))).is_err() {
                return Ok(None);
            }
            self.sent.store(self.rows, Ordering::Relaxed);
            let (stream, pieces) = (&mut self.stream, &self.pieces);
            let received = runtime.block_on(async {
                tokio::select! {
                    batch = stream.next() => Some(batch),
                    () = pieces.closed() => None,
                }
            });
            match received {
                Some(batch) => next = batch.transpose()?,
                None => return Ok(None),
            }
        }
        let truncated = self.stream.truncated();
        if truncated && !self.is_chosen && !matches!(self.encoder, Encoder::Json { .. }) {
            let message = "the query has more rows than `query_max_rows`; ask for fewer by `max_rows`";
            return Err(Error::new(ErrorKind::Query, message).during("query"));
        }
        Ok(Some(End {
            rows: self.rows,
            truncated,
            elapsed_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }))
    }
}
