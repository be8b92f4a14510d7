//! What a dataset holds: columns, filter values, time range, statistics. Computed lazily, once a generation.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use chrono::DateTime;
use duckdb::Connection;
use duckdb::types::ValueRef;
use serde::Serialize;

use crate::config::ViewConfig;
use crate::dataset::{Dataset, lock};
use crate::error::Result;
use crate::source::ident::ident;
use crate::store::{Limits, Reason, fault};

/// The columns whose values clients filter by.
const FILTER_COLUMNS: [&str; 8] = [
    "environment",
    "source_name",
    "source_component",
    "source_type",
    "metric_name",
    "metric_category",
    "kpi_name",
    "kpi_category",
];
/// The most filter values of one column; a column with more is named in `filter_values_truncated`.
const FILTER_VALUES: usize = 200;
/// Columns that may hold a latency, in order of preference.
pub(crate) const LATENCY_COLUMNS: [&str; 5] = ["latency", "latency_ms", "response_time", "duration", "duration_ms"];

/// What a relation holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct DatasetMetadata {
    /// Rows of the relation that readers see.
    pub row_count: u64,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
    /// Distinct values, ascending, of the columns that clients filter by; at most 200 each.
    pub filter_values: BTreeMap<String, Vec<String>>,
    /// The columns that have more values than are listed.
    pub filter_values_truncated: Vec<String>,
    /// Earliest and latest `timestamp`.
    pub time_range: Option<TimeRange>,
    /// Statistics of `metric_score`, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary_stats: Option<SummaryStats>,
    /// `dataset_id`s that occur more than once on the dataset side, and therefore multiply their results; for joined datasets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_dataset_ids: Option<u64>,
    /// Results whose record is missing, and which therefore do not show; for joined datasets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphaned_results: Option<u64>,
}

/// One column of a relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ColumnInfo {
    /// Name.
    pub column_name: String,
    /// DuckDB's name of the type.
    pub column_type: String,
}

/// Earliest and latest time, as `YYYY-MM-DD HH:MM:SS[.ffffff][+00:00]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TimeRange {
    /// Earliest.
    pub min: String,
    /// Latest.
    pub max: String,
}

/// Statistics over the rows that have a numeric `metric_score` and category SCORE (or none).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SummaryStats {
    /// Such rows.
    pub total_records: u64,
    /// Mean score.
    pub avg_score: f64,
    /// Percentage of scores at or above 0.5.
    pub pass_rate: f64,
    /// Interpolated median of the latency.
    pub p50_latency: f64,
    /// 95th percentile.
    pub p95_latency: f64,
    /// 99th percentile.
    pub p99_latency: f64,
}

/// What is known about each dataset's newest generation.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    metadata: Mutex<HashMap<String, (u64, Arc<DatasetMetadata>)>>,
    rows: Mutex<HashMap<String, (u64, u64)>>,
}

impl Cache {
    /// Forgets everything: generations of another store say nothing about this one.
    pub(crate) fn forget(&self) {
        lock(&self.metadata).clear();
        lock(&self.rows).clear();
    }
}

/// Returns what was kept of this generation.
fn kept<T: Clone>(cache: &Mutex<HashMap<String, (u64, T)>>, dataset: &str, generation: u64) -> Option<T> {
    let cache = lock(cache);
    let (of, value) = cache.get(dataset)?;
    (*of == generation).then(|| value.clone())
}

