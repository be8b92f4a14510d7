//! Fewer DuckDB threads while tables are loaded.
//!
//! A load has one stream of rows, so it uses one thread. With more, a worker takes the load over and the thread that asked
//! for it spins until it is done: measured on two cores, a full sync then costs a quarter more processor time. Queries that
//! run meanwhile use one thread each.

use std::sync::{Arc, Mutex, PoisonError};

use super::Pool;

/// Counts the loads that are going on.
#[derive(Debug)]
pub(crate) struct Loads {
    running: Mutex<usize>,
    /// Threads outside of loads.
    threads: i64,
}

impl Loads {
    pub(crate) fn new(threads: i64) -> Self {
        Self {
            running: Mutex::new(0),
            threads,
        }
    }

    /// Lowers the number of threads until the last guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, pool: &Arc<Pool>) -> Load {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        if *running == 1 {
            set_threads(pool, 1);
        }
        Load {
            loads: Arc::clone(self),
            pool: Arc::clone(pool),
        }
    }
}

/// A load that is going on.
#[derive(Debug)]
pub(crate) struct Load {
    loads: Arc<Loads>,
    pool: Arc<Pool>,
}

impl Drop for Load {
    fn drop(&mut self) {
        let mut running = self.loads.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running -= 1;
        if *running == 0 {
            set_threads(&self.pool, self.loads.threads);
        }
    }
}

/// Only a matter of speed, so a failure (a store that closes) is none.
fn set_threads(pool: &Pool, threads: i64) {
    let Ok(connection) = pool.checkout() else { return };
    if let Err(error) = connection.execute_batch(&format!("set threads = {threads}")) {
        tracing::debug!(error = %error, threads, "the number of threads stays");
    }
    pool.give_back(connection);
}
