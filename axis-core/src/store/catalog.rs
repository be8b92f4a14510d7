//! What the store remembers about itself and its datasets, in the schema `_axis`: written in the same commit as the data.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use duckdb::{Connection, params};
use serde::{Deserialize, Serialize};

use super::versions::{engine_version, found, stamp};
use super::{DerivedRecord, fault};
use crate::config::DatasetConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::source::CursorValue;
use crate::sync::{Failure, FullReason, Strategy, SyncReport};

/// How many runs the log keeps for each dataset.
const RUNS_KEPT: i64 = 200;

const LAYOUT: &str = "
create schema if not exists _axis;
create table if not exists _axis.store (format bigint, engine varchar, created_at timestamp, epoch bigint);
alter table _axis.store add column if not exists epoch bigint;
create table if not exists _axis.datasets (dataset varchar, record varchar);
create table if not exists _axis.derived (relation varchar, description varchar);
create table if not exists _axis.runs (
    run_id varchar, dataset varchar, started_at timestamp, elapsed_ms bigint, outcome varchar, strategy varchar,
    rows_read bigint, generation bigint, code varchar, message varchar, because varchar
);
alter table _axis.runs add column if not exists because varchar;
";

/// Everything that was remembered, by dataset.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// The datasets.
    pub(crate) datasets: BTreeMap<String, DatasetRecord>,
    /// The epoch of the last engine that committed; 0 when there was none.
    pub(crate) epoch: u64,
}

impl Catalog {
    /// Takes out what is remembered of a dataset. Tables that it had once may be another dataset's by now.
    pub(crate) fn take(&mut self, dataset: &DatasetConfig) -> DatasetRecord {
        let mut record = self.datasets.remove(&dataset.name).unwrap_or_default();
        let has = |name: &str| dataset.tables.iter().any(|table| table.name == name);
        record.tables.retain(|table, _| has(table));
        if record.generation > 0 && record.revision.is_empty() {
            record.revision = uuid::Uuid::new_v4().to_string();
        }
        record
    }
}

/// What is remembered of one dataset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DatasetRecord {
    /// Grows by one with every commit that changed something readers can see.
    pub(crate) generation: u64,
    /// The run that made this generation: in a store that was restored, another run may make one of the same number.
    #[serde(default)]
    pub(crate) revision: String,
    /// The last sync that succeeded.
    pub(crate) last_success: Option<SyncReport>,
    /// When data was last committed incrementally; `None` after a full rebuild.
    pub(crate) last_incremental: Option<DateTime<Utc>>,
    /// The failure of the last sync, if it failed.
    pub(crate) last_failure: Option<Failure>,
    /// The view that readers see: its name and its SQL.
    pub(crate) view: Option<(String, String)>,
    /// The upload that is stored in the place of a source's rows.
    #[serde(default)]
    pub(crate) upload: Option<UploadRecord>,
    /// The generation that the dataset had when its rows were removed; the next one is greater.
    #[serde(default)]
    pub(crate) retired: u64,
    /// The tables, by name.
    pub(crate) tables: BTreeMap<String, TableRecord>,
    /// The relation that is made from the view, if there is one.
    #[serde(default)]
    pub(crate) derived: Option<DerivedRecord>,
}

/// What is remembered of an upload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UploadRecord {
    /// The name that its owner knows.
    pub(crate) name: String,
    /// When it was committed.
    pub(crate) kept_at: DateTime<Utc>,
}

/// What is remembered of one table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct TableRecord {
    /// What the table is made from; another definition makes a rebuild.
    pub(crate) fingerprint: String,
    /// The columns in the table's order.
    pub(crate) columns: Vec<ColumnRecord>,
    /// What has answered, as far as the source names it.
    #[serde(default)]
    pub(crate) server: String,
    /// Where the columns come from, by the source's names.
    #[serde(default)]
    pub(crate) origins: BTreeMap<String, (u32, i16)>,
    /// The cursor, by its final name.
    pub(crate) cursor: Option<String>,
    /// The greatest value of the cursor that is stored.
    pub(crate) watermark: Option<CursorValue>,
    /// Snapshots and the watermarks they left, oldest first.
    pub(crate) marks: Vec<Mark>,
    /// Whether the row cap cut the table.
    pub(crate) truncated: bool,
    /// When the table was last rebuilt.
    pub(crate) last_full: Option<DateTime<Utc>>,
    /// When its keys were last compared with all keys of the source; records of before have none.
    #[serde(default)]
    pub(crate) last_reconciled: Option<DateTime<Utc>>,
}

/// One column as it was stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnRecord {
    /// The source's name.
    pub(crate) source: String,
    /// The final name.
    pub(crate) name: String,
    /// The type in the store, as DuckDB spells it.
    pub(crate) ty: String,
    /// The source's type.
    pub(crate) source_type: String,
}

