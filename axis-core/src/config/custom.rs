//! The user's own datasets: `config/datasets/*.yaml`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::dataset::view_of;
use super::ledger::{Gathered, Ledger, config_error};
use super::node::{Block, found};
use super::table::TableKeys;
use super::yaml::{self, Data, Entry, Place};
use super::{ConfigFile, DatasetConfig, DatasetKind, Env, KindOptions, TableConfig, ViewConfig, builtin};
use crate::error::Error;

/// The folder of these files.
pub(super) const FOLDER: &str = "config/datasets/";

/// Reads every file; the datasets come back by name, a wrong one with its error.
pub(super) fn read_all<'f>(
    files: impl Iterator<Item = &'f ConfigFile>,
    env: &Env,
    root: &Path,
    gathered: &mut Gathered,
) -> Vec<DatasetConfig> {
    let mut all = Datasets {
        taken: builtin::reserved().map(str::to_owned).collect(),
        ..Datasets::default()
    };
    for file in files {
        match yaml::parse(&file.name, &file.text).map(|node| node.data) {
            Ok(Data::Null { .. }) => {}
            Ok(Data::Map(entries)) => {
                for entry in &entries {
                    if !all.admits(entry) {
                        continue;
                    }
                    let ledger = Ledger::new(env);
                    let dataset = read(&ledger, entry, root);
                    ledger.drain(gathered);
                    all.add(dataset, &entry.place);
                }
            }
            Ok(other) => {
                let what = format!(
                    "{}:1: the file is {}, allowed is a mapping of names to datasets",
                    file.name,
                    found(&other)
                );
                all.add_broken_file(file, config_error(what));
            }
            Err(error) => all.add_broken_file(file, error),
        }
    }
    all.by_name.into_values().map(|(_, dataset)| dataset).collect()
}

#[derive(Default)]
struct Datasets {
    /// Dataset and where it was defined, by name.
    by_name: BTreeMap<String, (String, DatasetConfig)>,
    /// Names of tables and relations that are in use.
    taken: BTreeSet<String>,
}

impl Datasets {
    /// Checks the name of a dataset; one that cannot have its name is listed as broken and not read.
    fn admits(&mut self, entry: &Entry) -> bool {
        let name = &entry.key;
        let place = entry.place.text();
        let fail = |what: String| config_error(format!("{place}: {what}"));
        if let Some((first, known)) = self.by_name.get_mut(name) {
            known.broken = Some(fail(format!("`{name}` is defined twice, first at {first}")));
            return false;
        }
        let error = if RESERVED.contains(&name.as_str()) || builtin::reserved().any(|taken| taken == name) {
            fail(format!("`{name}` is a name that AXIS itself uses, choose another"))
        } else if !is_name(name) {
            fail(format!(
                "`{}` is no name for a dataset: {NAME_RULE}",
                name.escape_debug()
            ))
        } else {
            return true;
        };
        // Listed under its place, so that what has the name by right stays reachable.
        let mut dataset = DatasetConfig::empty(&place, DatasetKind::Custom, KindOptions::Custom);
        dataset.enabled = true;
        dataset.broken = Some(error);
        self.by_name.insert(place.clone(), (place, dataset));
        false
    }

    /// Adds a dataset whose relations nobody else uses.
    fn add(&mut self, mut dataset: DatasetConfig, place: &Place) {
        let place = place.text();
        if dataset.broken.is_none() {
            let relation = match &dataset.view {
                ViewConfig::Sql { name, .. } | ViewConfig::Join { name, .. } => Some(name),
                ViewConfig::Table { .. } | ViewConfig::None => None,
            };
            let mut own = BTreeSet::new();
            for name in dataset.tables.iter().map(|table| &table.name).chain(relation) {
                if self.taken.contains(name) || !own.insert(name.clone()) {
                    let what = format!(
                        "{place}: `{}` uses the relation `{name}`, which is in use already",
                        dataset.name
                    );
                    dataset.broken = Some(config_error(what));
                    break;
                }
            }
            if dataset.broken.is_none() {
                self.taken.append(&mut own);
            }
        }
        self.by_name.insert(dataset.name.clone(), (place, dataset));
    }

    /// Lists a file that cannot be read as one dataset, named like the file.
    fn add_broken_file(&mut self, file: &ConfigFile, error: Error) {
        let stem = file.name.rsplit('/').next().unwrap_or(&file.name);
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        let free = !self.by_name.contains_key(stem) && !builtin::BUILTINS.iter().any(|builtin| builtin.name == stem);
        let name = if free { stem } else { file.name.as_str() };
        let mut dataset = DatasetConfig::empty(name, DatasetKind::Custom, KindOptions::Custom);
        dataset.enabled = true;
        dataset.broken = Some(error);
        self.by_name.insert(name.to_owned(), (file.name.clone(), dataset));
    }
}

