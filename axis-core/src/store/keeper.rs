//! Keeps a store open: holds the lease, and opens the file again when DuckDB gave it up or somebody replaced it.

use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::lease::Lease;
use super::{Catalog, Store, takeover};
use crate::config::StoreConfig;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};

/// The one open store of an engine, whichever that is at the moment.
#[derive(Debug)]
pub(crate) struct Keeper {
    config: StoreConfig,
    current: RwLock<Arc<Store>>,
    /// `None` once the engine is closed. Whoever opens or closes the store holds it.
    lease: tokio::sync::Mutex<Option<Arc<Lease>>>,
}

impl Keeper {
    /// Takes the lease and opens or creates the store.
    ///
    /// # Errors
    /// `Locked` when another engine holds it, `Store` when the file cannot be opened or was written by a newer DuckDB.
    pub(crate) async fn open(config: &StoreConfig, take_over: Option<Duration>) -> Result<(Self, Catalog)> {
        let (lease, store, catalog) = {
            let config = config.clone();
            blocking(move || {
                create_directory(&config.path)?;
                let lease = Arc::new(Lease::take(&config.path, take_over)?);
                reach(Step::Leased);
                let opened = Store::open(&config, &lease).inspect_err(|_| takeover::withdraw(&lease));
                let (store, catalog) = opened?;
                Ok((lease, store, catalog))
            })
            .await?
        };
        let keeper = Self {
            config: config.clone(),
            current: RwLock::new(Arc::new(store)),
            lease: tokio::sync::Mutex::new(Some(lease)),
        };
        Ok((keeper, catalog))
    }

    /// Returns the open store as it is.
    pub(crate) fn store(&self) -> Arc<Store> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns the open store for reading. One that DuckDB gave up is opened again first; `reload` gets what was read anew.
    ///
    /// # Errors
    /// `Store` or `Locked` when it cannot be opened again.
    pub(crate) async fn readable(&self, reload: impl FnOnce(Catalog)) -> Result<Arc<Store>> {
        let store = self.store();
        if store.pool.is_invalid() {
            return self.reopen(&store, reload).await;
        }
        Ok(store)
    }

    /// Returns the open store for writing. One whose file was replaced or deleted is opened again first, too.
    ///
    /// # Errors
    /// `Locked` when another process has taken the store over; `Store` when it cannot be opened again.
    pub(crate) async fn writable(&self, reload: impl FnOnce(Catalog)) -> Result<Arc<Store>> {
        let store = self.store();
        if store.pool.is_invalid() || store.fence.wants_reopening() {
            return self.reopen(&store, reload).await;
        }
        store.fence.check()?;
        Ok(store)
    }

    /// Tells whether the store is where it was and ours to write.
    ///
    /// # Errors
    /// `Locked` when another process has taken it over, `Store` when its file was replaced or deleted.
    pub(crate) fn check(&self) -> Result<()> {
        self.store().fence.check()
    }

    /// Opens the store in place of one that is lost; whoever comes second gets what the first has opened.
    async fn reopen(&self, lost: &Arc<Store>, reload: impl FnOnce(Catalog)) -> Result<Arc<Store>> {
        let mut held = self.lease.lock().await;
        let current = self.store();
        if !Arc::ptr_eq(&current, lost) {
            return Ok(current);
        }
        let lease = held.as_mut().ok_or_else(closed)?;
        // Two instances must not have one file open, and readers of the old one would otherwise never end.
        if !lost.pool.abandon().await {
            let message = "the store cannot be opened again while a query that cannot be interrupted runs; try again";
            return Err(Error::new(ErrorKind::Store, message).during("store.open"));
        }
        if lease.is_unlinked() {
            *lease = Arc::new(lease.again()?);
        }
        lease.check()?;
        let (config, lease, fence) = (self.config.clone(), Arc::clone(lease), Arc::clone(&lost.fence));
        let (store, catalog) = blocking(move || {
            fence.forget_lost_file();
            Store::open(&config, &lease)
        })
        .await?;
        let store = Arc::new(store);
        reload(catalog);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&store);
        tracing::warn!("the store was opened again");
        Ok(store)
    }

    /// Refuses new work, checkpoints and lets go of the file, unless a thread does not come out of DuckDB. Idempotent.
    pub(crate) async fn close(&self) {
        let mut held = self.lease.lock().await;
        let store = self.store();
        // A commit that is running finishes first; readers are interrupted.
        let _writer = store.writer.lock().await;
        let left = if store.fence.check().is_err() {
            store.pool.abandon().await
        } else {
            store.pool.close().await
        };
        let Some(lease) = held.take() else { return };
        if !left {
            // Who is inside DuckDB has the file open, and keeps the lock until the process ends.
            return;
        }
        let leaving = Arc::clone(&lease);
        let left = blocking(move || takeover::leave(&leaving)).await;
        if let Err(error) = left {
            tracing::debug!(error = %error.chain(), "the next open cleans up behind the takeover");
        }
        lease.release();
    }
}

