//! The one transaction that makes a sync visible: tables, view, watermarks, status and run log, or nothing.

use duckdb::Connection;
use duckdb::types::Value;

use super::catalog::{self, DatasetRecord, RunRecord};
use super::derived::{self, Derivation, Touch};
use super::reconcile::delete_gone;
use super::stage::{delta_name, greatest, staging_name};
use super::{Fence, Reason, fault};
use crate::column::{Column, ColumnType};
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::source::CursorValue;
use crate::source::ident::{ident, literal};

/// A delta of at most this many rows is compared with what it replaces, so that a refresh that brings nothing new writes nothing.
const COMPARED_ROWS: u64 = 20_000;
/// Up to here rows are compared one by one, which costs a third of planning and running a set operation.
const LISTED_ROWS: u64 = 256;

/// Everything that one sync commits for one dataset.
#[derive(Debug)]
pub(crate) struct Commit {
    pub(crate) dataset: String,
    /// The record to store; its generation and watermarks are completed here.
    pub(crate) record: DatasetRecord,
    pub(crate) run: RunRecord,
    pub(crate) tables: Vec<TableChange>,
    /// The view to create, with the SQL after `as`.
    pub(crate) view: Option<(String, String)>,
    /// What is made from the view.
    pub(crate) derivation: Option<Derivation>,
}

/// How one staged table becomes visible.
#[derive(Debug)]
pub(crate) struct TableChange {
    pub(crate) table: String,
    /// The columns to insert, under their final names, in the order of the staging table.
    pub(crate) columns: Vec<Column>,
    /// Columns to add before inserting.
    pub(crate) added: Vec<(String, ColumnType)>,
    pub(crate) staged_rows: u64,
    /// The cursor, by its final name.
    pub(crate) cursor: Option<(String, ColumnType)>,
    /// The key by which rows that were found to be gone are deleted; empty when none were.
    pub(crate) gone: Vec<String>,
    pub(crate) kind: ChangeKind,
}

/// Swap, replace within a window, or leave alone.
#[derive(Clone, Debug)]
pub(crate) enum ChangeKind {
    /// The staging table takes the table's place.
    Swap { key: Vec<String> },
    /// The table holds the window's rows already.
    Keep { rows: u64, watermark: Option<CursorValue> },
    /// Rows whose cursor is at or above `from`, or NULL, and rows with a staged key, make room for the staged rows.
    Merge { from: CursorValue, key: Vec<String> },
}

/// What a commit did to one table.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableOutcome {
    pub(crate) changed: bool,
    pub(crate) deleted: u64,
    pub(crate) inserted: u64,
    pub(crate) rows: u64,
    pub(crate) watermark: Option<CursorValue>,
}

impl Commit {
    /// Runs the transaction. `complete` turns the outcomes into the record to store and the line of the run log.
    pub(crate) fn run(
        self,
        connection: &Connection,
        reason: &Reason,
        fence: &Fence,
        complete: impl FnOnce(&mut DatasetRecord, &mut RunRecord, &[TableOutcome], bool),
    ) -> Result<DatasetRecord> {
        let mut complete = Some(complete);
        match self.attempt(connection, reason, fence, None, &mut complete) {
            // What is derived is worth less than what it is derived from.
            Err(error) if derived::is_about_deriving(&error) => {
                tracing::warn!(dataset = self.dataset, code = error.code(), error = %error, "committed without what is derived");
                self.attempt(connection, reason, fence, Some(&error), &mut complete)
            }
            outcome => outcome,
        }
    }

    fn attempt(
        &self,
        connection: &Connection,
        reason: &Reason,
        fence: &Fence,
        failed: Option<&Error>,
        complete: &mut Option<impl FnOnce(&mut DatasetRecord, &mut RunRecord, &[TableOutcome], bool)>,
    ) -> Result<DatasetRecord> {
        let fault = fault::store("sync.commit");
        connection.execute_batch("begin transaction").map_err(&fault)?;
        reach(Step::CommitBegun);
        let outcome = self.apply(connection, reason, failed, complete).and_then(|record| {
            // Past this point the outcome is decided by DuckDB and by the fence.
            reason.check()?;
            fence.commit(connection, "sync.commit")?;
            reach(Step::Committed);
            Ok(record)
        });
        if outcome.is_err() {
            // After a commit that failed there is nothing left to roll back, and that is fine.
            let _ = connection.execute_batch("rollback");
        }
        outcome
    }

