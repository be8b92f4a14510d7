//! A connection that keeps the store locked: the lock ends after the last one, whoever has that.

use std::ops::Deref;
use std::sync::Arc;

use duckdb::Connection;

use super::Fence;
use crate::error::first_line;

/// One connection of an open store. The database is open as long as there is one.
#[derive(Debug)]
pub(crate) struct Link {
    connection: Connection,
    /// Dropped after the connection, because another engine may open the file from then on.
    fence: Arc<Fence>,
}

impl Link {
    pub(super) fn new(connection: Connection, fence: Arc<Fence>) -> Self {
        Self { connection, fence }
    }

    /// Opens another connection of the same database.
    pub(super) fn another(&self) -> duckdb::Result<Self> {
        Ok(Self::new(self.connection.try_clone()?, Arc::clone(&self.fence)))
    }

    /// Tells whether the store is no longer ours to write.
    pub(super) fn is_lost(&self) -> bool {
        self.fence.check().is_err()
    }

    /// Keeps DuckDB from writing files when the last connection is dropped. An instance that lost its file would write, or
    /// delete, the write-ahead log of the file that has come in its place.
    pub(super) fn leave_files_alone(&self) {
        // A database that was invalidated refuses, and writes nothing either.
        if let Err(error) = self.execute_batch("pragma disable_checkpoint_on_shutdown") {
            tracing::debug!(error = first_line(&error), "the database is left as it is");
        }
    }
}

impl Deref for Link {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}
