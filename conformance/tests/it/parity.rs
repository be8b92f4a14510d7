//! The table of CONTRIBUTING.md: what it says that a language has, a test of that language names.

use std::fs;
use std::path::{Path, PathBuf};

/// What every language plays.
const SCENARIOS: &str = "conformance/scenarios";
/// The columns of the table, and where their tests are.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("Rust", &["axis-core/tests", "axis-core/src", "conformance/tests"]),
    ("HTTP", &["axis-http/tests", "axis-http/src/extract", "docs"]),
    ("Command", &["axis-http/tests"]),
    ("Python", &["axis-py/tests", "examples/python", SCENARIOS]),
    ("Node", &["axis-node/test", "examples/node", SCENARIOS]),
    ("C", &["axis-ffi/tests", "examples/c", SCENARIOS]),
];

#[test]
fn every_name_of_the_table_is_in_a_test_of_its_language() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = fs::read_to_string(root.join("CONTRIBUTING.md")).unwrap();
    let tests = COLUMNS.map(|(_, folders)| {
        folders
            .iter()
            .map(|folder| read(&root.join(folder)))
            .collect::<String>()
    });
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.starts_with("| Capability |"))
        .skip(2)
        .collect();
    let rows: Vec<&str> = rows.into_iter().take_while(|line| line.starts_with('|')).collect();
    assert!(rows.len() > 20, "the table has {} rows", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(cells.len(), COLUMNS.len() + 1, "{row}");
        for ((language, _), (cell, tests)) in COLUMNS.iter().zip(cells[1..].iter().zip(&tests)) {
            for name in cell.split('`').skip(1).step_by(2) {
                if !tests.contains(wanted(name)) {
                    missing.push(format!("{language}: {name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "no test names {missing:#?}");
}

/// What a test writes when it calls a name: without the handle in front, and a route without method and parameters.
fn wanted(name: &str) -> &str {
    if let Some(at) = name.find("/api/") {
        return name[at..].split('{').next().unwrap_or(name);
    }
    let last = name.rsplit("::").next().unwrap_or(name);
    let last = last.rsplit('.').next().unwrap_or(last);
    last.rsplit(' ').next().unwrap_or(last)
}

/// Everything that the files of a folder say.
fn read(folder: &Path) -> String {
    let mut folders = vec![folder.to_path_buf()];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        entries.sort();
        for entry in entries {
            if entry.is_dir() {
                folders.push(entry);
            } else {
                text.push_str(&fs::read_to_string(&entry).unwrap_or_default());
            }
        }
    }
    text
}
