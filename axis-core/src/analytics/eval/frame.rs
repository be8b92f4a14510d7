//! The numbers of evaluations by record, and what records can be grouped by.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Serialize;

use super::build;
use crate::error::{Error, ErrorKind, Result};
use crate::uploads::{Cell, Table};

/// The most groups that one answer has.
pub(super) const GROUPS_MAX: usize = 1_000;
/// The most columns that an error lists.
const LISTED: usize = 30;

/// Where rows came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum RowSource {
    /// The body of the request.
    #[default]
    Body,
    /// The store.
    Store,
}

/// Which metrics are asked about; all by default.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct MetricFilter {
    /// Names, in the order of the answer; one may hold several, separated by commas. Names that do not exist are left out.
    pub metrics: Vec<String>,
    /// `metric_category`, without regard to case; SCORE includes metrics without a category.
    pub category: Option<String>,
}

impl MetricFilter {
    /// Asks for these metrics.
    #[must_use]
    pub fn metrics(mut self, metrics: Vec<String>) -> Self {
        self.metrics = metrics;
        self
    }

    /// Asks for the metrics of this category.
    #[must_use]
    pub fn category(mut self, category: Option<String>) -> Self {
        self.category = category;
        self
    }
}

/// Evaluations by record: the values of each metric, and the columns by which records are grouped.
///
/// A metric of wide rows is a column with numbers and nothing else, apart from the columns that describe a record; metrics
/// are in the order of the columns. A metric of long rows is a `metric_name` with at least one number, in ascending order; several
/// scores of one record are their mean, and a label in the place of a score is none. Records of long rows differ in
/// `dataset_id`, `evaluation_name`, `run_id` or `model_name`, as far as these are there.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    pub(super) source: RowSource,
    pub(super) rows: u64,
    pub(super) records: usize,
    pub(super) metrics: Vec<Series>,
    /// Columns with numbers that are no metrics, and can be asked for by name.
    pub(super) numbers: Vec<Series>,
    pub(super) labels: Vec<Labels>,
}

/// The values that records have, in the order of the records.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) records: Vec<u32>,
    pub(super) values: Vec<f64>,
    /// The categories of its rows in capitals; `None` is a row without one.
    pub(super) categories: Vec<Option<String>>,
}

/// A text for each record, or [`NONE`].
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    pub(super) name: String,
    pub(super) codes: Vec<u32>,
    pub(super) words: Vec<Box<str>>,
    /// Whether it has more words than can be grouped by; then only ids are kept.
    pub(super) many: bool,
}

/// The code of a record without a text.
pub(super) const NONE: u32 = u32::MAX;

/// Records in groups, in the order of the groups' names.
#[derive(Debug)]
pub(super) struct Groups {
    pub(super) names: Vec<String>,
    /// The group of each record, or [`NONE`].
    pub(super) of: Vec<u32>,
}

impl Frame {
    /// Takes rows that somebody has sent.
    ///
    /// # Errors
    /// `InvalidArgument` when there are more metrics than can be answered.
    pub fn of_rows(table: &Table) -> Result<Self> {
        build::of_table(table)
    }

    /// Returns the number of records.
    #[must_use]
    pub fn records(&self) -> usize {
        self.records
    }