    fn apply(
        &self,
        connection: &Connection,
        reason: &Reason,
        failed: Option<&Error>,
        complete: &mut Option<impl FnOnce(&mut DatasetRecord, &mut RunRecord, &[TableOutcome], bool)>,
    ) -> Result<DatasetRecord> {
        let mut record = self.record.clone();
        let mut touch = self.derivation.map(Touch::new);
        let mut outcomes = Vec::with_capacity(self.tables.len());
        for change in &self.tables {
            reason.check()?;
            outcomes.push(change.apply(connection, touch.as_mut())?);
            reach(Step::TableApplied);
        }
        let mut changed = outcomes.iter().any(|outcome| outcome.changed);
        let swapped = self
            .tables
            .iter()
            .filter(|change| matches!(change.kind, ChangeKind::Swap { .. }));
        let mut made: Vec<&str> = swapped.map(|change| change.table.as_str()).collect();
        if self.view != record.view {
            if let Some((name, _)) = &record.view {
                drop_view(connection, name)?;
            }
            if let Some((name, sql)) = &self.view {
                drop_relation(connection, name)?;
                create_view(connection, name, sql)?;
                made.push(name);
            }
            record.view.clone_from(&self.view);
            changed = true;
            if let Some(touch) = &mut touch {
                touch.all();
            }
            reach(Step::ViewMade);
        }
        if let Some((derivation, touch)) = self.derivation.zip(touch.as_ref()) {
            let parts = (derivation, touch);
            if derived::update(connection, reason, parts, &mut record, (changed, failed))? {
                made.push(derivation.relation);
                changed = true;
            }
        }
        reach(Step::Derived);
        if changed {
            record.generation = record.generation.max(record.retired) + 1;
            record.revision.clone_from(&self.run.run_id);
        }
        if !made.is_empty() {
            catalog::claim(connection, &self.dataset, &made)?;
        }
        let mut run = self.run.clone();
        if let Some(complete) = complete.take() {
            complete(&mut record, &mut run, &outcomes, changed);
        }
        catalog::write(connection, &self.dataset, &record)?;
        reach(Step::RecordWritten);
        catalog::log_run(connection, &run)?;
        reach(Step::RunLogged);
        Ok(record)
    }
}

fn create_view(connection: &Connection, name: &str, sql: &str) -> Result<()> {
    connection
        .execute_batch(&format!("create view {} as {sql}", ident(name)))
        .map_err(|error| {
            let words = fault::query(error);
            Error::new(
                ErrorKind::Config,
                format!("the view `{name}` cannot be created: {}", words.message()),
            )
            .during("sync.commit")
            .because(words)
        })
}

/// Drops the view of before; a table may have taken its name in this commit.
fn drop_view(connection: &Connection, name: &str) -> Result<()> {
    let sql = "select count(*) from duckdb_views() where schema_name = 'main' and view_name = ?";
    let views: i64 = connection
        .query_row(sql, [name], |row| row.get(0))
        .map_err(fault::store("sync.commit"))?;
    if views == 0 {
        Ok(())
    } else {
        drop_relation(connection, name)
    }
}

/// Drops a table or a view of this name, whichever exists.
fn drop_relation(connection: &Connection, name: &str) -> Result<()> {
    let fault = fault::store("sync.commit");
    let sql = "select table_type from information_schema.tables where table_schema = 'main' and table_name = ?";
    let kind: Option<String> = match connection.query_row(sql, [name], |row| row.get(0)) {
        Ok(kind) => Some(kind),
        Err(duckdb::Error::QueryReturnedNoRows) => None,
        Err(error) => return Err(fault(error)),
    };
    let kind = match kind.as_deref() {
        None => return Ok(()),
        Some("VIEW") => "view",
        Some(_) => "table",
    };
    connection
        .execute_batch(&format!("drop {kind} {}", ident(name)))
        .map_err(&fault)
}

impl TableChange {
    fn apply(&self, connection: &Connection, mut touch: Option<&mut Touch>) -> Result<TableOutcome> {
        let mut outcome = self.apply_staged(connection, touch.as_deref_mut())?;
        if !self.gone.is_empty() {
            let gone = delete_gone(connection, &self.table, &self.gone, |sql| {
                Touch::delete(touch, connection, &self.columns, sql)
            })?;
            outcome.changed |= gone > 0;
            outcome.deleted += gone;
            outcome.rows -= gone;
        }
        Ok(outcome)
    }

