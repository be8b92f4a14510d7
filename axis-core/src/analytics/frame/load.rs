//! Reads a frame: one narrow SELECT over the relation, coded as its batches come.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampMicrosecondType};
use duckdb::types::Value;
use duckdb::{Connection, params_from_iter};

use super::codes::Encoder;
use super::relation::{Bound, Relation};
use super::select::Conditions;
use super::times::NO_TIME;
use super::{Attribute, Builder, Frame};
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::literal;
use crate::store::{Reason, fault};

/// The operation in errors.
const OPERATION: &str = "analytics.frame";
/// Labels that are longer are no labels; they count among the rest.
const LABEL_LENGTH: usize = 256;
/// So many labels, the most frequent ones, are told apart.
const LABELS: usize = 10_000;
/// Stands for every other label. No label can be mistaken for it: PostgreSQL's texts have no such character.
pub(crate) const OTHER_LABEL: &str = "\0";

/// The columns that a question looks at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) scores: bool,
    pub(crate) latencies: bool,
    pub(crate) times: bool,
    pub(crate) records: bool,
    /// A column to take for the score.
    pub(crate) value: Option<String>,
    /// A column to take for the label; then only rows of the category CLASSIFICATION are read.
    pub(crate) label: Option<String>,
    /// Which rows.
    pub(crate) conditions: Conditions,
}

impl Needs {
    /// Everything that a shared frame has.
    pub(super) fn everything() -> Self {
        Self {
            attributes: Attribute::COLUMNS.to_vec(),
            scores: true,
            latencies: true,
            times: true,
            records: true,
            ..Self::default()
        }
    }

    /// Everything that a shared frame of classifications has.
    pub(super) fn labels(column: &str) -> Self {
        Self {
            attributes: Attribute::COLUMNS.to_vec(),
            times: true,
            label: Some(column.to_owned()),
            conditions: Conditions {
                category: Some("CLASSIFICATION".to_owned()),
                ..Conditions::default()
            },
            ..Self::default()
        }
    }

    /// Bytes that a row takes while a frame is made, at most.
    pub(super) fn width(&self) -> u64 {
        let columns = self.attributes.len() + usize::from(self.label.is_some());
        let flags = [
            (self.scores, 32),
            (self.latencies, 40),
            (self.times, 48),
            (self.records, 96),
        ];
        8 + 8 * columns as u64
            + flags
                .iter()
                .filter(|(needed, _)| *needed)
                .map(|(_, width)| width)
                .sum::<u64>()
    }
}

/// Reads a frame of these columns.
pub(super) fn load(
    connection: &Connection,
    reason: &Reason,
    relation: &Relation,
    needs: &Needs,
    generation: u64,
) -> Result<Frame> {
    let fault = fault::store(OPERATION);
    let labels = match &needs.label {
        Some(column) => frequent(connection, relation, column, needs)?,
        None => Vec::new(),
    };
    let (slots, (sql, values)) = select(relation, needs);
    let mut builder = Builder::new(relation, &slots);
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    drop(statement.stream_arrow(params_from_iter(values)).map_err(&fault)?);
    while let Some(part) = statement.step().map_err(&fault)? {
        reason.check()?;
        builder.push(&RecordBatch::from(&part), &slots, &labels)?;
    }
    reason.check()?;
    Ok(builder.finish(relation, generation))
}

/// Counts the rows that a frame would have.
pub(super) fn count(connection: &Connection, relation: &Relation, needs: &Needs) -> Result<u64> {
    let factor = relation.shape().score_columns().map_or(1, <[String]>::len) as u64;
    let mut conditions = needs.conditions.clone();
    if factor > 1 {
        // These are names of columns, not values; counting too many is the safe side.
        conditions.metrics = None;
        conditions
            .equal
            .retain(|(attribute, _)| *attribute != Attribute::MetricName);
    }
    let (condition, values) = relation.condition(&conditions, None);
    let sql = format!("select count(*) from {} where {condition}", relation.name);
    let count: i64 = connection
        .query_row(&sql, params_from_iter(values), |row| row.get(0))
        .map_err(fault::store(OPERATION))?;
    Ok(count.cast_unsigned().saturating_mul(factor))
}

/// Returns the most frequent labels.
fn frequent(connection: &Connection, relation: &Relation, column: &str, needs: &Needs) -> Result<Vec<String>> {
    let fault = fault::store(OPERATION);
    let (condition, values) = relation.condition(&needs.conditions, None);
    let Some(label) = relation.text(column) else {
        return Ok(Vec::new());
    };
    let sql = format!(
        "select {label} as label from {} where {condition} and length({label}) <= {LABEL_LENGTH}
         group by 1 order by count(*) desc, 1 limit {LABELS}",
        relation.name
    );
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    let rows = statement
        .query_map(params_from_iter(values), |row| row.get(0))
        .map_err(&fault)?;
    let mut labels = rows.collect::<duckdb::Result<Vec<String>>>().map_err(&fault)?;
    labels.sort_unstable();
    Ok(labels)
}

/// Where a column of the answer goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Score,
    Latency,
    Time,
    RecordTime,
    Record,
    Attribute(Attribute),
}

