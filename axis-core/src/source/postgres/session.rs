//! One session inside one read-only transaction, which sees one snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use tokio_postgres::{Client, SimpleQueryMessage, SimpleQueryRow};

use crate::clock::Clock;
use crate::config::TypePolicy;
use crate::error::{Error, ErrorKind, Result};
use crate::source::ident::literal;
use crate::source::sql_text::clean_query;
use crate::source::{CutBy, Horizon, Parts, ReadRequest, Reader, SessionFacts, Snapshot, SourceColumn, Weight};

use super::connect::{GOODBYE, Link, PostgresSource};
use super::read::{self, CopyReader};
use super::rewritten::{self, Found};
use super::{cut, describe, facts, select, sqlstate};

/// Reads the clock and the oldest writer *before* the snapshot is taken: a transaction that ends between the two is then
/// taken for running, which costs a few rows, where the other order would lose them.
///
/// * A backend that is active may be about to begin, so the start of its statement counts too.
/// * Vacuum, replication senders and parallel workers write no rows of their own.
/// * The answer is unknown (NULL) on a standby and on a subscriber, which get rows that were stamped elsewhere, when the server hides a session (columns of other roles' sessions are empty
///   without `pg_read_all_stats`, and `disabled` ones tell nothing to anybody), and beside a transaction that began in the
///   future, which is one from before the clock was set back.
/// * Of a prepared transaction only the time of its preparation is known; whoever remembers the last answer makes a bound of it.
/// * A transaction that began after `now()` is not older than the answer, but nobody is alone beside it.
/// * The local time is the least of UTC and the server's zone, also as it will be after a change of the clocks in the
///   next two hours, because local time then runs through one hour twice.
/// * The functions below `pg_stat_activity` and `pg_prepared_xacts` spare a new session a millisecond of loading views.
const HORIZON: &str = "\
begin transaction read only;
set local statement_timeout = 0;
with here as (select oid from pg_database where datname = current_database()), others as (
  select least(xact_start, case when state = 'active' then query_start end) as started,
    state is not distinct from 'disabled' or (usesysid is not null
      and not pg_has_role(usesysid, 'USAGE') and not pg_has_role('pg_read_all_stats', 'USAGE')) as hidden
  from pg_stat_get_activity(null)
  where datid = (select oid from here) and pid <> pg_backend_pid() and (backend_type is null
    or backend_type not in ('autovacuum launcher', 'autovacuum worker', 'walsender', 'parallel worker'))
), answer as (
  select least(min(started), now()) as oldest, max(started) as newest,
    pg_is_in_recovery() or coalesce(bool_or(hidden or started > clock_timestamp()), false)
      or exists (select from pg_subscription where subdbid = (select oid from here)) as unknown,
    (select min(prepared) from pg_prepared_xact() where dbid = (select oid from here)) as prepared
  from others
)
select (extract(epoch from now()) * 1000000)::bigint,
  case when not unknown then (extract(epoch from oldest) * 1000000)::bigint end,
  (extract(epoch from least(
    oldest at time zone 'UTC',
    oldest at time zone current_setting('TimeZone'),
    (oldest + interval '2 hours') at time zone current_setting('TimeZone') - interval '2 hours'
  )) * 1000000)::bigint,
  txid_snapshot_xmax(txid_current_snapshot()),
  (extract(epoch from newest) * 1000000)::bigint,
  (extract(epoch from prepared) * 1000000)::bigint,
  (extract(epoch from oldest) * 1000000)::bigint
from answer;
commit;
";

/// Only for the transaction, so that a connection pooler hands the session on as it was. The first query among them takes
/// the snapshot; `transaction_timeout` exists since PostgreSQL 17. A database without an encoding would refuse to send bytes
/// that are not UTF-8, where the decoder can apply the column's policy.
const BEGIN: &str = "begin isolation level repeatable read read only;";
const SETTINGS: &str = "
set local statement_timeout = 0;
set local idle_in_transaction_session_timeout = 0;
set local standard_conforming_strings = on;
set local timezone = 'UTC';
set local datestyle = 'ISO';
set local intervalstyle = 'postgres';
set local extra_float_digits = 1;
set local bytea_output = 'hex';
select set_config('client_encoding', 'SQL_ASCII', true) where getdatabaseencoding() = 'SQL_ASCII';
select set_config('transaction_timeout', '0', true)
from (select current_setting('transaction_timeout', true) as old) as setting where old is not null;
";
/// The clock behind the snapshot, the first transaction that the snapshot does not know, and whether the role may export it:
/// a refusal would end the transaction, and no subtransaction can export.
const TAKEN: &str = "\
select 'taken', (extract(epoch from clock_timestamp()) * 1000000)::bigint, txid_snapshot_xmax(txid_current_snapshot()),
  has_function_privilege(to_regprocedure('pg_catalog.pg_export_snapshot()'), 'execute');
