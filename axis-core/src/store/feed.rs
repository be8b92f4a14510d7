//! The table function through which rows enter DuckDB: `CREATE TABLE ... AS SELECT * FROM axis_feed('key')`.
//!
//! A feed is registered under an unguessable key, so that nobody else's SQL can pull its rows, and for one statement only.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use duckdb::Connection;
use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::vtab::{BindInfo, InitInfo, TableFunctionInfo, VTab};

use super::vectors::{VectorBatch, logical_type};
use crate::column::{Column, ColumnType};
use crate::error::{Error, ErrorKind, Result};

/// The name under which the table function is registered.
const FUNCTION: &str = "axis_feed";

/// Something that fills batches until it returns 0. Called on a thread that may block.
pub(crate) trait Feed: Send {
    /// Fills the batch and returns its number of rows; 0 ends the feed.
    fn fill(&mut self, batch: &mut VectorBatch) -> Result<usize>;
}

/// The feeds that statements may pull from right now.
#[derive(Clone, Default)]
pub(crate) struct Feeds(Arc<Mutex<HashMap<String, Arc<Entry>>>>);

struct Entry {
    columns: Vec<Column>,
    types: Vec<ColumnType>,
    feed: Mutex<Box<dyn Feed>>,
    error: Mutex<Option<Error>>,
    rows: AtomicU64,
}

impl Feeds {
    /// Registers the table function on a database that was just opened.
    pub(crate) fn install(&self, connection: &Connection) -> duckdb::Result<()> {
        connection.register_table_function_with_extra_info::<FeedFunction, Self>(FUNCTION, self)
    }

    /// Offers a feed; it is withdrawn when the guard drops.
    pub(crate) fn offer(&self, columns: Vec<Column>, feed: Box<dyn Feed>) -> FeedGuard {
        let key = uuid::Uuid::new_v4().simple().to_string();
        let types = columns.iter().map(|column| column.ty.clone()).collect();
        let entry = Arc::new(Entry {
            columns,
            types,
            feed: Mutex::new(feed),
            error: Mutex::new(None),
            rows: AtomicU64::new(0),
        });
        lock(&self.0).insert(key.clone(), Arc::clone(&entry));
        FeedGuard {
            feeds: self.clone(),
            key,
            entry,
        }
    }
}

impl std::fmt::Debug for Feeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Feeds").field("offered", &lock(&self.0).len()).finish()
    }
}

/// Withdraws its feed when dropped.
pub(crate) struct FeedGuard {
    feeds: Feeds,
    key: String,
    entry: Arc<Entry>,
}

impl FeedGuard {
    /// Returns the table expression to select from.
    pub(crate) fn relation(&self) -> String {
        format!("{FUNCTION}('{}')", self.key)
    }

    /// Returns the rows that have passed; DuckDB itself does not count those of a `CREATE TABLE AS`.
    pub(crate) fn rows(&self) -> u64 {
        self.entry.rows.load(Ordering::Relaxed)
    }

    /// Returns the feed's own error in place of DuckDB's text about it.
    pub(crate) fn explain(&self, otherwise: Error) -> Error {
        lock(&self.entry.error).take().unwrap_or(otherwise)
    }
}

impl Drop for FeedGuard {
    fn drop(&mut self) {
        lock(&self.feeds.0).remove(&self.key);
    }
}

/// A feed that panicked is not used again, so a poisoned lock says nothing that the error did not.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct FeedFunction;

impl VTab for FeedFunction {
    type InitData = ();
    type BindData = Bound;

    fn bind(bind: &BindInfo) -> std::result::Result<Self::BindData, Box<dyn StdError>> {
        let feeds = super::vectors::extra_info::<Feeds>(bind);
        let key = bind.get_parameter(0);
        // Reading a NULL as text would throw an exception that nothing on this side can catch.
        if key.is_null() {
            return Err("no such feed".into());
        }
        let key = key.to_string();
        let entry = lock(&feeds.0).get(&key).cloned().ok_or("no such feed")?;
        for column in &entry.columns {
            bind.add_result_column(&column.name, logical_type(&column.ty));
        }
        Ok(Bound(entry))
    }

    fn init(_: &InitInfo) -> std::result::Result<Self::InitData, Box<dyn StdError>> {
        Ok(())
    }

    fn func(
        call: &TableFunctionInfo<Self>,
        output: &mut DataChunkHandle,
    ) -> std::result::Result<(), Box<dyn StdError>> {
        let entry = &call.get_bind_data().0;
        let filled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut batch = VectorBatch::new(output, &entry.types);
            lock(&entry.feed).fill(&mut batch)
        }))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the reader panicked").during("store.feed")));
        match filled {
            Ok(rows) => {
                output.set_len(rows);
                entry.rows.fetch_add(rows as u64, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => {
                let text = error.code().to_owned();
                *lock(&entry.error) = Some(error);
                Err(text.into())
            }
        }
    }

    fn parameters() -> Option<Vec<LogicalTypeHandle>> {
        Some(vec![LogicalTypeId::Varchar.into()])
    }
}

/// What a statement that pulls from a feed holds on to.
pub(crate) struct Bound(Arc<Entry>);
