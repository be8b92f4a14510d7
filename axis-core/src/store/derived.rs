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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::Utc;

    use super::super::commit::{ChangeKind, Commit, TableChange};
    use super::super::lease::Lease;
    use super::super::{RunRecord, Store};
    use super::*;
    use crate::config::Config;

    const DERIVATION: Derivation = Derivation {
        relation: "derived",
        version: 1,
        key: "id",
        make: fails,
        clear,
    };

    fn clear(connection: &Connection) -> Result<()> {
        let sql = "drop table if exists derived; create table derived (id integer)";
        connection.execute_batch(sql).map_err(fault::store(OPERATION))
    }

    /// Fails so that DuckDB gives up the transaction.
    fn fails(connection: &Connection, _: &Reason, _: &Scope<'_>) -> Result<Made> {
        clear(connection)?;
        let sql = "insert into derived select error('no') from t";
        connection.execute_batch(sql).map_err(fault::store(OPERATION))?;
        Ok(Made::default())
    }

    fn works(connection: &Connection, _: &Reason, scope: &Scope<'_>) -> Result<Made> {
        assert!(scope.touched.is_none(), "there is nothing to continue");
        clear(connection)?;
        let sql = format!("insert into derived select id from {}", ident(scope.view));
        let rows = connection.execute(&sql, []).map_err(fault::store(OPERATION))?;
        Ok(Made {
            rows: rows as u64,
            description: "made".to_owned(),
            unfit: None,
        })
    }

    fn commit(store: &Store, record: DatasetRecord, kind: ChangeKind, derivation: Derivation) -> DatasetRecord {
        let change = TableChange {
            table: "t".to_owned(),
            columns: Vec::new(),
            added: Vec::new(),
            staged_rows: 2,
            cursor: None,
            gone: Vec::new(),
            kind,
        };
        let commit = Commit {
            dataset: "d".to_owned(),
            record,
            run: RunRecord::started("run", "d", Utc::now()),
            tables: vec![change],
            view: Some(("v".to_owned(), "select * from t".to_owned())),
            derivation: Some(derivation),
        };
        let connection = store.pool.checkout().unwrap();
        let done = commit.run(&connection, &Reason::default(), &store.fence, |_, _, _, _| {});
        store.pool.give_back(connection);
        done.unwrap()
    }

    #[test]
    fn what_cannot_be_derived_holds_up_no_data() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::for_store(directory.path().join("s.duckdb")).store;
        let lease = Arc::new(Lease::take(&config.path, None).unwrap());
        let (store, _) = Store::open(&config, &lease).unwrap();
        let count = |table: &str| -> i64 {
            let connection = store.pool.checkout().unwrap();
            let sql = format!("select count(*) from {table}");
            let rows = connection.query_row(&sql, [], |row| row.get(0)).unwrap();
            store.pool.give_back(connection);
            rows
        };
        let staging = store.pool.checkout().unwrap();
        staging
            .execute_batch("create table _axis_staging_t as select unnest([1, 2]) as id")
            .unwrap();
        store.pool.give_back(staging);

        let swap = ChangeKind::Swap { key: Vec::new() };
        let record = commit(&store, DatasetRecord::default(), swap, DERIVATION);
        let derived = record.derived.clone().unwrap();
        assert_eq!((derived.rows, derived.again), (0, true));
        assert!(derived.error.is_some() && record.generation == 1, "{derived:?}");
        assert_eq!((count("t"), count("derived")), (2, 0));

        // The next sync tries again, though nothing has changed.
        let keep = || ChangeKind::Keep {
            rows: 2,
            watermark: None,
        };
        let working = Derivation {
            make: works,
            ..DERIVATION
        };
        let record = commit(&store, record, keep(), working);
        let derived = record.derived.clone().unwrap();
        assert_eq!(
            (derived.rows, derived.added, derived.error, derived.again),
            (2, 2, None, false)
        );
        assert_eq!((count("derived"), record.generation), (2, 2));

        // Now there is no reason to touch it, until another version makes it otherwise.
        let record = commit(&store, record, keep(), DERIVATION);
        assert_eq!(
            (record.derived.clone().map(|derived| derived.added), record.generation),
            (Some(0), 2)
        );
        let record = commit(&store, record, keep(), Derivation { version: 2, ..working });
        assert_eq!(
            (record.derived.map(|derived| derived.version), record.generation),
            (Some(2), 3)
        );
    }
}