";

/// A snapshot of a PostgreSQL database.
///
/// A [fork](Snapshot::fork) takes the snapshot over when it is created and needs this session no more after that; still,
/// close forks first, so that "one snapshot" has one owner.
#[derive(Debug)]
pub(super) struct PostgresSnapshot {
    source: PostgresSource,
    /// Shared with the reader while one runs.
    link: Arc<Link>,
    /// Set when a read was given up: its request to cancel may still be under way and would hit the next statement.
    spent: Arc<AtomicBool>,
    horizon: Horizon,
    exportable: bool,
    /// The name of the exported snapshot, once there is a fork.
    exported: Option<String>,
}

impl PostgresSnapshot {
    /// Connects, or takes the connection that was kept, takes the horizon and opens the snapshot.
    pub(super) async fn open(source: &PostgresSource) -> Result<Self> {
        // Taking the horizon and beginning the snapshot is one round trip.
        let (link, rows) = session(source, &format!("{HORIZON}{BEGIN}{SETTINGS}{TAKEN}")).await?;
        let told = rows.first().zip(rows.last());
        let horizon = told.and_then(|(before, after)| horizon(before, after)).ok_or_else(|| {
            let message = "the server did not tell its clock and its transactions";
            Error::new(ErrorKind::Internal, message)
        })?;
        let exportable = rows.last().and_then(|after| after.get(3)) == Some("t");
        Ok(Self::new(source.clone(), link, horizon, exportable))
    }

    fn new(source: PostgresSource, link: Link, horizon: Horizon, exportable: bool) -> Self {
        Self {
            source,
            link: Arc::new(link),
            spent: Arc::default(),
            horizon,
            exportable,
            exported: None,
        }
    }

    /// Returns the name under which other sessions find the snapshot. A failure ends the transaction, and with it all reading.
    async fn export(&mut self) -> Result<String> {
        if let Some(name) = &self.exported {
            return Ok(name.clone());
        }
        let rows = simple(&self.link.client, "select pg_catalog.pg_export_snapshot()").await;
        let rows = rows.map_err(|error| {
            Error::new(error.kind(), "the server failed to export its snapshot")
                .during("source.snapshot")
                .because(error)
        })?;
        let name = rows.first().and_then(|row| row.get(0)).unwrap_or_default().to_owned();
        Ok(self.exported.insert(name).clone())
    }

    /// Opens another session and lets it take over the snapshot.
    async fn import(&self, name: &str) -> Result<Self> {
        let sql = format!("{BEGIN}set transaction snapshot {};{SETTINGS}", literal(name));
        let (link, _) = session(&self.source, &sql).await?;
        let (source, horizon) = (self.source.clone(), self.horizon.clone());
        Ok(Self::new(source, link, horizon, self.exportable))
    }

    /// Refuses work that would wait for a reader or be hit by its cancellation.
    fn check_idle(&self) -> Result<()> {
        if self.spent.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Internal,
                "the session ended with a read that was given up",
            ));
        }
        if Arc::strong_count(&self.link) > 1 {
            return Err(Error::new(ErrorKind::Internal, "the session is busy with a reader"));
        }
        Ok(())
    }
}

#[async_trait]
impl Snapshot for PostgresSnapshot {
    fn horizon(&self) -> &Horizon {
        &self.horizon
    }

    fn server(&self) -> &str {
        &self.link.server.identity
    }

    async fn describe(&mut self, query: &str, types: &BTreeMap<String, TypePolicy>) -> Result<Vec<SourceColumn>> {
        self.check_idle()?;
        let query = clean_query(query)?;
        let columns = describe::describe(&self.link.client, &query, types).await;
        columns.map_err(|error| error.during("source.describe"))
    }

    async fn weigh(&mut self, query: &str) -> Result<Weight> {
        self.check_idle()?;
        let weight = cut::weigh(&self.link.client, &clean_query(query)?).await;
        weight.map_err(|error| error.during("source.weigh"))
    }

