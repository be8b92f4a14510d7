//! Arrow batches as JSON rows, with one rule for each type.
//!
//! Integers are exact; NaN and infinities are null; a `DECIMAL` is a number as long as a double holds its digits (15) and text
//! beyond, whole `DECIMAL`s and `HUGEINT`s are integers where 64 bits hold them; instants are ISO 8601 with `Z`, local
//! timestamps without; blobs are hexadecimal text as PostgreSQL prints it; anything else is DuckDB's text. A second column of
//! one name gets `_1` behind it, a third `_2`. Columns that Arrow cannot carry come as text from the query already (`exact`).

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatchOptions, StringArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value, json};

use crate::calendar::{self, MICROS_PER_DAY};
use crate::error::{Error, ErrorKind, Result};
use crate::source::decimal_text;
use crate::source::ident::ident;

/// The first number with more digits than a 64-bit float carries whole.
const FLOAT_DIGITS: u128 = 1_000_000_000_000_000;

/// Turns a batch into one object a row, keys in the order of the columns.
#[must_use]
pub fn batch_to_json(batch: &RecordBatch) -> Vec<Map<String, Value>> {
    let mut rows: Vec<Map<String, Value>> = (0..batch.num_rows()).map(|_| Map::new()).collect();
    for (name, column) in unique(&batch.schema()).iter().zip(batch.columns()) {
        for (index, row) in rows.iter_mut().enumerate() {
            row.insert(name.clone(), cell(column.as_ref(), index));
        }
    }
    rows
}

/// Appends the rows of a batch as objects with commas between them, as [`batch_to_json`] makes them.
///
/// # Errors
/// `Internal` when a value cannot be written.
pub fn write_json(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
    let unwritten = |error| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(error);
    let mut keys = Vec::new();
    for (index, key) in unique(&batch.schema()).iter().enumerate() {
        let mut text = if index == 0 { b"{".to_vec() } else { b",".to_vec() };
        serde_json::to_writer(&mut text, key).map_err(unwritten)?;
        text.push(b':');
        keys.push(text);
    }
    for row in 0..batch.num_rows() {
        if row > 0 {
            out.push(b',');
        }
        for (key, column) in keys.iter().zip(batch.columns()) {
            out.extend_from_slice(key);
            write_cell(column.as_ref(), row, out).map_err(unwritten)?;
        }
        out.extend_from_slice(if keys.is_empty() { b"{}" } else { b"}" });
    }
    Ok(())
}

/// Turns every column of a batch into text for tables and CSV: as in JSON, but with NaN and infinities, and decimals in full.
///
/// # Errors
/// `Internal` when Arrow refuses the result.
pub fn batch_to_text(batch: &RecordBatch) -> Result<RecordBatch> {
    let fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| Field::new(field.name(), DataType::Utf8, true))
        .collect();
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .map(|column| {
            let cells = (0..batch.num_rows()).map(|row| text(column.as_ref(), row));
            Arc::new(cells.collect::<StringArray>()) as ArrayRef
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| Error::new(ErrorKind::Internal, "an answer cannot be turned into text").because(error))
}

fn text(array: &dyn Array, row: usize) -> Option<String> {
    let float = |value: f64| match value {
        value if value.is_nan() => "NaN".to_owned(),
        value if value.is_infinite() => if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        value => value.to_string(),
    };
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Float32 => array
            .as_primitive::<Float32Type>()
            .value(row)
            .to_string()
            .replace("inf", "Infinity"),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => decimal_text(
            array.as_primitive::<Decimal128Type>().value(row),
            (*scale).max(0).cast_unsigned(),
        ),
        _ => match cell(array, row) {
            Value::Null => return None,
            Value::String(text) => text,
            value => value.to_string(),
        },
    })
}

/// The names of the columns, made different from each other.
fn unique(schema: &Schema) -> Vec<String> {
    let mut taken: HashSet<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    let mut seen = HashSet::new();
    let mut different = |name: &String| {
        if seen.insert(name.clone()) {
            return name.clone();
        }
        let free = (1_usize..)
            .map(|number| format!("{name}_{number}"))
            .find(|name| taken.insert(name.clone()));
        free.unwrap_or_default()
    };
    schema.fields().iter().map(|field| different(field.name())).collect()
}

/// Returns the keys of the objects that rows become, and the types of the columns as DuckDB spells them.
#[must_use]
pub fn column_types(schema: &Schema) -> Vec<(String, String)> {
    let types = schema.fields().iter().map(|field| type_name(field.data_type()));
    unique(schema).into_iter().zip(types).collect()
}

fn type_name(ty: &DataType) -> String {
    let name = match ty {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BLOB",
        DataType::Date32 => "DATE",
        DataType::Time64(_) => "TIME",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Interval(_) => "INTERVAL",
        DataType::Null => "NULL",
        DataType::Decimal128(precision, scale) => return format!("DECIMAL({precision},{scale})"),
        DataType::List(of) | DataType::LargeList(of) => return format!("{}[]", type_name(of.data_type())),
        DataType::FixedSizeList(of, length) => return format!("{}[{length}]", type_name(of.data_type())),
        DataType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| format!("{} {}", ident(field.name()), type_name(field.data_type())));
            return format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "));
        }
        DataType::Map(entries, _) => {
            return match entries.data_type() {
                DataType::Struct(pair) => {
                    let parts: Vec<String> = pair.iter().map(|field| type_name(field.data_type())).collect();
                    format!("MAP({})", parts.join(", "))
                }
                _ => "MAP".to_owned(),
            };
        }
        // Texts, and what reaches Arrow as text: enumerations, bits.
        _ => "VARCHAR",
    };
    name.to_owned()
}

