//! Finds out whether what was read is what the snapshot promised.
//!
//! PostgreSQL resolves names and finds a table's file by the catalogs of this moment, not by the snapshot's. TRUNCATE, an
//! ALTER TABLE that rewrites, REFRESH MATERIALIZED VIEW, or a swap of two names that commits between the snapshot and the
//! first use of a table is seen by a transaction whose snapshot is older: the table then looks empty, or is another one
//! (PostgreSQL manual, "Caveats" of concurrency control). Once a session has read a table it holds a lock that keeps all of
//! these away until its transaction ends, so one look at the end is enough.

use tokio_postgres::{Client, SimpleQueryMessage};

use super::sqlstate;
use crate::error::{Error, ErrorKind, Result};

/// Of the relations that this session has locked, names those that are no longer what the snapshot's catalogs say, and those
/// whose rows come from elsewhere.
///
/// `pg_class`, read as a table, shows the snapshot's catalogs; the functions show the present ones. Indexes and views may
/// come and go: they change no rows, and a query's text means what the present views say.
const LOCKED: &str = "\
select l.relation::regclass::text, case
  when c.oid is null then
    case when now_.type in ('table', 'materialized view', 'foreign table') then 'changed' end
  when c.relkind in ('r', 'm', 'p', 'v', 'f') and (
      quote_ident(c.relname) is distinct from now_.name
      or quote_ident(n.nspname) is distinct from now_.schema
      or c.relkind in ('r', 'm') and c.relfilenode <> coalesce(pg_relation_filenode(c.oid), 0)
      or c.relkind = 'p' and exists (
        select from (select inhrelid from pg_inherits where inhparent = c.oid) seen
        full join (select relid::oid from pg_partition_tree(c.oid) where parentrelid = c.oid) present on inhrelid = relid
        where inhrelid is null or relid is null)) then 'changed'
  when c.relkind in ('m', 'f') or c.relkind = 'p' and exists (
      select from pg_partition_tree(c.oid) t join pg_class leaf on leaf.oid = t.relid where leaf.relkind = 'f') then 'indirect'
  end
from pg_lock_status() l
  left join pg_class c on c.oid = l.relation
  left join pg_namespace n on n.oid = c.relnamespace,
  pg_identify_object(1259, l.relation, 0) now_
where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.relation >= 16384
  and (c.oid is null or c.relkind in ('r', 'm', 'p', 'v', 'f'))
";

/// What a session has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Tables of this server alone.
    Direct,
    /// Foreign tables or materialized views as well: their rows were committed elsewhere or earlier.
    Indirect,
}

/// Fails when a relation was rewritten or replaced after the snapshot and before it was read.
pub(super) async fn check(client: &Client) -> Result<Found> {
    let messages = client.simple_query(LOCKED).await.map_err(sqlstate::explain)?;
    let mut found = Found::Direct;
    for message in &messages {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        match row.get(1) {
            Some("changed") => {
                return Err(Error::new(
                    ErrorKind::SourceUnavailable,
                    "a table was truncated, rewritten or replaced between the snapshot and its reading; nothing was stored",
                )
                .with("relation", row.get(0).unwrap_or_default()));
            }
            Some(_) => found = Found::Indirect,
            None => {}
        }
    }
    Ok(found)
}