    fn apply_staged(&self, connection: &Connection, touch: Option<&mut Touch>) -> Result<TableOutcome> {
        match &self.kind {
            ChangeKind::Swap { key } => {
                if let Some(touch) = touch {
                    touch.all();
                }
                check_key(connection, &self.table, &ident(&staging_name(&self.table)), key)?;
                self.swap(connection)
            }
            ChangeKind::Keep { rows, watermark } => Ok(TableOutcome {
                rows: *rows,
                watermark: watermark.clone(),
                ..TableOutcome::default()
            }),
            ChangeKind::Merge { from, key } => {
                check_key(connection, &self.table, &delta_name(&self.table), key)?;
                let outcome = self.merge(connection, from, key, touch)?;
                // The connection lives on; its temporary tables would hold memory.
                connection
                    .execute_batch(&format!("drop table {}", delta_name(&self.table)))
                    .map_err(fault::store("sync.commit"))?;
                Ok(outcome)
            }
        }
    }

    fn swap(&self, connection: &Connection) -> Result<TableOutcome> {
        let fault = fault::store("sync.commit");
        let staging = ident(&staging_name(&self.table));
        let watermark = match &self.cursor {
            Some((column, ty)) => greatest(connection, &staging, column, ty)?,
            None => None,
        };
        let before = count(connection, &self.table).unwrap_or(0);
        drop_relation(connection, &self.table)?;
        reach(Step::TableDropped);
        connection
            .execute_batch(&format!("alter table {staging} rename to {}", ident(&self.table)))
            .map_err(&fault)?;
        Ok(TableOutcome {
            changed: true,
            deleted: before,
            inserted: self.staged_rows,
            rows: self.staged_rows,
            watermark,
        })
    }

    fn merge(
        &self,
        connection: &Connection,
        from: &CursorValue,
        key: &[String],
        mut touch: Option<&mut Touch>,
    ) -> Result<TableOutcome> {
        let fault = fault::store("sync.commit");
        let table = ident(&self.table);
        let staging = delta_name(&self.table);
        let (cursor, ty) = self.cursor.as_ref().expect("a merge has a cursor: the plan says so");
        let greatest = greatest(connection, &staging, cursor, ty)?;
        // Without a staged value the rows below the window decide; its lower bound is a safe stand-in for their greatest.
        let watermark = Some(greatest.unwrap_or_else(|| from.clone()));
        for (column, ty) in &self.added {
            connection
                .execute_batch(&format!("alter table {table} add column {} {ty}", ident(column)))
                .map_err(&fault)?;
        }
        let cursor = ident(cursor);
        let names = self
            .columns
            .iter()
            .map(|column| ident(&column.name))
            .collect::<Vec<_>>()
            .join(", ");
        // Two conditions: each alone lets DuckDB skip row groups by their statistics, `or` would not.
        let window = [
            format!("{cursor} >= {}", cursor_literal(from, ty)),
            format!("{cursor} is null"),
        ];
        if self.added.is_empty() && self.is_unchanged(connection, &table, &staging, &window)? {
            let rows = count(connection, &self.table)?;
            return Ok(TableOutcome {
                changed: false,
                deleted: 0,
                inserted: 0,
                rows,
                watermark,
            });
        }
        let mut deleted = 0;
        for condition in &window {
            let sql = format!("delete from {table} where {condition}");
            deleted += Touch::delete(touch.as_deref_mut(), connection, &self.columns, &sql)?;
        }
        if !key.is_empty() {
            let key = key.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ");
            let sql = format!("delete from {table} where ({key}) in (select {key} from {staging})");
            deleted += Touch::delete(touch.as_deref_mut(), connection, &self.columns, &sql)?;
        }
        reach(Step::WindowDeleted);
        if let Some(touch) = touch {
            touch.inserted(connection, &self.columns, &staging)?;
        }
        let inserted = connection
            .execute(
                &format!("insert into {table} ({names}) select {names} from {staging}"),
                [],
            )
            .map_err(&fault)?;
        let rows = count(connection, &self.table)?;
        Ok(TableOutcome {
            changed: !self.added.is_empty() || deleted > 0 || inserted > 0,
            deleted,
            inserted: inserted as u64,
            rows,
            watermark,
        })
    }

