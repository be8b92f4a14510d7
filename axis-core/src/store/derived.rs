//! Relations that are made from a dataset's own, in the commit that changes it: both are of one version, always.

use std::collections::BTreeSet;

use duckdb::{Connection, params};
use serde::{Deserialize, Serialize};

use super::catalog::DatasetRecord;
use super::{Reason, fault};
use crate::column::{Column, ColumnType};
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::ident;

/// The operation of errors that deriving gives.
pub(crate) const OPERATION: &str = "sync.derive";
/// A commit that touches more keys than this makes the relation anew.
const TOUCHED: usize = 10_000;

/// How a relation is made from the view of its dataset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Derivation {
    /// The relation.
    pub(crate) relation: &'static str,
    /// Another version makes the relation anew.
    pub(crate) version: u32,
    /// The column by which rows of the view belong to one row of the relation.
    pub(crate) key: &'static str,
    /// Brings the relation up to date, inside the caller's transaction.
    pub(crate) make: fn(&Connection, &Reason, &Scope<'_>) -> Result<Made>,
    /// Makes the relation, empty.
    pub(crate) clear: fn(&Connection) -> Result<()>,
}

/// What a derivation starts from.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    /// The view.
    pub(crate) view: &'a str,
    /// The keys, as text, whose rows may have changed; `None` means all, and that the relation is made anew.
    pub(crate) touched: Option<&'a BTreeSet<String>>,
}

/// What a derivation has made.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// Rows of the relation.
    pub(crate) rows: u64,
    /// What the relation's reader needs to know.
    pub(crate) description: String,
    /// Why there is nothing; the relation is then empty.
    pub(crate) unfit: Option<String>,
}

/// What is remembered of a derived relation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DerivedRecord {
    pub(crate) relation: String,
    pub(crate) version: u32,
    pub(crate) rows: u64,
    /// Rows that the last commit added, less those that it removed; at least 0.
    pub(crate) added: u64,
    /// Why the relation is empty, when that is not what the data says.
    pub(crate) error: Option<String>,
    /// Whether the next sync tries again, even when nothing has changed.
    pub(crate) again: bool,
}

/// The keys that a commit touches.
#[derive(Debug)]
pub(super) struct Touch {
    key: &'static str,
    keys: BTreeSet<String>,
    all: bool,
}

impl Touch {
    pub(super) fn new(derivation: Derivation) -> Self {
        Self {
            key: derivation.key,
            keys: BTreeSet::new(),
            all: false,
        }
    }

    /// Remembers that anything may have changed.
    pub(super) fn all(&mut self) {
        self.all = true;
    }

    /// Runs a DELETE, remembers the keys of what it deleted, and returns its rows.
    pub(super) fn delete(
        touch: Option<&mut Self>,
        connection: &Connection,
        columns: &[Column],
        sql: &str,
    ) -> Result<u64> {
        let fault = fault::store("sync.commit");
        let Some(touch) = touch.filter(|touch| !touch.all) else {
            return connection.execute(sql, []).map(|rows| rows as u64).map_err(&fault);
        };
        let Some(key) = touch.column(columns) else {
            touch.all = true;
            return Self::delete(None, connection, columns, sql);
        };
        touch.collect(connection, &format!("{sql} returning {key}::varchar"))
    }

    /// Remembers the keys of rows that are inserted.
    pub(super) fn inserted(&mut self, connection: &Connection, columns: &[Column], staging: &str) -> Result<()> {
        if self.all {
            return Ok(());
        }
        match self.column(columns) {
            Some(key) => {
                self.collect(connection, &format!("select distinct {key}::varchar from {staging}"))?;
            }
            None => self.all = true,
        }
        Ok(())
    }

    /// The quoted name of the key, when equal values of it are equal texts.
    fn column(&self, columns: &[Column]) -> Option<String> {
        use ColumnType as T;
        let column = columns
            .iter()
            .find(|column| column.name.eq_ignore_ascii_case(self.key))?;
        let is_plain = matches!(column.ty, T::Varchar | T::Uuid | T::SmallInt | T::Integer | T::BigInt);
        is_plain.then(|| ident(&column.name))
    }

    fn collect(&mut self, connection: &Connection, sql: &str) -> Result<u64> {
        let fault = fault::store("sync.commit");
        let mut statement = connection.prepare(sql).map_err(&fault)?;
        let mut rows = statement.query([]).map_err(&fault)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(&fault)? {
            count += 1;
            // A key that is NULL belongs to no row of the relation.
            if let (false, Some(key)) = (self.all, row.get::<_, Option<String>>(0).map_err(&fault)?) {
                self.keys.insert(key);
                self.all = self.keys.len() > TOUCHED;
            }
        }
        Ok(count)
    }
}

/// Brings the derived relation up to date with the view; tells whether it changed. `failed` is the error of a first try, which
/// took the whole transaction with it: then the relation becomes empty and says so, and the data is committed all the same.
pub(super) fn update(
    connection: &Connection,
    reason: &Reason,
    (derivation, touch): (Derivation, &Touch),
    record: &mut DatasetRecord,
    (changed, failed): (bool, Option<&Error>),
) -> Result<bool> {
    let before = record.derived.take().filter(|derived| {
        derived.relation == derivation.relation && derived.version == derivation.version && !derived.again
    });
    if let (false, Some(before)) = (changed, &before) {
        record.derived = Some(DerivedRecord {
            added: 0,
            ..before.clone()
        });
        return Ok(false);
    }
    let Some((view, _)) = &record.view else {
        return Ok(false);
    };
    let made = match failed {
        Some(error) => Made {
            unfit: Some(error.to_string()),
            ..Made::default()
        },
        None => {
            let continued = before.as_ref().is_some_and(|before| before.error.is_none()) && !touch.all;
            let scope = Scope {
                view,
                touched: continued.then_some(&touch.keys),
            };
            (derivation.make)(connection, reason, &scope).map_err(|error| error.during(OPERATION))?
        }
    };
    if made.unfit.is_some() {
        (derivation.clear)(connection)?;
    }
    describe(connection, derivation.relation, &made.description)?;
    record.derived = Some(DerivedRecord {
        relation: derivation.relation.to_owned(),
        version: derivation.version,
        rows: made.rows,
        added: made.rows.saturating_sub(before.map_or(0, |before| before.rows)),
        error: made.unfit,
        again: failed.is_some(),
    });
    Ok(true)
}

/// Tells whether a commit without its derived relation may succeed where this error came from deriving it.
pub(super) fn is_about_deriving(error: &Error) -> bool {
    error.operation() == OPERATION && error.kind() != ErrorKind::Cancelled && error.kind() != ErrorKind::Timeout
}

fn describe(connection: &Connection, relation: &str, description: &str) -> Result<()> {
    let fault = fault::store(OPERATION);
    connection
        .execute("delete from _axis.derived where relation = ?", [relation])
        .map_err(&fault)?;
    connection
        .execute(
            "insert into _axis.derived values (?, ?)",
            params![relation, description],
        )
        .map_err(&fault)?;
    Ok(())
}

/// Returns what is stored beside a derived relation; `None` when it was never made, and an empty text when it could not be.
pub(crate) fn description(connection: &Connection, relation: &str) -> Result<Option<String>> {
    let sql = "select description from _axis.derived where relation = ?";
    match connection.query_row(sql, [relation], |row| row.get(0)) {
        Ok(description) => Ok(Some(description)),
        Err(duckdb::Error::QueryReturnedNoRows) => Ok(None),
        Err(error) => Err(fault::store("store.derived")(error)),
    }
}
