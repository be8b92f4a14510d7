//! One answer on its way: batches come from the query, go through the encoder on a thread that may block, and leave as pieces
//! of a body. A few pieces wait for a slow client, then the query does; it is stopped when the client goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

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
/// Bytes of a piece, about.
const PIECE: usize = 64 * 1024;
/// How long the first rows of a piece wait for more: an answer of a few rows is one piece, and a slow query still shows something.
const GATHERING: Duration = Duration::from_millis(5);

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
        rows: Arc::clone(sent),
        gathered: Vec::new(),
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
    rows: Arc<AtomicU64>,
    /// What was not sent yet.
    gathered: Vec<u8>,
}

/// What came next.
enum Next {
    Batch(RecordBatch),
    /// Nothing yet.
    Waiting,
    End,
    /// Nobody listens any more.
    Gone,
}

impl Answer {
    /// Sends everything. When nobody listens any more the query is dropped, which interrupts it.
    fn send(mut self, runtime: &Handle, first: Option<RecordBatch>) {
        let outcome = self.batches(runtime, first);
        let Self {
            encoder,
            pieces,
            mut gathered,
            ..
        } = self;
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
        let last = rest.map(|rest| {
            gathered.extend(rest);
            Bytes::from(gathered)
        });
        // The client may have gone.
        let _ = pieces.blocking_send(last);
    }

    /// Sends the batches; `None` when nobody listens any more.
    fn batches(&mut self, runtime: &Handle, first: Option<RecordBatch>) -> Result<Option<End>> {
        let mut next = first.map_or(Next::End, Next::Batch);
        loop {
            match next {
                Next::Batch(batch) => {
                    self.rows.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                    let written = self.encoder.batch(&batch)?;
                    self.gathered.extend(written);
                    if self.gathered.len() >= PIECE && !self.flush() {
                        return Ok(None);
                    }
                }
                Next::Waiting if !self.flush() => return Ok(None),
                Next::Waiting => {}
                Next::End => break,
                Next::Gone => return Ok(None),
            }
            next = self.next(runtime)?;
        }
        let truncated = self.stream.truncated();
        if truncated && !self.is_chosen && !matches!(self.encoder, Encoder::Json { .. }) {
            let message = "the query has more rows than `query_max_rows`; ask for fewer by `max_rows`";
            return Err(Error::new(ErrorKind::Query, message).during("query"));
        }
        Ok(Some(End {
            rows: self.rows.load(Ordering::Relaxed),
            truncated,
            elapsed_ms: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }))
    }

    /// Waits for the next batch; not for long as long as something was gathered.
    fn next(&mut self, runtime: &Handle) -> Result<Next> {
        let (stream, pieces) = (&mut self.stream, &self.pieces);
        let is_urgent = !self.gathered.is_empty();
        runtime.block_on(async {
            tokio::select! {
                batch = stream.next() => Ok(batch.transpose()?.map_or(Next::End, Next::Batch)),
                () = pieces.closed() => Ok(Next::Gone),
                () = tokio::time::sleep(GATHERING), if is_urgent => Ok(Next::Waiting),
            }
        })
    }

    /// Sends what was gathered; false when nobody listens any more.
    fn flush(&mut self) -> bool {
        let piece = Bytes::from(std::mem::take(&mut self.gathered));
        self.pieces.blocking_send(Ok(piece)).is_ok()
    }
}
