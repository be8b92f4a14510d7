//! Reading a CSV file: UTF-8 with or without a byte order mark, commas, a header, and as many fields in every line.
//!
//! The type of a column is that of all its values: whole numbers, numbers, truth values, or else text. Where the values of a
//! column are numbers, words such as `NaN` stand for missing ones. A number that would not be written back as it was
//! (`007`, or more digits than 64 bits hold) makes the column text. An empty field is null.

use std::collections::{HashMap, HashSet};

use super::table::{Cell, Column, Table};
use crate::error::{Error, ErrorKind, Result};

/// The operation of the error about a file that is larger than allowed.
pub const OVER_LIMIT: &str = "upload.limit";

/// How much one upload may hold.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes.
    pub bytes: usize,
    /// Columns.
    pub columns: usize,
    /// Fields in all rows together.
    pub cells: usize,
}

impl Default for Limits {
    /// 50 MiB, 1,000 columns and 10 million fields.
    fn default() -> Self {
        Self {
            bytes: 50 * 1024 * 1024,
            columns: 1_000,
            cells: 10_000_000,
        }
    }
}

impl Limits {
    /// Sets the bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Sets the columns.
    #[must_use]
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns;
        self
    }

    /// Sets the fields in all rows together.
    #[must_use]
    pub fn cells(mut self, cells: usize) -> Self {
        self.cells = cells;
        self
    }
}

/// Reads a file.
///
/// # Errors
/// `InvalidArgument` when it is empty, not UTF-8, or a line has more or fewer fields than the header (names the line); when it
/// is too large, during [`OVER_LIMIT`].
pub fn read_csv(bytes: &[u8], limits: Limits) -> Result<Table> {
    if bytes.len() > limits.bytes {
        return Err(over(format!("the file has more than {} bytes", limits.bytes)));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong("the file is empty"));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = 1 + bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        return Err(wrong(format!("line {line} is not UTF-8; save the file as UTF-8")));
    }
    let mut reader = ::csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(|error| unreadable(&error))?.clone();
    if header.len() > limits.columns {
        return Err(over(format!("the file has more than {} columns", limits.columns)));
    }
    let mut columns: Vec<Column> = names(header.iter())
        .into_iter()
        .map(|name| Column::new(name, Vec::new()))
        .collect();
    let mut record = ::csv::StringRecord::new();
    let mut cells = 0;
    while reader.read_record(&mut record).map_err(|error| unreadable(&error))? {
        let line = record.position().map_or(0, ::csv::Position::line);
        if record.len() != columns.len() {
            let (found, expected) = (record.len(), columns.len());
            return Err(wrong(format!(
                "line {line} has {found} fields, the header has {expected}"
            )));
        }
        cells += columns.len();
        if cells > limits.cells {
            return Err(over(format!("the file has more than {} fields", limits.cells)));
        }
        for (column, field) in columns.iter_mut().zip(&record) {
            column.cells.push(if field.is_empty() {
                Cell::Null
            } else {
                Cell::text(field)
            });
        }
    }
    if columns.iter().all(|column| column.cells.is_empty()) {
        return Err(wrong("the file has a header and no rows"));
    }
    columns.iter_mut().for_each(|column| find_type(&mut column.cells));
    Ok(Table::new(columns))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during("upload.read")
}

pub(crate) fn over(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during(OVER_LIMIT)
}

fn unreadable(error: &::csv::Error) -> Error {
    let line = error.position().map_or(1, ::csv::Position::line);
    wrong(format!("the file cannot be read as CSV; see line {line}"))
}

/// Gives every column a name of its own: what is nameless is numbered, and a second `a` is `a.1`.
fn names<'a>(header: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    // Where the search for a free number goes on, so that as many columns of one name do not count from the beginning each.
    let mut next: HashMap<String, usize> = HashMap::new();
    header
        .enumerate()
        .map(|(index, name)| {
            let name = name.trim();
            let name = if name.is_empty() {
                format!("Unnamed: {index}")
            } else {
                name.to_owned()
            };
            let number = next.entry(name.clone()).or_default();
            loop {
                let free = match *number {
                    0 => name.clone(),
                    number => format!("{name}.{number}"),
                };
                *number += 1;
                if taken.insert(free.clone()) {
                    break free;
                }
            }
        })
        .collect()
}

/// What a text may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Missing,
    Int,
    Number,
    Bool,
    Text,
}

/// Turns the texts of a column into values of the type that all of them have.
fn find_type(cells: &mut [Cell]) {
    let texts = cells.iter().filter_map(|cell| match cell {
        Cell::Text(text) => Some(&**text),
        _ => None,
    });
    let mut kind = None;
    for found in texts.map(kind_of) {
        let joined = match (kind, found) {
            (None, found) => found,
            (Some(kind), found) if kind == found => kind,
            (Some(Kind::Missing), number @ (Kind::Int | Kind::Number))
            | (Some(number @ (Kind::Int | Kind::Number)), Kind::Missing) => number,
            (Some(Kind::Int | Kind::Number), Kind::Int | Kind::Number) => Kind::Number,
            _ => Kind::Text,
        };
        if joined == Kind::Text {
            return;
        }
        kind = Some(joined);
    }
    for cell in cells {
        let Cell::Text(text) = cell else { continue };
        *cell = match kind {
            Some(Kind::Int) => text.parse().map_or(Cell::Null, Cell::Int),
            Some(Kind::Number) => text
                .parse()
                .ok()
                .filter(|value: &f64| value.is_finite())
                .map_or(Cell::Null, Cell::Number),
            Some(Kind::Bool) => Cell::Bool(text.eq_ignore_ascii_case("true")),
            // Nothing but words for missing values: they stay what they are.
            _ => return,
        };
    }
}

/// Words that stand for a missing number, or for one that is none.
const MISSING: [&str; 7] = ["nan", "na", "n/a", "null", "none", "inf", "infinity"];

/// Tells whether a text is a word for a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    let text = text.trim();
    MISSING
        .iter()
        .any(|word| word.eq_ignore_ascii_case(text.trim_start_matches('-')))
}

fn kind_of(text: &str) -> Kind {
    if is_missing(text) {
        return Kind::Missing;
    }
    if matches!(text, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") {
        return Kind::Bool;
    }
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let padded = digits.len() > 1 && digits[0] == b'0' && digits[1].is_ascii_digit();
    if padded
        || !digits
            .first()
            .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return Kind::Text;
    }
    if digits.iter().all(u8::is_ascii_digit) {
        return if text.parse::<i64>().is_ok() {
            Kind::Int
        } else {
            Kind::Text
        };
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Kind::Number,
        _ => Kind::Text,
    }
}
