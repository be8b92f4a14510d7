//! A look at a server: one read-only transaction that is always rolled back, and rows as the server's own text.
//!
//! A visit that is dropped before its [`end`](Visit::end), as when a client goes away, cancels what the server is doing for it
//! and gives the connection up.

use std::fmt::Write as _;
use std::pin::pin;
use std::time::Duration;

use futures::TryStreamExt as _;
use tokio::runtime::Handle;
use tokio_postgres::types::{Kind, ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::connect::{GOODBYE, Link, PostgresSource};
use super::session::simple;
use super::sqlstate;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::{ident, literal};

/// How long a visit waits for a lock that somebody else holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// What every visit begins with, besides its own limits. All of it ends with the transaction.
///
/// A superuser becomes `pg_read_all_data` where there is one (since PostgreSQL 14): it reads the same tables, but no files of
/// the server. Policies of rows, which bind that role, then fail the query rather than hide rows.
const SETTINGS: &str = "
set local standard_conforming_strings = on;
set local timezone = 'UTC';
set local datestyle = 'ISO';
set local intervalstyle = 'postgres';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
set local client_encoding = 'UTF8';
set local client_min_messages = 'error';
set local synchronize_seqscans = off;
select set_config('transaction_timeout', '0', true)
from (select current_setting('transaction_timeout', true) as old) as setting where old is not null;
select set_config('row_security', 'off', true), set_config('role', 'pg_read_all_data', true)
from pg_roles as me, pg_roles as reader
where me.rolname = current_user and me.rolsuper and reader.rolname = 'pg_read_all_data';
";

/// Undoes what a function may have done to the session despite the transaction.
const FAREWELL: &str = "rollback; select pg_catalog.pg_advisory_unlock_all(); reset all";

/// The limits of one visit.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// The longest time of each statement on the server.
    pub(crate) timeout: Duration,
    /// Where names without a schema are looked up; the user's own schema and `public` when empty.
    pub(crate) schemas: Vec<String>,
}

/// One transaction.
#[derive(Debug)]
pub(crate) struct Visit {
    source: PostgresSource,
    /// `None` once it has ended.
    link: Option<Link>,
}

/// What a column's text means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Boolean,
    Integer,
    Float,
    Numeric,
    Json,
    /// A local timestamp.
    Timestamp,
    /// An instant.
    TimestampTz,
    List(Box<Shape>),
    /// Anything else is what it says.
    Text,
}

/// Rows in the server's order. The text of a list is JSON whose elements are texts.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<(String, Shape)>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// Whether there is at least one row more.
    pub(crate) truncated: bool,
}

impl PostgresSource {
    /// Begins a visit, on a connection that was kept or on a new one.
    pub(crate) async fn visit(&self, terms: &Terms) -> Result<Visit> {
        let sql = begin(terms);
        let visit = |link| Visit {
            source: self.clone(),
            link: Some(link),
        };
        // A connection that was cut while it waited shows only now; then a new one decides.
        if let Some(link) = self.idle().take()
            && let Ok(Ok(_)) = tokio::time::timeout(self.connect_timeout(), simple(&link.client, &sql)).await
        {
            return Ok(visit(link));
        }
        let (link, _) = self
            .connect(async |link: &Link| simple(&link.client, &sql).await)
            .await?;
        Ok(visit(link))
    }

    /// Says goodbye on all connections that were kept.
    pub(crate) async fn close(&self) {
        for link in self.idle().take_all() {
            link.close().await;
        }
    }
}

fn begin(terms: &Terms) -> String {
    let millis = |time: Duration| time.as_millis().clamp(1, i32::MAX.unsigned_abs().into());
    let path = match terms.schemas.as_slice() {
        [] => "quote_ident(session_user) || ', public, pg_temp'".to_owned(),
        schemas => {
            let list: Vec<String> = schemas.iter().map(|name| ident(name)).collect();
            literal(&format!("{}, pg_temp", list.join(", ")))
        }
    };
    let mut sql = "begin isolation level repeatable read read only;\n".to_owned();
    for (name, time) in [
        ("statement_timeout", terms.timeout),
        ("lock_timeout", LOCK_TIMEOUT),
        ("idle_in_transaction_session_timeout", terms.timeout + LOCK_TIMEOUT),
    ] {
        // Writing to a String cannot fail.
        let _ = writeln!(sql, "set local {name} = {};", millis(time));
    }
    let _ = writeln!(sql, "select set_config('search_path', {path}, true);");
    sql.push_str(SETTINGS);
    sql
}

