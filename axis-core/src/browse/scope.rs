//! Which tables may be read: all, or those that the configuration lists as `tables`.
//!
//! A table that is named is looked up in the list. Of a SELECT the server's locks tell what it has read, whatever the text
//! looked like: a relation that the statement, or a function within it, has opened stays locked until the transaction ends.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;

use super::refused;
use super::table::TableName;
use crate::config::{Config, Connection, DatasetConfig, KindOptions, PostgresConnection};
use crate::error::Result;
use crate::source::postgres::Visit;

/// What the transaction has locked besides the listed tables, and whether that came through a listed one: one leads there, as a
/// view over it or as the parent of a partition, and the statement names no function of the database's own, which might
/// have gone there by itself. Left out are the catalogs that a visit itself looks into.
const LOCKED: &str = "
with recursive listed as (
    select c.oid from pg_catalog.json_array_elements($1::pg_catalog.json) as e
        join pg_catalog.pg_namespace as n on n.nspname = e.value ->> 0
        join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = e.value ->> 1
), reached as (
    select oid from listed
    union
    select next.oid from reached as r, lateral (
        select d.refobjid as oid from pg_catalog.pg_rewrite as w join pg_catalog.pg_depend as d
            on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = w.oid
            and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
        where w.ev_class = r.oid
        union all
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent = r.oid
    ) as next
)
select distinct c.relname::pg_catalog.text, (c.oid in (select oid from reached) and not exists (
    select 1 from pg_catalog.pg_proc as p join pg_catalog.json_array_elements_text($2::pg_catalog.json) as w(word)
        on p.proname = w.word
    where p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace))::pg_catalog.text
from pg_catalog.pg_locks as l join pg_catalog.pg_class as c on c.oid = l.relation
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where l.locktype = 'relation' and l.pid = pg_catalog.pg_backend_pid()
    and l.database in (0, (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
    and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S') and c.oid not in (select oid from listed)
    and not (n.nspname = 'pg_catalog' and c.relname in ('pg_attribute', 'pg_authid', 'pg_class', 'pg_database',
        'pg_db_role_setting', 'pg_depend', 'pg_enum', 'pg_inherits', 'pg_locks', 'pg_namespace', 'pg_proc', 'pg_range', 'pg_rewrite',
        'pg_roles', 'pg_type'))";

/// The tables that may be read; all when there is no list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scope(Option<BTreeSet<TableName>>);

impl Scope {
    /// Collects the lists of the chosen dataset, and of every dataset that reads from the same database.
    pub(super) fn of(config: &Config, chosen: &str, settings: &PostgresConnection) -> Self {
        let same = |dataset: &&DatasetConfig| {
            dataset.name == chosen
                || matches!(&dataset.connection, Some(Connection::Postgres(own))
                    if super::hosts::plain(&own.host) == super::hosts::plain(&settings.host)
                        && (own.port, &own.database) == (settings.port, &settings.database))
        };
        let tables: BTreeSet<TableName> = config.datasets.iter().filter(same).flat_map(listed).collect();
        Self((!tables.is_empty()).then_some(tables))
    }

    pub(super) fn admits(&self, name: &TableName) -> bool {
        self.0.as_ref().is_none_or(|tables| tables.contains(name))
    }

    /// Refuses a table that is not listed.
    pub(super) fn check(&self, name: &TableName) -> Result<()> {
        if self.admits(name) {
            return Ok(());
        }
        Err(refused("the table is not among the `tables` of the configuration"))
    }

    /// Where names without a schema are looked up: in the schemas of the list; as the server does it when there is none.
    pub(super) fn schemas(&self) -> Vec<String> {
        let schemas = self.0.iter().flatten().map(|table| table.schema.clone());
        schemas.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Refuses what a statement with these words has returned when it has read another table than the listed ones.
    pub(super) async fn confirm(&self, visit: &Visit, words: &HashSet<String>) -> Result<()> {
        let Some(tables) = &self.0 else { return Ok(()) };
        let list: Vec<_> = tables.iter().map(|table| json!([table.schema, table.name])).collect();
        let parameters = [json!(list).to_string(), json!(words).to_string()];
        for row in visit.ask(LOCKED, &[&parameters[0], &parameters[1]]).await? {
            let mut cells = row.into_iter().map(Option::unwrap_or_default);
            let (name, led) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            // What a listed view reads may be read through it, but not by its own name.
            if led != "true" || words.contains(&name) {
                return Err(refused(
                    "the query reads a relation that is not among the `tables` of the configuration",
                ));
            }
        }
        Ok(())
    }
}

/// The `tables` of a dataset; a name without a schema is one of the dataset's schema.
fn listed(dataset: &DatasetConfig) -> Vec<TableName> {
    let (schema, tables) = match &dataset.options {
        KindOptions::Monitoring(options) => (options.schema.as_str(), &options.tables),
        KindOptions::HumanSignals(options) => (options.schema.as_str(), &options.tables),
        KindOptions::Eval(options) => ("public", &options.tables),
        KindOptions::Kpi(_) | KindOptions::Custom => return Vec::new(),
    };
    let name = |text: &String| match text.split_once('.') {
        Some((schema, name)) => TableName::new(schema, name),
        None => TableName::new(schema, text),
    };
    tables.iter().map(name).collect()
}
