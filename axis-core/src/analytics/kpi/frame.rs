//! The rows of the relation in memory: 16 bytes each, sorted, once a generation.
//!
//! Rows that agree in everything that is filtered or grouped by share one [`Key`]; within a key they are sorted by time. A
//! filter then looks at keys, a time range is a binary search, and sums do not depend on the order in which DuckDB returns rows.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use arrow::array::{Array, AsArray, StringArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use chrono::DateTime;
use duckdb::Connection;

use crate::config::DatasetKind;
use crate::dataset::{Dataset, lock};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::columns_of;
use crate::source::ident::ident;
use crate::store::{Limits, Reason, fault};
use crate::sync;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// The columns that a key is made of.
const KEY_COLUMNS: [&str; 6] = [
    "kpi_name",
    "kpi_category",
    "source_name",
    "environment",
    "source_type",
    "segment",
];
const TIME: &str = "created_at";
const VALUE: &str = "numeric_value";

/// What rows have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([Option<Arc<str>>; KEY_COLUMNS.len()]);

impl Key {
    pub(super) fn kpi(&self) -> Option<&str> {
        self.0[0].as_deref()
    }

    pub(super) fn category(&self) -> Option<&str> {
        self.0[1].as_deref()
    }

    pub(super) fn source(&self) -> Option<&str> {
        self.0[2].as_deref()
    }

    pub(super) fn environment(&self) -> Option<&str> {
        self.0[3].as_deref()
    }

    pub(super) fn source_type(&self) -> Option<&str> {
        self.0[4].as_deref()
    }

    pub(super) fn segment(&self) -> Option<&str> {
        self.0[5].as_deref()
    }
}

/// A key and where its rows are.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    rows: Range<usize>,
}

/// What a relation holds at one generation.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// Sorted by key. An entry may have no rows: its values are no numbers, but can be filtered by.
    entries: Vec<Entry>,
    /// Microseconds since 1970 UTC.
    times: Vec<i64>,
    values: Vec<f64>,
    /// Required columns that the relation does not have.
    missing: Vec<&'static str>,
}

impl Frame {
    /// Returns the frame of the newest generation; `None` when the dataset was never synced.
    pub(super) async fn of(dataset: &Dataset) -> Result<Option<Arc<Self>>> {
        dataset.check_readable()?;
        let generation = dataset.status().generation;
        let Some(relation) = dataset.relation().map(str::to_owned).filter(|_| generation > 0) else {
            return Ok(None);
        };
        let cache = &dataset.engine().kpi;
        if let Some(frame) = cache.get(dataset.name(), generation) {
            return Ok(Some(frame));
        }
        // One request loads; the others wait for it.
        let _turn = cache.turn.lock().await;
        if let Some(frame) = cache.get(dataset.name(), generation) {
            return Ok(Some(frame));
        }
        let epoch = lock(&cache.slot).epoch;
        let store = dataset.engine().readable().await?;
        let loaded = store
            .pool
            .read(Limits::default(), move |connection, reason| {
                load(connection, reason, &relation)
            })
            .await?;
        let frame = loaded.map(Arc::new);
        let mut slot = lock(&cache.slot);
        if let (Some(frame), true) = (&frame, slot.epoch == epoch) {
            slot.kept = Some((dataset.name().to_owned(), generation, Arc::clone(frame)));
        }
        Ok(frame)
    }

    /// Fails when a required column is missing.
    pub(super) fn check(&self) -> Result<()> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Config, sync::lacks(&self.missing)).during("kpi"))
    }

    /// Lists the keys, ascending.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns times and values of an entry's rows from `first` to `last`, both inclusive.
    pub(super) fn rows(&self, entry: &Entry, first: i64, last: i64) -> impl Iterator<Item = (i64, f64)> {
        let times = &self.times[entry.rows.clone()];
        let values = &self.values[entry.rows.clone()];
        let from = times.partition_point(|time| *time < first);
        let to = times.partition_point(|time| *time <= last).max(from);
        times[from..to].iter().copied().zip(values[from..to].iter().copied())
    }
}

/// The frame of the newest generation that anybody has asked for.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    slot: Mutex<Slot>,
    /// Whoever loads holds it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Dataset, generation and frame.
    kept: Option<(String, u64, Arc<Frame>)>,
    /// Counts how often everything was forgotten, so that what was being loaded then is not kept.
    epoch: u64,
}

impl Cache {
    /// Forgets everything: generations of another store say nothing about this one.
    pub(crate) fn forget(&self) {
        let mut slot = lock(&self.slot);
        slot.kept = None;
        slot.epoch += 1;
    }

    fn get(&self, dataset: &str, generation: u64) -> Option<Arc<Frame>> {
        let slot = lock(&self.slot);
        let (name, kept, frame) = slot.kept.as_ref()?;
        (name == dataset && *kept == generation).then(|| Arc::clone(frame))
    }
}

