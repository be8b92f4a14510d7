//! A few rows in memory: what a refresh reads when nothing is new, compared with what the last one read.
//!
//! A refresh reads at least the rows at the watermark again. When these are the rows that the last refresh read from the
//! same bound, and nothing was committed since, the store holds them already, and DuckDB need not even be asked.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::column::{BATCH_ROWS, BatchWriter, Column, ColumnType, ColumnWriter};
use crate::error::Result;
use crate::source::{CursorValue, Reader};

/// More rows are not remembered: comparing them in the store costs little beside reading them.
const ROWS: usize = 256;
/// Nor are more bytes, so that large texts do not stay in memory.
const BYTES: usize = 1 << 20;

/// What the last refreshes of a dataset's tables read, by table.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<HashMap<String, Seen>>);

/// The rows of a window that the store is known to hold.
#[derive(Debug)]
struct Seen {
    generation: u64,
    from: CursorValue,
    rows: Rows,
}

impl Memory {
    /// Tells whether the store, at this generation, is known to hold exactly these rows from this bound on.
    pub(crate) fn holds(&self, table: &str, generation: u64, from: &CursorValue, rows: &Rows) -> bool {
        self.state()
            .get(table)
            .is_some_and(|seen| seen.generation == generation && seen.from == *from && seen.rows == *rows)
    }

    /// Forgets everything: the store is another one.
    pub(crate) fn forget(&self) {
        self.state().clear();
    }

    /// Remembers what the store holds, as far as it is little.
    pub(crate) fn remember(&self, table: &str, generation: u64, from: CursorValue, rows: Rows) {
        if rows.is_small() {
            self.state().insert(table.to_owned(), Seen { generation, from, rows });
        } else {
            self.state().remove(table);
        }
    }

    fn state(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first rows of a read, and the rest of it.
#[derive(Debug)]
pub(crate) struct Peeked {
    pub(crate) first: Rows,
    /// `None` when the first rows are all.
    pub(crate) rest: Option<Rest>,
}

/// What comes behind the first batch.
#[derive(Debug)]
pub(crate) struct Rest {
    second: Option<Rows>,
    reader: Reader,
}

impl Peeked {
    /// Reads the first batch, and looks whether there is a second. Blocking, like the reader.
    pub(crate) fn read(mut reader: Reader, columns: &[Column]) -> Result<Self> {
        let mut batch = || -> Result<Rows> {
            let mut rows = Rows::new(columns);
            rows.len = reader.fill(&mut rows)?;
            Ok(rows)
        };
        let first = batch()?;
        let second = if first.len == 0 {
            None
        } else {
            Some(batch()?).filter(|rows| rows.len > 0)
        };
        let rest = second.map(|second| Rest {
            second: Some(second),
            reader,
        });
        Ok(Self { first, rest })
    }
}

impl Rest {
    /// Fills the batch with the next rows; 0 means the end.
    pub(crate) fn fill<B: BatchWriter>(&mut self, batch: &mut B) -> Result<usize> {
        match self.second.take() {
            Some(rows) => Ok(rows.replay(batch)),
            None => self.reader.fill(batch),
        }
    }
}

/// Rows by columns. Floats are compared by their bits, so that equal rows are equal also where they hold NaN.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows {
    columns: Vec<Cells>,
    pub(crate) len: usize,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cells {
    cells: Vec<Cell>,
    /// The elements of the column's lists.
    elements: Option<Box<Cells>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
enum Cell {
    #[default]
    Null,
    Boolean(bool),
    SmallInt(i16),
    Integer(i32),
    BigInt(i64),
    Float(u32),
    Double(u64),
    Decimal(i128),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    TimeTz(i64, i32),
    Interval(i32, i32, i64),
    List {
        first: usize,
        len: usize,
    },
}

impl Rows {
    fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|column| Cells::new(&column.ty, BATCH_ROWS))
                .collect(),
            len: 0,
        }
    }

    /// Writes all rows and returns their number.
    pub(crate) fn replay<B: BatchWriter>(&self, batch: &mut B) -> usize {
        for (index, column) in self.columns.iter().enumerate() {
            column.write(0..self.len, batch.column(index), 0);
        }
        self.len
    }

    /// Tells whether they are few enough to be remembered.
    pub(crate) fn is_small(&self) -> bool {
        self.len <= ROWS && self.bytes() <= BYTES
    }

    fn bytes(&self) -> usize {
        self.columns.iter().map(Cells::bytes).sum()
    }
}

impl Cells {
    fn new(ty: &ColumnType, len: usize) -> Self {
        let elements = match ty {
            ColumnType::List(element) => Some(Box::new(Self::new(element, 0))),
            _ => None,
        };
        Self {
            cells: vec![Cell::Null; len],
            elements,
        }
    }

    fn bytes(&self) -> usize {
        let texts = self
            .cells
            .iter()
            .map(|cell| if let Cell::Bytes(bytes) = cell { bytes.len() } else { 0 });
        // The elements of lists are as many as there are; the cells of the column itself always fill a batch.
        let elements = self.elements.as_ref().map_or(0, |elements| {
            elements.bytes() + elements.cells.len() * size_of::<Cell>()
        });
        texts.sum::<usize>() + elements
    }

