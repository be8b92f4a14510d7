//! What the server says about the session: its role and its clock.

use chrono::DateTime;

use super::connect::Link;
use super::session::simple;
use crate::clock::Clock;
use crate::error::{Error, ErrorKind, Result};
use crate::source::{ClockDifference, RoleFacts, SessionFacts};

/// Names are qualified, so that nothing of the database's own answers in their place.
const CLOCK: &str = "select (extract(epoch from pg_catalog.clock_timestamp()) * 1000000)::bigint";
/// Tables of the system count for no role: only a superuser writes them.
const ROLE: &str = "\
with own as (
  select c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f') and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
), writable as (
  select name from own
  where pg_catalog.has_table_privilege(oid, 'DELETE, TRUNCATE') or pg_catalog.has_any_column_privilege(oid, 'INSERT, UPDATE')
)
select current_user,
  (select rolsuper from pg_catalog.pg_roles where rolname = current_user),
  (select pg_catalog.count(*) from writable),
  (select pg_catalog.min(name) from writable),
  pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') or exists (
    select from pg_catalog.pg_namespace
    where nspname not like 'pg\\_%' and pg_catalog.has_schema_privilege(oid, 'CREATE')),
  pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')";

/// Asks in two round trips: the clock alone, so that its answer is quick.
pub(super) async fn ask(link: &Link, clock: &dyn Clock) -> Result<SessionFacts> {
    let untold = |what: &str| Error::new(ErrorKind::Internal, format!("the server did not tell its {what}"));
    let before = clock.now();
    let told = simple(&link.client, CLOCK).await?;
    let after = clock.now();
    let source = told.first().and_then(|row| row.get(0)?.parse().ok());
    let source = source.and_then(DateTime::from_timestamp_micros);
    let source = source.ok_or_else(|| untold("clock"))?;
    let told = simple(&link.client, ROLE).await?;
    let row = told.first().ok_or_else(|| untold("role"))?;
    let is = |index| row.get(index) == Some("t");
    Ok(SessionFacts {
        encrypted: link.encrypted(),
        role: Some(RoleFacts {
            name: row.get(0).unwrap_or_default().to_owned(),
            superuser: is(1),
            writable_tables: row.get(2).and_then(|count| count.parse().ok()).unwrap_or_default(),
            writable_table: row.get(3).map(str::to_owned),
            creates: is(4),
            sees_transactions: is(5),
        }),
        clock: Some(ClockDifference::between(before, source, after)),
    })
}
