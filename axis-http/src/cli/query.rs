//! `axis query`.

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::time::Duration;

use arrow::csv::WriterBuilder;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::record_batch::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use axis_core::{Engine, Error, ErrorKind, Query, QueryStream, Result as AxisResult, batch_to_json, batch_to_text};

use super::args::{Format, QueryArgs};
use super::{Context, Exit, Failure};

/// Rows of a table for people, unless `--max-rows` says otherwise.
const TABLE_ROWS: u64 = 1_000;

pub(crate) async fn run(context: &Context, args: &QueryArgs) -> Result<Exit, Failure> {
    let format = format(context, args)?;
    let engine = context.open(context.config()?).await?;
    let outcome = Box::pin(answer(context, &engine, args, format)).await;
    engine.close().await?;
    outcome?;
    Ok(Exit::Done)
}

fn format(context: &Context, args: &QueryArgs) -> AxisResult<Format> {
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
    match (args.format, context.output.is_json()) {
        (None, false) => Ok(Format::Table),
        (None | Some(Format::Json), true) => Ok(Format::Json),
        (Some(format), true) => wrong(format!(
            "`--json` and `--format {}` contradict each other",
            format.name()
        )),
        (Some(Format::Arrow), false) if io::stdout().is_terminal() => {
            wrong("an Arrow stream is not for a terminal; redirect stdout to a file or a pipe".to_owned())
        }
        (Some(format), false) => Ok(format),
    }
}

async fn answer(context: &Context, engine: &Engine, args: &QueryArgs, format: Format) -> Result<(), Failure> {
    let mut query = Query::sql(&args.sql).cancel(context.stop.clone());
    if let Some(seconds) = args.timeout {
        let timeout = Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|timeout| !timeout.is_zero());
        query = query.timeout(timeout.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("--timeout is {seconds}; allowed is a number of seconds above 0"),
            )
        })?);
    }
    tracing::debug!("asking the store");
    let stream = engine.query(query).await?;
    let schema = stream.schema();
    let limit = args
        .max_rows
        .unwrap_or(if format == Format::Table { TABLE_ROWS } else { u64::MAX });
    let mut rows = Rows {
        stream,
        left: limit,
        cut: false,
    };
    // An error before the first row leaves stdout to the error's own document.
    let mut next = rows.next().await?;
    match format {
        Format::Table => {
            let mut batches = vec![batch_to_text(&RecordBatch::new_empty(schema))?];
            while let Some(batch) = next {
                batches.push(batch_to_text(&batch)?);
                next = rows.next().await?;
            }
            context
                .output
                .text(&pretty_format_batches(&batches).map_err(failed)?.to_string())?;
        }
        Format::Json => {
            let mut out = BufWriter::new(io::stdout().lock());
            let mut separator = "[\n";
            while let Some(batch) = next {
                for row in batch_to_json(&batch) {
                    out.write_all(separator.as_bytes())?;
                    serde_json::to_writer(&mut out, &row).map_err(io::Error::from)?;
                    separator = ",\n";
                }
                next = rows.next().await?;
            }
            out.write_all(if separator == "[\n" { b"[]\n" } else { b"\n]\n" })?;
            out.flush()?;
        }
        Format::Csv => {
            let mut out = WriterBuilder::new()
                .with_header(true)
                .build(BufWriter::new(io::stdout().lock()));
            out.write(&batch_to_text(&RecordBatch::new_empty(schema))?)
                .map_err(unwritten)?;
            while let Some(batch) = next {
                out.write(&batch_to_text(&batch)?).map_err(unwritten)?;
                next = rows.next().await?;
            }
            out.into_inner().flush()?;
        }
        Format::Arrow => {
            let out = BufWriter::new(io::stdout().lock());
            let mut out = StreamWriter::try_new(out, &schema).map_err(unwritten)?;
            while let Some(batch) = next {
                out.write(&batch).map_err(unwritten)?;
                next = rows.next().await?;
            }
            out.finish().map_err(unwritten)?;
            out.get_mut().flush()?;
        }
    }
    if rows.is_cut().await? {
        context.output.note(&format!(
            "note: there are more than {limit} rows; --max-rows shows more"
        ));
    }
    Ok(())
}

/// At most so many rows of an answer.
struct Rows {
    stream: QueryStream,
    left: u64,
    cut: bool,
}

impl Rows {
    async fn next(&mut self) -> AxisResult<Option<RecordBatch>> {
        if self.left == 0 {
            return Ok(None);
        }
        let Some(batch) = self.stream.next().await.transpose()? else {
            return Ok(None);
        };
        let rows = usize::try_from(self.left).unwrap_or(usize::MAX).min(batch.num_rows());
        self.left -= rows as u64;
        self.cut = rows < batch.num_rows();
        Ok(Some(if self.cut { batch.slice(0, rows) } else { batch }))
    }

    /// Tells whether rows were left out; at the exact end of a batch only the next one tells.
    async fn is_cut(&mut self) -> AxisResult<bool> {
        Ok(self.cut || self.left == 0 && self.stream.next().await.transpose()?.is_some())
    }
}

/// A failure of the writer below Arrow is ours to tell apart: a closed pipe is no error.
fn unwritten(error: ArrowError) -> Failure {
    match error {
        ArrowError::IoError(_, error) => Failure::Output(error),
        // The CSV writer wraps the failure into text.
        ArrowError::CsvError(text) if text.contains("Broken pipe") => Failure::Output(io::ErrorKind::BrokenPipe.into()),
        error => Failure::Axis(failed(error)),
    }
}

fn failed(error: ArrowError) -> Error {
    Error::new(ErrorKind::Internal, "the answer cannot be written in this format").because(error)
}