/// What a snapshot knew, kept to find a safe start for the next window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The source's clock.
    pub(crate) taken_at: DateTime<Utc>,
    /// The source's clock once the snapshot was taken.
    pub(crate) snapshot_at: DateTime<Utc>,
    /// Whether no transaction was open and none can have committed between the two times.
    pub(crate) quiet: bool,
    /// The oldest start of a transaction that could still write; `None` when unknown.
    pub(crate) oldest_writer: Option<DateTime<Utc>>,
    /// The oldest start of a transaction that the source did show.
    #[serde(default)]
    pub(crate) oldest_seen: DateTime<Utc>,
    /// The oldest start that is known, in the source's zone.
    pub(crate) local: NaiveDateTime,
    /// Whether a transaction was prepared; then `oldest_writer` was found with the help of the mark before.
    #[serde(default)]
    pub(crate) prepared: bool,
    /// `oldest_writer` and `local` without regard to prepared transactions; `None` when unknown.
    #[serde(default)]
    pub(crate) open: Option<(DateTime<Utc>, NaiveDateTime)>,
    /// Our own clock when the snapshot was taken, to notice when the source's is set back.
    #[serde(default)]
    pub(crate) seen_at: Option<DateTime<Utc>>,
    /// The watermark that the sync left.
    pub(crate) watermark: CursorValue,
}

/// One line of the run log.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RunRecord {
    /// The run.
    pub run_id: String,
    /// The dataset.
    pub dataset: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// `ok`, `unchanged`, `failed` or `cancelled`.
    pub outcome: String,
    /// `full` or `incremental`; empty when the run failed before it was planned.
    pub strategy: String,
    /// Why it was full; runs of before this was kept have none.
    pub because: Option<FullReason>,
    /// Rows read from the source.
    pub rows_read: u64,
    /// The generation that it left.
    pub generation: u64,
    /// The code of the failure.
    pub code: Option<String>,
    /// The message of the failure.
    pub message: Option<String>,
}

impl RunRecord {
    /// Begins a line.
    pub(crate) fn started(run_id: &str, dataset: &str, started_at: DateTime<Utc>) -> Self {
        Self {
            run_id: run_id.to_owned(),
            dataset: dataset.to_owned(),
            started_at,
            elapsed_ms: 0,
            outcome: String::new(),
            strategy: String::new(),
            because: None,
            rows_read: 0,
            generation: 0,
            code: None,
            message: None,
        }
    }

    /// Completes the line of a run that committed.
    pub(crate) fn finished(
        &mut self,
        elapsed_ms: u64,
        outcome: &str,
        strategy: Strategy,
        rows_read: u64,
        generation: u64,
    ) {
        self.elapsed_ms = elapsed_ms;
        outcome.clone_into(&mut self.outcome);
        strategy.as_str().clone_into(&mut self.strategy);
        self.because = match strategy {
            Strategy::Full { because } => Some(because),
            Strategy::Incremental => None,
        };
        self.rows_read = rows_read;
        self.generation = generation;
    }

    /// Completes the line of a run that read nothing, of which `outcome` says what became.
    pub(crate) fn ended(&mut self, elapsed_ms: u64, outcome: &str, generation: u64) {
        self.elapsed_ms = elapsed_ms;
        outcome.clone_into(&mut self.outcome);
        self.generation = generation;
    }
}

/// Reads the catalog, creating it in a new store.
pub(crate) fn open(connection: &Connection) -> Result<Catalog> {
    let fault = fault::store("store.catalog");
    connection.execute_batch(LAYOUT).map_err(&fault)?;
    let mut catalog = Catalog {
        epoch: stamp(connection)?,
        ..Catalog::default()
    };
    read_datasets(connection, &mut catalog)?;
    if let Err(error) = trim(connection) {
        // A full disk is no reason not to read.
        tracing::warn!(error = %error.chain(), "the run log keeps its oldest runs");
    }
    Ok(catalog)
}

/// Reads the catalog of a store without changing anything.
///
/// # Errors
/// `Store` when the file is no store, or was written by a newer version.
pub(crate) fn read(connection: &Connection) -> Result<Catalog> {
    let fault = fault::store("store.catalog");
    let sql =
        "select count(*) from duckdb_tables() where schema_name = '_axis' and table_name in ('store', 'datasets')";
    let known: i64 = connection.query_row(sql, [], |row| row.get(0)).map_err(&fault)?;
    let not_ours = || Error::new(ErrorKind::Store, "the file is a DuckDB database, but no store").during("store.open");
    if known < 2 {
        return Err(not_ours());
    }
    let ours = engine_version(connection)?;
    let (_, epoch) = found(connection, &ours)?.ok_or_else(not_ours)?;
    let mut catalog = Catalog {
        epoch,
        ..Catalog::default()
    };
    read_datasets(connection, &mut catalog)?;
    Ok(catalog)
}

fn read_datasets(connection: &Connection, catalog: &mut Catalog) -> Result<()> {
    for (dataset, record) in pairs(connection, "select dataset, record from _axis.datasets")? {
        catalog.datasets.insert(dataset, parse(&record)?);
    }
    Ok(())
}

