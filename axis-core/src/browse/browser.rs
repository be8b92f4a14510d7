//! One server that is looked into: its tables, their columns and values, and the answers of SELECTs.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::hosts::Hosts;
use super::rows::Rows;
use super::scope::Scope;
use super::table::{self, ColumnListing, SchemaListing, TableListing, TableName, TableRead};
use super::{statement, values};
use crate::config::PostgresConnection;
use crate::error::{Error, ErrorKind, Result};
use crate::source::postgres::{Address, Answer, PostgresSource, Terms, Visit};

/// The name of looking into a source in errors.
const OPERATION: &str = "source.browse";
/// The longest time of a statement that lists, samples or reads a table.
const BROWSE_TIMEOUT: Duration = Duration::from_secs(30);
/// What an answer may take beyond the time of its statements before the server counts as gone.
const GRACE: Duration = Duration::from_secs(5);
/// Sessions that one browser may have at once.
const SESSIONS: usize = 2;
/// The most bytes of one answer.
const MOST_BYTES: usize = 64 << 20;
/// How many rows are looked at for samples, how many values are shown of each column, and how many characters of a text.
const SAMPLED_ROWS: usize = 100;
const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 500;

/// A PostgreSQL server that is looked into. Every call is a read-only transaction of its own that is rolled back; dropping
/// the future of a call stops it on the server.
#[derive(Debug)]
pub struct Browser {
    source: PostgresSource,
    scope: Scope,
    /// The longest time of a SELECT that the caller has written, and of an import.
    query_timeout: Duration,
    sessions: Semaphore,
    version: String,
}

impl Browser {
    /// Finds the server's addresses, checks them, connects and asks for the version. The addresses stay the browser's, so that
    /// the name cannot lead elsewhere later.
    pub(super) async fn connect(
        settings: PostgresConnection,
        hosts: &Hosts,
        scope: Scope,
        query_timeout: Duration,
    ) -> Result<Self> {
        let reach = hosts.check(&settings.host, settings.port)?;
        let unreachable = || {
            Error::new(ErrorKind::SourceUnavailable, "the host cannot be found")
                .during(OPERATION)
                .with("host", &settings.host)
        };
        let resolving = Address::resolve(&settings.host, settings.port);
        let places = tokio::time::timeout(settings.connect_timeout, resolving)
            .await
            .map_err(|_| unreachable())?
            .map_err(|error| unreachable().because(error))?;
        for place in &places {
            if let Address::Tcp(address) = place {
                reach.check(SocketAddr::ip(address))?;
            }
        }
        let mut browser = Self {
            source: PostgresSource::at(settings, places),
            scope,
            query_timeout,
            sessions: Semaphore::new(SESSIONS),
            version: String::new(),
        };
        let sql = "select pg_catalog.version()";
        let answer = browser
            .visit(BROWSE_TIMEOUT, async |visit| visit.ask(sql, &[]).await)
            .await?;
        browser.version = answer.into_iter().flatten().flatten().next().unwrap_or_default();
        Ok(browser)
    }

    /// Returns the server's description of itself, as it was when it was connected to.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Lists the tables and views that may be read, by schema and name.
    ///
    /// # Errors
    /// `SourceUnavailable`, `SourceRejected`, `Timeout`.
    pub async fn tables(&self) -> Result<Vec<TableListing>> {
        let listed = self.visit(BROWSE_TIMEOUT, table::list).await?;
        Ok(listed
            .into_iter()
            .filter(|table| self.scope.admits(&table.name()))
            .collect())
    }

    /// Lists the columns of a table, with up to five values of each from its first rows.
    ///
    /// # Errors
    /// `NotFound` when there is no such table, [`REFUSED`](super::REFUSED) when `tables` does not list it; as
    /// [`tables`](Self::tables).
    pub async fn schema(&self, name: &TableName) -> Result<SchemaListing> {
        self.scope.check(name)?;
        let look = async |visit: &Visit| {
            let columns = table::columns(visit, name).await?;
            let sql = table::read_sql(name, &columns, &TableRead::default())?;
            let answer = visit.select(&sql.text, &[], SAMPLED_ROWS, MOST_BYTES).await?;
            Ok((columns, values::rows(answer)))
        };
        let (columns, rows) = self.visit(BROWSE_TIMEOUT, look).await?;
        Ok(SchemaListing {
            sample_values: samples(&columns, &rows),
            columns,
        })
    }

