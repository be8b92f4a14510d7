//! The narrow columns of a relation in memory, as they were at one generation.
//!
//! Texts are dictionary codes, timestamps have the code of their hour, and **rows lie in the order of their scores**, those
//! without one last; a list of row numbers has them in the order of their latencies. So an exact quantile of any selection in any
//! groups is one pass that counts until it reaches the place (`rank`), without sorting or collecting anything. A condition
//! is looked up once for each code, then once for each row (`select`).
//!
//! [`narrowed`] gives the frame of a dataset, made at the first call after a change and shared by everybody; a relation that is too
//! large for that is loaded for each request, with the rows and columns that the request needs.

mod bounds;
mod cache;
pub(crate) mod codes;
mod group;
mod load;
mod rank;
mod relation;
mod select;
mod times;

use std::sync::Arc;

pub(crate) use bounds::PageBounds;
pub(crate) use cache::{Frames, compute, narrowed, ready, relation_of, renew};
use codes::{Coded, Encoder, NULL};
pub(crate) use group::{Groups, Key, NONE, Tally};
use load::Slot;
pub(crate) use load::{Needs, OTHER_LABEL};
pub(crate) use rank::{Places, quantile_of};
pub(crate) use relation::{Relation, Shape};
pub(crate) use select::{Conditions, Selection};
pub use times::Granularity;
pub(crate) use times::{Times, text as time_text};

/// A column of text that rows are selected and grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Attribute {
    Environment,
    SourceName,
    SourceComponent,
    SourceType,
    MetricName,
    MetricCategory,
    EvaluationName,
    ModelName,
    /// The text of a classification; only frames of classifications have it.
    Label,
}

impl Attribute {
    /// Those that are columns of a relation, by their own name.
    pub(crate) const COLUMNS: [Self; 8] = [
        Self::Environment,
        Self::SourceName,
        Self::SourceComponent,
        Self::SourceType,
        Self::MetricName,
        Self::MetricCategory,
        Self::EvaluationName,
        Self::ModelName,
    ];

    /// Returns the name of the column.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::SourceName => "source_name",
            Self::SourceComponent => "source_component",
            Self::SourceType => "source_type",
            Self::MetricName => "metric_name",
            Self::MetricCategory => "metric_category",
            Self::EvaluationName => "evaluation_name",
            Self::ModelName => "model_name",
            Self::Label => "label",
        }
    }
}

/// The columns in memory.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The dataset's generation that they are of.
    pub(crate) generation: u64,
    /// All rows; of a wide relation each once for every score column.
    pub(crate) rows: usize,
    /// The scores, ascending: row `n` has `scores[n]`, and rows from here on have none.
    pub(crate) scores: Vec<f64>,
    /// The latencies.
    pub(crate) latencies: Option<Latencies>,
    /// `timestamp`.
    pub(crate) times: Option<Times>,
    /// `dataset_timestamp`, by the hour only.
    pub(crate) record_times: Option<Times>,
    /// `dataset_id`: a code a row, NULL's is 0.
    pub(crate) records: Option<Records>,
    /// The relation, as it was then.
    pub(crate) relation: Relation,
    /// How scores are laid out in it.
    pub(crate) shape: Shape,
    attributes: [Option<Coded>; 9],
    /// The texts of the records, read when somebody searches; `None` inside when they cannot be searched.
    pub(crate) texts: tokio::sync::OnceCell<Option<crate::query::Texts>>,
    by_record: std::sync::OnceLock<ByRecord>,
}

/// The latencies of all rows that have one.
#[derive(Debug)]
pub(crate) struct Latencies {
    /// Ascending.
    pub(crate) values: Vec<f64>,
    /// The row of each.
    pub(crate) rows: Vec<u32>,
}

/// Which record each row belongs to.
#[derive(Debug)]
pub(crate) struct Records {
    /// The record of each row.
    pub(crate) codes: Vec<u32>,
    /// Codes, NULL's among them.
    pub(crate) cardinality: usize,
    /// The `dataset_id` behind each code, from 1 on.
    pub(crate) names: Vec<Arc<str>>,
}

/// The rows with a score in the order of their records.
#[derive(Debug)]
pub(crate) struct ByRecord {
    /// Row numbers, those of one record together.
    pub(crate) rows: Vec<u32>,
    /// The record of each of them.
    pub(crate) records: Vec<u32>,
    /// The score of each of them.
    pub(crate) scores: Vec<f64>,
    /// The code of the metric of each of them.
    pub(crate) metrics: Vec<u32>,
}

impl Frame {
    /// Returns a column of text, if the relation has it.
    pub(crate) fn attribute(&self, attribute: Attribute) -> Option<&Coded> {
        self.attributes[attribute as usize].as_ref()
    }

    /// Returns the number of rows with a score.
    pub(crate) fn scored(&self) -> usize {
        self.scores.len()
    }

