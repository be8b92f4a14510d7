//! That the description knows every key, and no other.

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
    let spoken: BTreeSet<String> = meanings().flat_map(|(key, ..)| spoken(key)).collect();
    let missing: Vec<_> = known.difference(&spoken).collect();
    assert!(
        missing.is_empty(),
        "config/reference/meanings.txt does not say what these keys mean: {missing:#?}"
    );
    let all = read().0.keys;
    let unread: Vec<_> = spoken.iter().filter(|key| !all.contains_key(*key)).collect();
    assert!(
        unread.is_empty(),
        "nobody reads these keys of config/reference/meanings.txt: {unread:#?}"
    );
    let mut once = BTreeSet::new();
    let twice: Vec<_> = meanings().filter(|(key, ..)| !once.insert(*key)).collect();
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
