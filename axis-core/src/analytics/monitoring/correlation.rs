//! How metrics go together.

use duckdb::Connection;
use duckdb::params_from_iter;
use serde::Serialize;

use super::Filter;
use crate::analytics::frame::{
    Attribute, ByRecord, Conditions, Frame, NONE, Needs, Relation, Selection, compute, narrowed,
};
use crate::dataset::Dataset;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Limits, Reason, fault};

/// The most metrics that are compared with each other.
const METRICS: usize = 50;

/// The answer of [`correlation`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Correlation {
    /// Pearson's coefficient of each pair, in the order of `metrics`; 0 where it is not defined. Empty for fewer than two metrics.
    pub matrix: Vec<Vec<f64>>,
    /// The metrics that there are, in the order of the request; those of the request when it names fewer than two.
    pub metrics: Vec<String>,
}

/// Correlates metrics over the records that have both of a pair. Several scores of one record and metric count as their mean.
///
/// Where fewer than two of the names are metrics, they are taken for columns, which are compared row by row.
///
/// # Errors
/// `InvalidArgument` for a time that cannot be read or more than 50 metrics; `NotSynced`, `Store`, `Closed`.
pub async fn correlation(dataset: &Dataset, filter: &Filter, metrics: &[String]) -> Result<Correlation> {
    if metrics.len() > METRICS {
        let message = format!("{} metrics are too many; up to {METRICS} are compared", metrics.len());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let mut conditions = filter.conditions(dataset)?;
    if filter.metrics.is_empty() && filter.metric_name.is_none() {
        // What is named here may be hidden elsewhere.
        conditions.metrics = None;
    }
    if metrics.len() < 2 {
        return Ok(Correlation {
            matrix: Vec::new(),
            metrics: metrics.to_vec(),
        });
    }
    let needs = Needs {
        attributes: vec![Attribute::MetricName],
        scores: true,
        records: true,
        conditions: conditions.clone(),
        ..Needs::default()
    };
    let frame = narrowed(dataset, needs).await?;
    let known = named(&frame, metrics);
    if known.len() < 2 {
        let columns: Vec<String> = metrics
            .iter()
            .filter(|name| frame.relation.column(name).is_some())
            .cloned()
            .collect();
        if columns.len() < 2 || columns.len() <= known.len() {
            let metrics = if known.is_empty() { columns } else { known };
            return Ok(Correlation {
                matrix: Vec::new(),
                metrics,
            });
        }
        return by_row(dataset, columns, conditions).await;
    }
    compute(dataset, move || {
        let matrix = pivot(&frame, &frame.select(&conditions), &known);
        Correlation { matrix, metrics: known }
    })
    .await
}

/// The names that are metrics.
fn named(frame: &Frame, names: &[String]) -> Vec<String> {
    let Some(column) = frame.attribute(Attribute::MetricName) else {
        return Vec::new();
    };
    let is_metric = |name: &&String| column.allowed(|text| text == Some(name)).contains(&true);
    names.iter().filter(is_metric).cloned().collect()
}

/// What is summed over the records that have both of a pair.
#[derive(Clone, Debug, Default)]
struct Pair {
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    yy: f64,
    xy: f64,
    first: (f64, f64),
    /// Whether values differ; sums are too coarse to tell.
    varies: (bool, bool),
    /// Whether both are one metric.
    same: bool,
}

impl Pair {
    fn add(&mut self, x: f64, y: f64) {
        if self.count == 0.0 {
            self.first = (x, y);
        }
        self.varies.0 |= x != self.first.0;
        self.varies.1 |= y != self.first.1;
        // Sums of small numbers are exact enough; the first value is as good as the mean for that.
        let (x, y) = (x - self.first.0, y - self.first.1);
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.yy += y * y;
        self.xy += x * y;
    }

    /// Adds the value of a metric that is compared with itself: all that counts is whether its values differ.
    fn repeat(&mut self, x: f64) {
        if self.count == 0.0 {
            self.first = (x, x);
        }
        self.count += 1.0;
        self.varies.0 |= x != self.first.0;
        self.same = true;
    }

    fn coefficient(&self) -> f64 {
        if self.same {
            return f64::from(u8::from(self.varies.0));
        }
        if !(self.varies.0 && self.varies.1) {
            return 0.0;
        }
        let covariance = self.xy - self.x * self.y / self.count;
        let (x, y) = (
            self.xx - self.x * self.x / self.count,
            self.yy - self.y * self.y / self.count,
        );
        let coefficient = covariance / (x.sqrt() * y.sqrt());
        if coefficient.is_finite() {
            coefficient.clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}

/// Compares the means of each record's scores.
fn pivot(frame: &Frame, selection: &Selection, metrics: &[String]) -> Vec<Vec<f64>> {
    let size = metrics.len();
    let (Some(column), Some(rows)) = (frame.attribute(Attribute::MetricName), frame.by_record()) else {
        return vec![vec![0.0; size]; size];
    };
    // A metric that is named twice is compared once.
    let mut index = vec![NONE; column.cardinality()];
    let mut place = Vec::with_capacity(size);
    let mut distinct = 0;
    for name in metrics {
        let code = column
            .allowed(|text| text == Some(name))
            .iter()
            .position(|is| *is)
            .unwrap_or(0);
        if index[code] == NONE {
            index[code] = distinct;
            distinct += 1;
        }
        place.push(index[code] as usize);
    }
    let pairs = pairs(rows, selection, &index, distinct as usize);
    let coefficient = |a: usize, b: usize| pairs[a.min(b) * distinct as usize + a.max(b)].coefficient();
    place
        .iter()
        .map(|a| place.iter().map(|b| coefficient(*a, *b)).collect())
        .collect()
}

fn pairs(rows: &ByRecord, selection: &Selection, index: &[u32], size: usize) -> Vec<Pair> {
    let mut pairs = vec![Pair::default(); size * size];
    let mut sums = vec![(0.0, 0_u32); size];
    // The metrics that the record has.
    let mut present: Vec<usize> = Vec::with_capacity(size);
    let mut close = |present: &mut Vec<usize>, sums: &mut Vec<(f64, u32)>| {
        for metric in present.iter() {
            let (sum, count) = &mut sums[*metric];
            if *count > 1 {
                *sum /= f64::from(*count);
            }
            pairs[*metric * size + *metric].repeat(*sum);
        }
        for (at, a) in present.iter().enumerate() {
            for b in &present[..at] {
                let (a, b) = (*a.min(b), *a.max(b));
                pairs[a * size + b].add(sums[a].0, sums[b].0);
            }
        }
        present.drain(..).for_each(|metric| sums[metric] = (0.0, 0));
    };
    let mut record = 0;
    let each = rows
        .rows
        .iter()
        .zip(&rows.records)
        .zip(rows.scores.iter().zip(&rows.metrics));
    for ((row, of), (score, metric)) in each {
        let metric = index[*metric as usize];
        if metric == NONE || !selection.has(*row as usize) {
            continue;
        }
        if *of != record {
            close(&mut present, &mut sums);
            record = *of;
        }
        let (sum, count) = &mut sums[metric as usize];
        if *count == 0 {
            present.push(metric as usize);
        }
        *sum += score;
        *count += 1;
    }
    close(&mut present, &mut sums);
    pairs
}

/// Compares columns row by row.
async fn by_row(dataset: &Dataset, metrics: Vec<String>, conditions: Conditions) -> Result<Correlation> {
    let name = dataset.relation().map(str::to_owned).unwrap_or_default();
    let work = move |connection: &Connection, _: &Reason| {
        let fault = fault::store("analytics.correlation");
        let relation = Relation::read(connection, &name)?;
        let relation = relation.ok_or_else(|| Error::new(ErrorKind::NotSynced, "the dataset was never synced"))?;
        // DuckDB refuses to correlate what is not finite.
        let finite = |number: String| format!("case when isfinite({number}) then {number} end");
        let numbers = metrics.iter().filter_map(|name| relation.number(name));
        let numbers: Vec<String> = numbers.map(finite).collect();
        let size = numbers.len();
        // Each pair once; a column goes fully with itself, unless it does not vary.
        let pairs: Vec<(usize, usize)> = (0..size).flat_map(|a| (a..size).map(move |b| (a, b))).collect();
        let list = pairs
            .iter()
            .map(|(a, b)| format!("corr({}, {})", numbers[*a], numbers[*b]));
        let list = list.collect::<Vec<_>>().join(", ");
        let (condition, values) = relation.condition(&conditions, None);
        let sql = format!("select {list} from {} where {condition}", relation.name);
        let flat = connection.query_row(&sql, params_from_iter(values), |row| {
            let cells = (0..pairs.len()).map(|at| row.get::<_, Option<f64>>(at));
            cells.collect::<duckdb::Result<Vec<_>>>()
        });
        let mut matrix = vec![vec![0.0; size]; size];
        for ((a, b), coefficient) in pairs.iter().zip(flat.map_err(&fault)?) {
            if let Some(coefficient) = coefficient.filter(|coefficient| coefficient.is_finite()) {
                let coefficient = if a == b { 1.0 } else { coefficient };
                matrix[*a][*b] = coefficient;
                matrix[*b][*a] = coefficient;
            }
        }
        Ok(Correlation { matrix, metrics })
    };
    dataset
        .engine()
        .readable()
        .await?
        .pool
        .read(Limits::default(), work)
        .await
}
