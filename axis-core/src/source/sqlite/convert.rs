//! Converts SQLite's values to the types of the store, only when nothing is lost.
//!
//! | To | From |
//! |---|---|
//! | `BOOLEAN` | the integers 0 and 1; the texts `true` and `false` in any case |
//! | integers | integers in range; whole reals; text of digits |
//! | `DOUBLE` | reals; integers that a double holds exactly; numeric text |
//! | `FLOAT` | the same, rounded to the nearest `FLOAT` |
//! | `DECIMAL` | integers; plain decimal text; reals whose shortest decimal form fits the scale |
//! | `VARCHAR` | text; the decimal form of numbers; blobs that are UTF-8 |
//! | `BLOB` | blobs; the bytes of text |
//! | `UUID` | text; blobs of 16 bytes |
//! | `DATE`, `TIME` | ISO 8601 text |
//! | timestamps | ISO 8601 text; integers as seconds since 1970 |

use std::borrow::Cow;

use chrono::NaiveDate;
use uuid::Uuid;

use super::text;
use crate::column::{ColumnType, ColumnWriter};

/// A value as SQLite stores it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Integer(i64),
    Real(f64),
    Text(&'a [u8]),
    Blob(&'a [u8]),
}

impl Cell<'_> {
    /// Names the storage class for messages.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::Integer(_) => "INTEGER",
            Self::Real(_) => "REAL",
            Self::Text(_) => "TEXT",
            Self::Blob(_) => "BLOB",
        }
    }
}

/// A value in the form in which the store takes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    SmallInt(i16),
    /// Also a date.
    Integer(i32),
    /// Also a time or a timestamp.
    BigInt(i64),
    Float(f32),
    Double(f64),
    Decimal(i128),
    Bytes(Cow<'a, [u8]>),
    Uuid([u8; 16]),
}

impl Value<'_> {
    pub(super) fn write<W: ColumnWriter>(&self, writer: &mut W, row: usize) {
        match self {
            Self::Null => writer.null(row),
            Self::Boolean(value) => writer.boolean(row, *value),
            Self::SmallInt(value) => writer.small_int(row, *value),
            Self::Integer(value) => writer.integer(row, *value),
            Self::BigInt(value) => writer.big_int(row, *value),
            Self::Float(value) => writer.float(row, *value),
            Self::Double(value) => writer.double(row, *value),
            Self::Decimal(value) => writer.decimal(row, *value),
            Self::Bytes(value) => writer.bytes(row, value),
            Self::Uuid(value) => writer.uuid(row, *value),
        }
    }
}

/// Converts a value; `None` when the type cannot hold it exactly.
pub(super) fn convert<'a>(cell: Cell<'a>, ty: &ColumnType) -> Option<Value<'a>> {
    if cell == Cell::Null {
        return Some(Value::Null);
    }
    match ty {
        ColumnType::Boolean => boolean(cell).map(Value::Boolean),
        ColumnType::SmallInt => i16::try_from(integer(cell)?).ok().map(Value::SmallInt),
        ColumnType::Integer => i32::try_from(integer(cell)?).ok().map(Value::Integer),
        ColumnType::BigInt => integer(cell).map(Value::BigInt),
        ColumnType::Float => float(double(cell)?).map(Value::Float),
        ColumnType::Double => double(cell).map(Value::Double),
        ColumnType::Decimal { precision, scale } => decimal(cell, *precision, *scale).map(Value::Decimal),
        ColumnType::Varchar => varchar(cell).map(Value::Bytes),
        ColumnType::Blob => match cell {
            Cell::Text(bytes) | Cell::Blob(bytes) => Some(Value::Bytes(Cow::Borrowed(bytes))),
            _ => None,
        },
        ColumnType::Uuid => uuid(cell).map(Value::Uuid),
        ColumnType::Date => text::date(utf8(cell)?).map(Value::Integer),
        ColumnType::Time => text::time(utf8(cell)?).map(Value::BigInt),
        ColumnType::Timestamp | ColumnType::TimestampTz => timestamp(cell).map(Value::BigInt),
        ColumnType::TimeTz | ColumnType::Interval | ColumnType::List(_) => None,
    }
}

