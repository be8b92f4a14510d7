//! Rows as JSON objects, and the writer that makes them of what a source decodes.

use serde_json::{Map, Value, json};

use crate::column::{BATCH_ROWS, BatchWriter, ColumnType, ColumnWriter};
use crate::error::{Error, ErrorKind, Result};
use crate::query::json;
use crate::source::{Reader, SourceColumn};

/// The most bytes of values that one answer may have: it is held in memory.
pub(super) const MOST_BYTES: usize = 256 << 20;

/// Rows that were read from a source, in the order in which it gave them.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Rows {
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// The rows, with their keys in the order of the columns.
    pub rows: Vec<Map<String, Value>>,
    /// Whether there are more rows than were asked for.
    pub truncated: bool,
}

/// Refuses an answer that would take too much memory.
pub(super) fn check_size(bytes: usize) -> Result<()> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    let message = format!("the rows take more than {} MB; ask for fewer", MOST_BYTES >> 20);
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

/// Reads up to `limit` rows; the reader should have been asked for one more. Blocking, like the reader.
pub(super) fn read(mut reader: Reader, columns: &[SourceColumn], limit: usize) -> Result<Rows> {
    let mut batch = Batch(columns.iter().map(Cells::of).collect());
    let names: Vec<String> = columns.iter().map(|column| column.column.name.clone()).collect();
    let mut out = Rows {
        columns: names,
        ..Rows::default()
    };
    let mut bytes = 0;
    loop {
        let filled = reader.fill(&mut batch)?;
        if filled == 0 {
            break;
        }
        for row in 0..filled {
            if out.rows.len() == limit {
                out.truncated = true;
                return Ok(out);
            }
            let cells = out.columns.iter().zip(&mut batch.0);
            out.rows
                .push(cells.map(|(name, cells)| (name.clone(), cells.take(row))).collect());
        }
        bytes += batch.0.iter_mut().map(Cells::clear).sum::<usize>();
        check_size(bytes)?;
    }
    Ok(out)
}

struct Batch(Vec<Cells>);

impl BatchWriter for Batch {
    type Column = Cells;

    fn column(&mut self, index: usize) -> &mut Cells {
        &mut self.0[index]
    }
}

/// The values of one column of one batch.
struct Cells {
    ty: ColumnType,
    /// The texts are JSON.
    is_json: bool,
    values: Vec<Value>,
    /// Of a list: where each row's elements begin, and how many there are.
    spans: Vec<(usize, usize)>,
    /// How many elements the rows have together.
    spanned: usize,
    elements: Option<Box<Cells>>,
    bytes: usize,
}

impl Cells {
    fn of(column: &SourceColumn) -> Self {
        let element = column.source_type.trim_end_matches("[]").to_ascii_lowercase();
        Self::new(&column.column.ty, matches!(element.as_str(), "json" | "jsonb"))
    }

    fn new(ty: &ColumnType, is_json: bool) -> Self {
        let elements = match ty {
            ColumnType::List(element) => Some(Box::new(Self::new(element, is_json))),
            _ => None,
        };
        Self {
            ty: ty.clone(),
            is_json,
            values: Vec::new(),
            spans: Vec::new(),
            spanned: 0,
            elements,
            bytes: 0,
        }
    }

    fn put(&mut self, row: usize, value: Value) {
        if self.values.len() <= row {
            self.values.resize(row.max(BATCH_ROWS - 1) + 1, Value::Null);
        }
        self.bytes += 16;
        self.values[row] = value;
    }

    fn take(&mut self, row: usize) -> Value {
        match (&mut self.elements, self.spans.get(row)) {
            (Some(elements), Some(&(first, len))) if !self.values[row].is_null() => {
                Value::Array((first..first + len).map(|row| elements.take(row)).collect())
            }
            _ => self.values.get_mut(row).map_or(Value::Null, Value::take),
        }
    }

