//! Finds out whether what was read is what the snapshot promised.
//!
//! PostgreSQL resolves names and finds a table's file by the catalogs of this moment, not by the snapshot's. TRUNCATE, an
//! ALTER TABLE that rewrites, REFRESH MATERIALIZED VIEW, or a swap of two names that commits between the snapshot and the
//! first use of a table is seen by a transaction whose snapshot is older: the table then looks empty, or is another one
//! (PostgreSQL manual, "Caveats" of concurrency control). Once a session has read a table it holds a lock that keeps all of
//! these away until its transaction ends, so one look at the end is enough.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::session::simple;
use crate::error::{Error, ErrorKind, Result};

/// Of the relations that this session has locked, names those that are no longer what the snapshot's catalogs say, and those
/// whose rows come from elsewhere.
///
/// `pg_class`, read as a table, shows the snapshot's catalogs; the functions show the present ones. Indexes and views may
/// come and go: they change no rows, and a query's text means what the present views say.
///
/// The last column names parents by inheritance, whose children no function lists: tables that had children, and those whose
/// row in `pg_class` somebody has locked or changed since, as the first child does. Left out are those that this role may not read
/// directly, those whose row security may keep all children out of a plan, and all beside TimescaleDB, which plans by itself.
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
  end, c.oid,
  case when c.relkind = 'r' and (c.xmax::text <> '0' or exists (select from pg_inherits where inhparent = c.oid))
    and has_any_column_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage') and not row_security_active(c.oid)
    and not exists (select from pg_extension where extname = 'timescaledb') then now_.identity end
from pg_lock_status() l
  left join pg_class c on c.oid = l.relation
  left join pg_namespace n on n.oid = c.relnamespace,
  pg_identify_object(1259, l.relation, 0) now_
where l.pid = pg_backend_pid() and l.locktype = 'relation' and l.relation >= 16384
  and (c.oid is null or c.relkind in ('r', 'm', 'p', 'v', 'f'))
order by l.relation
";

/// What a session has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Tables of this server alone.
    Direct,
    /// Foreign tables or materialized views as well: their rows were committed elsewhere or earlier.
    Indirect,
}

/// Fails when a relation was rewritten or replaced, or its children were others, after the snapshot and before it was read.
pub(super) async fn check(client: &Client) -> Result<Found> {
    let mut found = Found::Direct;
    let locked = simple(client, LOCKED).await?;
    for row in &locked {
        match row.get(1) {
            Some("changed") => return Err(changed(row.get(0))),
            Some(_) => found = Found::Indirect,
            None => {}
        }
    }
    for row in &locked {
        if let (Some(oid), Some(identity)) = (row.get(2), row.get(3))
            && !has_its_children(client, oid, identity).await?
        {
            return Err(changed(row.get(0)));
        }
    }
    Ok(found)
}

/// Compares the children of a table that the planner finds, which are the present ones, with those of the snapshot. Temporary ones
/// belong to other sessions, which alone read them.
///
/// A query that reads the parent alone, while its children change, fails in vain, once: the next snapshot knows the change.
async fn has_its_children(client: &Client, oid: &str, identity: &str) -> Result<bool> {
    let sql = format!(
        "explain (verbose, format json) select from {identity};
         with recursive tree(oid) as (
           select {oid}::oid union select i.inhrelid from pg_inherits i join tree t on i.inhparent = t.oid
         )
         select n.nspname, c.relname from tree t join pg_class c on c.oid = t.oid join pg_namespace n on n.oid = c.relnamespace
         where c.relpersistence <> 't'"
    );
    let rows = simple(client, &sql).await?;
    let Some((plan, seen)) = rows.split_first() else {
        return Ok(true);
    };
    let plan = serde_json::from_str(plan.get(0).unwrap_or_default()).unwrap_or_default();
    let mut present = BTreeSet::new();
    scanned(&plan, &mut present);
    let seen = seen
        .iter()
        .filter_map(|row| Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())));
    Ok(present == seen.collect())
}

/// Collects schema and name of the relations that a plan scans.
fn scanned(plan: &serde_json::Value, relations: &mut BTreeSet<(String, String)>) {
    match plan {
        serde_json::Value::Object(members) => {
            let text = |key: &str| Some(members.get(key)?.as_str()?.to_owned());
            relations.extend(text("Schema").zip(text("Relation Name")));
            members.values().for_each(|value| scanned(value, relations));
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| scanned(value, relations)),
        _ => {}
    }
}

fn changed(relation: Option<&str>) -> Error {
    let message =
        "a table was truncated, rewritten or replaced between the snapshot and its reading; nothing was stored";
    Error::new(ErrorKind::SourceUnavailable, message).with("relation", relation.unwrap_or_default())
}