    /// Returns the rows with a score in the order of their records; those without a `dataset_id` are left out.
    pub(crate) fn by_record(&self) -> Option<&ByRecord> {
        let records = self.records.as_ref()?;
        Some(self.by_record.get_or_init(|| {
            let codes = &records.codes[..self.scored()];
            // Counting sort: where the rows of each record begin, then every row to its place.
            let mut next = vec![0_u32; records.cardinality + 1];
            codes.iter().for_each(|code| next[*code as usize + 1] += 1);
            for code in 1..next.len() {
                next[code] += next[code - 1];
            }
            let nameless = next[1] as usize;
            let mut rows = vec![0; codes.len()];
            let mut sorted = vec![0; codes.len()];
            for (row, code) in codes.iter().enumerate() {
                let place = &mut next[*code as usize];
                rows[*place as usize] = row as u32;
                sorted[*place as usize] = *code;
                *place += 1;
            }
            rows.drain(..nameless);
            sorted.drain(..nameless);
            let metrics = self.attribute(Attribute::MetricName);
            let metric = |row: &u32| metrics.map_or(NULL, |metrics| metrics.codes.get(*row as usize));
            ByRecord {
                scores: rows.iter().map(|row| self.scores[*row as usize]).collect(),
                metrics: rows.iter().map(metric).collect(),
                records: sorted,
                rows,
            }
        }))
    }

    /// Adds what leaves each row of the relation once: one of a wide relation is there for every score column.
    pub(crate) fn once(&self, conditions: &mut Conditions) {
        if let Some(first) = self.shape.score_columns().and_then(<[String]>::first) {
            conditions.metrics = Some(vec![first.clone()]);
        }
    }
}

/// Takes rows as they come, and makes a frame of them.
#[derive(Debug, Default)]
pub(super) struct Builder {
    instant: bool,
    scores: Option<Vec<f64>>,
    latencies: Option<Vec<f64>>,
    micros: Option<Vec<i64>>,
    record_micros: Option<Vec<i64>>,
    records: Option<Encoder>,
    attributes: [Option<Encoder>; 9],
    rows: usize,
}

impl Builder {
    /// Begins with no rows, and with the columns that will come.
    fn new(relation: &Relation, slots: &[Slot]) -> Self {
        let mut builder = Self {
            instant: relation.time().is_some_and(|(_, instant)| instant),
            ..Self::default()
        };
        for slot in slots {
            match slot {
                Slot::Score => builder.scores = Some(Vec::new()),
                Slot::Latency => builder.latencies = Some(Vec::new()),
                Slot::Time => builder.micros = Some(Vec::new()),
                Slot::RecordTime => builder.record_micros = Some(Vec::new()),
                Slot::Record => builder.records = Some(Encoder::default()),
                Slot::Attribute(attribute) => builder.attributes[*attribute as usize] = Some(Encoder::default()),
            }
        }
        builder
    }

    /// Orders everything.
    fn finish(self, relation: &Relation, generation: u64) -> Frame {
        let scores = self.scores.unwrap_or_default();
        let (order, latencies) = std::thread::scope(|scope| {
            // The two sorts take about as long as each other.
            let latencies = self.latencies.map(|values| scope.spawn(move || ascending(&values)));
            let order = order(&scores, self.rows);
            (order, latencies.and_then(|sorting| sorting.join().ok()))
        });
        let scored = scores.iter().filter(|score| !score.is_nan()).count();
        let times = self.micros.map(|micros| Times::arrange(&micros, &order, self.instant));
        let latencies = latencies.map(|(values, rows)| {
            let mut place = vec![0; self.rows];
            for (at, row) in order.iter().enumerate() {
                place[*row as usize] = at as u32;
            }
            Latencies {
                values,
                rows: rows.into_iter().map(|row| place[row as usize]).collect(),
            }
        });
        let records = self.records.map(|records| Records {
            cardinality: records.cardinality(),
            codes: order.iter().map(|row| records.codes[*row as usize]).collect(),
            names: records.into_values(),
        });
        Frame {
            generation,
            rows: self.rows,
            scores: order[..scored].iter().map(|row| scores[*row as usize]).collect(),
            latencies,
            times,
            record_times: self.record_micros.map(|micros| Times::hours(&micros, &order)),
            records,
            shape: relation.shape(),
            relation: relation.clone(),
            attributes: self
                .attributes
                .map(|encoder| encoder.map(|encoder| encoder.finish(&order))),
            texts: tokio::sync::OnceCell::new(),
            by_record: std::sync::OnceLock::new(),
        }
    }
}

/// Row numbers in the order of their scores, those without one (NaN) last; without scores as they came.
fn order(scores: &[f64], rows: usize) -> Vec<u32> {
    if scores.is_empty() {
        return (0..rows as u32).collect();
    }
    let mut keys: Vec<(u64, u32)> = (0..).zip(scores).map(|(row, score)| (sort_key(*score), row)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, row)| row).collect()
}

/// The values that there are, ascending, and their row numbers.
fn ascending(values: &[f64]) -> (Vec<f64>, Vec<u32>) {
    let present = (0..).zip(values).filter(|(_, value)| !value.is_nan());
    let mut keys: Vec<(u64, u32)> = present.map(|(row, value)| (sort_key(*value), row)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, row)| (values[row as usize], row)).unzip()
}

/// A number that is ordered as the float is, with NaN last.
fn sort_key(value: f64) -> u64 {
    let bits = value.to_bits();
    if value.is_nan() {
        u64::MAX
    } else if bits >> 63 == 1 {
        !bits
    } else {
        bits | 1 << 63
    }
}

/// A frame that is shared.
pub(crate) type Shared = Arc<Frame>;
