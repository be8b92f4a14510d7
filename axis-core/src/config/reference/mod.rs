//! Every key and every variable there is. What is allowed and what is the default is what the readers of the files say; what a key
//! means stands in `meanings`. Tests prove that neither knows a key that the other does not.

mod variables;

use std::collections::BTreeMap;

use serde::Serialize;

use super::dashboard::theme;
use super::ledger::Gathered;
use super::{Config, Env, Files, Origin, builtin};
use variables::VARIABLES;

/// All of the configuration.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Reference {
    /// The keys of the files, by file.
    pub keys: Vec<Key>,
    /// The variables.
    pub variables: Vec<Variable>,
}

/// A key of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Key {
    /// Which file has it, such as `duckdb.yaml`, or `every dataset`.
    pub file: &'static str,
    /// The dotted key; `<...>` stands for a name, `[]` for an item of a list.
    pub key: String,
    /// What may stand there.
    pub allowed: String,
    /// What counts without it.
    pub default: String,
    /// What it does.
    pub meaning: &'static str,
}

/// An environment variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Variable {
    /// Its name; `<DATASET>` stands for `MONITORING`, `EVAL`, `HUMAN_SIGNALS` and `KPI`.
    pub name: String,
    /// The key that it stands for, if there is one.
    pub key: Option<String>,
    /// What it does.
    pub meaning: &'static str,
}

/// The files, by the name of their block, in the order of the reference. Of the first two groups every block has every key.
const FILES: [(&str, &str); 12] = [
    ("duckdb", "duckdb.yaml"),
    ("server", "server.yaml"),
    ("<dataset>", "every dataset"),
    ("<split>", "monitoring_db.yaml, eval_db.yaml, human_signals_db.yaml"),
    ("monitoring_db", "monitoring_db.yaml"),
    ("eval_db", "eval_db.yaml"),
    ("human_signals_db", "human_signals_db.yaml"),
    ("kpi_db", "kpi_db.yaml"),
    ("own", "datasets/*.yaml"),
    ("theme", "theme.yaml"),
    ("agents", "agents.yaml"),
    ("memory", "memory.yaml"),
];
const EVERY: [&str; 5] = ["monitoring_db", "eval_db", "human_signals_db", "kpi_db", "own"];
const SPLIT: [&str; 3] = ["monitoring_db", "eval_db", "human_signals_db"];

/// What the keys mean, one a line.
const MEANINGS: &str = include_str!("meanings.txt");

/// What of the other keys is only looked for when this is there.
const SERVER: &str = "server: {origins: [], wizard_hosts: [], api_keys: [{name: a, role: read, key: aaaaaaaaaaaaaaaa}], \
                      jwt: {secret: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}}";
const DATASET: &str = "host: h, database: d, ssl_mode: prefer, filters: [a], thresholds: {per_source: {'<source>': {}}}, \
                       visible_kpis_per_source: {'<source>': []}, kpi_overrides: {'<kpi>': {}}, categories: {'<category>': {}}, \
                       display_per_source: {'<source>': {}}, composition_charts: [{title: a, kpis: [a]}]";
const OWN: &str = "host: h, database: d, ssl_mode: prefer, tables: {'<table>': {query: select 1}}, \
                   view: {name: a, sql: select 1}";

/// Describes every key and every variable.
#[must_use]
pub fn reference() -> Reference {
    let (known, defaults) = read();
    let mut keys = Vec::new();
    for (block, file) in FILES {
        for (key, default, meaning) in meanings().filter(|(key, ..)| block_of(key) == block) {
            let members = members(block);
            let row = |member: &str| {
                let key = key.replacen(block, member, 1);
                let found = defaults.get(&key).map_or("none", String::as_str);
                let default = if default.is_empty() { found } else { default };
                let allowed = known.keys.get(&key).filter(|allowed| !allowed.is_empty());
                (allowed.map_or("-", String::as_str).to_owned(), default.to_owned())
            };
            let (allowed, default) = row(members[0]);
            keys.push(Key {
                file,
                key: key
                    .replacen("own", "<dataset>", usize::from(block == "own"))
                    .replace("<split>", "<dataset>"),
                allowed: allowed.clone(),
                default: default.clone(),
                meaning,
            });
            // A dataset for which something else is allowed, or the default.
            for member in &members[1..] {
                let other = row(member);
                if other != (allowed.clone(), default.clone()) {
                    let file = FILES
                        .iter()
                        .find(|(block, _)| block == member)
                        .map_or(file, |(_, file)| file);
                    let member = if *member == "own" { "<dataset>" } else { member };
                    keys.push(Key {
                        file,
                        key: key.replacen(block, member, 1),
                        allowed: other.0,
                        default: other.1,
                        meaning,
                    });
                }
            }
        }
    }
    let place = |key: &Key| FILES.iter().position(|(_, file)| *file == key.file);
    keys.sort_by_key(place);
    Reference {
        keys,
        variables: variables(),
    }
}

