//! Answers of queries: whole, or batch by batch as rows or Arrow.

use std::sync::Arc;

use axis_core::arrow::datatypes::Schema;
use axis_core::arrow::error::ArrowError;
use axis_core::arrow::ipc::writer::StreamWriter;
use axis_core::arrow::record_batch::RecordBatch;
use axis_core::{CancellationToken, Engine, Error, ErrorKind, QueryStream, Result, column_types, wire};
use napi::Env;
use napi::bindgen_prelude::{PromiseRaw, Uint8Array};
use napi_derive::napi;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::gate::{aside, here, settle};
use crate::text;

/// Rows that a batch of a whole answer has.
pub(crate) const ROWS: usize = 64 << 10;

/// Starts a query that `cancel` stops.
pub(crate) async fn start(
    engine: &Engine,
    sql: &str,
    params: &str,
    options: &str,
    cancel: CancellationToken,
) -> Result<QueryStream> {
    let query = wire::query(sql, text::read(params)?, text::read(options)?)?;
    engine.query(query.cancel(cancel)).await
}

/// A query that runs. Its producer waits for whoever reads, four batches ahead at most.
#[napi]
#[derive(Debug)]
pub struct NativeStream {
    columns: Vec<(String, String)>,
    stream: Arc<Mutex<Option<QueryStream>>>,
    cancel: CancellationToken,
}

impl NativeStream {
    pub(crate) fn new(stream: QueryStream, cancel: CancellationToken) -> Self {
        Self {
            columns: column_types(&stream.schema()),
            stream: Arc::new(Mutex::new(Some(stream))),
            cancel,
        }
    }
}

#[napi]
impl NativeStream {
    /// Returns the columns: keys of the rows, and DuckDB's types.
    #[napi]
    pub fn columns(&self, env: &Env) -> napi::Result<String> {
        let columns = self
            .columns
            .iter()
            .map(|(name, ty)| json!({ "name": name, "type": ty }));
        here(env, || text::answer(&columns.collect::<Vec<Value>>()))
    }

    /// Returns the next rows; `null` at the end.
    #[napi]
    pub fn rows<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let stream = Arc::clone(&self.stream);
        let work = async move { next(&stream).await?.as_ref().map(text::rows).transpose() };
        settle(env, None, work, |rows| rows)
    }

    /// Returns the next rows as one Arrow IPC stream; `null` at the end.
    #[napi]
    pub fn batch<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<Uint8Array>>> {
        let stream = Arc::clone(&self.stream);
        let work = async move {
            let Some(batch) = next(&stream).await? else {
                return Ok(None);
            };
            let mut writer = writer(&batch.schema())?;
            write(&mut writer, &batch)?;
            finish(writer).map(Some)
        };
        settle(env, None, work, |batch| batch.map(Uint8Array::from))
    }

    /// Tells, at the end, whether there were more rows than `max_rows`.
    #[napi]
    pub fn truncated<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, bool>> {
        let stream = Arc::clone(&self.stream);
        let work = async move { Ok(stream.lock().await.as_ref().is_some_and(QueryStream::truncated)) };
        settle(env, None, work, |truncated| truncated)
    }

    /// Stops the query unless it has ended, and lets go of what it holds.
    #[napi]
    pub fn close(&self) {
        self.cancel.cancel();
        let stream = Arc::clone(&self.stream);
        aside(async move { drop(stream.lock().await.take()) });
    }
}

async fn next(stream: &Mutex<Option<QueryStream>>) -> Result<Option<RecordBatch>> {
    match stream.lock().await.as_mut() {
        Some(stream) => stream.next().await.transpose(),
        None => Err(Error::new(ErrorKind::Closed, "the answer was closed").during("query")),
    }
}

/// Reads a query to its end into one Arrow IPC stream.
pub(crate) async fn encode(mut stream: QueryStream) -> Result<Vec<u8>> {
    let mut writer = writer(&stream.schema())?;
    // Readers of JavaScript take longer for a batch than for its rows.
    while let Some(batch) = stream.next_many(ROWS).await {
        write(&mut writer, &batch?)?;
    }
    finish(writer)
}

pub(crate) fn writer(schema: &Schema) -> Result<StreamWriter<Vec<u8>>> {
    StreamWriter::try_new(Vec::new(), schema).map_err(unwritten)
}

fn write(writer: &mut StreamWriter<Vec<u8>>, batch: &RecordBatch) -> Result<()> {
    writer.write(batch).map_err(unwritten)
}

pub(crate) fn finish(writer: StreamWriter<Vec<u8>>) -> Result<Vec<u8>> {
    writer.into_inner().map_err(unwritten)
}

fn unwritten(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "an answer cannot be written as Arrow")
        .during("query")
        .because(error)
}
