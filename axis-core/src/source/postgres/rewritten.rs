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

/// Names the relations that this session has locked and that are no longer what the snapshot's catalogs say.
///
/// `pg_class`, read as a table, shows the snapshot's catalogs; the functions show the present ones. Indexes and views may
/// come and go: they change no rows, and a query's text means what the present views say.
const CHANGED: &str = "\
select l.relation::regclass::text
from pg_lock_status() l left join pg_class c on c.oid = l.relation
where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.relation >= 16384
  and case
    when c.oid is null then (pg_identify_object(1259, l.relation, 0)).type in ('table', 'materialized view', 'foreign table')
    when c.relkind not in ('r', 'm', 'p') then false
    else c.relfilenode <> coalesce(pg_relation_filenode(c.oid), 0)
      or quote_ident(c.relname) is distinct from (pg_identify_object(1259, c.oid, 0)).name
      or c.relkind = 'p' and exists (
        select from (select inhrelid from pg_inherits where inhparent = c.oid) seen
        full join (select relid::oid from pg_partition_tree(c.oid) where parentrelid = c.oid) present on inhrelid = relid
        where inhrelid is null or relid is null)
  end
limit 1
";

/// Fails when a relation was rewritten or replaced after the snapshot and before it was read.
pub(super) async fn check(client: &Client) -> Result<()> {
    let messages = client.simple_query(CHANGED).await.map_err(sqlstate::explain)?;
    let changed = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    match changed {
        None => Ok(()),
        Some(relation) => Err(Error::new(
            ErrorKind::SourceUnavailable,
            "a table was truncated, rewritten or replaced between the snapshot and its reading; nothing was stored",
        )
        .with("relation", relation)),
    }
}
