//! The README: its commands are run, its requests are sent, its files are read. Its Rust is compiled as a test of the documentation.

use std::path::Path;

use crate::support::Project;

const README: &str = include_str!("../../../README.md");

/// The fenced blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in README.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(name), None) => open = Some((name == language, String::new())),
            (Some(_), Some(_)) => found.extend(open.take().and_then(|(wanted, text)| wanted.then_some(text))),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    found
}

/// The lines that call a program, each as its arguments.
fn calls(program: &str) -> Vec<Vec<String>> {
    let lines = blocks("sh").join("");
    let words = lines.lines().map(words);
    words
        .filter(|words| words.first().is_some_and(|word| word == program))
        .map(|words| words[1..].to_vec())
        .collect()
}

/// Splits a line as a shell does, as far as the README needs it.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(open) if c == open => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == ' ' => words.extend((!word.is_empty()).then(|| std::mem::take(&mut word))),
            _ => word.push(c),
        }
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[test]
fn the_commands_of_the_readme_succeed() {
    let project = Project::new();
    let mut ran = 0;
    for call in calls("axis") {
        let arguments: Vec<&str> = call.iter().map(String::as_str).collect();
        if arguments.contains(&"serve") {
            // It would go on; that its arguments are understood is enough here.
            let run = project.axis(&[arguments.as_slice(), &["--help"]].concat());
            assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        } else {
            let run = project.axis(&arguments);
            assert_eq!(run.code, 0, "{arguments:?}: {}{}", run.stdout, run.stderr);
            assert!(!run.stdout.is_empty(), "{arguments:?}");
        }
        ran += 1;
    }
    assert!(ran >= 6, "{ran} commands");
}

#[test]
fn the_requests_of_the_readme_are_answered() {
    let (project, _source) = Project::demo(50);
    let server = project.server();
    let mut sent = 0;
    for call in calls("curl") {
        let method = if call.iter().any(|word| word == "POST") {
            "POST"
        } else {
            "GET"
        };
        let address = call.last().expect("a request has an address");
        let path = address
            .strip_prefix("http://127.0.0.1:8500")
            .expect("the demonstration's address");
        let answer = server.request(method, path, &[]);
        assert_eq!(answer.status, 200, "{call:?}: {answer:?}");
        if method == "POST" {
            server.wait_for("monitoring_data", "ready");
        } else if path.contains("/data/") {
            assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(3), "{answer:?}");
        }
        sent += 1;
    }
    assert!(sent >= 3, "{sent} requests");
}

#[test]
fn the_files_of_the_readme_are_valid() {
    let project = Project::new();
    let files = blocks("yaml");
    assert_eq!(files.len(), 4);
    for text in &files {
        let name = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# custom/config/"));
        project.config(name.expect("the first line names the file"), text);
    }
    let output = project
        .command(&["config", "check", "--json"])
        .envs([
            ("SHOP_PASSWORD", "a"),
            ("MONITORING_PASSWORD", "b"),
            ("DASHBOARD_KEY", "a-key-of-the-dashboard"),
            ("OPS_KEY_SHA256", &"0a".repeat(32)),
        ])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&document["ok"], document["warnings"].as_array().map(Vec::len)),
        (&true.into(), Some(0)),
        "{document}"
    );
    for name in ["shop", "monitoring"] {
        let datasets = document["datasets"].as_array().unwrap();
        let dataset = datasets.iter().find(|dataset| dataset["dataset"] == name).unwrap();
        assert_eq!(
            (&dataset["enabled"], &dataset["configured"]),
            (&true.into(), &true.into()),
            "{document}"
        );
    }
}

/// Where a file of the tree or a part of it is linked, it is there.
#[test]
fn the_links_of_the_readme_lead_somewhere() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let targets: Vec<&str> = README
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert!(targets.len() > 5);
    for target in targets {
        let (file, heading) = target.split_once('#').unwrap_or((target, ""));
        assert!(root.join(file).exists(), "`{target}` is linked and not there");
        if !heading.is_empty() {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let headings = text.lines().filter_map(|line| line.strip_prefix("## "));
            let mut named = headings.map(|text| text.to_lowercase().replace(' ', "-"));
            assert!(named.any(|name| name == heading), "`{target}` is linked and not there");
        }
    }
}
