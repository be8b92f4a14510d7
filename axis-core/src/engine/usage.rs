//! How much of its resources an engine uses.

use std::path::PathBuf;

use serde::Serialize;

use super::Engine;
use crate::store::for_queries;

/// How much of its resources an engine uses. Queries are those of [`Engine::query`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Usage {
    /// Bytes of the store and its log on disk.
    pub store_bytes: u64,
    /// Queries that may run at once: `query_concurrency` less what is kept for the engine's own reads, a quarter of it.
    pub query_slots: usize,
    /// Queries that are running, those whose answers are still to be read included.
    pub queries_running: usize,
    /// Queries that wait for a slot.
    pub queries_waiting: usize,
}

impl Engine {
    /// Returns how much is in use right now.
    pub async fn usage(&self) -> Usage {
        let (queries_running, queries_waiting) = self.0.running.count();
        let path = self.0.config.store.path.clone();
        let sizes = tokio::task::spawn_blocking(move || {
            let mut log = path.clone().into_os_string();
            log.push(".wal");
            let size = |path: PathBuf| std::fs::metadata(path).map_or(0, |file| file.len());
            size(path) + size(log.into())
        });
        Usage {
            // A file that cannot be asked for its size counts as none.
            store_bytes: sizes.await.unwrap_or_default(),
            query_slots: for_queries(self.0.config.store.query_concurrency),
            queries_running,
            queries_waiting,
        }
    }
}
