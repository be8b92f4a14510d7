//! Collects what a reader writes, for the tests.

use crate::column::{BatchWriter, ColumnWriter};

/// One column of collected values, as text.
#[derive(Default)]
pub(super) struct Texts(pub(super) Vec<String>);

impl Texts {
    fn put(&mut self, row: usize, value: &impl ToString) {
        if self.0.len() <= row {
            self.0.resize(row + 1, String::from("unwritten"));
        }
        self.0[row] = value.to_string();
    }
}

impl ColumnWriter for Texts {
    fn null(&mut self, row: usize) {
        self.put(row, &"NULL");
    }
    fn boolean(&mut self, row: usize, value: bool) {
        self.put(row, &value);
    }
    fn small_int(&mut self, row: usize, value: i16) {
        self.put(row, &value);
    }
    fn integer(&mut self, row: usize, value: i32) {
        self.put(row, &value);
    }
    fn big_int(&mut self, row: usize, value: i64) {
        self.put(row, &value);
    }
    fn float(&mut self, row: usize, value: f32) {
        self.put(row, &value);
    }
    fn double(&mut self, row: usize, value: f64) {
        self.put(row, &value);
    }
    fn decimal(&mut self, row: usize, unscaled: i128) {
        self.put(row, &unscaled);
    }
    fn bytes(&mut self, row: usize, value: &[u8]) {
        self.put(row, &String::from_utf8_lossy(value));
    }
    fn uuid(&mut self, row: usize, value: [u8; 16]) {
        self.put(row, &uuid::Uuid::from_bytes(value));
    }
    fn time_tz(&mut self, _: usize, _: i64, _: i32) {
        unreachable!("SQLite has no such type");
    }
    fn interval(&mut self, _: usize, _: i32, _: i32, _: i64) {
        unreachable!("SQLite has no such type");
    }
    fn list(&mut self, _: usize, _: usize) -> (&mut Self, usize) {
        unreachable!("SQLite has no such type");
    }
}

pub(super) struct Batch(pub(super) Vec<Texts>);

impl Batch {
    pub(super) fn new(width: usize) -> Self {
        Self((0..width).map(|_| Texts::default()).collect())
    }
}

impl BatchWriter for Batch {
    type Column = Texts;
    fn column(&mut self, index: usize) -> &mut Texts {
        &mut self.0[index]
    }
}
