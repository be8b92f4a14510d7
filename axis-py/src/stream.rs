//! The answer of a query: as JSON, batch by batch or whole, or as an Arrow stream in a capsule. It is read once.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi::FFI_ArrowSchema;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use arrow::record_batch::{RecordBatch, RecordBatchReader};
use axis_core::{Error, ErrorKind, QueryStream, Result, column_types, write_json};
use pyo3::prelude::*;
use pyo3::types::PyCapsule;
use tokio::sync::Mutex;

use crate::call::{Answer, Call};
use crate::error::{exception, invalid};
use crate::gate;

/// Rows that a batch has for whoever reads Arrow: importing one takes time of its own.
const ROWS: usize = 16 << 10;

/// Batches, with what is needed to get more of them.
#[derive(Default)]
struct Batches {
    read: VecDeque<RecordBatch>,
    live: Option<QueryStream>,
    truncated: Arc<AtomicBool>,
}

impl Batches {
    /// Returns the next batch, of so many rows at least while the core still answers.
    async fn next(&mut self, rows: usize) -> Option<Result<RecordBatch>> {
        if let Some(batch) = self.read.pop_front() {
            return Some(Ok(batch));
        }
        let live = self.live.as_mut()?;
        let next = live.next_many(rows).await;
        self.truncated.store(live.truncated(), Ordering::Release);
        if !matches!(next, Some(Ok(_))) {
            self.live = None;
        }
        next
    }

    /// Reads one batch ahead.
    async fn begin(&mut self) -> Result<()> {
        if let Some(first) = self.next(1).await {
            self.read.push_front(first?);
        }
        Ok(())
    }

    async fn all(mut self, rows: usize) -> Result<VecDeque<RecordBatch>> {
        let mut all = mem::take(&mut self.read);
        while let Some(batch) = self.next(rows).await {
            all.push_back(batch?);
        }
        Ok(all)
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        if gate::is_forked() {
            mem::forget(self.live.take());
        }
    }
}

/// The answer of a query.
#[pyclass(frozen, module = "axis._axis")]
pub(crate) struct Stream {
    schema: SchemaRef,
    batches: Arc<Mutex<Option<Batches>>>,
    truncated: Arc<AtomicBool>,
}

impl Stream {
    /// What the core has begun to answer.
    pub(crate) fn live(stream: QueryStream) -> Self {
        let schema = stream.schema();
        let mut batches = Batches::default();
        batches.live = Some(stream);
        Self::new(schema, batches)
    }

    fn new(schema: SchemaRef, batches: Batches) -> Self {
        Self {
            schema,
            truncated: Arc::clone(&batches.truncated),
            batches: Arc::new(Mutex::new(Some(batches))),
        }
    }
}

#[pymethods]
impl Stream {
    /// Names and types of the columns.
    fn columns(&self) -> Vec<(String, String)> {
        column_types(&self.schema)
    }

    /// Whether there were more rows than asked for; known at the end.
    #[getter]
    fn truncated(&self) -> bool {
        self.truncated.load(Ordering::Acquire)
    }

    /// The rows of the next batch as JSON; None at the end.
    fn next(&self) -> Call {
        let batches = Arc::clone(&self.batches);
        Call::new(async move {
            let mut batches = batches.lock().await;
            match batches.as_mut().ok_or_else(spent)?.next(1).await {
                Some(Ok(batch)) => json([batch]),
                // Whoever reads on must not take what is left, nothing, for the answer.
                ended => {
                    *batches = None;
                    ended.transpose().map(|_| Answer::Nothing)
                }
            }
        })
    }

    /// All rows as JSON.
    fn rows(&self) -> Call {
        let batches = Arc::clone(&self.batches);
        Call::new(async move {
            let batches = batches.lock().await.take().ok_or_else(spent)?;
            json(batches.all(1).await?)
        })
    }

    /// The same answer, read to its end and held in memory.
    fn collect(&self) -> Call {
        let (batches, schema) = (Arc::clone(&self.batches), Arc::clone(&self.schema));
        Call::new(async move {
            let batches = batches.lock().await.take().ok_or_else(spent)?;
            let truncated = Arc::clone(&batches.truncated);
            let read = Batches {
                read: batches.all(ROWS).await?,
                truncated,
                live: None,
            };
            Ok(Answer::Stream(Self::new(schema, read)))
        })
    }

    /// Lets the query go.
    fn close(&self) -> Call {
        let batches = Arc::clone(&self.batches);
        Call::new(async move {
            drop(batches.lock().await.take());
            Ok(Answer::Nothing)
        })
    }

    /// Waits for the first batch, then hands out the rest as it is read.
    fn __arrow_c_stream__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let batches = Arc::clone(&self.batches);
        let begin = Call::new(async move {
            let mut batches = batches.lock().await;
            let begun = batches.as_mut().ok_or_else(spent)?.begin().await;
            if begun.is_err() {
                *batches = None;
            }
            begun.map(|()| Answer::Nothing)
        });
        begin.wait(py)?;
        let taken = self.batches.try_lock().ok().and_then(|mut batches| batches.take());
        let reader = Reader {
            schema: Arc::clone(&self.schema),
            batches: taken.ok_or_else(|| exception(py, &spent()))?,
        };
        PyCapsule::new_with_value(py, FFI_ArrowArrayStream::new(Box::new(reader)), c"arrow_array_stream")
    }

    fn __arrow_c_schema__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyCapsule>> {
        let schema = FFI_ArrowSchema::try_from(self.schema.as_ref()).map_err(|cause| {
            let error = Error::new(ErrorKind::Internal, "a schema cannot be handed out").because(cause);
            exception(py, &error)
        })?;
        PyCapsule::new_with_value(py, schema, c"arrow_schema")
    }
}

/// What whoever consumes a capsule reads from. It may hold the GIL or not, so this touches nothing of Python.
struct Reader {
    schema: SchemaRef,
    batches: Batches,
}

impl Iterator for Reader {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = gate::block_on(self.batches.next(ROWS)).unwrap_or_else(|error| Some(Err(error)));
        next.map(|batch| batch.map_err(|error| ArrowError::ExternalError(Box::new(error))))
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

fn json(batches: impl IntoIterator<Item = RecordBatch>) -> Result<Answer> {
    let mut text = vec![b'['];
    for batch in batches.into_iter().filter(|batch| batch.num_rows() > 0) {
        if text.len() > 1 {
            text.push(b',');
        }
        write_json(&batch, &mut text)?;
    }
    text.push(b']');
    let text = String::from_utf8(text);
    text.map(Answer::Json)
        .map_err(|cause| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(cause))
}

fn spent() -> Error {
    invalid("this answer was read or closed before; run the query again, or keep what was made of it")
}
