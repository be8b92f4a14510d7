//! Writes typed values into DuckDB's vectors: the one module of the core that may use `unsafe`.
//!
//! Soundness rests on three facts. DuckDB gives every vector of an output chunk room for [`BATCH_ROWS`] values and keeps it
//! alive for the whole callback; a [`VectorBatch`] is built inside the callback and dropped before it returns; and every
//! write checks the row against the vector's capacity and the value's size against the vector's width, so that a source
//! that miscounts panics (which becomes a query error) instead of writing elsewhere.
#![allow(unsafe_code)]

use std::ffi::c_char;

use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::ffi;

use crate::column::{BATCH_ROWS, BatchWriter, ColumnType, ColumnWriter};

/// The vectors of one output chunk.
#[derive(Debug)]
pub(crate) struct VectorBatch {
    columns: Vec<Vector>,
}

impl VectorBatch {
    /// Takes the vectors of a chunk whose columns have these types, as declared when the function was bound.
    pub(crate) fn new(chunk: &DataChunkHandle, types: &[ColumnType]) -> Self {
        assert_eq!(
            chunk.num_columns(),
            types.len(),
            "the chunk has the columns that were declared"
        );
        let columns = types
            .iter()
            .enumerate()
            .map(|(index, ty)| {
                // SAFETY: the chunk is alive (borrowed) and has a vector at every index below its column count.
                let handle = unsafe { ffi::duckdb_data_chunk_get_vector(chunk.get_ptr(), index as ffi::idx_t) };
                Vector::new(handle, ty, BATCH_ROWS)
            })
            .collect();
        Self { columns }
    }
}

impl BatchWriter for VectorBatch {
    type Column = Vector;

    fn column(&mut self, index: usize) -> &mut Vector {
        &mut self.columns[index]
    }
}

/// One vector, and for a list the vector of its elements.
#[derive(Debug)]
pub(crate) struct Vector {
    handle: ffi::duckdb_vector,
    data: *mut u8,
    /// Null until the first NULL is written: most vectors have none.
    validity: *mut u64,
    /// Bytes of one value; 0 for a list, whose entries only [`ColumnWriter::list`] writes.
    width: usize,
    capacity: usize,
    text: bool,
    child: Option<Box<Vector>>,
    child_len: usize,
}

/// DuckDB's entry of a list vector.
#[repr(C)]
struct ListEntry {
    offset: u64,
    length: u64,
}

/// DuckDB's interval.
#[repr(C)]
struct Interval {
    months: i32,
    days: i32,
    micros: i64,
}

/// DuckDB's entry of a text vector, for a text that needs no memory beside it.
#[repr(C, align(8))]
struct ShortText {
    length: u32,
    /// Filled up with zeros, because DuckDB compares all of them.
    bytes: [u8; 12],
}

const _: () = assert!(size_of::<ShortText>() == size_of::<ffi::duckdb_string_t>());

impl ShortText {
    #[allow(clippy::cast_possible_truncation)] // At most twelve.
    fn new(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; 12];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Self {
            length: value.len() as u32,
            bytes,
        })
    }
}

impl Vector {
    fn new(handle: ffi::duckdb_vector, ty: &ColumnType, capacity: usize) -> Self {
        // SAFETY: the handle is a live vector of an output chunk, or the child of one.
        let data = unsafe { ffi::duckdb_vector_get_data(handle) }.cast::<u8>();
        let child = match ty {
            ColumnType::List(element) => {
                // SAFETY: the handle is a live list vector, because the column was declared as a list.
                let child = unsafe { ffi::duckdb_list_vector_get_child(handle) };
                Some(Box::new(Self::new(child, element, 0)))
            }
            _ => None,
        };
        Self {
            handle,
            data,
            validity: std::ptr::null_mut(),
            width: width(ty),
            capacity,
            text: matches!(ty, ColumnType::Varchar | ColumnType::Blob),
            child,
            child_len: 0,
        }
    }

    fn put<T>(&mut self, row: usize, value: T) {
        assert!(
            row < self.capacity && size_of::<T>() == self.width,
            "a value of the column's type, inside the batch"
        );
        // SAFETY: `data` has room for `capacity` values of `width` bytes, aligned for the column's type; both were just checked.
        unsafe { self.data.cast::<T>().add(row).write(value) };
    }
}

/// Bytes of one value of a type, as DuckDB stores it.
fn width(ty: &ColumnType) -> usize {
    match ty {
        ColumnType::Boolean => 1,
        ColumnType::SmallInt => 2,
        ColumnType::Integer | ColumnType::Float | ColumnType::Date => 4,
        ColumnType::BigInt
        | ColumnType::Double
        | ColumnType::Time
        | ColumnType::TimeTz
        | ColumnType::Timestamp
        | ColumnType::TimestampTz => 8,
        ColumnType::Decimal { precision, .. } => match precision {
            0..=4 => 2,
            5..=9 => 4,
            10..=18 => 8,
            _ => 16,
        },
        ColumnType::Uuid | ColumnType::Interval => 16,
        ColumnType::Varchar | ColumnType::Blob | ColumnType::List(_) => 0,
    }
}