/// Writes the SELECT, and says where its columns go.
fn select(relation: &Relation, needs: &Needs) -> (Vec<Slot>, Bound) {
    let shape = relation.shape();
    let Some(scores) = shape.score_columns().filter(|_| needs.value.is_none()) else {
        let (slots, list) = list(relation, needs, None);
        let (condition, values) = relation.condition(&needs.conditions, None);
        return (
            slots,
            (
                format!("select {list} from {} where {condition}", relation.name),
                values,
            ),
        );
    };
    let mut parts = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let mut slots = Vec::new();
    for score in scores {
        let name = literal(score);
        let (condition, bound) = relation.condition(&needs.conditions, Some(&name));
        let (columns, list) = list(relation, needs, Some(score));
        parts.push(format!("select {list} from {} where {condition}", relation.name));
        values.extend(bound);
        slots = columns;
    }
    (slots, (parts.join(" union all "), values))
}

/// Lists the columns; `score` is the column whose values are the scores of a wide relation.
fn list(relation: &Relation, needs: &Needs, score: Option<&str>) -> (Vec<Slot>, String) {
    let value = needs.value.as_deref().or(score).unwrap_or("metric_score");
    let mut list = vec![
        (Slot::Score, relation.number(value).filter(|_| needs.scores)),
        (Slot::Latency, relation.latency().filter(|_| needs.latencies)),
        (
            Slot::Time,
            relation.time().map(|(time, _)| time).filter(|_| needs.times),
        ),
        (
            Slot::RecordTime,
            relation.record_time().map(|(time, _)| time).filter(|_| needs.times),
        ),
        (Slot::Record, relation.text("dataset_id").filter(|_| needs.records)),
    ];
    let mut attributes = needs.attributes.clone();
    attributes.sort_unstable_by_key(|attribute| *attribute as usize);
    attributes.dedup();
    list.extend(attributes.into_iter().map(|attribute| {
        let column = match (attribute, score) {
            (Attribute::MetricName, Some(score)) => Some(literal(score)),
            _ => relation.text(attribute.name()),
        };
        (Slot::Attribute(attribute), column)
    }));
    let label = needs.label.as_deref().and_then(|label| relation.text(label));
    list.push((Slot::Attribute(Attribute::Label), label));
    let found = list.into_iter().filter_map(|(slot, column)| Some((slot, column?)));
    let (slots, columns): (Vec<Slot>, Vec<String>) = found.unzip();
    // A SELECT wants a column, also when only rows are counted.
    let columns = if columns.is_empty() {
        "true".to_owned()
    } else {
        columns.join(", ")
    };
    (slots, columns)
}

impl Builder {
    /// Takes the rows of a batch.
    fn push(&mut self, batch: &RecordBatch, slots: &[Slot], labels: &[String]) -> Result<()> {
        for (slot, array) in slots.iter().zip(batch.columns()) {
            match slot {
                Slot::Score => push_numbers(self.scores.get_or_insert_default(), array)?,
                Slot::Latency => push_numbers(self.latencies.get_or_insert_default(), array)?,
                Slot::Time => push_times(self.micros.get_or_insert_default(), array)?,
                Slot::RecordTime => push_times(self.record_micros.get_or_insert_default(), array)?,
                Slot::Record => push_texts(self.records.get_or_insert_default(), array, Some)?,
                Slot::Attribute(attribute) => {
                    let encoder = self.attributes[*attribute as usize].get_or_insert_default();
                    if *attribute == Attribute::Label {
                        let known = |text: &str| labels.binary_search_by(|label| label.as_str().cmp(text)).is_ok();
                        push_texts(encoder, array, |text| {
                            Some(if known(text) { text } else { OTHER_LABEL })
                        })?;
                    } else {
                        push_texts(encoder, array, Some)?;
                    }
                }
            }
        }
        self.rows += batch.num_rows();
        if u32::try_from(self.rows).is_err() {
            return Err(
                Error::new(ErrorKind::Store, "the relation has too many rows for this question").during(OPERATION),
            );
        }
        Ok(())
    }
}

fn push_numbers(numbers: &mut Vec<f64>, array: &ArrayRef) -> Result<()> {
    let array = array.as_primitive_opt::<Float64Type>().ok_or_else(unexpected)?;
    // What is not finite is no number.
    numbers.extend(
        array
            .iter()
            .map(|value| value.filter(|value| value.is_finite()).unwrap_or(f64::NAN)),
    );
    Ok(())
}

fn push_times(micros: &mut Vec<i64>, array: &ArrayRef) -> Result<()> {
    if !matches!(array.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)) {
        return Err(unexpected());
    }
    let array = array.as_primitive::<TimestampMicrosecondType>();
    micros.extend(array.iter().map(|value| value.unwrap_or(NO_TIME)));
    Ok(())
}

fn push_texts<'a>(
    encoder: &mut Encoder,
    array: &'a ArrayRef,
    shown: impl Fn(&'a str) -> Option<&'a str>,
) -> Result<()> {
    let array = array.as_string_opt::<i32>().ok_or_else(unexpected)?;
    array.iter().for_each(|text| encoder.push(text.and_then(&shown)));
    Ok(())
}

fn unexpected() -> Error {
    Error::new(ErrorKind::Internal, "a column has another type than was asked for").during(OPERATION)
}
