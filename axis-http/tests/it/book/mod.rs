//! The book in `docs/`: what is made from the program is current, links lead somewhere, commands and files do what is said.

mod blocks;
mod errors;
mod links;
mod openapi;
mod story;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::Project;

/// The root of the tree.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Markdown file below a folder, by path.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            match path.extension() {
                _ if path.is_dir() => pages(&path),
                Some(end) if end == "md" => vec![path],
                _ => Vec::new(),
            }
        })
        .collect();
    found.sort();
    found
}

/// Compares a page with what it must be, or writes it.
fn is_current(page: &str, wanted: &str) {
    let path = root().join("docs").join(page);
    if std::env::var_os("AXIS_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "docs/{page} is not what the program says; AXIS_BLESS=1 cargo test -p axis-http book writes it"
    );
}

#[test]
fn the_reference_of_the_configuration_is_current() {
    let run = Project::new().axis(&["config", "reference"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    is_current("reference/configuration.md", &run.stdout);
    let document = Project::new().json(&["config", "reference"]);
    let rows = document["keys"].as_array().unwrap().len();
    assert!(rows > 150 && run.stdout.matches("\n| `").count() > rows, "{rows} keys");
}

#[test]
fn the_reference_of_the_commands_is_current() {
    let project = Project::new();
    let mut page = "# Commands\n\nWhat `axis --help` and `axis COMMAND --help` print. Options of `axis` may stand before and behind \
                    the command.\n"
        .to_owned();
    describe(&project, &[], &mut page);
    is_current("reference/commands.md", &page);
}

/// Adds the help of a command and of the commands below it.
fn describe(project: &Project, command: &[&str], page: &mut String) {
    let help = project.axis(&[command, &["--help"]].concat());
    assert_eq!(help.code, 0, "{command:?}: {}", help.stderr);
    let lines: Vec<&str> = help.stdout.lines().map(str::trim_end).collect();
    let name = [&["axis"], command].concat().join(" ");
    let _ = write!(page, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n"));
    let below = lines.iter().skip_while(|line| **line != "Commands:").skip(1);
    for line in below.take_while(|line| !line.is_empty()) {
        let name = line.strip_prefix("  ").and_then(|line| line.split(' ').next());
        // A description that is continued is indented further.
        if let Some(name) = name.filter(|name| !name.is_empty() && *name != "help") {
            describe(project, &[command, &[name]].concat(), page);
        }
    }
}

#[test]
fn the_reference_of_the_routes_is_current() {
    let document = Project::new().server().json("/openapi.json");
    let pages = openapi::pages(&document);
    assert!(pages.len() > 8, "{} pages", pages.len());
    for (page, text) in &pages {
        is_current(page, text);
    }
    // A tag that is gone leaves no page.
    for path in self::pages(&root().join("docs/reference/http")) {
        let name = format!("reference/http/{}", path.file_name().unwrap().to_str().unwrap());
        assert!(pages.iter().any(|(page, _)| *page == name), "nobody makes docs/{name}");
    }
}

/// Who reads the book finds each page.
#[test]
fn every_page_is_in_the_navigation() {
    let navigation = std::fs::read_to_string(root().join("mkdocs.yml")).unwrap();
    let docs = root().join("docs");
    let mut seen = 0;
    for path in pages(&docs) {
        let page = path.strip_prefix(&docs).unwrap().to_str().unwrap();
        assert!(
            navigation.contains(&format!(": {page}\n")),
            "mkdocs.yml does not name {page}"
        );
        seen += 1;
    }
    assert!(seen > 15, "{seen} pages");
}
