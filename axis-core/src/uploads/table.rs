//! Rows in memory, column by column.

use std::collections::HashSet;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// One value.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number; NaN and infinities serialise as null.
    Number(f64),
    /// A text.
    Text(Box<str>),
    /// A list or an object.
    Json(Box<Value>),
}

impl Cell {
    /// Makes a text.
    #[must_use]
    pub fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// Tells whether there is no value.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Tells whether it is a number by itself; a text with digits is none.
    #[must_use]
    pub fn is_number(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Number(_))
    }

    /// Returns the finite number that it is, or that its text spells.
    #[must_use]
    #[allow(clippy::cast_precision_loss)] // Scores and times are far below the integers that a double cannot hold.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Number(value) => Some(*value),
            Self::Text(text) => text.trim().parse().ok(),
            Self::Null | Self::Bool(_) | Self::Json(_) => None,
        }
        .filter(|value: &f64| value.is_finite())
    }

    /// Returns its text; of a number or a truth value as JSON writes it. Nothing has none.
    #[must_use]
    pub fn label(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Number(value) => value.is_finite().then(|| value.to_string()),
            Self::Text(text) => Some(text.to_string()),
            Self::Json(value) => Some(value.to_string()),
        }
    }
}

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => number.as_f64().map_or(Self::Null, Self::Number),
            },
            Value::String(text) => Self::text(text),
            value @ (Value::Array(_) | Value::Object(_)) => Self::Json(Box::new(value)),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Number(value) if value.is_finite() => serializer.serialize_f64(*value),
            Self::Number(_) => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// A column: its name and one cell a row.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// The name.
    pub name: String,
    /// The values.
    pub cells: Vec<Cell>,
}

impl Column {
    /// Makes a column.
    #[must_use]
    pub fn new(name: impl Into<String>, cells: Vec<Cell>) -> Self {
        Self {
            name: name.into(),
            cells,
        }
    }

    /// Tells whether it has numbers and nothing else, apart from missing values.
    #[must_use]
    pub fn is_numeric(&self) -> bool {
        let mut values = self.cells.iter().filter(|cell| !cell.is_null()).peekable();
        values.peek().is_some() && values.all(Cell::is_number)
    }
}

/// Rows with named columns. Serialises as a list of objects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
}

impl Table {
    /// Makes a table of columns of one length.
    ///
    /// # Panics
    /// When the columns differ in length, or two have one name.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        let rows = columns.first().map_or(0, |column| column.cells.len());
        let mut names = HashSet::new();
        for column in &columns {
            assert_eq!(column.cells.len(), rows, "the columns of a table have one length");
            assert!(
                names.insert(&column.name),
                "the columns of a table have names of their own"
            );
        }
        Self { columns, rows }
    }

    /// Makes a table of objects; what a row lacks is null.
    #[must_use]
    pub fn of_objects(names: Vec<String>, rows: Vec<serde_json::Map<String, Value>>) -> Self {
        let count = rows.len();
        let mut columns: Vec<Column> = names
            .into_iter()
            .map(|name| Column::new(name, Vec::with_capacity(count)))
            .collect();
        for mut row in rows {
            for column in &mut columns {
                column
                    .cells
                    .push(row.remove(&column.name).map_or(Cell::Null, Cell::from));
            }
        }
        Self { columns, rows: count }
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the columns.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Returns the names of the columns.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// Returns a column by its exact name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Tells whether there is a column of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    /// Returns the first rows.
    #[must_use]
    pub fn head(&self, rows: usize) -> Self {
        let rows = rows.min(self.rows);
        let head = |column: &Column| Column::new(column.name.clone(), column.cells[..rows].to_vec());
        Self {
            columns: self.columns.iter().map(head).collect(),
            rows,
        }
    }

    /// Returns the same columns without rows.
    #[must_use]
    pub fn without_rows(&self) -> Self {
        self.head(0)
    }

    /// Changes the values of a column, and makes the column when it is not there.
    pub(super) fn change(&mut self, name: &str, mut change: impl FnMut(&mut Cell)) {
        let index = self
            .columns
            .iter()
            .position(|column| column.name == name)
            .unwrap_or_else(|| {
                self.columns.push(Column::new(name, vec![Cell::Null; self.rows]));
                self.columns.len() - 1
            });
        self.columns[index].cells.iter_mut().for_each(&mut change);
    }

    /// Puts a value where a column has none, and makes the column when it is not there.
    pub(super) fn complete(&mut self, name: &str, value: &Cell) {
        self.change(name, |cell| {
            if cell.is_null() {
                cell.clone_from(value);
            }
        });
    }

    /// Gives the columns other names, as many as there are columns, and different from each other.
    pub(super) fn rename(&mut self, names: Vec<String>) {
        for (column, name) in self.columns.iter_mut().zip(names) {
            column.name = name;
        }
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.rows))?;
        for row in 0..self.rows {
            list.serialize_element(&Row { table: self, row })?;
        }
        list.end()
    }
}

/// One row, to be written as an object.
struct Row<'a> {
    table: &'a Table,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.table.columns.len()))?;
        for column in &self.table.columns {
            object.serialize_entry(&column.name, &column.cells[self.row])?;
        }
        object.end()
    }
}