    /// Returns the distinct values of a column as text, ascending by code point, without null.
    ///
    /// # Errors
    /// As [`schema`](Self::schema).
    pub async fn distinct_values(&self, name: &TableName, column: &str, limit: usize) -> Result<Vec<String>> {
        self.scope.check(name)?;
        let look = async |visit: &Visit| {
            let columns = table::columns(visit, name).await?;
            let sql = table::distinct_sql(name, &columns, column)?;
            visit.select(&sql, &[], limit, MOST_BYTES).await
        };
        let answer = self.visit(BROWSE_TIMEOUT, look).await?;
        Ok(answer.rows.into_iter().flatten().flatten().collect())
    }

    /// Reads up to `limit` rows of a table, ordered by its primary key where it has one.
    ///
    /// # Errors
    /// `NotFound`, also for a column that the table does not have; `InvalidArgument`; as [`schema`](Self::schema).
    pub async fn read(&self, name: &TableName, read: &TableRead, limit: usize) -> Result<Rows> {
        self.scope.check(name)?;
        let look = async |visit: &Visit| {
            let columns = table::columns(visit, name).await?;
            let sql = table::read_sql(name, &columns, read)?;
            let parameters: Vec<&str> = sql.parameters.iter().map(String::as_str).collect();
            visit.select(&sql.text, &parameters, limit, MOST_BYTES).await
        };
        rows(self.visit(BROWSE_TIMEOUT, look).await?).await
    }

    /// Runs one SELECT and returns up to `limit` of its rows, in its order.
    ///
    /// # Errors
    /// `InvalidArgument` when the text is no single SELECT or names what is not allowed;
    /// [`REFUSED`](super::REFUSED) when it reads a table that `tables` does not list; `SourceUnavailable`,
    /// `SourceRejected`, `Timeout`.
    pub async fn query(&self, sql: &str, limit: usize) -> Result<Rows> {
        let checked = statement::check(sql)?;
        let look = async |visit: &Visit| {
            let answer = visit.select(&checked.sql, &[], limit, MOST_BYTES).await?;
            self.scope.confirm(visit, &checked.words).await?;
            Ok(answer)
        };
        rows(self.visit(self.query_timeout, look).await?).await
    }

    /// Ends the connections that wait for the next call.
    pub async fn close(&self) {
        self.source.close().await;
    }

    /// Runs the work of one call within one transaction.
    async fn visit<T>(&self, timeout: Duration, work: impl AsyncFnOnce(&Visit) -> Result<T>) -> Result<T> {
        let terms = Terms {
            timeout,
            schemas: self.scope.schemas(),
        };
        let call = async {
            let _session = self.sessions.acquire().await;
            let visit = self.source.visit(&terms).await?;
            let done = work(&visit).await;
            visit.end().await;
            done
        };
        // The server ends a statement in time; this is for one that no longer answers.
        let limit = timeout + GRACE + self.source.connect_timeout();
        let done = tokio::time::timeout(limit, call).await.unwrap_or_else(|_| {
            let message = format!("the server did not answer within {} s", limit.as_secs());
            Err(Error::new(ErrorKind::Timeout, message))
        });
        done.map_err(|error| match error.operation() {
            super::REFUSED => error,
            _ => error.during(OPERATION),
        })
    }
}

/// Makes JSON of many rows on a thread that may take its time.
async fn rows(answer: Answer) -> Result<Rows> {
    tokio::task::spawn_blocking(move || values::rows(answer))
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "the rows cannot be turned into JSON").because(error))
}

/// Picks up to five different values of each column.
fn samples(columns: &[ColumnListing], rows: &Rows) -> serde_json::Map<String, Value> {
    let sample = |column: &ColumnListing| {
        let mut seen = BTreeSet::new();
        let values = rows.rows.iter().filter_map(|row| row.get(&column.name));
        let values = values.filter(|value| !value.is_null()).map(shortened);
        let values = values.filter(|value| seen.insert(value.to_string())).take(SAMPLES);
        (column.name.clone(), Value::Array(values.collect()))
    };
    columns.iter().map(sample).collect()
}

/// A long text is for reading elsewhere.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.char_indices().nth(SAMPLE_CHARS) {
            Some((end, _)) => Value::String(format!("{}…", &text[..end])),
            None => value.clone(),
        },
        _ => value.clone(),
    }
}
