//! Reads only the rows of a window.
//!
//! SQLite compares stored values, the window compares converted ones: `2024-01-01T00:00:00+02:00` and `1704060000` may be one
//! instant. So the statement carries a condition that an index can serve and that lets every row of the window through, and
//! [`Filter`] decides on the converted value. Where no such condition is known, the statement reads everything.

use std::cmp::Ordering;

use rusqlite::types::Value as Bound;

use super::convert::Value;
use super::{types, wrap};
use crate::column::ColumnType;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{CursorValue, OnBadValue, ReadRequest, SourceColumn, ident};

/// A statement and its parameters.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) parameters: Vec<Bound>,
}

/// Keeps the rows whose cursor is at or above a value, or NULL.
#[derive(Debug)]
pub(super) struct Filter {
    /// The index of the cursor column.
    pub(super) column: usize,
    from: CursorValue,
}

/// Builds the statement of a read, and the filter of its window.
pub(super) fn plan(request: &ReadRequest) -> Result<(Statement, Option<Filter>)> {
    let mut statement = Statement {
        sql: wrap(&request.query),
        parameters: Vec::new(),
    };
    let Some(window) = &request.window else {
        if let Some(limit) = request.limit {
            statement.sql.push_str(&format!(" limit {limit}"));
        }
        return Ok((statement, None));
    };
    let Some(column) = request
        .columns
        .iter()
        .position(|column| column.column.name == window.column)
    else {
        let message = format!(
            "the cursor column `{}` is not among the columns of the read",
            window.column
        );
        return Err(Error::new(ErrorKind::Internal, message));
    };
    if !belongs(&window.from, &request.columns[column].column.ty) {
        return Err(other_type());
    }
    if let Some((condition, parameters)) = condition(&request.columns[column], &window.from) {
        statement.sql.push_str(" where ");
        statement.sql.push_str(&condition);
        statement.parameters = parameters;
    }
    Ok((
        statement,
        Some(Filter {
            column,
            from: window.from.clone(),
        }),
    ))
}

impl Filter {
    /// Tells whether the row with this cursor lies in the window.
    pub(super) fn keeps(&self, cursor: &Value<'_>) -> Result<bool> {
        let order = match (cursor, &self.from) {
            (Value::Null, _) => return Ok(true),
            (Value::SmallInt(value), CursorValue::Integer(from)) => Some(i64::from(*value).cmp(from)),
            (Value::Integer(value), CursorValue::Integer(from)) => Some(i64::from(*value).cmp(from)),
            (Value::BigInt(value), CursorValue::Integer(from)) => Some(value.cmp(from)),
            (Value::BigInt(value), CursorValue::Timestamp { micros, .. }) => Some(value.cmp(micros)),
            (Value::Integer(value), CursorValue::Date(from)) => Some(value.cmp(from)),
            (Value::Float(value), CursorValue::Double(from)) => Some(order(f64::from(*value), *from)),
            (Value::Double(value), CursorValue::Double(from)) => Some(order(*value, *from)),
            (Value::Decimal(value), CursorValue::Decimal { unscaled, .. }) => Some(value.cmp(unscaled)),
            (Value::Uuid(value), CursorValue::Uuid(from)) => Some(value.cmp(from.as_bytes())),
            (Value::Bytes(value), CursorValue::Text(from)) => Some(value.as_ref().cmp(from.as_bytes())),
            _ => None,
        };
        order.map(Ordering::is_ge).ok_or_else(other_type)
    }
}

fn other_type() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the bound of the window has another type than the cursor column",
    )
}

/// Tells whether a bound is one of the values of a column.
fn belongs(from: &CursorValue, ty: &ColumnType) -> bool {
    use ColumnType as T;
    match from {
        CursorValue::Integer(_) => matches!(ty, T::SmallInt | T::Integer | T::BigInt),
        CursorValue::Decimal { scale, .. } => matches!(ty, T::Decimal { scale: column, .. } if column == scale),
        CursorValue::Double(_) => matches!(ty, T::Float | T::Double),
        CursorValue::Timestamp { .. } => matches!(ty, T::Timestamp | T::TimestampTz),
        CursorValue::Date(_) => *ty == T::Date,
        CursorValue::Uuid(_) => *ty == T::Uuid,
        CursorValue::Text(_) => *ty == T::Varchar,
    }
}

/// Orders doubles as the store does: NaN is the greatest, and both zeros are equal.
fn order(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Finds a condition that holds for every row of the window.
fn condition(column: &SourceColumn, from: &CursorValue) -> Option<(String, Vec<Bound>)> {
    // A value that becomes NULL belongs to every window, and no condition can tell which ones those are.
    if column.on_bad_value == OnBadValue::Null {
        return None;
    }
    // Qualified, because SQLite takes a lone quoted name that it does not know for a text.
    let name = format!("axis_q.{}", ident::ident(&column.column.name));
    let at_least = |bound: Bound| Some((format!("({name} >= ?1 or {name} is null)"), vec![bound]));
    let textual = types::has_text_affinity(&column.source_type);
    match (from, &column.column.ty) {
        (CursorValue::Integer(value), _) if !textual => at_least(Bound::Integer(*value)),
        // A FLOAT is rounded on its way, so the bound says nothing about the stored value.
        (CursorValue::Double(value), ColumnType::Double) if !textual && value.is_finite() => {
            at_least(Bound::Real(*value))
        }
        // One step down, because the bound itself may be rounded up to the nearest double.
        (CursorValue::Decimal { .. }, _) if !textual => {
            at_least(Bound::Real(from.display().parse::<f64>().ok()?.next_down()))
        }
        (CursorValue::Text(value), _) if textual => Some((
            format!("({name} collate binary >= ?1 or {name} is null)"),
            vec![Bound::Text(value.clone())],
        )),
        (CursorValue::Date(_), _) => {
            let text = from.display();
            is_plain_date(&text).then(|| at_least(Bound::Text(text)))?
        }
        (CursorValue::Timestamp { micros, .. }, _) => {
            // Text begins with the date in some zone, which is never more than a day away; numbers sort before all text.
            let seconds = micros.div_euclid(1_000_000);
            let day_before = CursorValue::Date(i32::try_from(seconds.div_euclid(86_400) - 1).ok()?).display();
            is_plain_date(&day_before).then(|| {
                let condition = format!("({name} >= ?1 or ({name} >= ?2 and {name} < '') or {name} is null)");
                (condition, vec![Bound::Text(day_before), Bound::Integer(seconds)])
            })
        }
        _ => None,
    }
}

/// Tells whether this is a date of the years 0 to 9999, the only ones whose texts sort like the dates.
fn is_plain_date(text: &str) -> bool {
    text.len() == 10 && text.as_bytes()[0].is_ascii_digit()
}
