//! Frames of stored evaluations: loaded at the first question after a change, and kept for that generation.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use arrow::record_batch::RecordBatch;
use duckdb::Connection;

use super::build::{Values, Words, frame};
use super::frame::{Frame, RowSource};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::{ColumnInfo, columns_of};
use crate::source::ident::ident;
use crate::store::{Limits, Reason, fault};

/// Columns of long texts, which nobody groups by. Reading them would take most of the time.
const TEXTS: [&str; 14] = [
    "query",
    "actual_output",
    "expected_output",
    "evaluation_metadata",
    "data_metadata",
    "explanation",
    "critique",
    "signals",
    "conversation",
    "retrieved_content",
    "additional_input",
    "acceptance_criteria",
    "metadata",
    "trace",
];

/// The frame of the newest generation that was asked about. Whoever comes while it is loaded waits for it.
#[derive(Debug, Default)]
pub(crate) struct Cache(tokio::sync::Mutex<Option<Loaded>>, std::sync::atomic::AtomicU64);

#[derive(Debug)]
struct Loaded {
    dataset: String,
    generation: u64,
    epoch: u64,
    frame: Arc<Frame>,
}

impl Cache {
    /// Forgets everything: generations of another store say nothing about this one.
    pub(crate) fn forget(&self) {
        self.1.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }

    fn epoch(&self) -> u64 {
        self.1.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Dataset {
    /// Returns the evaluations that are stored; `None` when there are none yet.
    ///
    /// # Errors
    /// `Store`, `Closed`; `InvalidArgument` when there are more metrics than can be answered.
    pub async fn eval_frame(&self) -> Result<Option<Arc<Frame>>> {
        self.check_readable()?;
        let cache = &self.engine().eval;
        let mut kept = cache.0.lock().await;
        let (generation, epoch) = (self.status().generation, cache.epoch());
        let Some(relation) = self.relation().map(str::to_owned).filter(|_| generation > 0) else {
            return Ok(None);
        };
        if let Some(loaded) = kept.as_ref()
            && (loaded.dataset.as_str(), loaded.generation, loaded.epoch) == (self.name(), generation, epoch)
        {
            return Ok(Some(Arc::clone(&loaded.frame)));
        }
        // Two at once would take the memory of both.
        *kept = None;
        let store = self.engine().readable().await?;
        let loading = store.pool.read(Limits::default(), move |connection, reason| {
            load(connection, reason, &relation)
        });
        let Some(frame) = loading.await?.map(Arc::new) else {
            return Ok(None);
        };
        // A commit may have come between the generation and the rows; then the next question loads again.
        *kept = Some(Loaded {
            dataset: self.name().to_owned(),
            generation,
            epoch,
            frame: Arc::clone(&frame),
        });
        Ok(Some(frame))
    }
}

fn load(connection: &Connection, reason: &Reason, relation: &str) -> Result<Option<Frame>> {
    let columns = columns_of(connection, relation)?;
    if columns.is_empty() {
        return Ok(None);
    }
    let mut wanted: Vec<(String, String, Values)> = Vec::new();
    for ColumnInfo {
        column_name,
        column_type,
    } in columns
    {
        let name = ident(&column_name);
        let (cell, values) = match kind_of(&column_name, &column_type) {
            Kind::Number => (format!("try_cast({name} as double)"), Values::Numbers(Vec::new())),
            Kind::Text => (
                format!("{name}::varchar"),
                Values::Words(Words::of_column(&column_name)),
            ),
            Kind::Nothing => continue,
        };
        wanted.push((column_name, cell, values));
    }
    if wanted.is_empty() {
        return Ok(Some(Frame::default()));
    }
    let cells: Vec<&str> = wanted.iter().map(|(_, cell, _)| cell.as_str()).collect();
    let sql = format!("select {} from {}", cells.join(", "), ident(relation));
    let mut columns: Vec<(String, Values)> = wanted.into_iter().map(|(name, _, values)| (name, values)).collect();
    let fault = fault::store("analytics.eval");
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    drop(statement.stream_arrow([]).map_err(&fault)?);
    let mut rows = 0;
    while let Some(part) = statement.step().map_err(&fault)? {
        reason.check()?;
        let batch = RecordBatch::from(&part);
        rows += batch.num_rows();
        for ((_, values), array) in columns.iter_mut().zip(batch.columns()) {
            take(values, array.as_ref())?;
        }
    }
    frame(columns, rows, RowSource::Store).map(Some)
}

enum Kind {
    Number,
    Text,
    Nothing,
}

/// Decides by the type, and for a score by its name: labels may stand among scores.
fn kind_of(name: &str, ty: &str) -> Kind {
    const NUMBERS: [&str; 12] = [
        "TINYINT",
        "SMALLINT",
        "INTEGER",
        "BIGINT",
        "HUGEINT",
        "UTINYINT",
        "USMALLINT",
        "UINTEGER",
        "UBIGINT",
        "UHUGEINT",
        "FLOAT",
        "DOUBLE",
    ];
    const LABELS: [&str; 4] = ["VARCHAR", "BOOLEAN", "UUID", "DATE"];
    let is_list = ty.ends_with(']');
    if name == "metric_score" || (!is_list && (NUMBERS.contains(&ty) || ty.starts_with("DECIMAL("))) {
        Kind::Number
    } else if !is_list && !TEXTS.contains(&name) && (LABELS.contains(&ty) || ty.starts_with("ENUM(")) {
        Kind::Text
    } else {
        Kind::Nothing
    }
}

fn take(values: &mut Values, array: &dyn Array) -> Result<()> {
    match (values, array.data_type()) {
        (Values::Numbers(numbers), DataType::Float64) => {
            let array = array.as_primitive::<Float64Type>();
            numbers.extend(array.iter().map(|value| value.unwrap_or(f64::NAN)));
        }
        (Values::Words(words), DataType::Utf8) => {
            array.as_string::<i32>().iter().for_each(|text| words.push(text));
        }
        (Values::Words(words), DataType::LargeUtf8) => {
            array.as_string::<i64>().iter().for_each(|text| words.push(text));
        }
        (Values::Words(words), DataType::Utf8View) => {
            array.as_string_view().iter().for_each(|text| words.push(text));
        }
        _ => return Err(Error::new(ErrorKind::Internal, "a column has an unexpected type").during("analytics.eval")),
    }
    Ok(())
}