impl Dataset {
    /// Returns what the dataset holds; `None` when it was never synced. Computed at the first call after a change.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn metadata(&self) -> Result<Option<Arc<DatasetMetadata>>> {
        self.check_readable()?;
        let generation = self.status().generation;
        let Some(relation) = self.relation().map(str::to_owned).filter(|_| generation > 0) else {
            return Ok(None);
        };
        let cache = &self.engine().metadata;
        if let Some(metadata) = kept(&cache.metadata, self.name(), generation) {
            return Ok(Some(metadata));
        }
        let view = self.layout();
        let metadata = self
            .engine()
            .readable()
            .await?
            .pool
            // One version for all statements: the relation may be removed meanwhile.
            .snapshot(Limits::default(), move |connection, _| {
                compute(connection, &relation, &view)
            })
            .await?
            .map(Arc::new);
        if let Some(metadata) = &metadata {
            lock(&cache.metadata).insert(self.name().to_owned(), (generation, Arc::clone(metadata)));
        }
        Ok(metadata)
    }

    /// Returns how many rows readers see; `None` when the dataset was never synced. Counted at the first call after a change.
    ///
    /// # Errors
    /// `Store`, `Closed`.
    pub async fn row_count(&self) -> Result<Option<u64>> {
        self.check_readable()?;
        let generation = self.status().generation;
        let Some(relation) = self.relation().map(str::to_owned).filter(|_| generation > 0) else {
            return Ok(None);
        };
        let cache = &self.engine().metadata;
        if let Some(rows) = kept(&cache.rows, self.name(), generation) {
            return Ok(Some(rows));
        }
        let store = self.engine().readable().await?;
        let count = move |connection: &Connection, _: &Reason| {
            if columns_of(connection, &relation)?.is_empty() {
                return Ok(None);
            }
            number(connection, &format!("select count(*) from {}", ident(&relation))).map(Some)
        };
        let rows = store.pool.snapshot(Limits::default(), count).await?;
        if let Some(rows) = rows {
            lock(&cache.rows).insert(self.name().to_owned(), (generation, rows));
        }
        Ok(rows)
    }
}

