//! The small contract between sources, which decode values, and the store, which keeps them.
//!
//! A source writes typed values through [`ColumnWriter`]; the store implements it over DuckDB vectors. The source is
//! generic over the writer, so the contract compiles away.

use std::fmt;

/// The type of a stored column.
///
/// Units: dates are days, times and timestamps microseconds, both since 1970-01-01 UTC (times since midnight).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `BOOLEAN`
    Boolean,
    /// `SMALLINT`
    SmallInt,
    /// `INTEGER`
    Integer,
    /// `BIGINT`
    BigInt,
    /// `FLOAT`
    Float,
    /// `DOUBLE`
    Double,
    /// `DECIMAL(precision, scale)`; 1 <= precision <= 38, scale <= precision.
    Decimal {
        /// Total digits.
        precision: u8,
        /// Digits after the point.
        scale: u8,
    },
    /// `VARCHAR`
    Varchar,
    /// `BLOB`
    Blob,
    /// `UUID`
    Uuid,
    /// `DATE`
    Date,
    /// `TIME`
    Time,
    /// `TIME WITH TIME ZONE`
    TimeTz,
    /// `TIMESTAMP`
    Timestamp,
    /// `TIMESTAMP WITH TIME ZONE`
    TimestampTz,
    /// `INTERVAL`
    Interval,
    /// `LIST` of one type of element.
    List(Box<ColumnType>),
}

impl fmt::Display for ColumnType {
    /// Writes the name that DuckDB's SQL and its catalog use.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::SmallInt => "SMALLINT",
            Self::Integer => "INTEGER",
            Self::BigInt => "BIGINT",
            Self::Float => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Decimal { precision, scale } => return write!(f, "DECIMAL({precision},{scale})"),
            Self::Varchar => "VARCHAR",
            Self::Blob => "BLOB",
            Self::Uuid => "UUID",
            Self::Date => "DATE",
            Self::Time => "TIME",
            Self::TimeTz => "TIME WITH TIME ZONE",
            Self::Timestamp => "TIMESTAMP",
            Self::TimestampTz => "TIMESTAMP WITH TIME ZONE",
            Self::Interval => "INTERVAL",
            Self::List(element) => return write!(f, "{element}[]"),
        })
    }
}

/// A named, typed column as a source describes it or the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, exactly as the source or the store spells it.
    pub name: String,
    /// The type in the store.
    pub ty: ColumnType,
}

/// Writes the values of one column of one batch, row by row.
///
/// Each row of a column is written exactly once, by the method that fits the column's type; `row` is below the batch's
/// capacity ([`BATCH_ROWS`]) or, inside a list, below the length that [`list`](Self::list) has reserved.
pub trait ColumnWriter {
    /// Writes NULL.
    fn null(&mut self, row: usize);
    /// Writes a `BOOLEAN`.
    fn boolean(&mut self, row: usize, value: bool);
    /// Writes a `SMALLINT`.
    fn small_int(&mut self, row: usize, value: i16);
    /// Writes an `INTEGER`, or a `DATE` as days; `i32::MAX` and `-i32::MAX` are the infinite dates.
    fn integer(&mut self, row: usize, value: i32);
    /// Writes a `BIGINT`, a `TIME` or a timestamp in microseconds; `i64::MAX` and `-i64::MAX` are the infinite timestamps.
    fn big_int(&mut self, row: usize, value: i64);
    /// Writes a `FLOAT`.
    fn float(&mut self, row: usize, value: f32);
    /// Writes a `DOUBLE`.
    fn double(&mut self, row: usize, value: f64);
    /// Writes the unscaled value of a `DECIMAL`; the caller has checked that it has no more digits than the precision.
    fn decimal(&mut self, row: usize, unscaled: i128);
    /// Writes a `VARCHAR` (valid UTF-8) or a `BLOB`.
    fn bytes(&mut self, row: usize, value: &[u8]);
    /// Writes a `UUID` from its 16 bytes in network order.
    fn uuid(&mut self, row: usize, value: [u8; 16]);
    /// Writes a `TIME WITH TIME ZONE`: microseconds of local time, and seconds east of UTC.
    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32);
    /// Writes an `INTERVAL`.
    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64);
    /// Starts a `LIST` of `len` elements; returns the writer of the elements and the row of the first.
    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize);
}

/// Gives access to the writers of the columns of one batch.
pub trait BatchWriter {
    /// The writer of one column.
    type Column: ColumnWriter;
    /// Returns how many rows the batch would rather not exceed, at most [`BATCH_ROWS`]; a source may still fill all of those.
    fn wanted(&self) -> usize {
        BATCH_ROWS
    }
    /// Returns the writer of the column with this index.
    fn column(&mut self, index: usize) -> &mut Self::Column;
}

/// How many rows one batch holds: DuckDB's standard vector size.
pub const BATCH_ROWS: usize = 2048;
