//! The answer of a query, batch by batch, waiting for the next.

use std::fmt;

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchReader};

use super::Engine;
use crate::error::Result;

/// The answer of a query as an iterator of batches. Dropping it interrupts DuckDB.
pub struct QueryStream {
    // Dropped before the engine that feeds it.
    stream: crate::QueryStream,
    engine: Engine,
}

impl QueryStream {
    pub(super) fn new(stream: crate::QueryStream, engine: Engine) -> Self {
        Self { stream, engine }
    }

    /// Returns the columns of the answer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// Tells, at the end, whether there were more rows than `max_rows`.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.stream.truncated()
    }

    /// Turns it into Arrow's own kind of reader, for whatever takes one.
    #[must_use]
    pub fn into_reader(self) -> RecordReader {
        RecordReader(self)
    }
}

impl Iterator for QueryStream {
    type Item = Result<RecordBatch>;

    /// Returns the next batch; `None` at the end and after an error: `Timeout`, `Cancelled`, `Query` when the query fails while
    /// it runs, or `InvalidArgument` on a thread of an async runtime, which does not end it.
    fn next(&mut self) -> Option<Result<RecordBatch>> {
        let Self { stream, engine } = self;
        engine.wait(stream.next()).unwrap_or_else(|error| Some(Err(error)))
    }
}

impl fmt::Debug for QueryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// A [`QueryStream`] as a [`RecordBatchReader`]. Its errors are external ones that hold ours.
#[derive(Debug)]
pub struct RecordReader(QueryStream);

impl Iterator for RecordReader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.0.next()?;
        Some(batch.map_err(|error| ArrowError::from_external_error(Box::new(error))))
    }
}

impl RecordBatchReader for RecordReader {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }
}
