//! SELECTs: their answers as an Arrow stream, or as JSON when they are small.

use std::ffi::c_char;
use std::fmt;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ffi_stream::FFI_ArrowArrayStream;
use arrow::record_batch::RecordBatchReader;
use axis_core::{Error, Result, blocking, column_types, rows_to_json, wire};
use serde_json::{Value, json};

use crate::engine::axis_engine;
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, Open, check_process, enter, is_forked};
use crate::handle::wrong;
use crate::options::axis_query_options;

/// The error of a stream, as `get_last_error` tells it: the code, then the message.
#[derive(Debug)]
struct Told(Error);

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A NUL would end the text before its end.
        let text = self.0.to_string().replace('\0', " ");
        write!(f, "{}: {text}", self.0.code())
    }
}

impl std::error::Error for Told {}

/// A stream as C reads it. No panic leaves it.
struct Reader {
    stream: Option<blocking::QueryStream>,
    schema: SchemaRef,
    open: Arc<Open>,
}

impl Iterator for Reader {
    type Item = std::result::Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = self.stream.as_mut()?;
        let next = || match check_process() {
            Ok(()) => stream.next(),
            Err(forked) => Some(Err(forked)),
        };
        let batch = match catch_unwind(AssertUnwindSafe(next)) {
            Ok(batch) => batch?,
            Err(panic) => Err(self.open.poison(&*panic)),
        };
        Some(batch.map_err(|error| ArrowError::from_external_error(Box::new(Told(error)))))
    }
}

impl RecordBatchReader for Reader {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let stream = self.stream.take();
        if is_forked() {
            // Neither the query nor, with the last of its handles, the engine can be ended here.
            mem::forget((stream, Arc::clone(&self.open)));
            return;
        }
        // The function that C releases it by must not unwind.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(stream)));
    }
}

impl Gate {
    fn query(
        &self,
        open: &Open,
        sql: *const c_char,
        params: *const c_char,
        options: *const axis_query_options,
    ) -> Result<blocking::QueryStream> {
        let (sql, params) = (self.text(sql, "sql")?, self.json(params, "params_json")?);
        let query = wire::query(sql, params, self.query_options(options)?)?;
        open.engine.query(query)
    }
}

/// Runs a SELECT and writes its answer as an Arrow stream. The caller releases the stream and each array, in any order with the
/// engine. One thread reads at a time.
///
/// The values are a JSON list for `?` and `$1`, a JSON object for `$name`, or NULL. NULL for the options is their defaults.
/// What goes wrong while it is read is told by `get_last_error` of the stream: a text that ends with the code, a colon, the message.
/// An answer that is not read to its end holds one of the slots that axis_engine_usage tells until it is released, or until the
/// timeout of the options, which covers the reading. TIME WITH TIME ZONE, UHUGEINT, BIT and BIGNUM come as text.
///
/// Errors: AXIS_QUERY when it is not one SELECT or cannot be run, AXIS_INVALID_ARGUMENT, AXIS_TIMEOUT, AXIS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_query(
    engine: *const axis_engine,
    sql: *const c_char,
    params_json: *const c_char,
    options: *const axis_query_options,
    stream_out: *mut FFI_ArrowArrayStream,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(stream_out, "stream_out")?);
        let stream = gate.query(&open, sql, params_json, options)?;
        out.write(FFI_ArrowArrayStream::new(Box::new(Reader {
            schema: stream.schema(),
            stream: Some(stream),
            open,
        })))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Runs a SELECT and writes its whole answer as a JSON object: columns (name and type each) and rows. For small answers.
///
/// Arguments and errors are those of axis_engine_query.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_query_json(
    engine: *const axis_engine,
    sql: *const c_char,
    params_json: *const c_char,
    options: *const axis_query_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let stream = gate.query(&open, sql, params_json, options)?;
        let types = column_types(&stream.schema()).into_iter();
        let columns: Vec<Value> = types
            .map(|(name, of_type)| json!({ "name": name, "type": of_type }))
            .collect();
        let batches = stream.collect::<Result<Vec<_>>>()?;
        out.json(&json!({ "columns": columns, "rows": rows_to_json(&batches) }))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes the queries that wait or run as a JSON list, the oldest first.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_queries(
    engine: *const axis_engine,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        out.json(&open.engine.queries())
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Cancels a query by its id, waits up to two seconds for its end, and writes whether it has ended.
///
/// Errors: AXIS_NOT_FOUND when no query of this id runs.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_cancel_query(
    engine: *const axis_engine,
    id: *const c_char,
    ended_out: *mut bool,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(ended_out, "ended_out")?);
        let id =
            serde_json::from_value(json!(gate.text(id, "id")?)).map_err(|_| wrong("`id` is no UUID".to_owned()))?;
        out.write(open.engine.cancel_query(id)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}
