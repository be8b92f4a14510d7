//! The PostgreSQL database of one scenario.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use axis_testkit::postgres::TestDatabase;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls};

/// Longer than a server takes to do anything.
const DEADLINE: Duration = Duration::from_secs(60);
/// The server tells nobody when a session begins to wait.
const AGAIN: Duration = Duration::from_millis(5);

/// A database with a session that stays open, and others that hold locks.
#[derive(Debug)]
pub(crate) struct Source {
    url: String,
    runtime: Runtime,
    client: Client,
    held: BTreeMap<String, Client>,
}

impl Source {
    /// Creates the database and runs the statements that fill it.
    pub(crate) fn create(statements: &str) -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|error| format!("there is no runtime: {error}"))?;
        let database = TestDatabase::create("conformance");
        let client = connect(&runtime, &database.url)?;
        let source = Self {
            url: database.url,
            runtime,
            client,
            held: BTreeMap::new(),
        };
        source.execute(statements)?;
        Ok(source)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn execute(&self, statements: &str) -> Result<(), String> {
        let done = self.runtime.block_on(self.client.batch_execute(statements));
        done.map_err(|error| refused(&error))
    }

    /// Runs statements in a transaction of a session of its own, and leaves it open.
    pub(crate) fn hold(&mut self, name: &str, statements: &str) -> Result<(), String> {
        let client = connect(&self.runtime, &self.url)?;
        let done = self
            .runtime
            .block_on(client.batch_execute(&format!("begin; {statements}")));
        done.map_err(|error| refused(&error))?;
        match self.held.insert(name.to_owned(), client) {
            None => Ok(()),
            Some(_) => Err(format!("`{name}` is held already")),
        }
    }

    pub(crate) fn release(&mut self, name: &str) -> Result<(), String> {
        let client = self.held.remove(name).ok_or_else(|| format!("`{name}` is not held"))?;
        let done = self.runtime.block_on(client.batch_execute("rollback"));
        done.map_err(|error| refused(&error))
    }

    /// Waits until so many sessions of the database wait for a lock.
    pub(crate) fn wait_for_waiting(&self, count: i64) -> Result<(), String> {
        let sql =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
        let deadline = Instant::now() + DEADLINE;
        loop {
            let row = self.runtime.block_on(self.client.query_one(sql, &[]));
            let waiting: i64 = row.map_err(|error| refused(&error))?.get(0);
            if waiting >= count {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("{waiting} sessions wait for a lock; {count} were expected"));
            }
            self.runtime.block_on(async { tokio::time::sleep(AGAIN).await });
        }
    }
}

fn connect(runtime: &Runtime, url: &str) -> Result<Client, String> {
    let connected = runtime.block_on(tokio_postgres::connect(url, NoTls));
    let (client, connection) = connected.map_err(|error| refused(&error))?;
    runtime.spawn(connection);
    Ok(client)
}

fn refused(error: &tokio_postgres::Error) -> String {
    let words = error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string);
    format!("the source refuses: {words}")
}
