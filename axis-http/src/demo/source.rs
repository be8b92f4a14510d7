//! The SQLite file of the demonstration.

use std::path::{Path, PathBuf};

use chrono::DateTime;
use rusqlite::{Connection, Result, Transaction, params};

use super::rows::{DAY, Generator, Kpi, Metric, Trace};
use super::signals::{EvalCase, EvalMetric, SignalCase, SignalMetric};

/// How far back the traces go.
const TRACE_DAYS: i64 = 14;
/// How far back the indicators go.
const KPI_DAYS: u32 = 60;
/// How many reviewed conversations and test cases a demonstration has, however many traces.
const CASES: u64 = 240;
/// How many traces are made at a time.
const BATCH: u64 = 1_000;

const TABLES: &str = "
    create table traces(
        dataset_id uuid not null primary key, created_at timestamp not null, environment text not null,
        source_name text not null, source_component text, source_type text, query text, actual_output text,
        expected_output text, model_name text, latency real, has_errors boolean not null, trace_id text,
        cost_estimate real) without rowid;
    create table metrics(
        dataset_id uuid not null, created_at timestamp not null, metric_name text not null, metric_score real,
        metric_category text not null, metric_type text, explanation text, threshold real, passed boolean,
        signals json, evaluation_name text);
    create table kpis(
        id integer primary key, created_at timestamp not null, source_name text not null, source_type text,
        kpi_name text not null, kpi_category text not null, dataset_id uuid, numeric_value real,
        source_component text, environment text, segment text, tags json, metadata json);
    create table signal_cases(
        dataset_id uuid not null primary key, created_at timestamp not null, source_name text not null,
        source_component text, source_type text, environment text, conversation json, conversation_stats json,
        additional_input json);
    create table signal_metrics(
        dataset_id uuid not null, created_at timestamp not null, metric_name text not null, metric_category text,
        signals json);
    create table eval_cases(
        dataset_id uuid not null primary key, created_at timestamp not null, evaluation_name text not null, query text,
        actual_output text, expected_output text, model_name text, latency real, evaluation_metadata json);
    create table eval_metrics(
        dataset_id uuid not null, created_at timestamp not null, evaluation_name text not null,
        metric_name text not null, metric_score real, metric_type text, metric_category text, parent text, weight real,
        threshold real, passed boolean);";

/// Made after the rows, which is faster.
const INDEXES: &str = "
    create index traces_created_at on traces(created_at);
    create index metrics_created_at on metrics(created_at);
    create index metrics_dataset_id on metrics(dataset_id);
    create index kpis_created_at on kpis(created_at);
    create index signal_cases_created_at on signal_cases(created_at);
    create index signal_metrics_created_at on signal_metrics(created_at);
    create index eval_cases_created_at on eval_cases(created_at);
    create index eval_metrics_created_at on eval_metrics(created_at);";

/// A SQLite file with the tables `traces`, `metrics`, `kpis`, `signal_cases`, `signal_metrics`, `eval_cases` and `eval_metrics`.
#[derive(Clone, Debug)]
pub struct DemoSource {
    path: PathBuf,
}

/// What [`DemoSource::append`] has added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Rows of `traces`.
    pub traces: u64,
    /// Rows of `metrics`.
    pub metrics: u64,
}

impl DemoSource {
    /// Creates the file with `rows` traces of the two weeks before `now_micros` (microseconds since 1970 UTC), their metrics, and
    /// fixed numbers of everything else. The same arguments give the same rows.
    ///
    /// # Errors
    /// What SQLite reports; also when the file has such tables already, and then nothing is changed.
    pub fn create(path: &Path, rows: u64, now_micros: i64) -> Result<Self> {
        let mut connection = Connection::open(path)?;
        // A crash of the machine may leave half a demonstration; nobody misses it.
        connection.execute_batch("pragma journal_mode = wal; pragma synchronous = off")?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        let span = TRACE_DAYS * DAY;
        let step = span / i64::try_from(rows.max(1)).unwrap_or(i64::MAX);
        let mut generator = Generator::new(0xA815, now_micros - span);
        insert_traces(&transaction, &mut generator, rows, step, now_micros)?;
        insert_kpis(&transaction, now_micros)?;
        insert_signals(&transaction, now_micros)?;
        insert_evals(&transaction, now_micros)?;
        transaction.execute_batch(INDEXES)?;
        transaction.commit()?;
        Ok(Self { path: path.to_owned() })
    }

