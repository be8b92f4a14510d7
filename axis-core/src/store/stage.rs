//! Staging: rows enter a table of their own and touch what readers see only in the commit.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb::Connection;
use duckdb::types::ValueRef;

use super::reconcile::{gone_name, keys_name};
use super::vectors::VectorBatch;
use super::{Feed, Feeds, Reason, fault};
use crate::column::{Column, ColumnType};
use crate::error::{Error, ErrorKind, Result, first_line};
use crate::failpoint::{Step, reach};
use crate::source::{CursorValue, ident::ident};

/// Names of staging tables begin with this; nothing else's may.
const PREFIX: &str = "_axis_staging_";
/// The temporary table of the first rows of a table that is being loaded.
const HEAD: &str = "temp._axis_head";
/// Bytes of a text, on average, from which a column is compressed as long texts are.
const LONG_TEXT: u32 = 100;
/// The same for a column in which most texts differ: DuckDB's dictionary does nothing for it.
const DISTINCT_TEXT: u32 = 24;

/// Returns the name of the staging table of a rebuilt table, not quoted.
pub(crate) fn staging_name(table: &str) -> String {
    format!("{PREFIX}{table}")
}

/// Returns the quoted name of the temporary table that holds a table's window. A name of its own: a temporary table of
/// the same name would hide the staging table from the connection that has it.
pub(crate) fn delta_name(table: &str) -> String {
    format!("temp.{}", ident(&format!("_axis_delta_{table}")))
}

/// Loads a whole table into its staging table: the blocks go to the file as they come, and the commit only changes names.
/// Returns the rows.
///
/// The first rows decide how texts are compressed, because DuckDB's own choice is made for short ones: long ones take a
/// third more of the file that way, and much more time.
///
/// `created` is called when the staging table is there, and others may [`append`](stage_more) to it.
pub(crate) fn stage_full(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    table: &str,
    columns: Vec<Column>,
    feed: Box<dyn Feed>,
    created: impl FnOnce(),
) -> Result<u64> {
    let outcome = load_whole(connection, reason, feeds, table, columns, feed, created);
    // The connection lives on, also after a failure; its temporary tables would hold memory.
    let dropped = connection.execute_batch(&format!("drop table if exists {HEAD}"));
    let rows = outcome?;
    dropped.map_err(fault::store("sync.stage"))?;
    Ok(rows)
}

fn load_whole(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    table: &str,
    columns: Vec<Column>,
    feed: Box<dyn Feed>,
    created: impl FnOnce(),
) -> Result<u64> {
    let fail = |error| reason.explain(fault::store("sync.stage")(error));
    let feed = Arc::new(Mutex::new(feed));
    let first = Part::first(&feed);
    let create = format!("create or replace temp table {HEAD} as select * from ");
    let head = pull(connection, reason, feeds, &create, columns.clone(), Box::new(first))?;
    reach(Step::HeadStaged);

    // An interruption between two statements stops neither.
    reason.check()?;
    let name = ident(&staging_name(table));
    let definitions = definitions(connection, &columns).map_err(fail)?;
    connection
        .execute_batch(&format!("create or replace table {name} ({definitions})"))
        .map_err(fail)?;
    reach(Step::StagingCreated);
    created();
    reason.check()?;
    let insert = format!("insert into {name} select * from {HEAD} union all select * from ");
    let rest = pull(connection, reason, feeds, &insert, columns, Box::new(Part::rest(&feed)))?;
    reach(Step::TableStaged);
    Ok(head + rest)
}

/// Appends a part of a table to its staging table, in a transaction of its own. Returns the rows.
pub(crate) fn stage_more(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    table: &str,
    columns: Vec<Column>,
    feed: Box<dyn Feed>,
) -> Result<u64> {
    let insert = format!("insert into {} select * from ", ident(&staging_name(table)));
    pull(connection, reason, feeds, &insert, columns, feed)
}