/// Makes the directory of a store.
pub(super) fn create_directory(store: &Path) -> Result<()> {
    let Some(directory) = store.parent().filter(|directory| !directory.as_os_str().is_empty()) else {
        return Ok(());
    };
    std::fs::create_dir_all(directory).map_err(|error| {
        Error::new(ErrorKind::Store, "the directory of the store cannot be created")
            .during("store.open")
            .with("directory", directory.display())
            .because(error)
    })
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "opening the store panicked").during("store.open")))
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the engine is closed")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Instant;

    use super::super::open_stream;
    use super::*;
    use crate::config::Config;
    use crate::query::{Query, Running};

    fn config(directory: &tempfile::TempDir) -> StoreConfig {
        Config::for_store(directory.path().join("s.duckdb")).store
    }

    fn lock_of(config: &StoreConfig) -> PathBuf {
        config.path.with_extension("duckdb.lock")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_store_is_locked_as_long_as_a_query_has_it_open() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&directory);
        let (keeper, _) = Keeper::open(&config, None).await.unwrap();
        let pool = Arc::clone(&keeper.store().pool);
        let running: Arc<Running> = Arc::default();
        let query = Query::sql("select range from range(100000000)");
        let ticket = running.enter(&query, chrono::Utc::now()).unwrap();
        let mut stream = open_stream(&pool, query, ticket).await.unwrap();
        drop(pool);
        drop(keeper);
        assert_eq!(Keeper::open(&config, None).await.unwrap_err().kind(), ErrorKind::Locked);
        stream.next().await.unwrap().unwrap();
        drop(stream);
        let deadline = Instant::now() + Duration::from_secs(60);
        let keeper = loop {
            match Keeper::open(&config, None).await {
                Ok((keeper, _)) => break keeper,
                Err(error) => assert!(
                    error.kind() == ErrorKind::Locked && Instant::now() < deadline,
                    "{error}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        keeper.close().await;
    }

    #[test]
    fn a_store_that_was_taken_over_while_it_was_being_opened_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&directory);
        let lease = Arc::new(Lease::take(&config.path, None).unwrap());
        let next = directory.path().join("next");
        std::fs::write(&next, r#"{"pid":4711,"epoch":2,"shared":true,"stale":[1]}"#).unwrap();
        std::fs::rename(&next, lock_of(&config)).unwrap();
        assert_eq!(Store::open(&config, &lease).unwrap_err().kind(), ErrorKind::Locked);
        let connection = duckdb::Connection::open(&config.path).unwrap();
        let tables = connection.query_row("select count(*) from duckdb_tables()", [], |row| row.get::<_, i64>(0));
        assert_eq!(tables.unwrap(), 0);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_engine_that_duckdb_refuses_leaves_no_lock_file_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&directory);
        std::fs::write(&config.path, "no database").unwrap();
        Keeper::open(&config, None).await.unwrap_err();
        assert!(!lock_of(&config).exists());
        // One that others have had stays as it is.
        std::fs::write(lock_of(&config), r#"{"epoch":3}"#).unwrap();
        Keeper::open(&config, None).await.unwrap_err();
        assert!(lock_of(&config).exists());
    }

    #[tokio::test]
    async fn closing_does_not_wait_for_a_thread_that_stays_in_duckdb() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&directory);
        let (keeper, _) = Keeper::open(&config, None).await.unwrap();
        let pool = Arc::clone(&keeper.store().pool);
        let connection = pool.checkout().unwrap();
        connection.execute_batch("create table t (i int)").unwrap();
        let (leave, stays) = std::sync::mpsc::channel::<()>();
        // No interrupt reaches it.
        let inside = move || {
            let _ = stays.recv();
            drop(connection);
        };
        pool.spawn_deep(inside).unwrap();
        tokio::time::timeout(Duration::from_secs(60), keeper.close())
            .await
            .unwrap();
        let wal = config.path.with_extension("duckdb.wal");
        assert!(wal.exists(), "nothing was written around the thread");
        assert_eq!(Keeper::open(&config, None).await.unwrap_err().kind(), ErrorKind::Locked);
        drop(leave);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_log_that_is_not_of_the_file_in_the_place_of_the_store_is_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let config = config(&directory);
        let backup = directory.path().join("backup");
        let (keeper, _) = Keeper::open(&config, None).await.unwrap();
        keeper.close().await;
        std::fs::copy(&config.path, &backup).unwrap();
        let (keeper, _) = Keeper::open(&config, None).await.unwrap();
        let session = keeper.store().pool.checkout().unwrap();
        session
            .execute_batch("create table t (i int); checkpoint; insert into t values (1)")
            .unwrap();
        std::fs::rename(&backup, &config.path).unwrap();
        drop((session, keeper));
        assert!(config.path.with_extension("duckdb.wal").exists());
        let (keeper, _) = Keeper::open(&config, None).await.unwrap();
        keeper.close().await;
        assert!(config.path.with_extension("duckdb.wal.refused").exists());
    }
}