/// Reads the relation; `None` when it does not exist.
fn load(connection: &Connection, reason: &Reason, relation: &str) -> Result<Option<Frame>> {
    let columns = columns_of(connection, relation)?;
    if columns.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = columns.iter().map(|column| column.column_name.as_str()).collect();
    let missing = sync::missing(DatasetKind::Kpi, &names);
    if !missing.is_empty() {
        return Ok(Some(Frame {
            missing,
            ..Frame::default()
        }));
    }
    let find = |wanted: &str| {
        let found = columns
            .iter()
            .find(|column| column.column_name.eq_ignore_ascii_case(wanted));
        found.map(|column| ident(&column.column_name))
    };
    let texts = KEY_COLUMNS
        .map(|name| find(name).map_or_else(|| "null::varchar".to_owned(), |name| format!("{name}::varchar")));
    let (time, value) = (ident(TIME), ident(VALUE));
    let sql = format!(
        "select {}, try_cast({time} as timestamptz), try_cast({value} as double) from {}",
        texts.join(", "),
        ident(relation)
    );
    let fault = fault::store("kpi");
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    drop(statement.stream_arrow([]).map_err(&fault)?);
    let mut rows = Rows::default();
    while let Some(part) = statement.step().map_err(&fault)? {
        reason.check()?;
        rows.add(&RecordBatch::from(&part));
    }
    Ok(Some(rows.finish()))
}

/// Rows as they arrive.
#[derive(Default)]
struct Rows {
    /// The texts of each key column; a code is the position, from 1, and 0 is NULL.
    texts: [Dictionary; KEY_COLUMNS.len()],
    keys: HashMap<[u32; KEY_COLUMNS.len()], u32>,
    /// Key, time and value.
    rows: Vec<(u32, i64, f64)>,
}

#[derive(Default)]
struct Dictionary {
    codes: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    /// The code of the row before, which is often that of the next.
    last: u32,
}

impl Dictionary {
    fn code(&mut self, column: &StringArray, row: usize) -> u32 {
        if column.is_null(row) {
            return 0;
        }
        let text = column.value(row);
        if self.text(self.last).is_some_and(|last| &**last == text) {
            return self.last;
        }
        self.last = match self.codes.get(text) {
            Some(code) => *code,
            None => {
                let text: Arc<str> = Arc::from(text);
                self.texts.push(Arc::clone(&text));
                let code = count(self.texts.len());
                self.codes.insert(text, code);
                code
            }
        };
        self.last
    }

    fn text(&self, code: u32) -> Option<&Arc<str>> {
        self.texts.get((code as usize).checked_sub(1)?)
    }
}

/// There are fewer rows than that in any memory.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Rows {
    fn add(&mut self, batch: &RecordBatch) {
        let texts: Vec<&StringArray> = (0..KEY_COLUMNS.len()).map(|at| batch.column(at).as_string()).collect();
        let times = batch
            .column(KEY_COLUMNS.len())
            .as_primitive::<TimestampMicrosecondType>();
        let values = batch.column(KEY_COLUMNS.len() + 1).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let mut codes = [0; KEY_COLUMNS.len()];
            for ((code, dictionary), column) in codes.iter_mut().zip(&mut self.texts).zip(&texts) {
                *code = dictionary.code(column, row);
            }
            let next = count(self.keys.len());
            let key = *self.keys.entry(codes).or_insert(next);
            // A time that no calendar has, such as infinity, belongs to no day.
            let time = times.is_valid(row).then(|| times.value(row));
            let time = time.filter(|time| DateTime::from_timestamp_micros(*time).is_some());
            let value = values
                .is_valid(row)
                .then(|| values.value(row))
                .filter(|value| value.is_finite());
            if let (Some(time), Some(value)) = (time, value) {
                self.rows.push((key, time, value));
            }
        }
    }

    fn finish(self) -> Frame {
        let mut keys: Vec<(Key, u32)> = self
            .keys
            .into_iter()
            .map(|(codes, number)| {
                let mut texts = codes
                    .iter()
                    .zip(&self.texts)
                    .map(|(code, texts)| texts.text(*code).cloned());
                (Key(std::array::from_fn(|_| texts.next().flatten())), number)
            })
            .collect();
        keys.sort();
        let mut place = vec![0_u32; keys.len()];
        for (at, (_, number)) in keys.iter().enumerate() {
            place[*number as usize] = count(at);
        }
        let mut rows = self.rows;
        rows.iter_mut().for_each(|row| row.0 = place[row.0 as usize]);
        rows.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then(a.2.total_cmp(&b.2)));
        let mut begin = 0;
        let entries = keys.into_iter().enumerate().map(|(at, (key, _))| {
            let end = begin + rows[begin..].partition_point(|row| row.0 as usize <= at);
            let entry = Entry { key, rows: begin..end };
            begin = end;
            entry
        });
        Frame {
            entries: entries.collect(),
            times: rows.iter().map(|row| row.1).collect(),
            values: rows.iter().map(|row| row.2).collect(),
            missing: Vec::new(),
        }
    }
}

/// Returns the day of a time, counted from 1970.
pub(super) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY)
}

/// Returns when a day begins, or the nearest time there is.
pub(super) fn begin_of(day: i64) -> i64 {
    day.saturating_mul(DAY)
}

/// Writes a day as `YYYY-MM-DD`.
pub(super) fn date_of(day: i64) -> String {
    let time = DateTime::from_timestamp_micros(begin_of(day)).unwrap_or_default();
    time.format("%Y-%m-%d").to_string()
}
