//! Decodes a stream of `COPY ... (FORMAT binary)` into batches.
//!
//! The stream may be cut anywhere. A row that lies complete in what has arrived is decoded in place; only a row that is
//! cut is copied and waits for the rest.

use crate::column::{BatchWriter, ColumnWriter as _};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{OnBadValue, SourceColumn, Wire};

use super::types::Format;
use super::values::{self, Fault};

const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of the extension.
const HEADER: usize = SIGNATURE.len() + 8;
/// PostgreSQL itself limits a message, and so a row, to a gibibyte.
const LONGEST_ROW: usize = 1 << 30;

/// Turns the bytes of one COPY into rows.
#[derive(Debug)]
pub(super) struct Decoder {
    columns: Vec<Target>,
    state: State,
    /// The beginning of a row (or of the header or trailer) whose end has not arrived.
    carry: Vec<u8>,
    /// How many bytes must be carried before it is worth looking at them again; never more than the row has.
    need: usize,
    scratch: String,
}

#[derive(Debug)]
struct Target {
    format: Format,
    null_bad_values: bool,
    source: SourceColumn,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

/// What lies complete at the front of the bytes, and its length.
enum Front {
    Row(usize),
    /// Header or trailer.
    Frame(usize),
    /// At least this many bytes are needed to know more.
    Incomplete(usize),
}

impl Decoder {
    /// Creates a decoder for these columns, which must have been described by PostgreSQL.
    pub(super) fn new(columns: Vec<SourceColumn>) -> Result<Self> {
        let target = |source: SourceColumn| match &source.wire {
            Wire::Postgres(wire) => Ok(Target {
                format: wire.format.clone(),
                null_bad_values: source.on_bad_value == OnBadValue::Null,
                source,
            }),
            Wire::Sqlite => Err(Error::new(
                ErrorKind::Internal,
                "a column of another source cannot be decoded",
            )),
        };
        let columns = columns.into_iter().map(target).collect::<Result<_>>()?;
        Ok(Self {
            columns,
            state: State::Header,
            carry: Vec::new(),
            need: 0,
            scratch: String::new(),
        })
    }

    /// Decodes rows from the front of `input` into the batch from row `at`, until the batch is full or the input is used
    /// up; returns the next row.
    pub(super) fn decode<B: BatchWriter>(&mut self, input: &mut &[u8], batch: &mut B, mut at: usize) -> Result<usize> {
        while at < batch.wanted() && !input.is_empty() {
            if !self.carry.is_empty() {
                at = self.decode_carried(input, batch, at)?;
                continue;
            }
            match self.front(input)? {
                Front::Row(length) => {
                    let (row, rest) = input.split_at(length);
                    self.row(&row[2..], batch, at)?;
                    *input = rest;
                    at += 1;
                }
                Front::Frame(length) => *input = &input[length..],
                Front::Incomplete(need) => {
                    self.need = need;
                    self.carry.extend_from_slice(input);
                    *input = &[];
                }
            }
        }
        Ok(at)
    }

    /// Carries what a cut row still needs, and decodes it once it is complete.
    fn decode_carried<B: BatchWriter>(&mut self, input: &mut &[u8], batch: &mut B, at: usize) -> Result<usize> {
        let (part, rest) = input.split_at(input.len().min(self.need - self.carry.len()));
        self.carry.extend_from_slice(part);
        *input = rest;
        if self.carry.len() < self.need {
            return Ok(at);
        }
        let mut carry = std::mem::take(&mut self.carry);
        let next = match self.front(&carry)? {
            Front::Row(_) => {
                self.row(&carry[2..], batch, at)?;
                at + 1
            }
            Front::Frame(_) => at,
            Front::Incomplete(need) => {
                self.need = need;
                self.carry = carry;
                return Ok(at);
            }
        };
        carry.clear();
        self.carry = carry;
        Ok(next)
    }

    /// Checks that the stream did not stop in the middle.
    pub(super) fn finish(&self) -> Result<()> {
        if self.state == State::Ended {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::SourceUnavailable,
            "the server stopped sending rows before the end",
        ))
    }

    /// Finds out what lies at the front, and enters the state behind it.
    fn front(&mut self, input: &[u8]) -> Result<Front> {
        match self.state {
            State::Header => self.header(input),
            State::Rows => self.row_or_trailer(input),
            State::Ended => Err(garbage("bytes after its end")),
        }
    }