/// Writes the columns of a staging table, as the rows in [`HEAD`] suggest.
fn definitions(connection: &Connection, columns: &[Column]) -> duckdb::Result<String> {
    let mut definitions = Vec::with_capacity(columns.len());
    for Column { name, ty, .. } in columns {
        let name = ident(name);
        let mut definition = format!("{name} {ty}");
        if *ty == ColumnType::Varchar {
            let sql = format!(
                "select coalesce(avg(strlen({name})), 0) >= if(count(distinct {name}) * 2 > count({name}), {DISTINCT_TEXT}, {LONG_TEXT})
                 from {HEAD}"
            );
            if connection.query_row(&sql, [], |row| row.get(0))? {
                definition.push_str(" using compression zstd");
            }
        }
        definitions.push(definition);
    }
    Ok(definitions.join(", "))
}

/// A part of a feed: its first batch, or what comes behind.
struct Part {
    feed: Arc<Mutex<Box<dyn Feed>>>,
    batches: usize,
}

impl Part {
    fn first(feed: &Arc<Mutex<Box<dyn Feed>>>) -> Self {
        Self {
            feed: Arc::clone(feed),
            batches: 1,
        }
    }

    fn rest(feed: &Arc<Mutex<Box<dyn Feed>>>) -> Self {
        Self {
            feed: Arc::clone(feed),
            batches: usize::MAX,
        }
    }
}

impl Feed for Part {
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
        let Some(left) = self.batches.checked_sub(1) else {
            return Ok(0);
        };
        self.batches = left;
        self.feed.lock().unwrap_or_else(PoisonError::into_inner).fill(batch)
    }
}

/// Loads a window into a temporary table of this connection, which touches no file. Returns the rows.
pub(crate) fn stage_delta(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    table: &str,
    columns: Vec<Column>,
    feed: Box<dyn Feed>,
) -> Result<u64> {
    let create = format!("create or replace temp table {} as select * from ", delta_name(table));
    let rows = pull(connection, reason, feeds, &create, columns, feed)?;
    reach(Step::WindowStaged);
    Ok(rows)
}

pub(super) fn pull(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    create: &str,
    columns: Vec<Column>,
    feed: Box<dyn Feed>,
) -> Result<u64> {
    let guard = feeds.offer(columns, feed);
    connection
        .execute(&format!("{create}{}", guard.relation()), [])
        .map_err(|error| reason.explain(guard.explain(fault::store("sync.stage")(error))))?;
    Ok(guard.rows())
}

/// Drops a dataset's staging tables, best effort: opening sweeps what stays.
pub(crate) fn drop_staging(connection: &Connection, tables: &[String]) {
    let mut sql = String::new();
    for table in tables {
        // Writing to a String cannot fail.
        let _ = write!(
            sql,
            "drop table if exists {}; drop table if exists {}; drop table if exists {}; drop table if exists {};",
            delta_name(table),
            keys_name(table),
            gone_name(table),
            ident(&staging_name(table))
        );
    }
    if let Err(error) = connection.execute_batch(&sql) {
        tracing::debug!(error = first_line(&error), "staging tables stay until the next open");
    }
}

/// Drops every staging table that a killed process has left. On a full disk they stay: what is stored can still be read.
pub(crate) fn sweep(connection: &Connection) {
    let names = || -> duckdb::Result<Vec<String>> {
        let mut statement =
            connection.prepare("select table_name from duckdb_tables() where starts_with(table_name, ?)")?;
        statement.query_map([PREFIX], |row| row.get(0))?.collect()
    };
    let dropped = names().and_then(|names| {
        names
            .iter()
            .try_for_each(|name| connection.execute_batch(&format!("drop table {}", ident(name))))
    });
    if let Err(error) = dropped {
        tracing::warn!(error = first_line(&error), "staging tables of an earlier process stay");
    }
}