impl ColumnWriter for Vector {
    fn null(&mut self, row: usize) {
        assert!(row < self.capacity, "a row inside the batch");
        if self.validity.is_null() {
            // SAFETY: the handle is live; after the first call the mask exists and covers the vector's capacity.
            unsafe {
                ffi::duckdb_vector_ensure_validity_writable(self.handle);
                self.validity = ffi::duckdb_vector_get_validity(self.handle);
            }
        }
        // SAFETY: the mask has one bit for each row below the capacity, and the row was just checked.
        unsafe { ffi::duckdb_validity_set_row_invalid(self.validity, row as ffi::idx_t) };
        if self.child.is_some() {
            // A NULL list still has an entry that readers may look at.
            let entry = ListEntry {
                offset: self.child_len as u64,
                length: 0,
            };
            // SAFETY: a list vector's data holds `capacity` entries, and the row was checked above.
            unsafe { self.data.cast::<ListEntry>().add(row).write(entry) };
        }
    }

    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, value);
    }

    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, value);
    }

    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, value);
    }

    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, value);
    }

    fn float(&mut self, row: usize, value: f32) {
        self.put(row, value);
    }

    fn double(&mut self, row: usize, value: f64) {
        self.put(row, value);
    }

    #[allow(clippy::cast_possible_truncation)] // The caller has checked the digits against the precision.
    fn decimal(&mut self, row: usize, unscaled: i128) {
        match self.width {
            2 => self.put(row, unscaled as i16),
            4 => self.put(row, unscaled as i32),
            8 => self.put(row, unscaled as i64),
            _ => self.put(row, unscaled),
        }
    }

    fn bytes(&mut self, row: usize, value: &[u8]) {
        assert!(
            self.text && row < self.capacity,
            "a text or blob column, inside the batch"
        );
        if let Some(short) = ShortText::new(value) {
            // SAFETY: a text vector's data holds `capacity` entries of this size, and the row was just checked.
            unsafe { self.data.cast::<ShortText>().add(row).write(short) };
            return;
        }
        // SAFETY: the handle is a live text vector, the row is inside it, and DuckDB copies `len` bytes before it returns.
        unsafe {
            ffi::duckdb_unsafe_vector_assign_string_element_len(
                self.handle,
                row as ffi::idx_t,
                value.as_ptr().cast::<c_char>(),
                value.len() as ffi::idx_t,
            );
        }
    }

    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        // DuckDB keeps a UUID as a signed 128-bit number whose top bit is flipped, so that numbers order as UUIDs do.
        self.put(row, u128::from_be_bytes(value) ^ (1 << 127));
    }

    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32) {
        // DuckDB packs 40 bits of microseconds and 24 bits of offset, the offset counted down from +15:59:59.
        const MAX_OFFSET: i64 = 16 * 3600 - 1;
        let bits = (micros << 24) | ((MAX_OFFSET - i64::from(offset_seconds)) & 0xff_ffff);
        self.put(row, bits);
    }

    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64) {
        self.put(row, Interval { months, days, micros });
    }

    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize) {
        assert!(row < self.capacity, "a row inside the batch");
        let first = self.child_len;
        let needed = first + len;
        let child = self.child.as_mut().expect("only list columns are written as lists");
        // SAFETY: the handle is a live list vector; reserving and sizing it are what these functions are for. The child's
        // data and mask may move, so both pointers are read again.
        unsafe {
            if needed > child.capacity {
                let capacity = needed.next_power_of_two();
                assert!(
                    ffi::duckdb_list_vector_reserve(self.handle, capacity as ffi::idx_t) == ffi::DuckDBSuccess,
                    "memory for the elements of a list"
                );
                child.capacity = capacity;
                child.data = ffi::duckdb_vector_get_data(child.handle).cast::<u8>();
                if !child.validity.is_null() {
                    ffi::duckdb_vector_ensure_validity_writable(child.handle);
                    child.validity = ffi::duckdb_vector_get_validity(child.handle);
                }
            }
            assert!(
                ffi::duckdb_list_vector_set_size(self.handle, needed as ffi::idx_t) == ffi::DuckDBSuccess,
                "the length of a list vector"
            );
            // A list vector's data holds `capacity` entries, and the row was checked above.
            self.data.cast::<ListEntry>().add(row).write(ListEntry {
                offset: first as u64,
                length: len as u64,
            });
        }
        self.child_len = needed;
        (child, first)
    }
}

/// Returns DuckDB's logical type of a column type.
pub(crate) fn logical_type(ty: &ColumnType) -> LogicalTypeHandle {
    match ty {
        ColumnType::Boolean => LogicalTypeId::Boolean.into(),
        ColumnType::SmallInt => LogicalTypeId::Smallint.into(),
        ColumnType::Integer => LogicalTypeId::Integer.into(),
        ColumnType::BigInt => LogicalTypeId::Bigint.into(),
        ColumnType::Float => LogicalTypeId::Float.into(),
        ColumnType::Double => LogicalTypeId::Double.into(),
        ColumnType::Decimal { precision, scale } => LogicalTypeHandle::decimal(*precision, *scale),
        ColumnType::Varchar => LogicalTypeId::Varchar.into(),
        ColumnType::Blob => LogicalTypeId::Blob.into(),
        ColumnType::Uuid => LogicalTypeId::Uuid.into(),
        ColumnType::Date => LogicalTypeId::Date.into(),
        ColumnType::Time => LogicalTypeId::Time.into(),
        ColumnType::TimeTz => LogicalTypeId::TimeTZ.into(),
        ColumnType::Timestamp => LogicalTypeId::Timestamp.into(),
        ColumnType::TimestampTz => LogicalTypeId::TimestampTZ.into(),
        ColumnType::Interval => LogicalTypeId::Interval.into(),
        ColumnType::List(element) => LogicalTypeHandle::list(&logical_type(element)),
    }
}

/// Returns the value that was registered together with a table function.
pub(crate) fn extra_info<T: Clone>(bind: &duckdb::vtab::BindInfo) -> T {
    // SAFETY: the one caller reads the type that it registered with `register_table_function_with_extra_info`, which boxes
    // the value and keeps it for as long as the function is in the catalog.
    unsafe { bind.get_extra_info::<T>().as_ref() }
        .expect("extra info was registered")
        .clone()
}
