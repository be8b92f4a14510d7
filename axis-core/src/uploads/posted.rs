//! Rows in the body of a request: a list of objects, or an object that has the list as `data` and may name `metrics`.
//!
//! Values go straight from the text into columns, so that a large body is in memory once. What does not fit is collected, so
//! that one answer names all of it.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::csv::{Limits, OVER_LIMIT};
use super::table::{Cell, Column, Table};
use crate::error::{Error, ErrorKind};

/// The most problems that are named.
const PROBLEMS: usize = 10;

/// What a body holds.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Posted {
    /// The rows.
    pub table: Table,
    /// The metrics that are asked for, when the body says so.
    pub metrics: Option<Vec<String>>,
}

/// Something in a body that does not fit.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Problem {
    /// The kind, by the name that clients of the API know, such as `list_type`.
    pub kind: &'static str,
    /// Where, below the body.
    pub place: Vec<Step>,
    /// What would fit.
    pub message: String,
}

/// One step of the way to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A key of an object.
    Key(String),
    /// An index of a list, or a position in the text.
    Index(usize),
}

impl Posted {
    /// Reads a body; an empty one, and `null`, hold no rows.
    ///
    /// # Errors
    /// Either what does not fit, or that there is too much of it (`InvalidArgument` during [`OVER_LIMIT`]).
    pub fn read(bytes: &[u8], limits: Limits) -> Result<Self, Result<Vec<Problem>, Error>> {
        if bytes.len() > limits.bytes {
            let message = format!("the body has more than {} bytes", limits.bytes);
            return Err(Err(Error::new(ErrorKind::InvalidArgument, message).during(OVER_LIMIT)));
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let mut state = State {
            limits,
            ..State::default()
        };
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let read = Body(&mut state)
            .deserialize(&mut deserializer)
            .and_then(|()| deserializer.end());
        if let Some(message) = state.over {
            return Err(Err(Error::new(ErrorKind::InvalidArgument, message).during(OVER_LIMIT)));
        }
        if let Err(error) = read {
            let line = bytes
                .split_inclusive(|byte| *byte == b'\n')
                .take(error.line().saturating_sub(1));
            let offset = line.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
            state.problems = vec![Problem {
                kind: "json_invalid",
                place: vec![Step::Index(offset)],
                message: "JSON decode error".to_owned(),
            }];
        }
        if !state.problems.is_empty() {
            return Err(Ok(state.problems));
        }
        let mut table = state.rows;
        for column in &mut table.columns {
            column.cells.resize(table.rows, Cell::Null);
        }
        Ok(Self {
            table: Table::new(table.columns),
            metrics: state.metrics,
        })
    }
}

#[derive(Default)]
struct State {
    limits: Limits,
    rows: Rows,
    metrics: Option<Vec<String>>,
    problems: Vec<Problem>,
    over: Option<String>,
}

#[derive(Default)]
struct Rows {
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
    rows: usize,
}

impl State {
    fn problem(&mut self, kind: &'static str, place: &[Step], message: &str) {
        if self.problems.len() < PROBLEMS {
            self.problems.push(Problem {
                kind,
                place: place.to_vec(),
                message: message.to_owned(),
            });
        }
    }