    fn write<W: ColumnWriter>(&self, rows: std::ops::Range<usize>, out: &mut W, at: usize) {
        for (row, cell) in self.cells[rows].iter().enumerate() {
            let row = at + row;
            match cell {
                Cell::Null => out.null(row),
                Cell::Boolean(value) => out.boolean(row, *value),
                Cell::SmallInt(value) => out.small_int(row, *value),
                Cell::Integer(value) => out.integer(row, *value),
                Cell::BigInt(value) => out.big_int(row, *value),
                Cell::Float(bits) => out.float(row, f32::from_bits(*bits)),
                Cell::Double(bits) => out.double(row, f64::from_bits(*bits)),
                Cell::Decimal(value) => out.decimal(row, *value),
                Cell::Bytes(value) => out.bytes(row, value),
                Cell::Uuid(value) => out.uuid(row, *value),
                Cell::TimeTz(micros, offset) => out.time_tz(row, *micros, *offset),
                Cell::Interval(months, days, micros) => out.interval(row, *months, *days, *micros),
                Cell::List { first, len } => {
                    let (inner, start) = out.list(row, *len);
                    if let Some(elements) = &self.elements {
                        elements.write(*first..first + len, inner, start);
                    }
                }
            }
        }
    }

    fn put(&mut self, row: usize, cell: Cell) {
        self.cells[row] = cell;
    }
}

impl BatchWriter for Rows {
    type Column = Cells;

    /// One more than is remembered tells that there are too many; rows in memory count against no limit of DuckDB's.
    fn wanted(&self) -> usize {
        ROWS + 1
    }

    fn column(&mut self, index: usize) -> &mut Cells {
        &mut self.columns[index]
    }
}

impl ColumnWriter for Cells {
    fn null(&mut self, row: usize) {
        self.put(row, Cell::Null);
    }

    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, Cell::Boolean(value));
    }

    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, Cell::SmallInt(value));
    }

    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, Cell::Integer(value));
    }

    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, Cell::BigInt(value));
    }

    fn float(&mut self, row: usize, value: f32) {
        self.put(row, Cell::Float(value.to_bits()));
    }

    fn double(&mut self, row: usize, value: f64) {
        self.put(row, Cell::Double(value.to_bits()));
    }

    fn decimal(&mut self, row: usize, unscaled: i128) {
        self.put(row, Cell::Decimal(unscaled));
    }

    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.put(row, Cell::Bytes(value.to_vec()));
    }

    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, Cell::Uuid(value));
    }

    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32) {
        self.put(row, Cell::TimeTz(micros, offset_seconds));
    }

    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64) {
        self.put(row, Cell::Interval(months, days, micros));
    }

    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize) {
        let elements = self.elements.as_mut().expect("only list columns are written as lists");
        let first = elements.cells.len();
        elements.cells.resize(first + len, Cell::Null);
        self.cells[row] = Cell::List { first, len };
        (elements, first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> Vec<Column> {
        let column = |name: &str, ty| Column {
            name: name.to_owned(),
            ty,
        };
        let list = ColumnType::List(Box::new(ColumnType::Varchar));
        vec![
            column("a", ColumnType::Double),
            column("b", list),
            column(
                "c",
                ColumnType::Decimal {
                    precision: 38,
                    scale: 2,
                },
            ),
        ]
    }

    fn rows(text: &[u8]) -> Rows {
        let mut rows = Rows::new(&columns());
        rows.column(0).double(0, f64::NAN);
        rows.column(0).null(1);
        let (elements, at) = rows.column(1).list(0, 2);
        elements.null(at);
        elements.bytes(at + 1, text);
        let (elements, at) = rows.column(1).list(1, 1);
        elements.bytes(at, b"x");
        rows.column(2).decimal(0, i128::MAX);
        rows.column(2).decimal(1, -1);
        rows.len = 2;
        rows
    }

    #[test]
    fn equal_rows_are_equal_and_a_replay_writes_them_again() {
        let original = rows(b"text");
        assert_eq!(original, rows(b"text"));
        assert_ne!(original, rows(b"Text"));
        let mut copy = Rows::new(&columns());
        copy.len = original.replay(&mut copy);
        assert_eq!(copy, original);
    }

    #[test]
    fn only_the_same_rows_of_the_same_generation_and_bound_are_known() {
        let memory = Memory::default();
        let from = CursorValue::Integer(7);
        memory.remember("t", 3, from.clone(), rows(b"text"));
        assert!(memory.holds("t", 3, &from, &rows(b"text")));
        assert!(!memory.holds("t", 4, &from, &rows(b"text")));
        assert!(!memory.holds("t", 3, &CursorValue::Integer(6), &rows(b"text")));
        assert!(!memory.holds("t", 3, &from, &rows(b"other")));
        assert!(!memory.holds("u", 3, &from, &rows(b"text")));
        memory.remember("t", 3, from.clone(), rows(&vec![b'x'; BYTES + 1]));
        assert!(
            !memory.holds("t", 3, &from, &rows(b"text")),
            "large texts are not kept, nor what was kept before them"
        );
    }
}