    /// Makes room for the next batch; returns how many bytes the values had.
    fn clear(&mut self) -> usize {
        self.values.clear();
        self.spans.clear();
        self.spanned = 0;
        let inner = self.elements.as_mut().map_or(0, |elements| elements.clear());
        std::mem::take(&mut self.bytes) + inner
    }

    fn text(&self, bytes: &[u8]) -> Value {
        let text = String::from_utf8_lossy(bytes);
        if self.is_json
            && let Ok(value) = serde_json::from_str(&text)
        {
            return value;
        }
        json!(text)
    }
}

impl ColumnWriter for Cells {
    fn null(&mut self, row: usize) {
        self.put(row, Value::Null);
    }

    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, json!(value));
    }

    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, json!(value));
    }

    fn integer(&mut self, row: usize, value: i32) {
        let value = match self.ty {
            ColumnType::Date => json::date(value),
            _ => json!(value),
        };
        self.put(row, value);
    }

    fn big_int(&mut self, row: usize, value: i64) {
        let value = match self.ty {
            ColumnType::Time => json::time(value),
            ColumnType::Timestamp => json::timestamp(value, false),
            ColumnType::TimestampTz => json::timestamp(value, true),
            _ => json!(value),
        };
        self.put(row, value);
    }

    fn float(&mut self, row: usize, value: f32) {
        // The shortest decimal form, so that 0.1 stays 0.1.
        self.put(row, json::float(value.to_string().parse().unwrap_or(f64::NAN)));
    }

    fn double(&mut self, row: usize, value: f64) {
        self.put(row, json::float(value));
    }

    fn decimal(&mut self, row: usize, unscaled: i128) {
        let scale = match self.ty {
            ColumnType::Decimal { scale, .. } => scale,
            _ => 0,
        };
        self.put(row, json::decimal(unscaled, scale));
    }

    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.bytes += value.len();
        let value = match self.ty {
            ColumnType::Blob => json!(json::hexadecimal(value)),
            _ => self.text(value),
        };
        self.put(row, value);
    }

    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, json!(uuid::Uuid::from_bytes(value)));
    }

    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32) {
        let sign = if offset_seconds < 0 { '-' } else { '+' };
        let minutes = offset_seconds.unsigned_abs() / 60;
        let zone = format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        let time = json::time(micros);
        self.put(row, json!(format!("{}{zone}", time.as_str().unwrap_or_default())));
    }

    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64) {
        self.put(row, json!(interval(months, days, micros)));
    }

    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize) {
        self.put(row, json!([]));
        if self.spans.len() <= row {
            self.spans.resize(row + 1, (0, 0));
        }
        let ty = self.ty.clone();
        let is_json = self.is_json;
        let elements = self.elements.get_or_insert_with(|| Box::new(Self::new(&ty, is_json)));
        let first = self.spanned;
        self.spanned += len;
        self.spans[row] = (first, len);
        (elements, first)
    }
}

/// Writes an interval as PostgreSQL does, such as `1 year 2 mons -3 days 04:05:06.5`.
fn interval(months: i32, days: i32, micros: i64) -> String {
    let (years, months) = (months / 12, months % 12);
    let mut parts: Vec<String> = [(years, "year"), (months, "mon"), (days, "day")]
        .into_iter()
        .filter(|(count, _)| *count != 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if micros != 0 || parts.is_empty() {
        let sign = if micros < 0 { "-" } else { "" };
        let (seconds, fraction) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let fraction = match format!(".{fraction:06}").trim_end_matches('0') {
            "." => String::new(),
            digits => digits.to_owned(),
        };
        parts.push(format!("{sign}{hours:02}:{minutes:02}:{seconds:02}{fraction}"));
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_written_as_postgresql_does() {
        assert_eq!(interval(14, -3, 14_706_500_000), "1 year 2 mons -3 days 04:05:06.5");
        assert_eq!(interval(0, 0, 0), "00:00:00");
        assert_eq!(interval(0, 1, 0), "1 day");
        assert_eq!(interval(0, 0, -1_000_000), "-00:00:01");
    }
}
