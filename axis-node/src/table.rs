//! Whole answers for `apache-arrow`, whose columns JavaScript gets as they lie in memory.

use std::fmt;
use std::sync::Arc;

use axis_core::arrow::array::{Array, ArrayData};
use axis_core::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use axis_core::arrow::datatypes::{ArrowNativeType, DataType};
use axis_core::arrow::record_batch::RecordBatch;
use axis_core::{Error, ErrorKind, QueryStream, Result};
use napi::Env;
use napi::bindgen_prelude::{BigInt64Array, Either4, Int32Array, PromiseRaw, Uint8Array, Uint16Array};
use napi_derive::napi;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

use crate::gate::{aside, settle};
use crate::query::{ROWS, encode, finish, writer};

/// A whole answer. It is gathered whether or not somebody asks for its parts, so that JavaScript makes something of one while
/// DuckDB goes on.
#[napi]
pub struct NativeTable {
    ipc: Vec<u8>,
    parts: Arc<Mutex<mpsc::UnboundedReceiver<Result<Joining>>>>,
}

/// Rows that are being joined.
type Joining = JoinHandle<Result<NativeBatch>>;

/// A part of a table. Every array of it has two numbers and three buffers: the columns first to last, each before its children.
#[napi(object, object_from_js = false)]
pub struct NativeBatch {
    /// How many rows there are.
    pub rows: i64,
    /// Of each array, its length and how many of its values are null.
    pub lengths: Vec<i64>,
    /// Of each array, which values are not null, offsets, and values; null where it has none.
    pub buffers: Vec<Option<Memory>>,
}

impl fmt::Debug for NativeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeTable")
            .field("ipc", &self.ipc)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NativeBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeBatch")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// A buffer. JavaScript frees it: a vector of any type can be given away, but only as what it was allocated for.
#[napi]
pub type Memory = Either4<Uint8Array, Uint16Array, Int32Array, BigInt64Array>;

#[napi]
impl NativeTable {
    /// Returns an Arrow IPC stream: of everything when some column is of a kind that is only told so, of the schema otherwise.
    #[napi]
    pub fn ipc(&mut self) -> Uint8Array {
        std::mem::take(&mut self.ipc).into()
    }

    /// Returns the next part; `null` at the end, at once when `ipc` has everything.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Option<NativeBatch>>> {
        let parts = Arc::clone(&self.parts);
        let work = async move {
            match parts.lock().await.recv().await {
                Some(joining) => joining?.await.map_err(broken)?.map(Some),
                None => Ok(None),
            }
        };
        settle(env, None, work, |part| part)
    }
}

/// Begins to read a query to its end. Dropping the table stops that.
pub(crate) async fn gather(stream: QueryStream) -> Result<NativeTable> {
    let (joining, parts) = mpsc::unbounded_channel();
    let schema = stream.schema();
    let ipc = if schema.fields().iter().all(|field| is_plain(field.data_type())) {
        aside(join(stream, joining));
        finish(writer(&schema)?)?
    } else {
        encode(stream).await?
    };
    let parts = Arc::new(Mutex::new(parts));
    Ok(NativeTable { ipc, parts })
}

/// Joins rows beside DuckDB, which goes on meanwhile.
async fn join(mut stream: QueryStream, parts: mpsc::UnboundedSender<Result<Joining>>) {
    let schema = stream.schema();
    while let Some(batches) = stream.next_few(ROWS).await {
        let schema = Arc::clone(&schema);
        let joining = batches.map(|batches| {
            tokio::task::spawn_blocking(move || QueryStream::join(&schema, batches).map(NativeBatch::of))
        });
        if parts.send(joining).is_err() {
            return;
        }
    }
}

fn broken(cause: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the answer cannot be gathered")
        .during("query")
        .because(cause)
}

impl NativeBatch {
    fn of(batch: RecordBatch) -> Self {
        let (_, columns, rows) = batch.into_parts();
        let mut read = Self {
            rows: rows as i64,
            lengths: Vec::new(),
            buffers: Vec::new(),
        };
        for column in columns {
            let data = column.to_data();
            // Only its last owner can give a buffer away.
            drop(column);
            read.take(data);
        }
        read
    }

    fn take(&mut self, data: ArrayData) {
        let (ty, length, nulls, offset, buffers, children) = data.into_parts();
        let null_count = nulls.as_ref().map_or(0, NullBuffer::null_count);
        self.lengths.extend([length as i64, null_count as i64]);
        let mut buffers = buffers.into_iter();
        let (offsets, values) = match ty {
            DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => {
                (buffers.next(), buffers.next())
            }
            DataType::List(_) | DataType::Map(..) => (buffers.next(), None),
            // Of what typed arrays tell, only bits have an offset.
            DataType::Boolean => {
                let bits = buffers.next();
                (None, bits.map(|bits| BooleanBuffer::new(bits, offset, length).sliced()))
            }
            _ => (None, buffers.next()),
        };
        let valid = nulls.map(|nulls| nulls.inner().sliced());
        self.buffers
            .extend([valid, offsets, values].map(|buffer| buffer.map(memory)));
        for child in children {
            self.take(child);
        }
    }
}

/// Tells whether `lib/arrow.ts` makes an array of this type from its buffers.
fn is_plain(ty: &DataType) -> bool {
    match ty {
        DataType::List(of) | DataType::FixedSizeList(of, _) | DataType::Map(of, _) => is_plain(of.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
        DataType::Dictionary(_, of) => is_plain(of),
        other => {
            matches!(
                other,
                DataType::Null
                    | DataType::Boolean
                    | DataType::Date32
                    | DataType::Time32(_)
                    | DataType::Time64(_)
                    | DataType::Timestamp(..)
                    | DataType::Interval(_)
                    | DataType::Decimal128(..)
                    | DataType::Utf8
                    | DataType::LargeUtf8
                    | DataType::Binary
                    | DataType::LargeBinary
                    | DataType::FixedSizeBinary(_)
            ) || other.is_integer()
                || other.is_floating()
        }
    }
}

/// Gives a buffer away where its allocation allows it, as it does where rows were joined, and copies it otherwise.
fn memory(buffer: Buffer) -> Memory {
    fn given<T: ArrowNativeType>(buffer: Buffer, wrap: impl FnOnce(Vec<T>) -> Memory) -> Result<Memory, Buffer> {
        // What is no whole number of values would lose its end.
        if !buffer.len().is_multiple_of(size_of::<T>()) {
            return Err(buffer);
        }
        buffer.into_vec::<T>().map(wrap)
    }
    given::<u8>(buffer, |bytes| Either4::A(bytes.into()))
        .or_else(|buffer| given::<i64>(buffer, |values| Either4::D(values.into())))
        .or_else(|buffer| given::<i32>(buffer, |values| Either4::C(values.into())))
        .or_else(|buffer| given::<u16>(buffer, |values| Either4::B(values.into())))
        .unwrap_or_else(|buffer| Either4::A(buffer.to_vec().into()))
}
