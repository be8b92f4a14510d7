//! Reads the rows of one COPY, batch by batch, from a thread that may wait.

use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;

use futures::Stream as _;
use tokio::runtime::Handle;
use tokio_postgres::{CopyOutStream, Statement};
use tokio_util::sync::CancellationToken;

use crate::column::BatchWriter;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{ReadProgress, ReadRequest};

use super::connect::Link;
use super::decode::Decoder;
use super::driver::Lent;
use super::{select, sqlstate};

/// The name of reading in errors.
pub(super) const OPERATION: &str = "source.read";

/// The class of codes that are about a value.
const DATA_EXCEPTION: &str = "22";

/// A running COPY. Dropping it before its end makes the server stop.
pub struct CopyReader {
    /// `None` after the end, or after an error.
    running: Option<Running>,
    decoder: Decoder,
    /// The casts that the configuration asks for, to be named when the server finds a value that does not fit.
    casts: String,
    runtime: Handle,
    progress: Arc<ReadProgress>,
    cancel: CancellationToken,
}

struct Running {
    stream: Pin<Box<CopyOutStream>>,
    connection: Lent,
    /// Dropping it sends a request. A server that ends the session meanwhile leaves that unread, and its kernel then
    /// resets the connection: the last rows, and the reason behind them, would be lost to a slow reader.
    _statement: Statement,
    guard: Guard,
}

/// Stops the server's work unless it has come to its end.
struct Guard {
    link: Arc<Link>,
    spent: Arc<AtomicBool>,
    runtime: Handle,
    finished: bool,
}

impl fmt::Debug for CopyReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyReader")
            .field("running", &self.running.is_some())
            .finish_non_exhaustive()
    }
}

impl CopyReader {
    /// Sends the COPY and waits until the server begins to answer.
    pub(super) async fn start(
        link: Arc<Link>,
        spent: Arc<AtomicBool>,
        sql: &str,
        request: ReadRequest,
    ) -> Result<Self> {
        let ReadRequest {
            columns,
            progress,
            cancel,
            ..
        } = request;
        let casts = select::casts(&columns);
        let decoder = Decoder::new(columns)?;
        let runtime = Handle::current();
        let mut guard = Guard {
            link,
            spent,
            runtime: runtime.clone(),
            finished: false,
        };
        let client = &guard.link.client;
        let begin = async {
            let statement = client.prepare(sql).await?;
            let stream = client.copy_out(&statement).await?;
            Ok((statement, stream))
        };
        let begun = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(cancelled()),
            begun = begin => begun,
        };
        guard.finished = begun.is_err();
        let (statement, stream) = begun.map_err(sqlstate::explain)?;
        let running = Some(Running {
            stream: Box::pin(stream),
            connection: guard.link.driver.lend(),
            _statement: statement,
            guard,
        });
        Ok(Self {
            running,
            decoder,
            casts,
            runtime,
            progress,
            cancel,
        })
    }

    /// Fills the batch with as many rows as it wants and returns their number; 0 means the end.
    ///
    /// # Errors
    /// `Cancelled`, `SourceUnavailable` when the connection is lost, `SourceRejected` when the server gives the query up,
    /// `SchemaMismatch` for a value that cannot be carried.
    pub(crate) fn fill<B: BatchWriter>(&mut self, batch: &mut B) -> Result<usize> {
        let result = self.fill_inner(batch);
        if !matches!(result, Ok(1..)) {
            self.running = None;
        }
        result.map_err(|error| error.during(OPERATION))
    }

    fn fill_inner<B: BatchWriter>(&mut self, batch: &mut B) -> Result<usize> {
        let Self {
            running,
            decoder,
            casts,
            runtime,
            progress,
            cancel,
        } = self;
        let Some(Running {
            stream,
            connection,
            guard,
            ..
        }) = running
        else {
            return Ok(0);
        };
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        if guard.finished {
            return Ok(0);
        }
        let tap = &guard.link.tap;
        let (mut filled, mut bytes) = (0, 0);
        let mut cancelling = pin!(cancel.cancelled());
        let receive = poll_fn(|context| {
            let mut polled = false;
            loop {
                let taken = tap.take(|rows| {
                    filled = decoder.decode(rows, batch, filled)?;
                    Ok(())
                })?;
                bytes += taken as u64;
                polled &= taken == 0;
                if filled >= batch.wanted() {
                    return Poll::Ready(Ok(()));
                }
                // The driver hears of the end only when all rows have been taken.
                match stream.as_mut().poll_next(context) {
                    Poll::Ready(Some(Ok(_))) => {
                        return Poll::Ready(Err(Error::new(ErrorKind::Internal, "a row has passed the tap")));
                    }
                    Poll::Ready(Some(Err(error))) => {
                        // The server has ended the statement by itself, or is gone: there is nothing to cancel.
                        guard.finished = true;
                        let about_a_value = error.code().is_some_and(|code| code.code().starts_with(DATA_EXCEPTION));
                        let error = sqlstate::explain(error);
                        return Poll::Ready(Err(if about_a_value && !casts.is_empty() {
                            error.with("casts", &*casts)
                        } else {
                            error
                        }));
                    }
                    Poll::Ready(None) => {
                        guard.finished = true;
                        return Poll::Ready(decoder.finish());
                    }
                    // Nothing has arrived that was not looked at: more must come from the socket, which may have it already.
                    Poll::Pending if !polled => {
                        connection.poll(context);
                        polled = true;
                    }
                    Poll::Pending => return cancelling.as_mut().poll(context).map(|()| Err(cancelled())),
                }
            }
        });
        runtime.block_on(receive)?;
        progress.add(filled as u64, bytes);
        Ok(filled)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.finished {
            self.spent.store(true, Ordering::Release);
            self.link.tap.close();
            // The request goes over a connection of its own and must not keep anybody waiting.
            self.runtime.spawn(self.link.canceller.clone().cancel());
        }
    }
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the read was cancelled")
}