    fn header(&mut self, input: &[u8]) -> Result<Front> {
        let known = input.len().min(SIGNATURE.len());
        if input[..known] != SIGNATURE[..known] {
            return Err(garbage("a wrong signature"));
        }
        let Some(header) = input.first_chunk::<HEADER>() else {
            return Ok(Front::Incomplete(HEADER));
        };
        let [.., f0, f1, _, _, e0, e1, e2, e3] = *header;
        // The upper half are flags that change the format.
        if (f0, f1) != (0, 0) {
            return Err(garbage("unknown flags"));
        }
        let length = HEADER + length(i32::from_be_bytes([e0, e1, e2, e3]))?;
        if input.len() >= length {
            self.state = State::Rows;
            Ok(Front::Frame(length))
        } else if input.len() >= LONGEST_ROW {
            Err(garbage("a header without an end"))
        } else {
            Ok(Front::Incomplete(length.min(LONGEST_ROW)))
        }
    }

    /// Finds out whether a complete row lies at the front, and whether it has the right fields.
    fn row_or_trailer(&mut self, input: &[u8]) -> Result<Front> {
        let Some(count) = input.first_chunk::<2>() else {
            return Ok(Front::Incomplete(2));
        };
        let count = i16::from_be_bytes(*count);
        if count == -1 {
            self.state = State::Ended;
            return Ok(Front::Frame(2));
        }
        if usize::try_from(count).ok() != Some(self.columns.len()) {
            return Err(Error::new(
                ErrorKind::SchemaMismatch,
                "the server sent a row with another number of columns",
            )
            .with("expected", self.columns.len())
            .with("found", count));
        }
        let mut at = 2;
        for _ in &self.columns {
            let Some(field) = input.get(at..).and_then(|rest| rest.first_chunk::<4>()) else {
                return Ok(Front::Incomplete(possible(at + 4)?));
            };
            at += 4;
            let field = i32::from_be_bytes(*field);
            if field != -1 {
                at += length(field)?;
            }
        }
        Ok(if at > input.len() {
            Front::Incomplete(possible(at)?)
        } else {
            Front::Row(at)
        })
    }

    /// Writes a row whose fields [`front`](Self::front) has measured.
    fn row<B: BatchWriter>(&mut self, mut fields: &[u8], batch: &mut B, row: usize) -> Result<()> {
        for (index, target) in self.columns.iter().enumerate() {
            let out = batch.column(index);
            let Some((length, rest)) = fields.split_first_chunk::<4>() else {
                return Err(garbage("a short row"));
            };
            let length = i32::from_be_bytes(*length);
            if length == -1 {
                out.null(row);
                fields = rest;
                continue;
            }
            let value = usize::try_from(length)
                .ok()
                .and_then(|length| rest.split_at_checked(length));
            let Some((value, rest)) = value else {
                return Err(garbage("a short row"));
            };
            fields = rest;
            match values::write(
                &target.format,
                value,
                target.null_bad_values,
                out,
                row,
                &mut self.scratch,
            ) {
                Ok(()) => {}
                Err(Fault::CannotHold) if target.null_bad_values => out.null(row),
                Err(fault) => return Err(target.error(fault)),
            }
        }
        Ok(())
    }
}

impl Target {
    #[cold]
    fn error(&self, fault: Fault) -> Error {
        let SourceColumn {
            column, source_type, ..
        } = &self.source;
        let name = &column.name;
        if fault == Fault::Malformed {
            return Error::new(
                ErrorKind::Internal,
                format!("the server sent a malformed value of type {source_type}"),
            )
            .with("column", name);
        }
        let (what, also) = match self.format {
            Format::Text | Format::PaddedText | Format::Jsonb => ("that is not UTF-8".to_owned(), ""),
            Format::Decimal { .. } => (format!("that {} cannot hold", column.ty), "double, varchar or "),
            _ => (format!("that {} cannot hold", column.ty), "varchar or "),
        };
        let message = format!(
            "column `{name}` has a value of type {source_type} {what}; set `types: {{{name}: ...}}` to {also}null"
        );
        Error::new(ErrorKind::SchemaMismatch, message).with("column", name)
    }
}

fn length(field: i32) -> Result<usize> {
    usize::try_from(field).map_err(|_| garbage("a negative length"))
}

/// Refuses to wait for a row that cannot come.
fn possible(row: usize) -> Result<usize> {
    if row <= LONGEST_ROW {
        Ok(row)
    } else {
        Err(garbage("a row that is too long"))
    }
}

#[cold]
fn garbage(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("the server's COPY stream has {what}"))
}
