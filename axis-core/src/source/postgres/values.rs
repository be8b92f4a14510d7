//! Decodes one value of PostgreSQL's binary format into a column.

use crate::column::ColumnWriter;

use super::numeric;
use super::types::Format;

/// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL begins to count.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// Why a value was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The value is well formed, but the column's type has no such value.
    CannotHold,
    /// The bytes are not what PostgreSQL sends for this type.
    Malformed,
}

/// Decodes a value and writes it; after [`Fault::CannotHold`] nothing has been written to the row.
///
/// Elements of a list that the type cannot hold are written as NULL when `null_elements` is set.
pub(super) fn write<C: ColumnWriter>(
    format: &Format,
    bytes: &[u8],
    null_elements: bool,
    out: &mut C,
    row: usize,
    scratch: &mut String,
) -> Result<(), Fault> {
    match format {
        Format::Boolean => match bytes {
            [0] => out.boolean(row, false),
            [1] => out.boolean(row, true),
            _ => return Err(Fault::Malformed),
        },
        Format::Int2 => out.small_int(row, i16::from_be_bytes(fixed(bytes)?)),
        Format::Int4 => out.integer(row, i32::from_be_bytes(fixed(bytes)?)),
        Format::Int8 => out.big_int(row, i64::from_be_bytes(fixed(bytes)?)),
        Format::Oid => out.big_int(row, i64::from(u32::from_be_bytes(fixed(bytes)?))),
        Format::Float4 => out.float(row, f32::from_be_bytes(fixed(bytes)?)),
        Format::Float8 => out.double(row, f64::from_be_bytes(fixed(bytes)?)),
        &Format::Decimal { precision, scale } => out.decimal(row, numeric::to_decimal(bytes, precision, scale)?),
        Format::NumericDouble => out.double(row, numeric::to_double(bytes, scratch)?),
        Format::Text | Format::PaddedText => out.bytes(row, text(bytes)?),
        Format::Jsonb => match bytes {
            [1, json @ ..] => out.bytes(row, text(json)?),
            _ => return Err(Fault::Malformed),
        },
        Format::Bytes => out.bytes(row, bytes),
        Format::Uuid => out.uuid(row, fixed(bytes)?),
        Format::Date => out.integer(row, date(i32::from_be_bytes(fixed(bytes)?))?),
        Format::Time => out.big_int(row, i64::from_be_bytes(fixed(bytes)?)),
        Format::Timestamp => out.big_int(row, timestamp(i64::from_be_bytes(fixed(bytes)?))?),
        Format::TimeTz => {
            let (micros, west) = bytes.split_first_chunk::<8>().ok_or(Fault::Malformed)?;
            let west = i32::from_be_bytes(fixed(west)?);
            out.time_tz(
                row,
                i64::from_be_bytes(*micros),
                west.checked_neg().ok_or(Fault::Malformed)?,
            );
        }
        Format::Interval => {
            let (micros, rest) = bytes.split_first_chunk::<8>().ok_or(Fault::Malformed)?;
            let (days, months) = rest.split_first_chunk::<4>().ok_or(Fault::Malformed)?;
            let (micros, days) = (i64::from_be_bytes(*micros), i32::from_be_bytes(*days));
            let months = i32::from_be_bytes(fixed(months)?);
            // PostgreSQL 17 writes infinite intervals this way.
            if matches!(
                (months, days, micros),
                (i32::MAX, i32::MAX, i64::MAX) | (i32::MIN, i32::MIN, i64::MIN)
            ) {
                return Err(Fault::CannotHold);
            }
            out.interval(row, months, days, micros);
        }
        Format::Array { element, first } => return array(element, *first, bytes, null_elements, out, row, scratch),
    }
    Ok(())
}

fn array<C: ColumnWriter>(
    element: &Format,
    first_subscript: i32,
    bytes: &[u8],
    null_elements: bool,
    out: &mut C,
    row: usize,
    scratch: &mut String,
) -> Result<(), Fault> {
    // Dimensions, a flag that says whether there are NULLs, and the type of the elements.
    let (header, rest) = bytes.split_first_chunk::<12>().ok_or(Fault::Malformed)?;
    let [d0, d1, d2, d3, ..] = *header;
    match i32::from_be_bytes([d0, d1, d2, d3]) {
        0 if rest.is_empty() => {
            out.list(row, 0);
            return Ok(());
        }
        1 => {}
        2..=6 => return Err(Fault::CannotHold),
        _ => return Err(Fault::Malformed),
    }
    // Length and lower bound of the only dimension.
    let (dimension, mut rest) = rest.split_first_chunk::<8>().ok_or(Fault::Malformed)?;
    let [l0, l1, l2, l3, b0, b1, b2, b3] = *dimension;
    if i32::from_be_bytes([b0, b1, b2, b3]) != first_subscript {
        return Err(Fault::CannotHold);
    }
    let len = usize::try_from(i32::from_be_bytes([l0, l1, l2, l3])).map_err(|_| Fault::Malformed)?;
    // Each element has at least its own length, so a length beyond that is a lie that must not reserve memory.
    if len > rest.len() / 4 {
        return Err(Fault::Malformed);
    }
    let (out, first) = out.list(row, len);
    for row in first..first + len {
        let (length, after) = rest.split_first_chunk::<4>().ok_or(Fault::Malformed)?;
        rest = match i32::from_be_bytes(*length) {
            -1 => {
                out.null(row);
                after
            }
            length => {
                let length = usize::try_from(length).map_err(|_| Fault::Malformed)?;
                let (value, after) = after.split_at_checked(length).ok_or(Fault::Malformed)?;
                match write(element, value, null_elements, out, row, scratch) {
                    Err(Fault::CannotHold) if null_elements => out.null(row),
                    // The list has been begun, so the caller can no longer make it NULL; it is told only to fail.
                    result => result?,
                }
                after
            }
        };
    }
    if rest.is_empty() { Ok(()) } else { Err(Fault::Malformed) }
}

/// Reads a number in network order.
pub(super) fn be_u16(bytes: [u8; 2]) -> u16 {
    u16::from_be_bytes(bytes)
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Fault> {
    bytes.try_into().map_err(|_| Fault::Malformed)
}

/// A database in SQL_ASCII sends whatever bytes it holds.
fn text(bytes: &[u8]) -> Result<&[u8], Fault> {
    // Most text is ASCII, which is found out faster.
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_ok() {
        Ok(bytes)
    } else {
        Err(Fault::CannotHold)
    }
}

fn date(days: i32) -> Result<i32, Fault> {
    match days {
        i32::MAX => Ok(i32::MAX),
        i32::MIN => Ok(-i32::MAX),
        days => days
            .checked_add(EPOCH_DAYS)
            .filter(|days| *days != i32::MAX)
            .ok_or(Fault::CannotHold),
    }
}

fn timestamp(micros: i64) -> Result<i64, Fault> {
    match micros {
        i64::MAX => Ok(i64::MAX),
        i64::MIN => Ok(-i64::MAX),
        // The last thirty years before PostgreSQL's end, in the year 294276, do not fit into 64 bits from 1970.
        micros => micros
            .checked_add(EPOCH_MICROS)
            .filter(|micros| *micros != i64::MAX)
            .ok_or(Fault::CannotHold),
    }
}
