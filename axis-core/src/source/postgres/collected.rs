//! A writer that keeps values as they come and insists on the rules of its contract, for tests and fuzzing.

use crate::column::{BatchWriter, ColumnWriter};

/// A value as the decoder wrote it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Null,
    Boolean(bool),
    Integer(i128),
    Double(f64),
    Bytes(Vec<u8>),
    Uuid([u8; 16]),
    TimeTz(i64, i32),
    Interval(i32, i32, i64),
    List(Vec<Value>),
    /// First element and length.
    Elements(usize, usize),
}

/// Collects one column and insists that every row is written once.
#[derive(Debug, Default)]
pub(super) struct Collected {
    rows: Vec<Option<Value>>,
    elements: Option<Box<Collected>>,
}

impl Collected {
    fn put(&mut self, row: usize, value: Value) {
        if self.rows.len() <= row {
            self.rows.resize(row + 1, None);
        }
        assert!(self.rows[row].replace(value).is_none(), "row {row} was written twice");
    }

    fn value(&self, row: usize) -> Value {
        match self.rows[row].clone().expect("every row is written") {
            Value::Elements(first, len) => {
                let elements = self.elements.as_ref().expect("only lists have elements");
                Value::List((first..first + len).map(|row| elements.value(row)).collect())
            }
            value => value,
        }
    }
}

impl ColumnWriter for Collected {
    fn null(&mut self, row: usize) {
        self.put(row, Value::Null);
    }
    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, Value::Boolean(value));
    }
    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, Value::Integer(value.into()));
    }
    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, Value::Integer(value.into()));
    }
    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, Value::Integer(value.into()));
    }
    fn float(&mut self, row: usize, value: f32) {
        self.put(row, Value::Double(value.into()));
    }
    fn double(&mut self, row: usize, value: f64) {
        self.put(row, Value::Double(value));
    }
    fn decimal(&mut self, row: usize, unscaled: i128) {
        self.put(row, Value::Integer(unscaled));
    }
    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.put(row, Value::Bytes(value.to_vec()));
    }
    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, Value::Uuid(value));
    }
    fn time_tz(&mut self, row: usize, micros: i64, offset_seconds: i32) {
        self.put(row, Value::TimeTz(micros, offset_seconds));
    }
    fn interval(&mut self, row: usize, months: i32, days: i32, micros: i64) {
        self.put(row, Value::Interval(months, days, micros));
    }
    fn list(&mut self, row: usize, len: usize) -> (&mut Self, usize) {
        let first = self.elements.as_ref().map_or(0, |elements| elements.rows.len());
        self.put(row, Value::Elements(first, len));
        let elements = self.elements.get_or_insert_default();
        elements.rows.resize(first + len, None);
        (elements, first)
    }
}

#[derive(Debug)]
pub(super) struct Batch(Vec<Collected>);

impl Batch {
    pub(super) fn new(columns: usize) -> Self {
        Self((0..columns).map(|_| Collected::default()).collect())
    }

    pub(super) fn rows(&self, count: usize) -> Vec<Vec<Value>> {
        (0..count)
            .map(|row| self.0.iter().map(|column| column.value(row)).collect())
            .collect()
    }
}

impl BatchWriter for Batch {
    type Column = Collected;
    fn column(&mut self, index: usize) -> &mut Collected {
        &mut self.0[index]
    }
}