fn variables() -> Vec<Variable> {
    let own = VARIABLES.iter().map(|(name, key, meaning)| Variable {
        name: (*name).to_owned(),
        key: (!key.is_empty()).then(|| (*key).to_owned()),
        meaning,
    });
    let twins = builtin::TWINS.iter().map(|(suffix, key)| Variable {
        name: format!("<DATASET>_DB_{suffix}"),
        key: Some(format!("<dataset>.{key}")),
        meaning: match *suffix {
            "URL" => {
                "stands for the key where the block is missing or empty, and where it has neither `url` nor `host`"
            }
            "PASSWORD" => "stands for the key where the block is missing or empty, and where it has no `password`",
            _ => "stands for the key where the block is missing or empty and `_URL` or `_HOST` is set",
        },
    });
    let looks = theme::VARIABLES.iter().map(|(name, key)| Variable {
        name: (*name).to_owned(),
        key: Some(format!("theme.palettes.<id>.{key}")),
        meaning: "replaces the key in the palette that is in use",
    });
    own.chain(twins).chain(looks).collect()
}

/// Returns key, default in words or nothing, and meaning.
fn meanings() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let lines = MEANINGS.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| {
        let mut parts = line.split('|').map(str::trim);
        Some((parts.next()?, parts.next()?, parts.next()?))
    })
}

/// The blocks that a group of keys belongs to.
fn members(block: &'static str) -> Vec<&'static str> {
    match block {
        "<dataset>" => EVERY.to_vec(),
        "<split>" => SPLIT.to_vec(),
        block => vec![block],
    }
}

/// The block of a key.
fn block_of(key: &str) -> &str {
    key.split(['.', '[']).next().unwrap_or(key)
}

/// Has the readers read files in which everything is there, in which nothing is, and no files at all.
fn read() -> (Gathered, BTreeMap<String, String>) {
    let mut full = vec![
        (
            "config/duckdb.yaml".to_owned(),
            "duckdb: {auto_sync_on_startup: true, backup: {directory: a}}".to_owned(),
        ),
        ("config/server.yaml".to_owned(), SERVER.to_owned()),
        ("config/datasets/own.yaml".to_owned(), format!("own: {{{OWN}}}")),
        ("config/agents.yaml".to_owned(), "agents: [{name: a}]".to_owned()),
    ];
    let mut bare = vec![(
        "config/datasets/own.yaml".to_owned(),
        "own: {enabled: false}".to_owned(),
    )];
    for builtin in &builtin::BUILTINS {
        let block = builtin.block;
        full.push((format!("config/{block}.yaml"), format!("{block}: {{{DATASET}}}")));
        bare.push((format!("config/{block}.yaml"), format!("{block}: {{enabled: false}}")));
    }
    let mut known = Gathered::default();
    let mut defaults = BTreeMap::new();
    for files in [bare, full, Vec::new()] {
        let config = Config::gather(&Files::new("", files), &Env::default(), &mut known);
        for setting in config.iter().flat_map(|config| &config.settings) {
            if setting.origin == Origin::Default {
                defaults
                    .entry(plain(&setting.key))
                    .or_insert_with(|| setting.value.clone());
            }
        }
    }
    known.keys = std::mem::take(&mut known.keys)
        .into_iter()
        .map(|(key, allowed)| (plain(&key), allowed))
        .collect();
    (known, defaults)
}

/// A key without what is particular about the files above: items of lists have no number, and palettes no name.
fn plain(key: &str) -> String {
    key.replace("[0]", "[]")
        .replace("theme.palettes.sage_green", "theme.palettes.<id>")
}

#[cfg(test)]
mod tests;
