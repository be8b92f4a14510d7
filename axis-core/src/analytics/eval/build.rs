//! Makes a frame of columns, wherever they come from.

use std::collections::{BTreeMap, HashMap};

use super::frame::{Frame, GROUPS_MAX, Labels, NONE, RowSource, Series};
use crate::error::{Error, ErrorKind, Result};
use crate::uploads::{Column, Table};

/// Columns that describe a record, and are no metrics although they may hold numbers.
const NO_METRICS: [&str; 5] = [
    "dataset_id",
    "query",
    "actual_output",
    "evaluation_name",
    "evaluation_metadata",
];
/// Columns by which records of long rows differ, as far as they are there.
const KEYS: [&str; 4] = ["dataset_id", "evaluation_name", "run_id", "model_name"];
/// Columns of long rows that say something of one metric, and nothing of the record.
const OF_METRIC: [&str; 13] = [
    "metric_id",
    "metric_name",
    "metric_score",
    "metric_type",
    "metric_category",
    "parent",
    "weight",
    "threshold",
    "passed",
    "explanation",
    "critique",
    "signals",
    "metric_metadata",
];
/// The most metrics of one frame.
const METRICS_MAX: usize = 10_000;

/// The values of one column.
#[derive(Debug)]
pub(super) enum Values {
    /// Numbers; NaN is none.
    Numbers(Vec<f64>),
    /// Texts.
    Words(Words),
}

/// Texts, each kept once.
#[derive(Debug, Default)]
pub(super) struct Words {
    codes: Vec<u32>,
    words: Vec<Box<str>>,
    known: HashMap<Box<str>, u32>,
    /// The most words that are kept; none when the column tells records or metrics apart.
    cap: Option<usize>,
    /// What came last comes again more often than not.
    last: u32,
}

impl Words {
    /// Begins a column. Of one that nobody can group by because it has too many words, they are not kept.
    pub(super) fn of_column(name: &str) -> Self {
        let keeps_all = KEYS.contains(&name) || name == "metric_name";
        Self {
            cap: (!keeps_all).then_some(GROUPS_MAX + 1),
            last: NONE,
            ..Self::default()
        }
    }

    pub(super) fn push(&mut self, text: Option<&str>) {
        let code = match text {
            None => NONE,
            Some(text) if self.words.get(self.last as usize).is_some_and(|last| **last == *text) => self.last,
            Some(text) => self.code(text),
        };
        if code != NONE {
            self.last = code;
        }
        self.codes.push(code);
    }

    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.known.get(text) {
            return *code;
        }
        if self.cap.is_some_and(|cap| self.words.len() >= cap) {
            return NONE;
        }
        let code = u32::try_from(self.words.len()).unwrap_or(NONE);
        self.words.push(text.into());
        self.known.insert(text.into(), code);
        code
    }

    fn labels(self, name: String) -> Labels {
        Labels {
            name,
            many: self.cap.is_some_and(|cap| self.words.len() >= cap),
            codes: self.codes,
            words: self.words,
        }
    }
}

/// Takes the rows of a table.
pub(super) fn of_table(table: &Table) -> Result<Frame> {
    let is_long = is_long(table.columns().iter().map(|column| column.name.as_str()));
    let values = |column: &Column| {
        if column.is_numeric() || (is_long && column.name == "metric_score") {
            let numbers = column.cells.iter().map(|cell| cell.number().unwrap_or(f64::NAN));
            return Values::Numbers(numbers.collect());
        }
        let mut words = Words::of_column(&column.name);
        for cell in &column.cells {
            words.push(cell.label().as_deref());
        }
        Values::Words(words)
    };
    let columns = table
        .columns()
        .iter()
        .map(|column| (column.name.clone(), values(column)));
    frame(columns.collect(), table.rows(), RowSource::Body)
}

/// Tells whether rows have one metric each.
fn is_long<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    names
        .filter(|name| matches!(*name, "metric_name" | "metric_score"))
        .count()
        == 2
}

/// Makes a frame of columns of one length.
pub(super) fn frame(columns: Vec<(String, Values)>, rows: usize, source: RowSource) -> Result<Frame> {
    if u32::try_from(rows).is_err() {
        return Err(too_much("there are more rows than can be numbered".to_owned()));
    }
    let mut frame = if is_long(columns.iter().map(|(name, _)| name.as_str())) {
        long(columns, rows)?
    } else {
        wide(columns, rows)
    };
    if frame.metrics.len() > METRICS_MAX {
        return Err(too_much(format!("there are more than {METRICS_MAX} metrics")));
    }
    frame.source = source;
    frame.rows = rows as u64;
    Ok(frame)
}

fn wide(columns: Vec<(String, Values)>, rows: usize) -> Frame {
    let mut frame = Frame {
        records: rows,
        ..Frame::default()
    };
    for (name, values) in columns {
        match values {
            Values::Numbers(numbers) => {
                let is_metric = !NO_METRICS.contains(&name.as_str());
                let series = present(name, numbers.into_iter().zip(0..));
                if is_metric && !series.values.is_empty() {
                    frame.metrics.push(series);
                } else {
                    frame.numbers.push(series);
                }
            }
            Values::Words(words) => frame.labels.push(words.labels(name)),
        }
    }
    frame
}