    /// Names a file that [`create`](Self::create) has made before; nothing is opened.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Returns the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds traces and their metrics, all stamped `now_micros` (microseconds since 1970 UTC).
    ///
    /// # Errors
    /// What SQLite reports; then nothing is added.
    pub fn append(&self, traces: u64, now_micros: i64) -> Result<Added> {
        let mut connection = Connection::open(&self.path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let transaction = connection.transaction()?;
        let before: i64 = transaction.query_row("select count(*) from traces", [], |row| row.get(0))?;
        // Seeded by time and size, so that a second call in the same microsecond makes other rows.
        let mut generator = Generator::new((now_micros ^ (before << 20)) as u64, now_micros);
        let added = insert_traces(&transaction, &mut generator, traces, 0, now_micros)?;
        transaction.commit()?;
        Ok(added)
    }
}

/// Makes and inserts traces with their metrics, none of them later than `latest`.
fn insert_traces(
    transaction: &Transaction<'_>,
    generator: &mut Generator,
    count: u64,
    step: i64,
    latest: i64,
) -> Result<Added> {
    let mut traces = transaction.prepare("insert into traces values(?,?,?,?,?,?,?,?,?,?,?,?,?,?)")?;
    let mut metrics = transaction.prepare("insert into metrics values(?,?,?,?,?,?,?,?,?,?,?)")?;
    let mut added = Added { traces: 0, metrics: 0 };
    while added.traces < count {
        let batch = generator.traces(BATCH.min(count - added.traces), step);
        for trace in &batch {
            insert_trace(&mut traces, trace, latest)?;
            for metric in generator.metrics(trace) {
                insert_metric(&mut metrics, &metric, latest)?;
                added.metrics += 1;
            }
        }
        added.traces += batch.len() as u64;
    }
    Ok(added)
}

fn insert_trace(statement: &mut rusqlite::Statement<'_>, trace: &Trace, latest: i64) -> Result<()> {
    statement.execute(params![
        trace.dataset_id,
        stamp(trace.created_at.min(latest)),
        trace.environment,
        trace.source_name,
        trace.source_component,
        trace.source_type,
        trace.query,
        trace.actual_output,
        trace.expected_output,
        trace.model_name,
        trace.latency,
        trace.has_errors,
        trace.trace_id,
        trace.cost_estimate,
    ])?;
    Ok(())
}

fn insert_metric(statement: &mut rusqlite::Statement<'_>, metric: &Metric, latest: i64) -> Result<()> {
    statement.execute(params![
        metric.dataset_id,
        stamp(metric.created_at.min(latest)),
        metric.metric_name,
        metric.metric_score,
        metric.metric_category,
        metric.metric_type,
        metric.explanation,
        metric.threshold,
        metric.passed,
        metric.signals,
        metric.evaluation_name,
    ])?;
    Ok(())
}

fn insert_kpis(transaction: &Transaction<'_>, now: i64) -> Result<()> {
    let mut statement = transaction.prepare("insert into kpis values(?,?,?,?,?,?,?,?,?,?,?,?,?)")?;
    for kpi in Generator::new(0x0C91, now - i64::from(KPI_DAYS - 1) * DAY).kpis(KPI_DAYS) {
        let Kpi {
            id,
            created_at,
            source_name,
            source_type,
            kpi_name,
            kpi_category,
            dataset_id,
            ..
        } = &kpi;
        statement.execute(params![
            id,
            stamp(*created_at),
            source_name,
            source_type,
            kpi_name,
            kpi_category,
            dataset_id,
            kpi.numeric_value,
            kpi.source_component,
            kpi.environment,
            kpi.segment,
            kpi.tags,
            kpi.metadata,
        ])?;
    }
    Ok(())
}

fn insert_signals(transaction: &Transaction<'_>, now: i64) -> Result<()> {
    let mut cases = transaction.prepare("insert into signal_cases values(?,?,?,?,?,?,?,?,?)")?;
    let mut metrics = transaction.prepare("insert into signal_metrics values(?,?,?,?,?)")?;
    let span = 30 * DAY;
    let mut generator = Generator::new(0x51C5, now - span);
    for case in generator.signal_cases(CASES, span / CASES as i64) {
        let SignalCase {
            dataset_id,
            created_at,
            source_name,
            source_component,
            source_type,
            environment,
            ..
        } = &case;
        cases.execute(params![
            dataset_id,
            stamp(*created_at),
            source_name,
            source_component,
            source_type,
            environment,
            case.conversation,
            case.conversation_stats,
            case.additional_input,
        ])?;
        for metric in generator.signal_metrics(&case) {
            let SignalMetric {
                dataset_id,
                created_at,
                metric_name,
                metric_category,
                signals,
            } = metric;
            metrics.execute(params![
                dataset_id,
                stamp(created_at),
                metric_name,
                metric_category,
                signals
            ])?;
        }
    }
    Ok(())
}

fn insert_evals(transaction: &Transaction<'_>, now: i64) -> Result<()> {
    let mut cases = transaction.prepare("insert into eval_cases values(?,?,?,?,?,?,?,?,?)")?;
    let mut metrics = transaction.prepare("insert into eval_metrics values(?,?,?,?,?,?,?,?,?,?,?)")?;
    let span = 7 * DAY;
    let mut generator = Generator::new(0xE7A1, now - span);
    for case in generator.eval_cases(CASES, span / CASES as i64) {
        let EvalCase {
            dataset_id,
            created_at,
            evaluation_name,
            query,
            actual_output,
            expected_output,
            ..
        } = &case;
        cases.execute(params![
            dataset_id,
            stamp(*created_at),
            evaluation_name,
            query,
            actual_output,
            expected_output,
            case.model_name,
            case.latency,
            case.evaluation_metadata,
        ])?;
        for metric in generator.eval_metrics(&case) {
            let EvalMetric {
                dataset_id,
                created_at,
                evaluation_name,
                metric_name,
                metric_score,
                ..
            } = &metric;
            metrics.execute(params![
                dataset_id,
                stamp(*created_at),
                evaluation_name,
                metric_name,
                metric_score,
                metric.metric_type,
                metric.metric_category,
                metric.parent,
                metric.weight,
                metric.threshold,
                metric.passed,
            ])?;
        }
    }
    Ok(())
}

/// Writes a time as SQLite's own functions do, with microseconds.
fn stamp(micros: i64) -> String {
    DateTime::from_timestamp_micros(micros)
        .unwrap_or_default()
        .format("%Y-%m-%d %H:%M:%S%.6f")
        .to_string()
}