    async fn cut(&mut self, query: &str, columns: &[SourceColumn], by: &CutBy, pieces: usize) -> Result<Parts> {
        self.check_idle()?;
        let (client, query) = (&self.link.client, clean_query(query)?);
        let parts = match by {
            CutBy::Column(name) => cut::by_column(client, &query, columns, name, pieces).await,
            CutBy::Blocks => cut::by_blocks(client, &query, columns, pieces).await,
        };
        parts.map_err(|error| error.during("source.cut"))
    }

    async fn read(&mut self, request: ReadRequest) -> Result<Reader> {
        self.check_idle()?;
        let sql = select::reading(&clean_query(&request.query)?, &request, &self.link.server)?;
        let sql = format!("copy (\n{sql}\n) to stdout (format binary)");
        let reader = CopyReader::start(Arc::clone(&self.link), Arc::clone(&self.spent), &sql, request).await;
        reader
            .map(Reader::Postgres)
            .map_err(|error| error.during(read::OPERATION))
    }

    async fn fork(&mut self) -> Result<Option<Box<dyn Snapshot>>> {
        self.check_idle()?;
        if !self.exportable {
            tracing::warn!("the role may not execute pg_export_snapshot(); one session reads everything");
            return Ok(None);
        }
        let name = self.export().await?;
        match self.import(&name).await {
            Ok(fork) => Ok(Some(Box::new(fork))),
            Err(error) => {
                tracing::warn!(code = error.code(), %error, "the snapshot cannot be shared; one session reads everything");
                Ok(None)
            }
        }
    }

    async fn confirm(&mut self) -> Result<()> {
        self.check_idle()?;
        let found = rewritten::check(&self.link.client).await;
        if let Found::Indirect = found.map_err(|error| error.during(read::OPERATION))? {
            // When the rows were committed is not for this server's transactions to say.
            self.horizon.oldest_writer = None;
            self.horizon.quiet = false;
        }
        Ok(())
    }

    async fn facts(&mut self, clock: &dyn Clock) -> Result<SessionFacts> {
        self.check_idle()?;
        let facts = facts::ask(&self.link, clock).await;
        facts.map_err(|error| error.during("source.facts"))
    }

    fn is_usable(&self) -> bool {
        self.check_idle().is_ok() && !self.link.client.is_closed()
    }

    async fn close(self: Box<Self>) {
        let spent = self.spent.load(Ordering::Acquire);
        let Some(link) = Arc::into_inner(self.link) else { return };
        // A session without a transaction holds nothing on the server; one that cannot end its own is not kept.
        let ended = tokio::time::timeout(GOODBYE, simple(&link.client, "commit")).await;
        if !spent && matches!(ended, Ok(Ok(_))) {
            self.source.idle().keep(link);
        } else {
            link.close().await;
        }
    }
}

/// Runs the first statements of a session on a connection that was kept, or on a new one.
async fn session(source: &PostgresSource, sql: &str) -> Result<(Link, Vec<SimpleQueryRow>)> {
    // A connection that was cut while it waited shows only now; then a new one decides.
    if let Some(link) = source.idle().take()
        && let Ok(Ok(rows)) = tokio::time::timeout(source.connect_timeout(), simple(&link.client, sql)).await
    {
        return Ok((link, rows));
    }
    source
        .connect(async |link: &Link| simple(&link.client, sql).await)
        .await
}

/// Runs statements in one round trip and returns the rows of all of them.
pub(super) async fn simple(client: &Client, sql: &str) -> Result<Vec<SimpleQueryRow>> {
    let messages = client.simple_query(sql).await.map_err(sqlstate::explain)?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

fn horizon(before: &SimpleQueryRow, after: &SimpleQueryRow) -> Option<Horizon> {
    let time = |row: &SimpleQueryRow, index| DateTime::from_timestamp_micros(row.get(index)?.parse().ok()?);
    let (taken_at, oldest_writer) = (time(before, 0)?, time(before, 1));
    let (newest, prepared) = (time(before, 4), time(before, 5));
    let snapshot_at = time(after, 1)?;
    Some(Horizon {
        taken_at,
        // What runs already is no younger than the snapshot, even if its clock was ahead when it began.
        snapshot_at: newest.map_or(snapshot_at, |newest| {
            snapshot_at.max(newest + TimeDelta::microseconds(1))
        }),
        // Without a new transaction number in between, nothing that HORIZON did not see has committed before the snapshot.
        quiet: oldest_writer.is_some() && newest.is_none() && prepared.is_none() && before.get(3)? == after.get(2)?,
        oldest_writer,
        oldest_seen: time(before, 6)?,
        prepared,
        local: time(before, 2)?.naive_utc(),
        arrived: Instant::now(),
    })
}
