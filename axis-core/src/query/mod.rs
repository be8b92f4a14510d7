//! Reading the store: ad-hoc SQL, and pages of a dataset.

mod by_time;
pub(crate) mod confine;
mod exact;
pub(crate) mod json;
mod page;
mod running;
mod scan;
mod texts;

use std::time::Duration;

use duckdb::{Connection, Statement};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use duckdb::types::Value;
pub(crate) use exact::exact;
pub use json::{batch_to_json, batch_to_text, column_types, rows_to_json, write_json};
pub(crate) use page::instant;
pub use page::{Filters, Page, PageRequest, SortDirection};
pub(crate) use page::{check_page, condition};
pub use running::QueryStatus;
pub(crate) use running::{Running, Ticket};
pub(crate) use texts::Texts;

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
    /// Values for `$name`; a query has these or those.
    pub named: Vec<(String, Value)>,
    /// The longest time until the answer is read to its end, waiting for a slot included; none by default. An answer that nobody
    /// reads holds one of the slots of [`Usage::query_slots`](crate::Usage) until then, or until its stream is dropped.
    pub timeout: Option<Duration>,
    /// The most rows; the query is stopped once there is one more.
    pub max_rows: Option<u64>,
    /// Cancels the query; dropping its stream does, too.
    pub cancel: CancellationToken,
    /// The name by which it can be cancelled; a new one by default.
    pub id: Uuid,
    /// Who asks, for the list of what runs.
    pub client: Option<String>,
    /// Whether the SQL is a stranger's; see [`confined`](Self::confined).
    pub confined: bool,
}

impl Query {
    /// Starts from the SQL.
    pub fn sql(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            params: Vec::new(),
            named: Vec::new(),
            timeout: None,
            max_rows: None,
            cancel: CancellationToken::new(),
            id: Uuid::new_v4(),
            client: None,
            confined: false,
        }
    }

    /// Binds the next positional parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.params.push(value.into());
        self
    }

    /// Binds a parameter by its name, without the `$`.
    #[must_use]
    pub fn bind_as(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.named.push((name.into(), value.into()));
        self
    }

    /// Sets the longest time, that of reading the answer included.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the most rows.
    #[must_use]
    pub fn max_rows(mut self, rows: u64) -> Self {
        self.max_rows = Some(rows);
        self
    }

    /// Sets the token that cancels.
    #[must_use]
    pub fn cancel(mut self, cancel: CancellationToken) -> Self {
        self.cancel = cancel;
        self
    }

    /// Sets the name by which it can be cancelled.
    #[must_use]
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = id;
        self
    }

    /// Says who asks.
    #[must_use]
    pub fn client(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }

    /// Takes the SQL for a stranger's. No SQL writes, or reaches files or the network; this one is also refused what tells paths
    /// and settings, what changes the session, the engine's own tables, and what grows without limits while it is prepared.
    #[must_use]
    pub fn confined(mut self) -> Self {
        self.confined = true;
        self
    }

    /// Lets only one SELECT pass, by DuckDB's own parser, and of a stranger's only what is harmless.
    pub(crate) fn check(&self, connection: &Connection) -> Result<()> {
        if self.confined {
            confine::check_length(&self.sql)?;
        }
        let parsed = parse(connection, &self.sql)?;
        if self.confined {
            confine::check(&parsed, |name| self.bound_text(name))
        } else {
            Ok(())
        }
    }

    /// Returns the text that is bound to a parameter, by the name or number that the SQL has for it.
    fn bound_text(&self, name: &str) -> Option<&str> {
        let named = self.named.iter().find(|(given, _)| given.eq_ignore_ascii_case(name));
        let place = || name.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        match named.map(|(_, value)| value).or_else(|| self.params.get(place()?))? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the values in the order of the statement's parameters.
    pub(crate) fn values(&self, statement: &Statement<'_>) -> Result<Vec<Value>> {
        let wrong = |message: String| Err(Error::new(ErrorKind::Query, message).during("query"));
        let wanted = statement.parameter_count();
        if self.named.is_empty() {
            let given = self.params.len();
            if given != wanted {
                return wrong(format!(
                    "the query has {wanted} parameters, and {given} values were given"
                ));
            }
            return Ok(self.params.clone());
        }
        let mut values = Vec::with_capacity(wanted);
        let mut names = Vec::with_capacity(wanted);
        for index in 1..=wanted {
            let name = statement.parameter_name(index).map_err(fault::query)?;
            let Some((_, value)) = self.named.iter().find(|(given, _)| given.eq_ignore_ascii_case(&name)) else {
                return wrong(format!("the parameter `${name}` has no value"));
            };
            values.push(value.clone());
            names.push(name);
        }
        let has = |given: &String| names.iter().any(|name| name.eq_ignore_ascii_case(given));
        match self.named.iter().find(|(given, _)| !has(given)) {
            Some((given, _)) => wrong(format!("the query has no parameter `${given}`")),
            None => Ok(values),
        }
    }
}

/// Returns what DuckDB's parser reads in a text that is one SELECT, as JSON.
fn parse(connection: &Connection, sql: &str) -> Result<String> {
    let row = connection.query_row(
        "with parsed as (select json_serialize_sql(?::varchar) as tree)
         select tree, tree->>'$.error', tree->>'$.error_type', tree->>'$.error_message', json_array_length(tree, '$.statements')
         from parsed",
        [sql],
        |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, Option<String>>(1)?,
                row.get::<_, Option<String>>(2)?,
                row.get::<_, Option<String>>(3)?,
                row.get::<_, Option<i64>>(4)?,
            ))
        },
    );
    let (tree, error, kind, message, statements) = row.map_err(fault::query)?;
    let refused = |message: String| Err(Error::new(ErrorKind::Query, message).during("query"));
    if error.as_deref() == Some("true") {
        return refused(match kind.as_deref() {
            Some("parser") => message.unwrap_or_else(|| "the query cannot be parsed".to_owned()),
            _ => "only SELECT is allowed".to_owned(),
        });
    }
    match statements.unwrap_or_default() {
        1 => Ok(tree),
        0 => refused("the query is empty".to_owned()),
        count => refused(format!("the query holds {count} statements; one is allowed")),
    }
}
