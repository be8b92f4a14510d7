//! The queries of clients that run right now: who asks, since when, how far they are, and how to stop them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Query;
use crate::dataset::lock;
use crate::error::{Error, ErrorKind, Result};

/// How long [`Running::cancel`] waits for the end.
const STOPPING: Duration = Duration::from_secs(2);

/// A query that waits for its turn or runs. What it asks is not told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct QueryStatus {
    /// The query.
    pub id: Uuid,
    /// When it was asked.
    pub since: DateTime<Utc>,
    /// Milliseconds since then.
    pub elapsed_ms: u64,
    /// Who asks, as far as that is known.
    pub client: Option<String>,
    /// The kind of the statement.
    #[cfg_attr(feature = "openapi", schema(example = "select"))]
    pub statement: &'static str,
    /// `waiting` for one of `query_concurrency` slots, or `running`.
    #[cfg_attr(feature = "openapi", schema(example = "running"))]
    pub state: &'static str,
    /// Rows that have been handed over so far.
    pub rows: u64,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<BTreeMap<Uuid, Arc<Entry>>>);

#[derive(Debug)]
struct Entry {
    since: DateTime<Utc>,
    client: Option<String>,
    runs: AtomicBool,
    rows: AtomicU64,
    cancel: CancellationToken,
    finished: CancellationToken,
}

impl Running {
    /// Enters a query until its ticket is dropped.
    ///
    /// # Errors
    /// `InvalidArgument` when there is one of this id.
    pub(crate) fn enter(self: &Arc<Self>, query: &Query, since: DateTime<Utc>) -> Result<Ticket> {
        let id = query.id;
        let entry = Arc::new(Entry {
            since,
            client: query.client.clone(),
            runs: AtomicBool::new(false),
            rows: AtomicU64::new(0),
            cancel: query.cancel.clone(),
            finished: CancellationToken::new(),
        });
        let mut all = lock(&self.0);
        if all.contains_key(&id) {
            let message = "a query with this id is running; choose another id, or none";
            return Err(Error::new(ErrorKind::InvalidArgument, message).during("query"));
        }
        all.insert(id, Arc::clone(&entry));
        Ok(Ticket {
            running: Arc::clone(self),
            id,
            entry,
        })
    }

    /// Lists them, the oldest first.
    pub(crate) fn list(&self, now: DateTime<Utc>) -> Vec<QueryStatus> {
        let all = lock(&self.0);
        let mut list: Vec<QueryStatus> = all
            .iter()
            .map(|(id, entry)| QueryStatus {
                id: *id,
                since: entry.since,
                elapsed_ms: u64::try_from((now - entry.since).num_milliseconds()).unwrap_or_default(),
                client: entry.client.clone(),
                statement: "select",
                state: if entry.runs.load(Ordering::Relaxed) {
                    "running"
                } else {
                    "waiting"
                },
                rows: entry.rows.load(Ordering::Relaxed),
            })
            .collect();
        drop(all);
        list.sort_by_key(|query| (query.since, query.id));
        list
    }

    /// Counts those that run, and those that wait.
    pub(crate) fn count(&self) -> (usize, usize) {
        let all = lock(&self.0);
        let running = all.values().filter(|entry| entry.runs.load(Ordering::Relaxed)).count();
        (running, all.len() - running)
    }

    /// Cancels a query and tells whether it ended in a moment; `None` when there is none.
    pub(crate) async fn cancel(&self, id: Uuid) -> Option<bool> {
        let entry = lock(&self.0).get(&id).map(Arc::clone)?;
        entry.cancel.cancel();
        Some(tokio::time::timeout(STOPPING, entry.finished.cancelled()).await.is_ok())
    }
}

/// The place of one query in the list, held by whoever runs it.
#[derive(Debug)]
pub(crate) struct Ticket {
    running: Arc<Running>,
    id: Uuid,
    entry: Arc<Entry>,
}

impl Ticket {
    /// It has a slot.
    pub(crate) fn begins(&self) {
        self.entry.runs.store(true, Ordering::Relaxed);
    }

    /// So many more rows were handed over.
    pub(crate) fn count(&self, rows: u64) {
        self.entry.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.running.0).remove(&self.id);
        self.entry.finished.cancel();
    }
}
