//! Reading the store: ad-hoc SQL, and pages of a dataset.

mod json;
mod page;

use std::time::Duration;

use duckdb::Connection;
use tokio_util::sync::CancellationToken;

pub use duckdb::types::Value;
pub use json::{batch_to_json, batch_to_text, rows_to_json};
pub(crate) use page::instant;
pub use page::{Filters, Page, PageRequest, SortDirection};
pub(crate) use page::{check_page, condition};

use crate::error::{Error, ErrorKind, Result};
use crate::store::fault;

/// A SELECT and how it may run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// One SELECT statement.
    pub sql: String,
    /// Values for `?` or `$1`, in order.
    pub params: Vec<Value>,
    /// The longest time, waiting for a slot included; none by default.
    pub timeout: Option<Duration>,
    /// Cancels the query; dropping its stream does, too.
    pub cancel: CancellationToken,
}

impl Query {
    /// Starts from the SQL.
    pub fn sql(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            params: Vec::new(),
            timeout: None,
            cancel: CancellationToken::new(),
        }
    }

    /// Binds the next positional parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        self
    }

    /// Sets the longest time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the token that cancels.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }
}

/// Lets only one SELECT pass, by DuckDB's own parser.
pub(crate) fn check_select(connection: &Connection, sql: &str) -> Result<()> {
    let serialized: String = connection
        .query_row("select json_serialize_sql(?::varchar)", [sql], |row| row.get(0))
        .map_err(fault::query)?;
    let parsed: serde_json::Value = serde_json::from_str(&serialized)
        .map_err(|error| Error::new(ErrorKind::Internal, "DuckDB's parser gave no JSON").because(error))?;
    if parsed["error"] == true {
        let message = match parsed["error_type"].as_str() {
            Some("parser") => parsed["error_message"]
                .as_str()
                .unwrap_or("the query cannot be parsed")
                .to_owned(),
            _ => "only SELECT is allowed".to_owned(),
        };
        return Err(Error::new(ErrorKind::Query, message).during("query"));
    }
    match parsed["statements"].as_array().map_or(0, Vec::len) {
        1 => Ok(()),
        0 => Err(Error::new(ErrorKind::Query, "the query is empty").during("query")),
        count => Err(Error::new(
            ErrorKind::Query,
            format!("the query holds {count} statements; one is allowed"),
        )
        .during("query")),
    }
}
