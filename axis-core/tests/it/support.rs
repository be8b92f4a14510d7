//! Engines over throw-away databases, and the questions that tests ask of both sides.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Dataset, Engine, Env, Events, Query, Result, SyncEvent, SyncOptions, SyncReport};
use axis_testkit::postgres::TestDatabase;
use tempfile::TempDir;
use tokio_postgres::{Client, NoTls};

/// Longer than anything here takes on a slow machine.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// Makes the long form of tests that try out chance, when it has a value.
const SOAK: &str = "AXIS_SOAK";

/// Rows of text, as both sides print them.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// A database with one dataset `shop` over it, in a store of its own.
pub(crate) struct Shop {
    pub(crate) database: TestDatabase,
    pub(crate) directory: TempDir,
    pub(crate) engine: Engine,
}

impl Shop {
    /// Creates the database, runs the statements, and opens an engine over these tables.
    pub(crate) async fn open(prefix: &str, statements: &str, tables: Vec<TableConfig>) -> Self {
        Self::open_with(prefix, statements, tables, |_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn open_with(
        prefix: &str,
        statements: &str,
        tables: Vec<TableConfig>,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        Self::over(TestDatabase::create(prefix), statements, tables, adjust).await
    }

    /// The same over a database that exists, of a server of the test's own for example.
    pub(crate) async fn over(
        database: TestDatabase,
        statements: &str,
        tables: Vec<TableConfig>,
        adjust: impl FnOnce(&mut Config),
    ) -> Self {
        database.execute(statements);
        let directory = tempfile::tempdir().unwrap();
        let mut config = config(&directory.path().join("s.duckdb"), &database.url, tables);
        adjust(&mut config);
        let engine = open(config).await;
        Self {
            database,
            directory,
            engine,
        }
    }

    /// Closes the engine and opens the store again, with other tables or settings.
    pub(crate) async fn reopen(self, tables: Vec<TableConfig>, adjust: impl FnOnce(&mut Config)) -> Self {
        self.engine.close().await.unwrap();
        let mut config = config(&self.store(), &self.database.url, tables);
        adjust(&mut config);
        Self {
            engine: open(config).await,
            database: self.database,
            directory: self.directory,
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.directory.path().join("s.duckdb")
    }

    pub(crate) fn dataset(&self) -> Dataset {
        self.engine.dataset("shop").unwrap()
    }

    /// Syncs, which must succeed.
    pub(crate) async fn sync(&self) -> SyncReport {
        sync(&self.dataset(), SyncOptions::default()).await
    }

    /// Syncs until a sequence has a window. Numbers of transactions belong to the whole server, so whoever begins one in
    /// another database beside the first snapshot leaves that none; by the second sync there is a snapshot that is old enough.
    pub(crate) async fn settle(&self) {
        self.sync().await;
        self.sync().await;
    }

    /// Tries to sync.
    pub(crate) async fn try_sync(&self) -> Result<SyncReport> {
        self.engine.dataset("shop")?.sync(SyncOptions::default()).await
    }

    /// Asks both sides the same and compares PostgreSQL's text with DuckDB's, without regard to the order of rows; every
    /// value must be cast to varchar.
    pub(crate) async fn assert_same(&self, sql: &str) {
        assert_equal(sql, text(&self.engine, sql).await, self.database.query_text(sql));
    }

    /// Asks the store for one number.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        number(&self.engine, sql).await
    }

    /// Opens a session on the source that stays open.
    pub(crate) async fn session(&self) -> Client {
        session(&self.database.url).await
    }
}

/// Compares rows without regard to their order.
pub(crate) fn assert_equal(what: &str, mut stored: Rows, mut source: Rows) {
    stored.sort();
    source.sort();
    let differing = stored.iter().zip(&source).find(|(stored, source)| stored != source);
    assert!(
        stored.len() == source.len() && differing.is_none(),
        "{what}: {} rows are stored, {} are in the source; first difference: {differing:?}",
        stored.len(),
        source.len()
    );
}

/// Opens a session that lives until the client is dropped.
pub(crate) async fn session(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Builds a configuration with one custom dataset named `shop`.
pub(crate) fn config(store: &Path, url: &str, tables: Vec<TableConfig>) -> Config {
    let connection = Connection::from_url(url).expect("a valid URL");
    Config::for_store(store).with_dataset(DatasetConfig::custom("shop", connection, tables))
}

/// Returns the dataset `shop` of a configuration.
pub(crate) fn shop(config: &mut Config) -> &mut DatasetConfig {
    config
        .datasets
        .iter_mut()
        .find(|dataset| dataset.name == "shop")
        .expect("the dataset was added")
}

/// Opens an engine.
pub(crate) async fn open(config: Config) -> Engine {
    Engine::builder(config).open().await.expect("the store opens")
}

/// Syncs, which must succeed.
pub(crate) async fn sync(dataset: &Dataset, options: SyncOptions) -> SyncReport {
    dataset
        .sync(options)
        .await
        .unwrap_or_else(|error| panic!("{}: {}", dataset.name(), error.chain()))
}

/// Asks the store; every value as JSON.
pub(crate) async fn ask(engine: &Engine, sql: &str) -> Vec<serde_json::Value> {
    let batches = engine
        .query(Query::sql(sql))
        .await
        .unwrap_or_else(|e| panic!("{sql}: {}", e.chain()))
        .collect()
        .await
        .unwrap_or_else(|e| panic!("{sql}: {}", e.chain()));
    axis_core::rows_to_json(&batches)
}

/// Asks the store; every value must be text.
pub(crate) async fn text(engine: &Engine, sql: &str) -> Rows {
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => panic!("{sql} must cast to varchar, but gives {other}"),
    };
    let rows = ask(engine, sql).await;
    rows.iter()
        .map(|row| {
            row.as_object()
                .expect("a row is an object")
                .values()
                .map(cell)
                .collect()
        })
        .collect()
}

/// Asks the store for one number.
pub(crate) async fn number(engine: &Engine, sql: &str) -> i64 {
    let rows = ask(engine, sql).await;
    let row = rows[0].as_object().expect("one row");
    row.values()
        .next()
        .and_then(serde_json::Value::as_i64)
        .unwrap_or_else(|| panic!("a number from {sql}: {row:?}"))
}

/// Counts the staging tables in the store.
pub(crate) async fn staging_tables(engine: &Engine) -> i64 {
    number(
        engine,
        "select count(*) from duckdb_tables() where starts_with(table_name, '_axis_staging_')",
    )
    .await
}

/// Waits for an event.
pub(crate) async fn until<T>(events: &mut Events, pick: impl Fn(&SyncEvent) -> Option<T>) -> T {
    let wait = async {
        loop {
            let event = events.next().await.expect("the engine is there until the event");
            if let Some(found) = pick(&event.what) {
                return found;
            }
        }
    };
    tokio::time::timeout(DEADLINE, wait)
        .await
        .expect("the event comes in time")
}

/// Waits until rows are being read.
pub(crate) async fn until_rows(events: &mut Events) {
    until(events, |event| match event {
        SyncEvent::Progress { rows, done: false, .. } if *rows > 0 => Some(()),
        _ => None,
    })
    .await;
}

/// A directory with `custom/config`, as users write it.
pub(crate) struct Project {
    directory: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(directory.path().join("custom/config/datasets")).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes a file below `custom/config`.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join("custom/config").join(name), text).unwrap();
    }

    pub(crate) fn custom_dir(&self) -> PathBuf {
        self.directory.path().join("custom")
    }

    /// Loads the configuration with these variables.
    pub(crate) fn load(&self, variables: &[(&str, &str)]) -> Config {
        Self::load_from(&self.custom_dir(), variables)
    }

    /// The same for a custom directory of another process.
    pub(crate) fn load_from(custom_dir: &Path, variables: &[(&str, &str)]) -> Config {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::load(custom_dir, &Env::new(variables)).unwrap()
    }

    /// Loads and opens.
    pub(crate) async fn open(&self, variables: &[(&str, &str)]) -> Engine {
        open(self.load(variables)).await
    }
}

/// Returns how often to try something out: as often as said, or `soak` times as often under `AXIS_SOAK`.
pub(crate) fn scaled(rounds: usize, soak: usize) -> usize {
    let long = std::env::var_os(SOAK).is_some_and(|value| !value.is_empty());
    if long { rounds * soak } else { rounds }
}