    /// Puts a value into the row that is being read.
    fn put(&mut self, name: String, cell: Cell) {
        let rows = &mut self.rows;
        let index = *rows.by_name.entry(name).or_insert_with_key(|name| {
            rows.columns.push(Column::new(name.clone(), Vec::new()));
            rows.columns.len() - 1
        });
        let cells = &mut rows.columns[index].cells;
        // Of a key that comes twice the last counts.
        cells.resize(rows.rows - 1, Cell::Null);
        cells.push(cell);
        if rows.columns.len() > self.limits.columns {
            self.over = Some(format!("the rows have more than {} keys", self.limits.columns));
        } else if rows.columns.len() * rows.rows > self.limits.cells {
            self.over = Some(format!("the rows have more than {} values", self.limits.cells));
        }
    }
}

/// What a visitor does with a value that is neither a list nor an object.
macro_rules! scalars {
    ($this:ident => $answer:expr) => {
        fn visit_bool<E>($this, _: bool) -> Result<(), E> {
            $answer
        }

        fn visit_i64<E>($this, _: i64) -> Result<(), E> {
            $answer
        }

        fn visit_u64<E>($this, _: u64) -> Result<(), E> {
            $answer
        }

        fn visit_f64<E>($this, _: f64) -> Result<(), E> {
            $answer
        }

        fn visit_str<E>($this, _: &str) -> Result<(), E> {
            $answer
        }
    };
}

/// The whole body.
struct Body<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Body<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Body<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        read_rows(self.0, list, &[])
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some(key) = object.next_key::<String>()? {
            match key.as_str() {
                "data" => object.next_value_seed(Data(self.0))?,
                "metrics" => match object.next_value::<Value>()? {
                    Value::Null => {}
                    Value::Array(list) if list.iter().all(Value::is_string) => {
                        let names = list.into_iter().filter_map(|name| name.as_str().map(str::to_owned));
                        self.0.metrics = Some(names.collect());
                    }
                    _ => {
                        let place = [Step::Key(key)];
                        self.0
                            .problem("list_type", &place, "Input should be a valid list of strings");
                    }
                },
                _ => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    scalars!(self => no_list(self.0, &[]));
}

/// The value of `data`.
struct Data<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Data<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Data<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        read_rows(self.0, list, &[Step::Key("data".to_owned())])
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        no_list(self.0, &[Step::Key("data".to_owned())])
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    scalars!(self => no_list(self.0, &[Step::Key("data".to_owned())]));
}

fn no_list<E>(state: &mut State, place: &[Step]) -> Result<(), E> {
    state.problem("list_type", place, "Input should be a valid list");
    Ok(())
}

fn read_rows<'de, A: SeqAccess<'de>>(state: &mut State, mut list: A, place: &[Step]) -> Result<(), A::Error> {
    // A second `data` in one body takes the place of the first.
    state.rows = Rows::default();
    while list
        .next_element_seed(Row {
            state: &mut *state,
            place,
        })?
        .is_some()
    {
        // Rows without a key count as well: they get one of every column.
        if state.rows.columns.len() * state.rows.rows > state.limits.cells {
            state.over = Some(format!("the rows have more than {} values", state.limits.cells));
        }
        if state.over.is_some() {
            return Err(A::Error::custom("too much"));
        }
    }
    Ok(())
}

/// One row.
struct Row<'a> {
    state: &'a mut State,
    place: &'a [Step],
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Row<'_> {
    fn no_object<E>(self) -> Result<(), E> {
        let mut place = self.place.to_vec();
        place.push(Step::Index(self.state.rows.rows));
        self.state.rows.rows += 1;
        self.state
            .problem("dict_type", &place, "Input should be a valid dictionary");
        Ok(())
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        self.state.rows.rows += 1;
        while let Some(key) = object.next_key::<String>()? {
            let cell = object.next_value_seed(CellSeed)?;
            self.state.put(key, cell);
            if self.state.over.is_some() {
                return Err(A::Error::custom("too much"));
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        self.no_object()
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.no_object()
    }

    scalars!(self => self.no_object());
}

/// One value.
struct CellSeed;

impl<'de> DeserializeSeed<'de> for CellSeed {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Cell, E> {
        Ok(Cell::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Cell, E> {
        Ok(Cell::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Cell, E> {
        Ok(Cell::Int(value))
    }

    #[allow(clippy::cast_precision_loss)] // Beyond 63 bits there is only the double.
    fn visit_u64<E>(self, value: u64) -> Result<Cell, E> {
        Ok(i64::try_from(value).map_or(Cell::Number(value as f64), Cell::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Cell, E> {
        Ok(Cell::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Cell, E> {
        Ok(Cell::text(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Cell, E> {
        Ok(Cell::text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Cell, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<Value>()? {
            values.push(value);
        }
        Ok(Cell::Json(Box::new(Value::Array(values))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Cell, A::Error> {
        let mut values = serde_json::Map::new();
        while let Some((key, value)) = object.next_entry()? {
            values.insert(key, value);
        }
        Ok(Cell::Json(Box::new(Value::Object(values))))
    }
}
