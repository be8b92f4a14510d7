//! One connection for several pieces of work, and what interrupts them.

use std::sync::Arc;
use std::time::Duration;

use duckdb::{Connection, InterruptHandle};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{Limits, Pool, until};
use crate::error::{Error, ErrorKind, Result};
use crate::store::link::Link;
use crate::store::reason::{CANCELLED, Reason, TIMED_OUT};

/// How often a running statement is interrupted again: an interrupt between two statements of one piece of work has no effect.
const INTERRUPT_AGAIN: Duration = Duration::from_millis(20);

/// One connection for several pieces of work in a row, such as the staging and the commit of a sync.
#[derive(Debug)]
pub(crate) struct Session {
    /// `None` after a panic, or after a future was dropped while its work ran.
    connection: Option<Link>,
    /// Closing waits for it: the database is open as long as there is a connection. Dropped after it.
    _open: TaskTrackerToken,
    pool: Arc<Pool>,
}

impl Session {
    pub(super) fn new(connection: Link, pool: &Arc<Pool>) -> Self {
        Self {
            connection: Some(connection),
            _open: pool.work.token(),
            pool: Arc::clone(pool),
        }
    }

    /// Runs one piece of work. Dropping the future interrupts it and ends the session.
    pub(crate) async fn run<T, F>(&mut self, limits: Limits, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Reason) -> Result<T> + Send + 'static,
    {
        let connection = self.connection.take().ok_or_else(|| self.pool.gone())?;
        let interrupt = connection.interrupt_handle();
        let reason = Arc::new(Reason::default());
        let inner = Arc::clone(&reason);
        let pool = Arc::clone(&self.pool);
        let mut task = self.pool.work.spawn_blocking(move || {
            let outcome = inner
                .check()
                .and_then(|()| work(&connection, &inner))
                .map_err(|error| inner.explain(error));
            if outcome.is_err() {
                // A transaction that an error left open must not reach the next user.
                pool.clean_up(&connection);
            }
            (connection, outcome)
        });
        let guard = InterruptOnDrop {
            interrupt: &interrupt,
            reason: &reason,
            armed: true,
        };
        let deadline = limits.timeout.map(|timeout| tokio::time::Instant::now() + timeout);
        let joined = tokio::select! {
            joined = &mut task => joined,
            why = async {
                tokio::select! {
                    () = limits.cancel.cancelled() => CANCELLED,
                    () = self.pool.closing.cancelled() => CANCELLED,
                    () = until(deadline) => TIMED_OUT,
                }
            } => {
                reason.set(why);
                loop {
                    interrupt.interrupt();
                    tokio::select! {
                        joined = &mut task => break joined,
                        () = tokio::time::sleep(INTERRUPT_AGAIN) => {}
                    }
                }
            }
        };
        guard.disarm();
        let (connection, outcome) =
            joined.map_err(|_| Error::new(ErrorKind::Internal, "the work panicked").during("store"))?;
        self.connection = Some(connection);
        outcome.map_err(|error| self.pool.explain(error))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection);
        }
    }
}

/// Interrupts the statement when the future that waits for it is dropped.
struct InterruptOnDrop<'a> {
    interrupt: &'a InterruptHandle,
    reason: &'a Reason,
    armed: bool,
}

impl InterruptOnDrop<'_> {
    fn disarm(mut self) {
        self.armed = false;
    }
}

impl Drop for InterruptOnDrop<'_> {
    fn drop(&mut self) {
        if self.armed {
            self.reason.set(CANCELLED);
            self.interrupt.interrupt();
        }
    }
}