fn utf8(cell: Cell<'_>) -> Option<&str> {
    match cell {
        Cell::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn boolean(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Integer(0) => Some(false),
        Cell::Integer(1) => Some(true),
        Cell::Text(text) if text.eq_ignore_ascii_case(b"true") => Some(true),
        Cell::Text(text) if text.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

fn integer(cell: Cell<'_>) -> Option<i64> {
    // Both ends are powers of two, so they are exact.
    const RANGE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;
    match cell {
        Cell::Integer(value) => Some(value),
        Cell::Real(value) if value.fract() == 0.0 && RANGE.contains(&value) => Some(value as i64),
        Cell::Text(_) => utf8(cell)?.parse().ok(),
        _ => None,
    }
}

fn double(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Real(value) => Some(value),
        Cell::Integer(value) => {
            let double = value as f64;
            (double as i128 == i128::from(value)).then_some(double)
        }
        Cell::Text(_) => utf8(cell)?.parse().ok(),
        _ => None,
    }
}

fn float(value: f64) -> Option<f32> {
    let float = value as f32;
    (float.is_finite() || !value.is_finite()).then_some(float)
}

fn decimal(cell: Cell<'_>, precision: u8, scale: u8) -> Option<i128> {
    match cell {
        Cell::Integer(value) => {
            let unscaled = i128::from(value).checked_mul(10_i128.pow(u32::from(scale)))?;
            text::fits(unscaled, precision).then_some(unscaled)
        }
        // Display never uses an exponent and gives the fewest digits that read back as the same number.
        Cell::Real(value) => text::decimal(&value.to_string(), precision, scale),
        Cell::Text(_) => text::decimal(utf8(cell)?, precision, scale),
        _ => None,
    }
}

fn varchar(cell: Cell<'_>) -> Option<Cow<'_, [u8]>> {
    match cell {
        Cell::Null => None,
        Cell::Integer(value) => Some(Cow::Owned(value.to_string().into_bytes())),
        // Debug keeps the fraction of whole numbers and uses an exponent for very large and very small ones, as SQLite does.
        Cell::Real(value) => Some(Cow::Owned(format!("{value:?}").into_bytes())),
        Cell::Text(bytes) | Cell::Blob(bytes) => std::str::from_utf8(bytes).is_ok().then_some(Cow::Borrowed(bytes)),
    }
}

fn uuid(cell: Cell<'_>) -> Option<[u8; 16]> {
    match cell {
        Cell::Text(bytes) => Uuid::try_parse_ascii(bytes).ok().map(Uuid::into_bytes),
        Cell::Blob(bytes) => bytes.try_into().ok(),
        _ => None,
    }
}

fn timestamp(cell: Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Integer(seconds) => {
            // The same years as in text; anything beyond is more likely milliseconds than a date.
            let last = NaiveDate::from_ymd_opt(9999, 12, 31)?
                .and_hms_opt(23, 59, 59)?
                .and_utc()
                .timestamp();
            let first = NaiveDate::from_ymd_opt(0, 1, 1)?
                .and_hms_opt(0, 0, 0)?
                .and_utc()
                .timestamp();
            (first..=last).contains(&seconds).then_some(seconds * 1_000_000)
        }
        _ => text::timestamp(utf8(cell)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Cell<'_> {
        Cell::Text(value.as_bytes())
    }

    fn bytes(value: &str) -> Option<Value<'_>> {
        Some(Value::Bytes(Cow::Borrowed(value.as_bytes())))
    }

    #[test]
    fn values_are_converted_exactly_or_refused() {
        use ColumnType as T;
        let cents = T::Decimal { precision: 6, scale: 2 };
        let id = [0x11; 16];
        let table: Vec<(Cell<'_>, T, Option<Value<'_>>)> = vec![
            (Cell::Null, T::Uuid, Some(Value::Null)),
            (Cell::Integer(1), T::Boolean, Some(Value::Boolean(true))),
            (text("False"), T::Boolean, Some(Value::Boolean(false))),
            (Cell::Integer(2), T::Boolean, None),
            (text("yes"), T::Boolean, None),
            (Cell::Integer(-32_768), T::SmallInt, Some(Value::SmallInt(-32_768))),
            (Cell::Integer(32_768), T::SmallInt, None),
            (Cell::Integer(5), T::Integer, Some(Value::Integer(5))),
            (Cell::Integer(1 << 31), T::Integer, None),
            (Cell::Integer(i64::MAX), T::BigInt, Some(Value::BigInt(i64::MAX))),
            (Cell::Real(3.0), T::BigInt, Some(Value::BigInt(3))),
            (Cell::Real(3.5), T::BigInt, None),
            (Cell::Real(9.3e18), T::BigInt, None),
            (text("42"), T::BigInt, Some(Value::BigInt(42))),
            (text("42 "), T::BigInt, None),
            (Cell::Blob(b"42"), T::BigInt, None),
            (Cell::Real(0.1), T::Double, Some(Value::Double(0.1))),
            (
                Cell::Integer(1 << 53),
                T::Double,
                Some(Value::Double(9_007_199_254_740_992.0)),
            ),
            (Cell::Integer((1 << 53) + 1), T::Double, None),
            (Cell::Integer(i64::MAX), T::Double, None),
            (text("1e3"), T::Double, Some(Value::Double(1000.0))),
            (text("n/a"), T::Double, None),
            (Cell::Real(0.5), T::Float, Some(Value::Float(0.5))),
            (Cell::Real(1e300), T::Float, None),
            (Cell::Integer(7), cents.clone(), Some(Value::Decimal(700))),
            (Cell::Real(0.29), cents.clone(), Some(Value::Decimal(29))),
            (Cell::Real(0.1 + 0.2), cents.clone(), None),
            (Cell::Integer(10_000), cents.clone(), None),
            (text("-12.30"), cents, Some(Value::Decimal(-1230))),
            (text("é"), T::Varchar, bytes("é")),
            (text(""), T::Varchar, bytes("")),
            (Cell::Text(&[0xff]), T::Varchar, None),
            (Cell::Blob(b"ok"), T::Varchar, bytes("ok")),
            (Cell::Integer(-7), T::Varchar, bytes("-7")),
            (Cell::Real(1.0), T::Varchar, bytes("1.0")),
            (Cell::Blob(&[0xff]), T::Blob, Some(Value::Bytes(Cow::Borrowed(&[0xff])))),
            (Cell::Integer(1), T::Blob, None),
            (
                text("11111111-1111-1111-1111-111111111111"),
                T::Uuid,
                Some(Value::Uuid(id)),
            ),
            (Cell::Blob(&[0x11; 16]), T::Uuid, Some(Value::Uuid(id))),
            (Cell::Blob(&[0x11; 15]), T::Uuid, None),
            (text("nope"), T::Uuid, None),
            (text("1970-01-11"), T::Date, Some(Value::Integer(10))),
            (Cell::Integer(10), T::Date, None),
            (text("00:00:01"), T::Time, Some(Value::BigInt(1_000_000))),
            (
                text("1970-01-01 00:00:01"),
                T::Timestamp,
                Some(Value::BigInt(1_000_000)),
            ),
            (
                text("1970-01-01T01:00:01+01:00"),
                T::TimestampTz,
                Some(Value::BigInt(1_000_000)),
            ),
            (Cell::Integer(1), T::Timestamp, Some(Value::BigInt(1_000_000))),
            (Cell::Integer(1_704_110_400_000), T::Timestamp, None),
            (Cell::Real(1.5), T::Timestamp, None),
            (text("00:00:01+01"), T::TimeTz, None),
        ];
        for (cell, ty, expected) in table {
            assert_eq!(convert(cell, &ty), expected, "{cell:?} to {ty}");
        }
    }
}