/// Reads the greatest value of a column, typed; `None` when there is none.
pub(crate) fn greatest(
    connection: &Connection,
    relation: &str,
    column: &str,
    ty: &ColumnType,
) -> Result<Option<CursorValue>> {
    let column = ident(column);
    let value = match ty {
        ColumnType::SmallInt | ColumnType::Integer => format!("max({column})::bigint"),
        ColumnType::Float => format!("max({column})::double"),
        ColumnType::Uuid => format!("max({column})::varchar"),
        _ => format!("max({column})"),
    };
    let sql = format!("select {value} from {relation}");
    connection
        .query_row(&sql, [], |row| Ok(cursor_value(row.get_ref(0)?, ty)))
        .map_err(fault::store("sync.watermark"))?
}

fn cursor_value(value: ValueRef<'_>, ty: &ColumnType) -> Result<Option<CursorValue>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Some(match (value, ty) {
        (ValueRef::Null, _) => return Ok(None),
        (ValueRef::BigInt(value), _) => CursorValue::Integer(value),
        (ValueRef::Double(value), _) => CursorValue::Double(value),
        (ValueRef::Timestamp(_, micros), _) => CursorValue::Timestamp {
            micros,
            utc: matches!(ty, ColumnType::TimestampTz),
        },
        (ValueRef::Date32(days), _) => CursorValue::Date(days),
        (ValueRef::Decimal(value), ColumnType::Decimal { scale, .. }) => CursorValue::Decimal {
            unscaled: value.value(),
            scale: *scale,
        },
        (ValueRef::Text(bytes), ColumnType::Uuid) => CursorValue::Uuid(
            uuid::Uuid::parse_str(&text(bytes))
                .map_err(|error| Error::new(ErrorKind::Internal, "a UUID cannot be read back").because(error))?,
        ),
        (ValueRef::Text(bytes), _) => CursorValue::Text(text(bytes)),
        _ => return Err(Error::new(ErrorKind::Internal, "a watermark has an unexpected type").with("type", ty)),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::{BATCH_ROWS, BatchWriter as _, ColumnWriter as _};

    /// Two batches and a half of texts: 12 bytes in one column, 400 in the other.
    struct Texts(Vec<usize>);

    impl Feed for Texts {
        fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize> {
            let rows = self.0.pop().unwrap_or(0);
            for row in 0..rows {
                batch.column(0).bytes(row, b"twelve bytes");
                batch.column(1).bytes(row, format!("{row:400}").as_bytes());
            }
            Ok(rows)
        }
    }

    #[test]
    fn long_texts_are_compressed_as_such() {
        let directory = tempfile::tempdir().unwrap();
        let config = duckdb::Config::default()
            .with("storage_compatibility_version", "v1.5.0")
            .unwrap();
        let connection = Connection::open_with_flags(directory.path().join("t.duckdb"), config).unwrap();
        let feeds = Feeds::default();
        feeds.install(&connection).unwrap();
        let column = |name: &str| Column {
            name: name.to_owned(),
            ty: ColumnType::Varchar,
        };
        let feed = Texts(vec![1000, BATCH_ROWS, BATCH_ROWS]);
        let columns = vec![column("short"), column("long one")];
        let rows = stage_full(
            &connection,
            &Reason::default(),
            &feeds,
            "t",
            columns,
            Box::new(feed),
            || {},
        )
        .unwrap();
        assert_eq!(rows, 2 * BATCH_ROWS as u64 + 1000);
        connection.execute_batch("checkpoint").unwrap();
        let zstd = "select string_agg(distinct column_name, ',') from pragma_storage_info('_axis_staging_t') where compression = 'ZSTD'";
        let columns: String = connection.query_row(zstd, [], |row| row.get(0)).unwrap();
        assert_eq!(columns, "long one");
        let sum = "select count(*) || ' ' || sum(\"long one\"::int) from _axis_staging_t where short = 'twelve bytes'";
        let sum: String = connection.query_row(sum, [], |row| row.get(0)).unwrap();
        assert_eq!(sum, format!("{rows} {}", 2 * (2047 * 1024) + 499_500));
    }
}