/// Turns several batches into one object a row.
#[must_use]
pub fn rows_to_json(batches: &[RecordBatch]) -> Vec<Value> {
    batches.iter().flat_map(batch_to_json).map(Value::Object).collect()
}

/// Writes what [`cell`] makes, without making it of lists and texts: one of them may be most of what DuckDB's memory holds.
fn write_cell(array: &dyn Array, row: usize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    if array.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Utf8 => serde_json::to_writer(out, array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => serde_json::to_writer(out, array.as_string::<i64>().value(row)),
        DataType::Utf8View => serde_json::to_writer(out, array.as_string_view().value(row)),
        DataType::List(_) => write_list(array.as_list::<i32>().value(row).as_ref(), out),
        DataType::LargeList(_) => write_list(array.as_list::<i64>().value(row).as_ref(), out),
        DataType::FixedSizeList(_, _) => write_list(array.as_fixed_size_list().value(row).as_ref(), out),
        DataType::Struct(fields) => {
            let members = fields.iter().zip(array.as_struct().columns());
            for (index, (field, column)) in members.enumerate() {
                out.push(if index == 0 { b'{' } else { b',' });
                serde_json::to_writer(&mut *out, field.name())?;
                out.push(b':');
                write_cell(column.as_ref(), row, out)?;
            }
            out.extend_from_slice(if fields.is_empty() { b"{}" } else { b"}" });
            Ok(())
        }
        _ => serde_json::to_writer(out, &cell(array, row)),
    }
}

fn write_list(elements: &dyn Array, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.push(b'[');
    for row in 0..elements.len() {
        if row > 0 {
            out.push(b',');
        }
        write_cell(elements, row, out)?;
    }
    out.push(b']');
    Ok(())
}

fn cell(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Int8 => json!(array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => json!(array.as_primitive::<UInt8Type>().value(row)),
        DataType::UInt16 => json!(array.as_primitive::<UInt16Type>().value(row)),
        DataType::UInt32 => json!(array.as_primitive::<UInt32Type>().value(row)),
        DataType::UInt64 => json!(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => float(f64::from(array.as_primitive::<Float32Type>().value(row))),
        DataType::Float64 => float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => decimal(
            array.as_primitive::<Decimal128Type>().value(row),
            (*scale).max(0).cast_unsigned(),
        ),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(row)),
        DataType::Utf8View => json!(array.as_string_view().value(row)),
        DataType::Binary => json!(hexadecimal(array.as_binary::<i32>().value(row))),
        DataType::LargeBinary => json!(hexadecimal(array.as_binary::<i64>().value(row))),
        DataType::Date32 => date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Time64(TimeUnit::Microsecond) => time(array.as_primitive::<Time64MicrosecondType>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, zone) => timestamp(
            array.as_primitive::<TimestampMicrosecondType>().value(row),
            zone.is_some(),
        ),
        DataType::List(_) => list(array.as_list::<i32>().value(row).as_ref()),
        DataType::LargeList(_) => list(array.as_list::<i64>().value(row).as_ref()),
        DataType::FixedSizeList(_, _) => list(array.as_fixed_size_list().value(row).as_ref()),
        DataType::Struct(fields) => {
            let columns = array.as_struct();
            let object = fields.iter().zip(columns.columns());
            Value::Object(
                object
                    .map(|(field, column)| (field.name().clone(), cell(column.as_ref(), row)))
                    .collect(),
            )
        }
        _ => ArrayFormatter::try_new(array, &FormatOptions::default())
            .map_or(Value::Null, |formatter| json!(formatter.value(row).to_string())),
    }
}

fn list(elements: &dyn Array) -> Value {
    Value::Array((0..elements.len()).map(|row| cell(elements, row)).collect())
}

pub(crate) fn float(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

pub(crate) fn decimal(unscaled: i128, scale: u8) -> Value {
    if scale == 0 {
        return i64::try_from(unscaled).map_or_else(|_| json!(unscaled.to_string()), |whole| json!(whole));
    }
    let text = decimal_text(unscaled, scale);
    let mut digits = unscaled.unsigned_abs();
    while digits != 0 && digits.is_multiple_of(10) {
        digits /= 10;
    }
    match text.parse() {
        Ok(value) if digits < FLOAT_DIGITS => float(value),
        _ => json!(text),
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold("\\x".to_owned(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn date(days: i32) -> Value {
    match days {
        i32::MAX => json!("infinity"),
        days if days <= -i32::MAX => json!("-infinity"),
        days => json!(calendar::date(i64::from(days))),
    }
}

pub(crate) fn time(micros: i64) -> Value {
    json!(clock(micros))
}

/// Writes a time of day, the end of it included, with as many digits of the second as it needs: none, three or six.
fn clock(micros: i64) -> String {
    let mut time = calendar::clock(micros);
    if micros % 1_000_000 == 0 {
        time.truncate("00:00:00".len());
    } else if micros % 1_000 == 0 {
        time.truncate("00:00:00.000".len());
    }
    time
}

pub(crate) fn timestamp(micros: i64, instant: bool) -> Value {
    match micros {
        i64::MAX => json!("infinity"),
        micros if micros <= -i64::MAX => json!("-infinity"),
        micros => {
            let date = calendar::date(micros.div_euclid(MICROS_PER_DAY));
            let zone = if instant { "Z" } else { "" };
            json!(format!("{date}T{}{zone}", clock(micros.rem_euclid(MICROS_PER_DAY))))
        }
    }
}
