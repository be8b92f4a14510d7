//! The forms of an answer, batch by batch.

use arrow::csv::{Writer as CsvWriter, WriterBuilder};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use axis_core::{Error, ErrorKind, Result, batch_to_text, column_types, write_json};
use serde_json::json;

use super::QueryColumn;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Csv,
    Arrow,
}

impl Format {
    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// What an answer ends with.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) rows: u64,
    pub(super) truncated: bool,
    pub(super) elapsed_ms: u64,
}

/// Writes one answer; what is written is taken out piece by piece.
pub(super) enum Encoder {
    Json { out: Vec<u8>, rows: u64 },
    Csv(Box<CsvWriter<Vec<u8>>>),
    Arrow(Box<StreamWriter<Vec<u8>>>),
}

impl Encoder {
    /// Begins the answer.
    pub(super) fn begin(format: Format, schema: &SchemaRef) -> Result<Self> {
        Ok(match format {
            Format::Json => {
                let columns = serde_json::to_string(&columns(schema)).map_err(|error| broken().because(error))?;
                Self::Json {
                    out: format!("{{\"columns\":{columns},\"rows\":[").into_bytes(),
                    rows: 0,
                }
            }
            Format::Csv => {
                let mut writer = WriterBuilder::new().with_header(true).build(Vec::new());
                let header = batch_to_text(&RecordBatch::new_empty(schema.clone()))?;
                writer.write(&header).map_err(unwritten)?;
                Self::Csv(Box::new(writer))
            }
            Format::Arrow => Self::Arrow(Box::new(StreamWriter::try_new(Vec::new(), schema).map_err(unwritten)?)),
        })
    }

    /// Writes a batch and returns what there is by now.
    pub(super) fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        match self {
            Self::Json { out, rows } => {
                if *rows > 0 && batch.num_rows() > 0 {
                    out.push(b',');
                }
                write_json(batch, out)?;
                *rows += batch.num_rows() as u64;
                Ok(std::mem::take(out))
            }
            Self::Csv(writer) => {
                // The writer lends nothing out; the header is in the first one, so the next has none.
                writer.write(&batch_to_text(batch)?).map_err(unwritten)?;
                let next = WriterBuilder::new().with_header(false).build(Vec::new());
                Ok(std::mem::replace(writer.as_mut(), next).into_inner())
            }
            Self::Arrow(writer) => {
                writer.write(batch).map_err(unwritten)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// Ends the answer and returns the rest of it.
    pub(super) fn end(self, end: End) -> Result<Vec<u8>> {
        match self {
            Self::Json { mut out, .. } => {
                let tail = format!(
                    "],\"row_count\":{},\"truncated\":{},\"elapsed_ms\":{}}}",
                    end.rows, end.truncated, end.elapsed_ms
                );
                out.extend_from_slice(tail.as_bytes());
                Ok(out)
            }
            Self::Csv(writer) => Ok(writer.into_inner()),
            Self::Arrow(mut writer) => {
                writer.finish().map_err(unwritten)?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    /// Ends an answer that cannot be completed; `None` when its form has no words for that.
    pub(super) fn fail(self, error: &Error) -> Option<Vec<u8>> {
        let Self::Json { mut out, .. } = self else { return None };
        let error = json!({ "detail": error.to_string(), "code": error.code() });
        out.extend_from_slice(format!("],\"error\":{error}}}").as_bytes());
        Some(out)
    }
}

fn columns(schema: &Schema) -> Vec<QueryColumn> {
    let columns = column_types(schema).into_iter();
    columns.map(|(name, ty)| QueryColumn { name, ty }).collect()
}

fn broken() -> Error {
    Error::new(ErrorKind::Internal, "the answer cannot be written in this format")
}

fn unwritten(error: ArrowError) -> Error {
    broken().because(error)
}