    /// Tells whether the window already holds exactly the staged rows. With a key, a staged row may also replace one that
    /// lies outside of the window; then the window lacks it and the answer is no.
    fn is_unchanged(&self, connection: &Connection, table: &str, staging: &str, window: &[String; 2]) -> Result<bool> {
        if self.staged_rows > COMPARED_ROWS {
            return Ok(false);
        }
        let names = self.columns.iter().map(comparable).collect::<Vec<_>>().join(", ");
        let [above, unknown] = window;
        let stored =
            format!("select {names} from {table} where {above} union all select {names} from {table} where {unknown}");
        if self.staged_rows <= LISTED_ROWS {
            let limit = LISTED_ROWS + 1;
            let stored = listed(
                connection,
                &format!("select * from ({stored} limit {limit}) order by all"),
            )?;
            return Ok(stored.len() as u64 == self.staged_rows
                && stored == listed(connection, &format!("select {names} from {staging} order by all"))?);
        }
        let sql = format!(
            "with stored as materialized ({stored})
             select (select count(*) from stored),
                    (select count(*) from (select {names} from {staging} except all from stored))"
        );
        let (stored, differing): (i64, i64) = connection
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(fault::store("sync.compare"))?;
        Ok(stored.cast_unsigned() == self.staged_rows && differing == 0)
    }
}

/// Refuses rows that their key does not tell apart: a merge by it would lose some.
pub(super) fn check_key(connection: &Connection, table: &str, staging: &str, key: &[String]) -> Result<()> {
    if key.is_empty() {
        return Ok(());
    }
    let quoted: Vec<String> = key.iter().map(|column| ident(column)).collect();
    let missing = quoted
        .iter()
        .map(|column| format!("{column} is null"))
        .collect::<Vec<_>>()
        .join(" or ");
    let list = quoted.join(", ");
    let sql =
        format!("select count(*) from (select {list} from {staging} group by {list} having count(*) > 1 or {missing})");
    let bad: i64 = connection
        .query_row(&sql, [], |row| row.get(0))
        .map_err(fault::store("sync.commit"))?;
    if bad == 0 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::SchemaMismatch,
        format!(
            "primary_key `{}` does not tell the rows apart: {bad} keys occur more than once or are NULL; name columns that do, or leave primary_key out",
            key.join("`, `")
        ),
    )
    .during("sync.commit")
    .with("table", table))
}

/// Writes a column so that values are equal only when they are the same: a month is not 30 days, nor is -0.0 the same as 0.0.
fn comparable(column: &Column) -> String {
    use ColumnType as T;
    let name = ident(&column.name);
    let element = |ty: &T| matches!(ty, T::Float | T::Double | T::Interval | T::TimeTz);
    match &column.ty {
        T::List(ty) if element(ty) => format!("{name}::varchar[]"),
        ty if element(ty) => format!("{name}::varchar"),
        _ => name,
    }
}

/// Reads rows in a form in which equal rows are equal texts, NaN included.
fn listed(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let fault = fault::store("sync.compare");
    let mut statement = connection.prepare(sql).map_err(&fault)?;
    let mut rows = statement.query([]).map_err(&fault)?;
    let mut texts = Vec::new();
    while let Some(row) = rows.next().map_err(&fault)? {
        let columns = row.as_ref().column_count();
        let values = (0..columns)
            .map(|index| row.get::<_, Value>(index))
            .collect::<duckdb::Result<Vec<_>>>();
        texts.push(format!("{:?}", values.map_err(&fault)?));
    }
    Ok(texts)
}

fn count(connection: &Connection, table: &str) -> Result<u64> {
    let rows: i64 = connection
        .query_row(&format!("select count(*) from {}", ident(table)), [], |row| row.get(0))
        .map_err(fault::store("sync.commit"))?;
    Ok(rows.cast_unsigned())
}

/// Writes a cursor value as a constant. A bound parameter would keep DuckDB from skipping row groups.
pub(super) fn cursor_literal(value: &CursorValue, ty: &ColumnType) -> String {
    match value {
        CursorValue::Integer(value) => value.to_string(),
        CursorValue::Decimal { .. } => format!("{}::{ty}", literal(&value.display())),
        CursorValue::Double(value) => format!("{}::double", literal(&value.to_string())),
        CursorValue::Timestamp { micros, .. } => match *micros {
            i64::MAX => format!("'infinity'::{ty}"),
            micros if micros == -i64::MAX => format!("'-infinity'::{ty}"),
            micros => format!("make_timestamp({micros})::{ty}"),
        },
        CursorValue::Date(i32::MAX) => "'infinity'::date".to_owned(),
        CursorValue::Date(days) if *days == -i32::MAX => "'-infinity'::date".to_owned(),
        CursorValue::Date(days) => format!("('1970-01-01'::date + ({days})::integer)"),
        CursorValue::Uuid(value) => format!("'{value}'::uuid"),
        CursorValue::Text(value) => literal(value),
    }
}
