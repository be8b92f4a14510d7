//! Compares the keys that a source has with those that a table will have, and finds the rows that are gone.
//!
//! Memory stays bounded: keys lie in a temporary table, which DuckDB moves to disk when it needs to, and both sides are first
//! compared by buckets of their hashes. Only the keys of buckets that differ are compared one by one, by their values.

use duckdb::Connection;

use super::checksum::hash;
use super::commit::{check_key, cursor_literal};
use super::stage::{delta_name, pull};
use super::{Feed, Feeds, Reason, fault};
use crate::column::{Column, ColumnType};
use crate::error::Result;
use crate::failpoint::{Step, reach};
use crate::source::CursorValue;
use crate::source::ident::ident;

const OPERATION: &str = "sync.reconcile";
/// Buckets that differ, of the table that is being compared.
const BUCKETS: &str = "temp._axis_buckets";
/// Keys in a bucket, about: few enough that one deleted row costs little, enough that the buckets fit into memory.
const BUCKET_KEYS: u64 = 1_000;
const MOST_BUCKETS: u64 = 1 << 16;

/// A table, its key, and the part of it that a refresh does not replace.
#[derive(Clone, Debug)]
pub(crate) struct Reconciled {
    pub(crate) table: String,
    /// The key, by its final names.
    pub(crate) key: Vec<Column>,
    /// The cursor, by its final name.
    pub(crate) cursor: (String, ColumnType),
    /// Where the window begins.
    pub(crate) from: CursorValue,
    /// Whether the window's rows are staged; when not, the table holds them already.
    pub(crate) staged: bool,
}

/// What the comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Keys that the source has.
    pub(crate) keys: u64,
    /// Stored rows below the window whose key the source no longer has. When there are any, the commit finds their keys in
    /// a temporary table.
    pub(crate) gone: u64,
    /// Keys that the source has and the table would not have after the refresh.
    pub(crate) missing: u64,
}

/// Returns the quoted name of the temporary table that holds the keys of a table's rows that are gone.
pub(crate) fn gone_name(table: &str) -> String {
    format!("temp.{}", ident(&format!("_axis_gone_{table}")))
}

/// Returns the quoted name of the temporary table that holds the source's keys.
pub(crate) fn keys_name(table: &str) -> String {
    format!("temp.{}", ident(&format!("_axis_keys_{table}")))
}

/// Reads the source's keys from a feed and compares them with what the table will have once the window is replaced.
///
/// The connection is the one that staged the window and that will commit. Nothing but temporary tables is written.
pub(crate) fn reconcile(
    connection: &Connection,
    reason: &Reason,
    feeds: &Feeds,
    what: &Reconciled,
    feed: Box<dyn Feed>,
) -> Result<Found> {
    let keys = keys_name(&what.table);
    let create = format!("create or replace temp table {keys} as select * from ");
    let count = pull(connection, reason, feeds, &create, what.key.clone(), feed)?;
    reach(Step::KeysStaged);
    let found = what.compare(connection, reason, count);
    // The connection lives on, also after a failure; its temporary tables would hold memory.
    let mut drop = format!("drop table {keys}; drop table if exists {BUCKETS};");
    if found.as_ref().is_ok_and(|found| found.gone == 0 || found.missing > 0) {
        drop.push_str(&format!("drop table if exists {};", gone_name(&what.table)));
    }
    if found.as_ref().is_ok_and(|found| found.missing > 0) {
        // The table is rebuilt instead of refreshed.
        drop.push_str(&format!("drop table if exists {};", delta_name(&what.table)));
    }
    let dropped = connection.execute_batch(&drop).map_err(fault::store(OPERATION));
    let found = found?;
    reach(Step::KeysCompared);
    dropped.map(|()| found)
}

/// Deletes the rows that were found to be gone, in the caller's transaction. Returns how many there were.
pub(super) fn delete_gone(
    connection: &Connection,
    table: &str,
    key: &[String],
    delete: impl FnOnce(&str) -> Result<u64>,
) -> Result<u64> {
    let fault = fault::store("sync.commit");
    let gone = gone_name(table);
    let key = key.iter().map(|column| ident(column)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "delete from {} where ({key}) in (select {key} from {gone})",
        ident(table)
    );
    let rows = delete(&sql)?;
    reach(Step::GoneDeleted);
    connection
        .execute_batch(&format!("drop table {gone}"))
        .map_err(&fault)?;
    Ok(rows)
}