fn long(columns: Vec<(String, Values)>, rows: usize) -> Result<Frame> {
    let record_of = records(&columns, rows);
    let records = record_of.iter().max().map_or(0, |last| *last as usize + 1);
    let mut frame = Frame {
        records,
        ..Frame::default()
    };
    let (mut names, mut scores, mut categories) = (None, None, None);
    for (name, values) in columns {
        match name.as_str() {
            "metric_name" => names = Some(values),
            "metric_score" => scores = Some(values),
            "metric_category" => categories = Some(values),
            other if OF_METRIC.contains(&other) => {}
            _ => match values {
                Values::Numbers(numbers) => {
                    let mut first: BTreeMap<u32, f64> = BTreeMap::new();
                    for (record, value) in record_of.iter().zip(numbers).filter(|(_, value)| value.is_finite()) {
                        first.entry(*record).or_insert(value);
                    }
                    frame
                        .numbers
                        .push(present(name, first.into_iter().map(|(record, value)| (value, record))));
                }
                Values::Words(words) => {
                    let mut labels = words.labels(name);
                    let mut first = vec![NONE; records];
                    for (record, code) in record_of.iter().zip(&labels.codes) {
                        let first = &mut first[*record as usize];
                        if *first == NONE {
                            *first = *code;
                        }
                    }
                    labels.codes = first;
                    frame.labels.push(labels);
                }
            },
        }
    }
    if let (Some(names), Some(Values::Numbers(scores))) = (names, scores) {
        frame.metrics = metrics(words_of(names), &scores, categories.map(words_of).as_ref(), &record_of)?;
    }
    Ok(frame)
}

/// Collects the scores of each metric by record.
fn metrics(names: Words, scores: &[f64], categories: Option<&Words>, record_of: &[u32]) -> Result<Vec<Series>> {
    if names.words.len() > METRICS_MAX {
        return Err(too_much(format!("there are more than {METRICS_MAX} metrics")));
    }
    let mut pairs: Vec<Vec<(u32, f64)>> = vec![Vec::new(); names.words.len()];
    let mut seen: Vec<Vec<u32>> = vec![Vec::new(); names.words.len()];
    for (row, code) in names.codes.iter().enumerate() {
        let (code, score) = (*code as usize, scores[row]);
        if code == NONE as usize || !score.is_finite() {
            continue;
        }
        pairs[code].push((record_of[row], score));
        let category = categories.map_or(NONE, |categories| categories.codes[row]);
        if !seen[code].contains(&category) {
            seen[code].push(category);
        }
    }
    let word = |code: &u32| {
        categories
            .and_then(|words| words.words.get(*code as usize))
            .map(|word| word.to_uppercase())
    };
    let all = names.words.into_iter().zip(pairs).zip(seen);
    let mut metrics: Vec<Series> = all
        .filter(|((_, pairs), _)| !pairs.is_empty())
        .map(|((name, pairs), seen)| {
            let mut series = present(name.into(), means(pairs).into_iter());
            series.categories = seen.iter().map(word).collect();
            series
        })
        .collect();
    metrics.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(metrics)
}

/// Brings the scores of one record together, and the records in order.
fn means(mut pairs: Vec<(u32, f64)>) -> Vec<(f64, u32)> {
    if !pairs.is_sorted_by_key(|pair| pair.0) {
        // The order of the scores of one record stays.
        pairs.sort_by_key(|pair| pair.0);
    }
    let of_one_record = pairs.chunk_by(|a, b| a.0 == b.0);
    of_one_record
        .map(|scores| {
            (
                super::stats::moments(scores.iter().map(|pair| pair.1)).mean,
                scores[0].0,
            )
        })
        .collect()
}

/// Numbers the records: rows that are equal in the columns that tell records apart are one. Missing values are equal.
fn records(columns: &[(String, Values)], rows: usize) -> Vec<u32> {
    let keys: Vec<&Values> = KEYS
        .iter()
        .filter_map(|key| columns.iter().find(|(name, _)| name == key))
        .map(|(_, values)| values)
        .collect();
    let mut record_of: Option<Vec<u32>> = None;
    for key in keys {
        let mut numbered: HashMap<(u32, u64), u32> = HashMap::new();
        let next = (0..rows).map(|row| {
            let before = record_of.as_ref().map_or(0, |record_of| record_of[row]);
            let value = match key {
                Values::Words(words) => u64::from(words.codes[row]),
                Values::Numbers(numbers) => numbers[row].to_bits(),
            };
            let free = u32::try_from(numbered.len()).unwrap_or(NONE);
            *numbered.entry((before, value)).or_insert(free)
        });
        record_of = Some(next.collect());
    }
    // Nothing tells rows apart: each is a record of its own.
    record_of.unwrap_or_else(|| (0..u32::try_from(rows).unwrap_or(NONE)).collect())
}

fn present(name: String, values: impl Iterator<Item = (f64, u32)>) -> Series {
    let (values, records) = values.filter(|(value, _)| value.is_finite()).unzip();
    Series {
        name,
        records,
        values,
        categories: vec![None],
    }
}

/// Takes texts; numbers are no names.
fn words_of(values: Values) -> Words {
    match values {
        Values::Words(words) => words,
        Values::Numbers(numbers) => {
            let mut words = Words::of_column("metric_name");
            for number in numbers {
                words.push(number.is_finite().then(|| number.to_string()).as_deref());
            }
            words
        }
    }
}

fn too_much(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval")
}
