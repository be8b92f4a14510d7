//! The reads of rebuilt tables, whole or in parts, as sessions take them one after the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::plan::TablePlan;
use crate::error::{Error, ErrorKind, Result};

/// What is left to read.
#[derive(Debug)]
pub(super) struct Jobs(Mutex<VecDeque<Job>>);

/// One table, or one part of it.
#[derive(Debug)]
pub(super) struct Job {
    /// The table's place among the plans.
    pub(super) table: usize,
    pub(super) query: String,
    /// Whether it is the part that makes the staging table.
    pub(super) first: bool,
    pub(super) siblings: Arc<Siblings>,
}

/// What the parts of one table have in common.
#[derive(Debug)]
pub(super) struct Siblings {
    created: watch::Sender<bool>,
    left: AtomicUsize,
}

impl Jobs {
    /// Lists the reads of all tables that are rebuilt, in the order of the plans. The first part of a table is always taken
    /// before its others, so that nobody waits for a table that nobody makes.
    pub(super) fn of(plans: &[TablePlan]) -> Self {
        let mut jobs = VecDeque::new();
        for (table, plan) in plans.iter().enumerate().filter(|(_, plan)| plan.window.is_none()) {
            let queries = if plan.parts.is_empty() {
                std::slice::from_ref(&plan.query)
            } else {
                plan.parts.as_slice()
            };
            let siblings = Arc::new(Siblings::new(queries.len()));
            jobs.extend(queries.iter().enumerate().map(|(part, query)| Job {
                table,
                query: query.clone(),
                first: part == 0,
                siblings: Arc::clone(&siblings),
            }));
        }
        Self(Mutex::new(jobs))
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub(super) fn take(&self) -> Option<Job> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl Job {
    /// The read of a whole table.
    pub(super) fn whole(table: usize, query: String) -> Self {
        Self {
            table,
            query,
            first: true,
            siblings: Arc::new(Siblings::new(1)),
        }
    }
}

impl Siblings {
    fn new(parts: usize) -> Self {
        Self {
            created: watch::Sender::new(false),
            left: AtomicUsize::new(parts),
        }
    }

    /// Tells that the staging table is there.
    pub(super) fn created(&self) {
        self.created.send_replace(true);
    }

    /// Waits until the staging table is there.
    ///
    /// # Errors
    /// `Cancelled` when `stop` fires first, as it does when making the table fails.
    pub(super) async fn until_created(&self, stop: &CancellationToken) -> Result<()> {
        let mut created = self.created.subscribe();
        tokio::select! {
            created = created.wait_for(|created| *created) => created.map(|_| ()).map_err(|_| stopped()),
            () = stop.cancelled() => Err(stopped()),
        }
    }

    /// Counts a part that was read; tells whether it was the last.
    pub(super) fn done(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "the read was stopped").during("sync.read")
}