/// Creates a temporary table and returns its rows, which DuckDB itself does not count.
fn fill(connection: &Connection, table: &str, select: &str) -> Result<u64> {
    connection
        .execute_batch(&format!("create or replace temp table {table} as {select}"))
        .map_err(fault::store(OPERATION))?;
    number(connection, &format!("select count(*) from {table}"))
}

fn number(connection: &Connection, sql: &str) -> Result<u64> {
    let number: i64 = connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(fault::store(OPERATION))?;
    Ok(number.cast_unsigned())
}

impl Reconciled {
    fn compare(&self, connection: &Connection, reason: &Reason, keys: u64) -> Result<Found> {
        let buckets = (keys / BUCKET_KEYS).clamp(1, MOST_BUCKETS);
        let mut found = Found {
            keys,
            ..Found::default()
        };
        reason.check()?;
        if fill(connection, BUCKETS, &self.buckets_sql(buckets))? == 0 {
            return Ok(found);
        }
        reason.check()?;
        let names: Vec<String> = self.key.iter().map(|column| column.name.clone()).collect();
        let differing = self.in_differing(&keys_name(&self.table), buckets);
        check_key(connection, &self.table, &format!("({differing})"), &names)?;
        reason.check()?;
        found.gone = fill(connection, &gone_name(&self.table), &self.gone_sql(buckets))?;
        reason.check()?;
        found.missing = number(connection, &self.missing_sql(buckets))?;
        Ok(found)
    }

    /// Keeps the numbers of the buckets in which both sides have another number of keys, or other ones.
    fn buckets_sql(&self, buckets: u64) -> String {
        let side = |relation: &str| {
            format!(
                "select h % {buckets} as b, count(*) as n, sum(h) as s from (select {} as h from {relation}) group by b",
                self.hash()
            )
        };
        format!(
            "select b from ({}) as source full join ({}) as store using (b)
             where source.n is distinct from store.n or source.s is distinct from store.s",
            side(&keys_name(&self.table)),
            side(&self.after())
        )
    }

    fn gone_sql(&self, buckets: u64) -> String {
        format!(
            "select * from ({}) as stored where not exists (select 1 from ({}) as source where {})",
            self.in_differing(
                &format!("(select * from {} where {})", ident(&self.table), self.below()),
                buckets
            ),
            self.in_differing(&keys_name(&self.table), buckets),
            self.same("stored", "source"),
        )
    }

    fn missing_sql(&self, buckets: u64) -> String {
        format!(
            "select count(*) from ({}) as source where not exists (select 1 from ({}) as stored where {})",
            self.in_differing(&keys_name(&self.table), buckets),
            self.in_differing(&self.after(), buckets),
            self.same("stored", "source"),
        )
    }

    /// The keys of a relation that lie in buckets that differ.
    fn in_differing(&self, relation: &str, buckets: u64) -> String {
        format!(
            "select {} from {relation} where {} % {buckets} in (select b from {BUCKETS})",
            self.list(""),
            self.hash()
        )
    }

    /// The keys that the table will have when the window has been replaced.
    fn after(&self) -> String {
        let table = ident(&self.table);
        if !self.staged {
            return table;
        }
        let (list, staged) = (self.list(""), delta_name(&self.table));
        format!(
            "(select {} from {table} as stored where {} and not exists (select 1 from {staged} as staged where {})
              union all select {list} from {staged})",
            self.list("stored."),
            self.below(),
            self.same("stored", "staged")
        )
    }

    /// The rows that are not in the window. With a cursor that is NULL a row is always in it.
    fn below(&self) -> String {
        let (cursor, ty) = &self.cursor;
        format!("{} < {}", ident(cursor), cursor_literal(&self.from, ty))
    }

    fn list(&self, relation: &str) -> String {
        let names = self
            .key
            .iter()
            .map(|column| format!("{relation}{}", ident(&column.name)));
        names.collect::<Vec<_>>().join(", ")
    }

    fn same(&self, left: &str, right: &str) -> String {
        let pairs = self.key.iter().map(|column| {
            let name = ident(&column.name);
            format!("{left}.{name} = {right}.{name}")
        });
        pairs.collect::<Vec<_>>().join(" and ")
    }

    fn hash(&self) -> String {
        let hashes: Vec<String> = self.key.iter().map(hash).collect();
        format!("hash(hash({}))", hashes.join(", "))
    }
}