/// Returns the generation of what a transaction sees of a dataset; 0 before the first.
pub(crate) fn generation(connection: &Connection, dataset: &str) -> Result<u64> {
    let sql =
        "select coalesce(max(json_extract(record, '$.generation')::ubigint), 0) from _axis.datasets where dataset = ?";
    connection
        .query_row(sql, [dataset], |row| row.get(0))
        .map_err(fault::store("store.catalog"))
}

/// Writes a dataset's record, inside the caller's transaction.
pub(crate) fn write(connection: &Connection, dataset: &str, record: &DatasetRecord) -> Result<()> {
    let fault = fault::store("store.catalog");
    let record = json(record)?;
    let updated = connection
        .execute(
            "update _axis.datasets set record = ? where dataset = ?",
            params![record, dataset],
        )
        .map_err(&fault)?;
    if updated == 0 {
        connection
            .execute("insert into _axis.datasets values (?, ?)", params![dataset, record])
            .map_err(&fault)?;
    }
    Ok(())
}

/// Takes relations away from all other datasets, which must not continue them, inside the caller's transaction.
pub(crate) fn claim(connection: &Connection, dataset: &str, relations: &[&str]) -> Result<()> {
    let mine = |name: &str| relations.iter().any(|relation| relation.eq_ignore_ascii_case(name));
    for (other, record) in pairs(connection, "select dataset, record from _axis.datasets")? {
        if other == dataset {
            continue;
        }
        let mut record: DatasetRecord = parse(&record)?;
        let relations = |record: &DatasetRecord| (record.tables.len(), record.view.is_some(), record.derived.is_some());
        let before = relations(&record);
        record.tables.retain(|table, _| !mine(table));
        record.view = record.view.filter(|(view, _)| !mine(view));
        record.derived = record.derived.filter(|derived| !mine(&derived.relation));
        if before != relations(&record) {
            write(connection, &other, &record)?;
        }
    }
    Ok(())
}

/// Forgets the oldest runs of each dataset; at open, so that a refresh does not pay for it.
fn trim(connection: &Connection) -> Result<()> {
    connection
        .execute(
            "delete from _axis.runs where run_id in (
                select run_id from _axis.runs
                qualify row_number() over (partition by dataset order by started_at desc) > ?
             )",
            params![RUNS_KEPT],
        )
        .map_err(fault::store("store.catalog"))?;
    Ok(())
}

/// Appends to the run log, inside the caller's transaction.
pub(crate) fn log_run(connection: &Connection, run: &RunRecord) -> Result<()> {
    let fault = fault::store("store.catalog");
    connection
        .execute(
            "insert into _axis.runs (
                run_id, dataset, started_at, elapsed_ms, outcome, strategy, rows_read, generation, code, message, because
             ) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                run.run_id,
                run.dataset,
                run.started_at.naive_utc().to_string(),
                i64::try_from(run.elapsed_ms).unwrap_or(i64::MAX),
                run.outcome,
                run.strategy,
                i64::try_from(run.rows_read).unwrap_or(i64::MAX),
                i64::try_from(run.generation).unwrap_or(i64::MAX),
                run.code,
                run.message,
                run.because.as_ref().map(word).transpose()?
            ],
        )
        .map_err(&fault)?;
    Ok(())
}

/// Reads the newest runs, newest first.
pub(crate) fn recent_runs(connection: &Connection, dataset: Option<&str>, limit: u32) -> Result<Vec<RunRecord>> {
    let fault = fault::store("store.catalog");
    let mut statement = connection
        .prepare(
            "select run_id, dataset, epoch_us(started_at), elapsed_ms, outcome, strategy, rows_read, generation, code, message,
                because
             from _axis.runs where $1 is null or dataset = $1 order by started_at desc, run_id limit $2",
        )
        .map_err(&fault)?;
    let rows = statement
        .query_map(params![dataset, limit], |row| {
            let unsigned = |index: usize| row.get::<_, i64>(index).map(i64::cast_unsigned);
            Ok(RunRecord {
                run_id: row.get(0)?,
                dataset: row.get(1)?,
                started_at: DateTime::from_timestamp_micros(row.get(2)?).unwrap_or_default(),
                elapsed_ms: unsigned(3)?,
                outcome: row.get(4)?,
                strategy: row.get(5)?,
                rows_read: unsigned(6)?,
                generation: unsigned(7)?,
                code: row.get(8)?,
                message: row.get(9)?,
                // A reason that only a newer version knows.
                because: row.get::<_, Option<String>>(10)?.and_then(|word| of_word(&word)),
            })
        })
        .map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

pub(super) fn pairs(connection: &Connection, sql: &str) -> Result<Vec<(String, String)>> {
    let fault = fault::store("store.catalog");
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let rows = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .map_err(&fault)?;
    rows.collect::<duckdb::Result<_>>().map_err(&fault)
}

/// What JSON says as one word.
fn word(value: &impl Serialize) -> Result<String> {
    Ok(json(value)?.trim_matches('"').to_owned())
}

fn of_word<T: for<'de> Deserialize<'de>>(word: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).ok()
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "a record cannot be written as JSON").because(error))
}

fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Error::new(ErrorKind::Store, "a record of the store cannot be read")
            .during("store.catalog")
            .because(error)
    })
}
