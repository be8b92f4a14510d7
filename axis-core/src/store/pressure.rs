//! DuckDB's threads and memory while whole tables are loaded.
//!
//! A load has one stream of rows, so it uses one thread. With more, a worker takes the load over and the thread that asked
//! for it spins until it is done: on two cores a full sync then costs a quarter more processor time. And a load gains nothing
//! from memory: what it has written would only stay cached, up to the limit. So loads that begin alone have one thread until
//! they end, and little memory until a query runs beside them.

use std::sync::{Mutex, MutexGuard, PoisonError};

use duckdb::Connection;

use crate::error::first_line;

/// Memory for loads that are alone: at less they slow down, at more only the cache grows.
const LOAD_MEMORY: u64 = 128 << 20;

/// Who is at work, and what DuckDB was told last.
#[derive(Debug)]
pub(crate) struct Pressure {
    threads: i64,
    memory: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    loads: usize,
    queries: usize,
    one_thread: bool,
    little_memory: bool,
}

impl Pressure {
    /// Remembers the settings outside of loads: threads, and the memory limit in bytes.
    pub(crate) fn new(threads: i64, memory: u64) -> Self {
        Self {
            threads,
            memory,
            state: Mutex::default(),
        }
    }

    /// Returns the memory limit outside of loads, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        self.memory
    }

    pub(crate) fn load_begins(&self, connection: &Connection) {
        let mut state = self.state();
        state.loads += 1;
        self.apply(&mut state, connection);
    }

    pub(crate) fn load_ends(&self, connection: &Connection) {
        let mut state = self.state();
        state.loads = state.loads.saturating_sub(1);
        self.apply(&mut state, connection);
    }

    pub(crate) fn query_begins(&self, connection: &Connection) {
        let mut state = self.state();
        state.queries += 1;
        self.apply(&mut state, connection);
    }

    pub(crate) fn query_ends(&self, connection: &Connection) {
        let mut state = self.state();
        state.queries = state.queries.saturating_sub(1);
        self.apply(&mut state, connection);
    }

    fn apply(&self, state: &mut State, connection: &Connection) {
        // Lowering makes DuckDB wait until its other threads are idle; so not while a query runs, nor once loads have begun.
        let one_thread = state.loads > 0 && (state.one_thread || (state.loads == 1 && state.queries == 0));
        if one_thread != state.one_thread {
            state.one_thread = one_thread;
            set(
                connection,
                &format!("set threads = {}", if one_thread { 1 } else { self.threads }),
            );
        }
        let little_memory = state.loads > 0 && state.queries == 0;
        if little_memory != state.little_memory {
            state.little_memory = little_memory;
            let memory = if little_memory {
                self.memory.min(LOAD_MEMORY)
            } else {
                self.memory
            };
            set(connection, &format!("set memory_limit = '{memory}B'"));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only a matter of speed and space, so a refusal (more memory is in use right now) is no failure.
fn set(connection: &Connection, sql: &str) {
    if let Err(error) = connection.execute_batch(sql) {
        tracing::debug!(error = first_line(&error), sql, "a setting stays");
    }
}