impl Visit {
    fn client(&self) -> Result<&Client> {
        self.link
            .as_ref()
            .map(|link| &link.client)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "the visit has ended"))
    }

    /// Runs a query of ours whose columns are all text; parameters are texts.
    pub(crate) async fn ask(&self, sql: &str, parameters: &[&str]) -> Result<Vec<Vec<Option<String>>>> {
        let client = self.client()?;
        let statement = prepare(client, sql, parameters.len()).await?;
        let (rows, _) = fetch(client, &statement, parameters, usize::MAX, usize::MAX).await?;
        Ok(rows)
    }

    /// Runs one SELECT as a sub-select and returns up to `limit` of its rows, of at most so many bytes; parameters are texts.
    ///
    /// # Errors
    /// `InvalidArgument` when the query has other parameters, no columns, or rows that take too many bytes.
    pub(crate) async fn select(
        &self,
        query: &str,
        parameters: &[&str],
        limit: usize,
        most_bytes: usize,
    ) -> Result<Answer> {
        let client = self.client()?;
        let inner = prepare(client, query, parameters.len()).await?;
        let wrong = |message: &str| Err(Error::new(ErrorKind::InvalidArgument, message));
        if inner.params().len() != parameters.len() {
            return wrong("the query has parameters such as `$1`; plain SQL is allowed");
        }
        if inner.columns().is_empty() {
            return wrong("the query returns no columns; name at least one");
        }
        let columns: Vec<(String, Shape)> = inner
            .columns()
            .iter()
            .map(|column| (column.name().to_owned(), shape(column.type_())))
            .collect();
        let list: Vec<String> = (0..)
            .zip(inner.columns())
            .map(|(index, column)| as_text(index, column.type_()))
            .collect();
        let names: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        // The names are ours, so that two columns of one name do not matter.
        let sql = format!(
            "select {} from (\n{query}\n) as axis_rows({}) limit {}",
            list.join(", "),
            names.join(", "),
            limit.saturating_add(1)
        );
        let statement = prepare(client, &sql, parameters.len()).await?;
        let (rows, truncated) = fetch(client, &statement, parameters, limit, most_bytes).await?;
        Ok(Answer {
            columns,
            rows,
            truncated,
        })
    }

    /// Rolls back and keeps the connection for the next visit.
    pub(crate) async fn end(mut self) {
        let Some(link) = self.link.take() else { return };
        let ended = tokio::time::timeout(GOODBYE, simple(&link.client, FAREWELL)).await;
        if matches!(ended, Ok(Ok(_))) {
            self.source.idle().keep(link);
        } else {
            link.close().await;
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(link) = self.link.take()
            && let Ok(runtime) = Handle::try_current()
        {
            // The request goes over a connection of its own and must not keep anybody waiting.
            runtime.spawn(link.canceller.clone().cancel());
        }
    }
}

async fn prepare(client: &Client, sql: &str, parameters: usize) -> Result<Statement> {
    let types = vec![Type::TEXT; parameters];
    client.prepare_typed(sql, &types).await.map_err(sqlstate::explain)
}

async fn fetch(
    client: &Client,
    statement: &Statement,
    parameters: &[&str],
    limit: usize,
    most_bytes: usize,
) -> Result<(Vec<Vec<Option<String>>>, bool)> {
    let parameters = parameters.iter().map(|text| text as &(dyn ToSql + Sync));
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.collect();
    let stream = client.query_raw(statement, parameters.iter().copied()).await;
    let mut stream = pin!(stream.map_err(sqlstate::explain)?);
    let (mut rows, mut bytes, mut more) = (Vec::new(), 0, false);
    while let Some(row) = stream.try_next().await.map_err(sqlstate::explain)? {
        if rows.len() == limit {
            more = true;
            continue;
        }
        let mut cells = Vec::with_capacity(row.len());
        for index in 0..row.len() {
            let text: Option<String> = row.try_get(index).map_err(sqlstate::explain)?;
            bytes += 24 + text.as_ref().map_or(0, String::len);
            cells.push(text);
        }
        if bytes > most_bytes {
            let message = format!("the rows take more than {} MB; ask for fewer", most_bytes >> 20);
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        rows.push(cells);
    }
    Ok((rows, more))
}

fn shape(ty: &Type) -> Shape {
    match *ty {
        Type::BOOL => Shape::Boolean,
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => Shape::Integer,
        Type::FLOAT4 | Type::FLOAT8 => Shape::Float,
        Type::NUMERIC => Shape::Numeric,
        Type::JSON | Type::JSONB => Shape::Json,
        Type::TIMESTAMP => Shape::Timestamp,
        Type::TIMESTAMPTZ => Shape::TimestampTz,
        _ => match ty.kind() {
            Kind::Array(element) if is_list(ty) => Shape::List(Box::new(shape(element))),
            Kind::Domain(base) => shape(base),
            _ => Shape::Text,
        },
    }
}

/// The server's own vectors are arrays by their kind, but not by their casts.
fn is_list(ty: &Type) -> bool {
    matches!(ty.kind(), Kind::Array(_)) && *ty != Type::INT2_VECTOR && *ty != Type::OID_VECTOR
}

/// Writes a column as text; names are spelled out, because a schema of the search path may have others.
fn as_text(index: usize, ty: &Type) -> String {
    let name = format!("c{index}");
    if is_list(ty) {
        format!("pg_catalog.array_to_json({name}::pg_catalog.text[])::pg_catalog.text")
    } else if *ty == Type::BPCHAR {
        // A cast would take the blanks away that the value has.
        format!("pg_catalog.textin(pg_catalog.bpcharout({name}))")
    } else {
        format!("{name}::pg_catalog.text")
    }
}