/// Lists the columns of a table or view; none when it does not exist.
pub(crate) fn columns_of(connection: &Connection, relation: &str) -> Result<Vec<ColumnInfo>> {
    let fault = fault::store("metadata");
    let mut statement = connection
        .prepare(
            "select column_name, data_type from duckdb_columns()
             where schema_name = 'main' and not internal and table_name = ? order by column_index",
        )
        .map_err(&fault)?;
    let rows = statement
        .query_map([relation], |row| {
            Ok(ColumnInfo {
                column_name: row.get(0)?,
                column_type: row.get(1)?,
            })
        })
        .map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

/// Returns what a relation holds that nothing is joined for; `None` when it does not exist.
pub(crate) fn metadata_of(connection: &Connection, name: &str) -> Result<Option<DatasetMetadata>> {
    compute(connection, name, &ViewConfig::None)
}

fn compute(connection: &Connection, name: &str, view: &ViewConfig) -> Result<Option<DatasetMetadata>> {
    let columns = columns_of(connection, name)?;
    if columns.is_empty() {
        return Ok(None);
    }
    let relation = ident(name);
    let find = |wanted: &str| {
        columns
            .iter()
            .find(|column| column.column_name.eq_ignore_ascii_case(wanted))
    };
    let mut filter_values = BTreeMap::new();
    let mut filter_values_truncated = Vec::new();
    for column in FILTER_COLUMNS.iter().filter_map(|wanted| find(wanted)) {
        let mut values = distinct(connection, &relation, &column.column_name)?;
        if values.len() > FILTER_VALUES {
            values.truncate(FILTER_VALUES);
            filter_values_truncated.push(column.column_name.clone());
        }
        filter_values.insert(column.column_name.clone(), values);
    }
    let time_range = match find("timestamp") {
        Some(column) => time_range(connection, &relation, column)?,
        None => None,
    };
    let summary_stats = match find("metric_score") {
        Some(_) => Some(summary(connection, &relation, &find)?),
        None => None,
    };
    let (duplicate_dataset_ids, orphaned_results) = match view {
        ViewConfig::Join { dataset, results, .. } => {
            let (dataset, results) = (ident(dataset), ident(results));
            let duplicates =
                format!("select count(*) from (select dataset_id from {dataset} group by 1 having count(*) > 1)");
            let orphans = format!(
                "select count(*) from {results} r where not exists (select 1 from {dataset} d where d.dataset_id::varchar = r.dataset_id::varchar)"
            );
            (
                Some(number(connection, &duplicates)?),
                Some(number(connection, &orphans)?),
            )
        }
        _ => (None, None),
    };
    Ok(Some(DatasetMetadata {
        row_count: number(connection, &format!("select count(*) from {relation}"))?,
        columns: columns.clone(),
        filter_values,
        filter_values_truncated,
        time_range,
        summary_stats,
        duplicate_dataset_ids,
        orphaned_results,
    }))
}

fn number(connection: &Connection, sql: &str) -> Result<u64> {
    let count: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(fault::store("metadata"))?;
    Ok(count.cast_unsigned())
}

fn distinct(connection: &Connection, relation: &str, column: &str) -> Result<Vec<String>> {
    let fault = fault::store("metadata");
    let column = ident(column);
    let sql = format!(
        "select distinct {column}::varchar as value from {relation} where {column} is not null order by value limit {}",
        FILTER_VALUES + 1
    );
    let mut statement = connection.prepare(&sql).map_err(&fault)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

fn time_range(connection: &Connection, relation: &str, column: &ColumnInfo) -> Result<Option<TimeRange>> {
    let name = ident(&column.column_name);
    let instant = column.column_type == "TIMESTAMP WITH TIME ZONE";
    let text = |value: ValueRef<'_>| match value {
        ValueRef::Timestamp(unit, value) => DateTime::from_timestamp_micros(unit.to_micros(value)).map(|time| {
            time.format(if instant {
                "%Y-%m-%d %H:%M:%S%.f+00:00"
            } else {
                "%Y-%m-%d %H:%M:%S%.f"
            })
            .to_string()
        }),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    };
    let cast = if column.column_type.starts_with("TIMESTAMP") {
        ""
    } else {
        "::varchar"
    };
    connection
        .query_row(
            &format!("select min({name}){cast}, max({name}){cast} from {relation}"),
            [],
            |row| {
                let (min, max) = (text(row.get_ref(0)?), text(row.get_ref(1)?));
                Ok(min.zip(max).map(|(min, max)| TimeRange { min, max }))
            },
        )
        .map_err(fault::store("metadata"))
}

fn summary<'a>(
    connection: &Connection,
    relation: &str,
    find: &impl Fn(&str) -> Option<&'a ColumnInfo>,
) -> Result<SummaryStats> {
    let category = find("metric_category").map_or_else(String::new, |column| {
        let name = ident(&column.column_name);
        format!(" and ({name} is null or upper({name}::varchar) = 'SCORE')")
    });
    let latency = LATENCY_COLUMNS.iter().find_map(|wanted| find(wanted)).map_or_else(
        || "null::double".to_owned(),
        |column| format!("try_cast({} as double)", ident(&column.column_name)),
    );
    // Labels of classifications may stand in `metric_score`; they are no scores, and NaN is none either.
    let sql = format!(
        "with scores as (
            select try_cast(metric_score as double) as score, {latency} as latency from {relation} where true{category}
         )
         select count(*), avg(score), 100.0 * count(*) filter (where score >= 0.5) / nullif(count(*), 0),
                quantile_cont(latency, 0.5), quantile_cont(latency, 0.95), quantile_cont(latency, 0.99)
         from scores where score is not null and isfinite(score)"
    );
    connection
        .query_row(&sql, [], |row| {
            let number = |index: usize| {
                row.get::<_, Option<f64>>(index)
                    .map(|value| value.filter(|v| v.is_finite()).unwrap_or(0.0))
            };
            Ok(SummaryStats {
                total_records: row.get::<_, i64>(0)?.cast_unsigned(),
                avg_score: number(1)?,
                pass_rate: number(2)?,
                p50_latency: number(3)?,
                p95_latency: number(4)?,
                p99_latency: number(5)?,
            })
        })
        .map_err(fault::store("metadata"))
}