    /// Returns the names of the metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|metric| metric.name.as_str())
    }

    /// Finds the metrics that are asked about.
    ///
    /// # Errors
    /// `InvalidArgument` when some are named and none of them exists.
    pub(super) fn select(&self, filter: &MetricFilter) -> Result<Vec<&Series>> {
        let category = filter.category.as_deref().map(str::to_uppercase);
        let fits = |metric: &&Series| category.as_deref().is_none_or(|category| metric.is_of(category));
        if filter.metrics.is_empty() {
            return Ok(self.metrics.iter().filter(fits).collect());
        }
        let mut seen = HashSet::new();
        let named = filter.metrics.iter().flat_map(|name| match self.series(name) {
            Some(series) => vec![series],
            None => name.split(',').filter_map(|part| self.series(part.trim())).collect(),
        });
        let found: Vec<&Series> = named.filter(fits).filter(|series| seen.insert(&series.name)).collect();
        if found.is_empty() {
            return Err(self.unknown("metric", &filter.metrics.join(", "), self.metrics()));
        }
        Ok(found)
    }

    /// Finds a metric, or another column with numbers.
    ///
    /// # Errors
    /// `InvalidArgument` when there is none of this name.
    pub(super) fn metric(&self, name: &str) -> Result<&Series> {
        self.series(name)
            .ok_or_else(|| self.unknown("metric", name, self.metrics()))
    }

    fn series(&self, name: &str) -> Option<&Series> {
        self.metrics
            .iter()
            .chain(&self.numbers)
            .find(|series| series.name == name)
    }

    /// Brings records together by a column. Records without a value are in no group.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such column, or it has too many values.
    pub(super) fn groups(&self, name: &str) -> Result<Groups> {
        if let Some(labels) = self.labels.iter().find(|labels| labels.name == name) {
            return labels.groups();
        }
        if let Some(series) = self.series(name) {
            return series.groups(self.records);
        }
        let labels = self.labels.iter().filter(|labels| !labels.many);
        Err(self.unknown("column", name, labels.map(|labels| labels.name.as_str())))
    }

    /// Returns the value of a column for each of these records: text, number or nothing.
    ///
    /// # Errors
    /// As [`groups`](Self::groups).
    pub(super) fn cells(&self, name: &str, records: &[u32]) -> Result<Vec<Cell>> {
        if let Some(series) = self.series(name) {
            return Ok(series.cells(records));
        }
        let groups = self.groups(name)?;
        let cell = |record: &u32| match groups.of[*record as usize] {
            NONE => Cell::Null,
            group => Cell::text(groups.names[group as usize].as_str()),
        };
        Ok(records.iter().map(cell).collect())
    }

    /// Returns the `dataset_id` of each of these records, when there is that column.
    pub(super) fn ids(&self, records: &[u32]) -> Option<Vec<Cell>> {
        const ID: &str = "dataset_id";
        if let Some(labels) = self.labels.iter().find(|labels| labels.name == ID) {
            let cell = |record: &u32| match labels.codes[*record as usize] {
                NONE => Cell::Null,
                code => Cell::text(labels.words[code as usize].clone()),
            };
            return Some(records.iter().map(cell).collect());
        }
        self.series(ID).map(|series| series.cells(records))
    }

    fn unknown<'a>(&self, what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
        let mut known: Vec<&str> = known.collect();
        let more = known.len().saturating_sub(LISTED);
        known.truncate(LISTED);
        let mut list = if known.is_empty() {
            "none".to_owned()
        } else {
            known.join(", ")
        };
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        let message = format!(
            "there is no {what} `{name}` among {} records; there are: {list}",
            self.records
        );
        Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval")
    }
}

impl Series {
    fn is_of(&self, category: &str) -> bool {
        self.categories.iter().any(|own| match own {
            None => category == "SCORE",
            Some(own) => own == category,
        })
    }

    fn cells(&self, records: &[u32]) -> Vec<Cell> {
        let cell = |record: &u32| match self.records.binary_search(record) {
            Ok(place) => number(self.values[place]),
            Err(_) => Cell::Null,
        };
        records.iter().map(cell).collect()
    }

    fn groups(&self, records: usize) -> Result<Groups> {
        let mut values = self.values.clone();
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        if values.len() > GROUPS_MAX {
            return Err(too_many(&self.name));
        }
        let mut of = vec![NONE; records];
        for (record, value) in self.records.iter().zip(&self.values) {
            let group = values.partition_point(|known| known.total_cmp(value).is_lt());
            of[*record as usize] = u32::try_from(group).unwrap_or(NONE);
        }
        let name = |value: &f64| number(*value).label().unwrap_or_default();
        Ok(Groups {
            names: values.iter().map(name).collect(),
            of,
        })
    }
}

impl Labels {
    fn groups(&self) -> Result<Groups> {
        if self.many || self.words.len() > GROUPS_MAX {
            return Err(too_many(&self.name));
        }
        let mut order: Vec<usize> = (0..self.words.len()).collect();
        order.sort_by(|a, b| self.words[*a].cmp(&self.words[*b]));
        let mut place = vec![NONE; order.len()];
        for (group, word) in order.iter().enumerate() {
            place[*word] = u32::try_from(group).unwrap_or(NONE);
        }
        let group = |code: &u32| place.get(*code as usize).copied().unwrap_or(NONE);
        Ok(Groups {
            of: self.codes.iter().map(group).collect(),
            names: order.iter().map(|word| self.words[*word].to_string()).collect(),
        })
    }
}

/// Takes at most so many of a list, evenly spread over it.
pub(super) fn spread<T: Copy>(values: &[T], most: usize) -> Cow<'_, [T]> {
    if values.len() <= most {
        return Cow::Borrowed(values);
    }
    Cow::Owned((0..most).map(|index| values[index * values.len() / most]).collect())
}

/// Writes a whole number as one.
#[allow(clippy::cast_possible_truncation)] // Checked to be whole and small.
fn number(value: f64) -> Cell {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Cell::Int(value as i64)
    } else {
        Cell::Number(value)
    }
}

fn too_many(name: &str) -> Error {
    let message = format!("`{name}` has more than {GROUPS_MAX} values; group by a column that has fewer");
    Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval")
}