/// What would be mistaken for another block in the list of settings.
const RESERVED: [&str; 6] = [
    "duckdb",
    "server",
    "monitoring_db",
    "eval_db",
    "human_signals_db",
    "kpi_db",
];
const NAME_RULE: &str = "allowed are 1 to 63 of the characters a-z, 0-9 and _, beginning with a letter";

fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn read(ledger: &Ledger<'_>, entry: &Entry, root: &Path) -> DatasetConfig {
    let mut dataset = DatasetConfig::empty(&entry.key, DatasetKind::Custom, KindOptions::Custom);
    let Data::Map(entries) = &entry.node.data else {
        dataset.enabled = true;
        let found = found(&entry.node.data);
        ledger.fail(
            &entry.place,
            format!("`{}` is {found}, allowed is a mapping", entry.key.escape_debug()),
        );
        dataset.broken = ledger.first_error();
        return dataset;
    };
    let block = Block::new(ledger, &entry.key, entry.place.clone(), entries.clone());
    dataset.enabled = block.bool("enabled", true);
    dataset.auto_load = block.bool("auto_load", true);
    let keys = dataset.read_common(&block, root, None);
    dataset.tables = tables(&block, &dataset.name, &keys);
    dataset.view = view(&block).unwrap_or_else(|| view_of(&dataset.tables));
    block.finish();
    dataset.broken = ledger.first_error();
    dataset
}

fn tables(block: &Block<'_>, dataset: &str, keys: &TableKeys) -> Vec<TableConfig> {
    let query = block.string("query");
    let children = match block.entry("tables") {
        Some(_) => block.children("tables"),
        None => Vec::new(),
    };
    match (query, children.is_empty()) {
        (Some(query), true) => vec![keys.clone().table(dataset, query.trim())],
        (None, false) => children
            .into_iter()
            .filter_map(|(name, own)| table(&own, &name, keys))
            .collect(),
        (Some(_), false) => {
            let place = block.entry("tables").map_or(&block.place, |entry| &entry.place);
            block.wrong("tables", place, "stands beside a `query`, allowed is one of the two");
            Vec::new()
        }
        (None, true) => {
            block.ledger.fail(
                &block.place,
                format!("`{}` has neither a `query` nor `tables`", block.path),
            );
            Vec::new()
        }
    }
}

fn table(block: &Block<'_>, name: &str, outer: &TableKeys) -> Option<TableConfig> {
    let query = block.string("query");
    let relation = block.text("relation");
    block.record("relation", relation.as_ref(), "none");
    let keys = TableKeys::read(block).or(outer);
    block.finish();
    let fail = |what: &str| block.ledger.fail(&block.place, format!("`{}` {what}", block.path));
    if !is_name(name) {
        fail(&format!("is no name for a table: {NAME_RULE}"));
        return None;
    }
    match (query, relation) {
        (Some(query), None) => Some(keys.table(name, query.trim())),
        (None, Some(relation)) => {
            let parts: Vec<&str> = relation.value.trim().split('.').collect();
            if parts.len() > 2 || parts.iter().any(|part| part.trim().is_empty()) {
                block.bad(
                    "relation",
                    &relation.place,
                    relation.found(),
                    "a table, or a schema and a table as in `public.orders`",
                );
                return None;
            }
            let parts: Vec<&str> = parts.into_iter().map(str::trim).collect();
            Some(keys.complete(TableConfig::of_relation(name, &parts)))
        }
        (Some(_), Some(_)) => {
            fail("has both a `query` and a `relation`, allowed is one of the two");
            None
        }
        (None, None) => {
            fail("has neither a `query` nor a `relation`");
            None
        }
    }
}

fn view(block: &Block<'_>) -> Option<ViewConfig> {
    block.entry("view")?;
    let own = block.child("view");
    let name = own.string("name");
    let sql = own.string("sql");
    own.finish();
    match (name, sql) {
        (Some(name), Some(sql)) if is_name(&name) => Some(ViewConfig::Sql {
            name,
            sql: sql.trim().to_owned(),
        }),
        (Some(name), Some(_)) => {
            own.wrong(
                "name",
                &own.place,
                format!("is {name:?}, which is no name for a view: {NAME_RULE}"),
            );
            None
        }
        (name, _) => {
            let missing = if name.is_none() { "name" } else { "sql" };
            own.wrong(missing, &own.place, "is missing, a view needs `name` and `sql`");
            None
        }
    }
}
