//! Which metrics go together?

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::frame::{Frame, MetricFilter, RowSource, Series};
use super::stats::Centred;
use crate::error::{Error, ErrorKind, Result};

/// The most metrics of one answer: each is compared with every other.
const METRICS_MAX: usize = 200;

/// How every metric goes with every other.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Correlation {
    /// Always true.
    pub success: bool,
    /// Metric by metric, Pearson's coefficient; 0 where it is not defined.
    #[cfg_attr(feature = "openapi", schema(value_type = std::collections::BTreeMap<String, std::collections::BTreeMap<String, f64>>))]
    pub correlation: Matrix,
    /// The metrics.
    pub metrics: Vec<String>,
    /// Where the rows came from.
    pub source: RowSource,
}

/// Coefficients by metric and metric; serialises as an object of objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

impl Matrix {
    /// Returns the rows, in the order of the metrics.
    #[must_use]
    pub fn rows(&self) -> &[Vec<f64>] {
        &self.values
    }
}

impl Serialize for Matrix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(self.names.len()))?;
        for (name, row) in self.names.iter().zip(&self.values) {
            object.serialize_entry(name, &Entries(&self.names, row))?;
        }
        object.end()
    }
}

struct Entries<'a>(&'a [String], &'a [f64]);

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

/// Correlates the metrics that are asked about, each pair over the records that have both.
///
/// # Errors
/// `InvalidArgument` when there are fewer than two metrics, or more than 200.
pub fn correlation(frame: &Frame, filter: &MetricFilter) -> Result<Correlation> {
    let metrics = frame.select(filter)?;
    let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message).during("analytics.eval"));
    if metrics.len() < 2 {
        return wrong(format!(
            "a correlation needs two metrics or more; there are {}",
            metrics.len()
        ));
    }
    if metrics.len() > METRICS_MAX {
        return wrong(format!(
            "{} metrics are too many; name up to {METRICS_MAX}",
            metrics.len()
        ));
    }
    let centred: Vec<Option<Centred>> = metrics.iter().map(|metric| Centred::new(&metric.values)).collect();
    let mut values = vec![vec![0.0; metrics.len()]; metrics.len()];
    for a in 0..metrics.len() {
        for b in a..metrics.len() {
            // Where the same records have both, as in most evaluations, nothing has to be paired.
            let value = if metrics[a].records == metrics[b].records {
                centred[a]
                    .as_ref()
                    .zip(centred[b].as_ref())
                    .map(|(a, b)| a.correlation(b))
            } else {
                paired(metrics[a], metrics[b])
            };
            values[a][b] = value.unwrap_or(0.0);
            values[b][a] = values[a][b];
        }
    }
    let names: Vec<String> = metrics.iter().map(|metric| metric.name.clone()).collect();
    Ok(Correlation {
        success: true,
        correlation: Matrix {
            names: names.clone(),
            values,
        },
        metrics: names,
        source: frame.source,
    })
}

/// Correlates two metrics over the records that have both.
fn paired(x: &Series, y: &Series) -> Option<f64> {
    let (x, y): (Vec<f64>, Vec<f64>) = joined(x, y).map(|(_, x, y)| (x, y)).unzip();
    Some(Centred::new(&x)?.correlation(&Centred::new(&y)?))
}

/// Walks the records that have both metrics, in their order.
pub(super) fn joined<'a>(x: &'a Series, y: &'a Series) -> impl Iterator<Item = (u32, f64, f64)> + 'a {
    let mut right = 0;
    x.records.iter().zip(&x.values).filter_map(move |(record, value)| {
        while y.records.get(right).is_some_and(|other| other < record) {
            right += 1;
        }
        (y.records.get(right) == Some(record)).then(|| (*record, *value, y.values[right]))
    })
}
