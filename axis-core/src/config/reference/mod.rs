//! Every key and every variable there is. What is allowed and what is the default is what the readers of the files say; what a key
//! means stands in `meanings`. Tests prove that neither knows a key that the other does not.

mod meanings;

use std::collections::BTreeMap;

use serde::Serialize;

use super::dashboard::theme;
use super::ledger::Gathered;
use super::{Config, Env, Files, Origin, builtin};
use meanings::{KEYS, VARIABLES};

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
        for (key, default, meaning) in KEYS.iter().filter(|(key, ..)| block_of(key) == block) {
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
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every key that the readers know; of mappings and lists of them what is in them is enough.
    fn known() -> BTreeSet<String> {
        let keys = read().0.keys;
        let has_more = |key: &str| {
            let inside = |other: &String| other.strip_prefix(key).is_some_and(|rest| rest.starts_with(['.', '[']));
            keys.keys().any(inside)
        };
        // The other palette that is built in has the same keys, and of `dashboard` there are variables only.
        let is_twin = |key: &str| key.starts_with("theme.palettes.professional_blue") || key.starts_with("dashboard.");
        let keys = keys.keys().filter(|key| !has_more(key) && !is_twin(key));
        keys.cloned().collect()
    }

    /// The keys that an entry of the table speaks of.
    fn spoken(key: &str) -> Vec<String> {
        let names: &[&str] = match block_of(key) {
            "<dataset>" => &EVERY,
            "<split>" => &SPLIT,
            _ => return vec![key.to_owned()],
        };
        names.iter().map(|name| key.replacen(block_of(key), name, 1)).collect()
    }

    #[test]
    fn every_key_that_is_read_is_described_and_no_other() {
        let known = known();
        let spoken: BTreeSet<String> = KEYS.iter().flat_map(|(key, ..)| spoken(key)).collect();
        let missing: Vec<_> = known.difference(&spoken).collect();
        assert!(
            missing.is_empty(),
            "config/reference/meanings.rs does not say what these keys mean: {missing:#?}"
        );
        let all = read().0.keys;
        let unread: Vec<_> = spoken.iter().filter(|key| !all.contains_key(*key)).collect();
        assert!(
            unread.is_empty(),
            "nobody reads these keys of config/reference/meanings.rs: {unread:#?}"
        );
        let mut once = BTreeSet::new();
        let twice: Vec<_> = KEYS.iter().filter(|(key, ..)| !once.insert(key)).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn every_variable_that_is_read_is_described_and_no_other() {
        let looked_for: BTreeSet<String> = read()
            .0
            .variables
            .iter()
            .map(|name| {
                let prefix = builtin::BUILTINS
                    .iter()
                    .find_map(|builtin| name.strip_prefix(builtin.prefix));
                prefix.map_or_else(|| name.clone(), |suffix| format!("<DATASET>_DB_{suffix}"))
            })
            .collect();
        let described: BTreeSet<String> = variables().into_iter().map(|variable| variable.name).collect();
        assert_eq!(described, looked_for);
    }

    #[test]
    fn what_is_allowed_and_the_default_are_the_readers_own() {
        let reference = reference();
        let find = |file: &str, key: &str| {
            let found = reference.keys.iter().find(|row| row.file == file && row.key == key);
            let row = found.unwrap_or_else(|| panic!("{key} in {file}"));
            (row.allowed.as_str(), row.default.as_str())
        };
        assert_eq!(
            find("duckdb.yaml", "duckdb.query_concurrency"),
            ("an integer from 1 to 1024", "8")
        );
        assert_eq!(
            find("duckdb.yaml", "duckdb.sync_mode"),
            ("startup or manual", "startup")
        );
        let every = "every dataset";
        assert_eq!(
            find(every, "<dataset>.row_limit"),
            ("an integer from 1 to 50000 rows", "10000")
        );
        assert_eq!(find("kpi_db.yaml", "kpi_db.row_limit").1, "50000");
        assert_eq!(
            (
                find(every, "<dataset>.enabled").1,
                find("datasets/*.yaml", "<dataset>.enabled").1
            ),
            ("false", "true")
        );
        assert_eq!(
            find("server.yaml", "server.api_keys[].role"),
            ("read, sync or admin", "required")
        );
        for row in &reference.keys {
            assert!(!row.allowed.is_empty() && !row.meaning.ends_with('.'), "{row:?}");
        }
    }
}
