//! Rows of an upload as the store keeps them: numbers as numbers, times as times, anything else as text.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use super::table::{Cell, Table};
use crate::column::{BATCH_ROWS, BatchWriter, Column, ColumnType, ColumnWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::query::instant;
use crate::store::{Feed, VectorBatch};

/// Rows that DuckDB pulls, in batches.
#[derive(Debug)]
pub(crate) struct StoredRows {
    table: Table,
    types: Vec<ColumnType>,
    next: usize,
}

/// Finds the columns to store, and makes their rows ready.
///
/// # Errors
/// `InvalidArgument` when there are no rows, or two names differ in nothing but case.
pub(crate) fn stored(table: Table) -> Result<(Vec<Column>, StoredRows)> {
    let wrong = |message: String| Error::new(ErrorKind::InvalidArgument, message).during("upload.keep");
    if table.rows() == 0 {
        return Err(wrong("there are no rows to keep".to_owned()));
    }
    let mut seen: HashMap<String, &str> = HashMap::new();
    for column in table.columns() {
        let name = column.name.as_str();
        if let Some(other) = seen.insert(name.to_lowercase(), name) {
            return Err(wrong(format!(
                "the columns `{other}` and `{name}` differ in nothing but case; rename one"
            )));
        }
    }
    let columns: Vec<Column> = table
        .columns()
        .iter()
        .map(|column| Column {
            name: column.name.clone(),
            ty: type_of(&column.cells, column.name == "timestamp"),
        })
        .collect();
    let types = columns.iter().map(|column| column.ty.clone()).collect();
    Ok((columns, StoredRows { table, types, next: 0 }))
}

/// Finds the type that all values have. A column without any is text.
fn type_of(cells: &[Cell], is_time: bool) -> ColumnType {
    let mut found: Option<ColumnType> = None;
    for cell in cells {
        let ty = match cell {
            Cell::Null => continue,
            Cell::Bool(_) => ColumnType::Boolean,
            Cell::Int(_) => ColumnType::BigInt,
            Cell::Number(_) => ColumnType::Double,
            Cell::Json(_) => ColumnType::Varchar,
            Cell::Text(text) => match time_of(text) {
                Some(Time::Instant) => ColumnType::TimestampTz,
                Some(Time::Local) => ColumnType::Timestamp,
                Some(Time::Date) if is_time => ColumnType::Timestamp,
                Some(Time::Date) => ColumnType::Date,
                None => ColumnType::Varchar,
            },
        };
        found = Some(match found {
            None => ty,
            Some(before) if before == ty => ty,
            Some(before) => joined(&before, &ty),
        });
        if found == Some(ColumnType::Varchar) {
            break;
        }
    }
    found.unwrap_or(ColumnType::Varchar)
}

/// The type that holds the values of both.
fn joined(one: &ColumnType, other: &ColumnType) -> ColumnType {
    use ColumnType as T;
    let both = [one, other];
    let among = |types: &[T]| both.iter().all(|ty| types.contains(ty));
    if among(&[T::BigInt, T::Double]) {
        T::Double
    } else if among(&[T::Date, T::Timestamp]) {
        T::Timestamp
    } else if among(&[T::Date, T::Timestamp, T::TimestampTz]) {
        T::TimestampTz
    } else {
        T::Varchar
    }
}

enum Time {
    Instant,
    Local,
    Date,
}

fn time_of(text: &str) -> Option<Time> {
    // Anything else is ruled out quickly: most texts are no times.
    let bytes = text.as_bytes();
    if !(10..=40).contains(&bytes.len()) || bytes[4] != b'-' || bytes[7] != b'-' || !bytes[0].is_ascii_digit() {
        return None;
    }
    let joined = text.replacen(' ', "T", 1);
    if DateTime::parse_from_rfc3339(&joined).is_ok() {
        return Some(Time::Instant);
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"];
    if local
        .iter()
        .any(|format| NaiveDateTime::parse_from_str(&joined, format).is_ok())
    {
        return Some(Time::Local);
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .is_ok()
        .then_some(Time::Date)
}

impl Feed for StoredRows {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        let rows = (self.table.rows() - self.next).min(BATCH_ROWS);
        for (index, column) in self.table.columns().iter().enumerate() {
            let writer = batch.column(index);
            for (row, cell) in column.cells[self.next..self.next + rows].iter().enumerate() {
                write(writer, row, cell, &self.types[index]);
            }
        }
        self.next += rows;
        Ok(rows)
    }
}

/// Writes a value; the type of its column was made from all values, so that it fits.
fn write(writer: &mut impl ColumnWriter, row: usize, cell: &Cell, ty: &ColumnType) {
    let micros = |cell: &Cell| match cell {
        Cell::Text(text) => instant(text, "the value").ok(),
        _ => None,
    };
    match (ty, cell) {
        (_, Cell::Null) => writer.null(row),
        (ColumnType::Boolean, Cell::Bool(value)) => writer.boolean(row, *value),
        (ColumnType::BigInt, Cell::Int(value)) => writer.big_int(row, *value),
        (ColumnType::Double, cell) => match cell.number() {
            Some(value) => writer.double(row, value),
            None => writer.null(row),
        },
        (ColumnType::Timestamp | ColumnType::TimestampTz, cell) => match micros(cell) {
            Some(value) => writer.big_int(row, value),
            None => writer.null(row),
        },
        (ColumnType::Date, cell) => match micros(cell).and_then(|micros| i32::try_from(micros / 86_400_000_000).ok()) {
            Some(days) => writer.integer(row, days),
            None => writer.null(row),
        },
        (_, cell) => match cell.label() {
            Some(text) => writer.bytes(row, text.as_bytes()),
            None => writer.null(row),
        },
    }
}
