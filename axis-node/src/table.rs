//! Whole answers for `apache-arrow`, whose columns JavaScript gets as they lie in memory.

use std::fmt;
use std::sync::Arc;

use axis_core::arrow::array::{Array, ArrayData};
use axis_core::arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use axis_core::arrow::datatypes::{ArrowNativeType, DataType};
use axis_core::arrow::record_batch::RecordBatch;
use axis_core::{Error, ErrorKind, QueryStream, Result};
use napi::bindgen_prelude::{BigInt64Array, Either4, Int32Array, Uint8Array, Uint16Array};
use napi_derive::napi;

use crate::query::{ROWS, encode, finish, writer};

/// A whole answer. Without `batches`, some column is of a kind that is only told by Arrow IPC.
#[napi(object, object_from_js = false)]
pub struct NativeTable {
    /// An Arrow IPC stream: of the schema alone, or of everything.
    pub ipc: Uint8Array,
    /// The rows, in parts.
    pub batches: Option<Vec<NativeBatch>>,
}

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
            .field("batches", &self.batches)
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

/// Reads a query to its end.
pub(crate) async fn gather(mut stream: QueryStream) -> Result<NativeTable> {
    let schema = stream.schema();
    if !schema.fields().iter().all(|field| is_plain(field.data_type())) {
        return Ok(NativeTable {
            ipc: encode(stream).await?.into(),
            batches: None,
        });
    }
    // DuckDB goes on while rows are joined.
    let mut joining = Vec::new();
    while let Some(batches) = stream.next_few(ROWS).await {
        let (schema, batches) = (Arc::clone(&schema), batches?);
        joining.push(tokio::task::spawn_blocking(move || {
            QueryStream::join(&schema, batches).map(NativeBatch::of)
        }));
    }
    let mut batches = Vec::with_capacity(joining.len());
    for joined in joining {
        batches.push(joined.await.map_err(broken)??);
    }
    Ok(NativeTable {
        ipc: finish(writer(&schema)?)?.into(),
        batches: Some(batches),
    })
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
