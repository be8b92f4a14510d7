//! Key performance indicators: cards with a trend, lines over days, and what can be filtered by.
//!
//! * **Days are UTC.** A row counts for the day of its `created_at`; rows without a readable time or a finite number count nowhere.
//! * **A day's value** is the sum of the day's rows where the unit is `count`, and their mean elsewhere. It is computed for
//!   each source by itself. Without `source_name`, the sources' values are then added up (`count`) or averaged, each source
//!   weighing the same.
//! * **`avg_7d` and `avg_30d`** are the means of the observed day values within the last 7 and 30 calendar days, the day itself
//!   included. They look at the whole history: a time filter chooses which days are shown and which rows make up `value`, and
//!   changes no average.
//! * **Units without `source_name`:** the one on which the sources that have the KPI agree, else the global one.
//!
//! A relation that was never synced gives empty answers.

mod categories;
mod display;
mod filters;
mod frame;
mod series;
mod trends;

use std::sync::Arc;

pub use categories::{KpiCard, KpiCategories, KpiDateRange, KpiPanel, KpiPoint, categories};
pub use filters::{KpiChart, KpiChartItem, KpiFilters, filters};
pub(crate) use frame::Cache;
use frame::{Entry, Frame};
pub use trends::{KpiTrendPoint, KpiTrends, trends};

use crate::config::{KindOptions, KpiOptions};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::query::instant;

/// Which rows, and which KPIs. A filter on a column that the relation does not have matches nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KpiRequest {
    /// Equals `source_name`; the settings of this source apply.
    pub source_name: Option<String>,
    /// Equals `environment`.
    pub environment: Option<String>,
    /// Equals `source_type`.
    pub source_type: Option<String>,
    /// Equals `segment`.
    pub segment: Option<String>,
    /// Equals `kpi_category`.
    pub kpi_category: Option<String>,
    /// Earliest `created_at`, inclusive: ISO 8601 with a blank or `T`, with or without an offset.
    pub time_start: Option<String>,
    /// Latest `created_at`, inclusive; a date alone is its midnight.
    pub time_end: Option<String>,
    /// The KPIs, whether visible or not; empty means the visible ones.
    pub kpi_names: Vec<String>,
}

/// A request against what the store holds.
struct Question {
    frame: Arc<Frame>,
    options: KpiOptions,
    request: KpiRequest,
    /// First and last instant, in microseconds, both inclusive.
    range: (i64, i64),
}

impl Question {
    /// Checks the request and takes the newest frame; `None` when nothing was ever synced.
    async fn new(dataset: &Dataset, request: &KpiRequest) -> Result<Option<Self>> {
        let options = options(dataset)?;
        let bound = |text: &Option<String>, name: &str, default: i64| match text {
            Some(text) => instant(text, name),
            None => Ok(default),
        };
        let range = (
            bound(&request.time_start, "time_start", i64::MIN)?,
            bound(&request.time_end, "time_end", i64::MAX)?,
        );
        let Some(frame) = Frame::of(dataset).await? else {
            return Ok(None);
        };
        frame.check()?;
        Ok(Some(Self {
            frame,
            options: options.clone(),
            request: request.clone(),
            range,
        }))
    }

    /// Lists the entries that match everything but the time, in the order of the frame.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let request = &self.request;
        let equal = |wanted: &Option<String>, found: Option<&str>| match wanted {
            Some(wanted) => found == Some(wanted),
            None => true,
        };
        self.frame.entries().iter().filter(move |entry| {
            let key = &entry.key;
            equal(&request.source_name, key.source())
                && equal(&request.environment, key.environment())
                && equal(&request.source_type, key.source_type())
                && equal(&request.segment, key.segment())
                && equal(&request.kpi_category, key.category())
                && key.kpi().is_some_and(|kpi| self.shows(kpi, key.source()))
        })
    }

    fn shows(&self, kpi: &str, source: Option<&str>) -> bool {
        let named = &self.request.kpi_names;
        if !named.is_empty() {
            return named.iter().any(|name| name == kpi);
        }
        let visible = visible(&self.options, source);
        visible.is_empty() || visible.iter().any(|name| name == kpi)
    }
}

/// The visible KPIs of a source, in the order in which they are shown; empty means all.
fn visible<'o>(options: &'o KpiOptions, source: Option<&str>) -> &'o [String] {
    let own = source.and_then(|source| options.visible_kpis_per_source.get(source));
    own.filter(|own| !own.is_empty()).unwrap_or(&options.visible_kpis)
}

fn options(dataset: &Dataset) -> Result<&KpiOptions> {
    match &dataset.config().options {
        KindOptions::Kpi(options) => Ok(options),
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("`{}` is no dataset of KPIs", dataset.name()),
        )),
    }
}

/// Runs what takes more than an instant where it holds up nobody else.
async fn compute<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "the KPIs could not be computed").because(error))
}

/// A number as the wire has it: what is not finite is 0.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}
