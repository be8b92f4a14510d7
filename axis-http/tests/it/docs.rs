//! `docs/http.md`: its requests are sent to a served demonstration, and what it shows is what comes back.
//!
//! A fenced block of `sh` or `console` with `curl` in it is run by a shell, with the address of the server in place of the
//! documented one. In a `console` block `$ ` begins a command, `> ` goes on with it, and the lines below are its output, in
//! which `...` stands for any text. Every answer must be a success, or have the status behind the language, as in
//! `console status=404`.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::support::{Project, Running, get, wait_until};

const DOCUMENT: &str = include_str!("../../../docs/http.md");
/// The address in the document, in both spellings.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8500", "localhost:8500"];
/// Stands between the outputs of two commands.
const MARK: &str = "=== the next command ===";
/// Makes every curl quiet, patient for so long, and tell its status on the file that `STATUS` names.
const CURL: &str = r#"curl() { command curl --silent --show-error --max-time 60 -w '%{stderr}status %{http_code}\n' "$@" 2>>"$STATUS"; }"#;

/// A block that is run.
#[derive(Debug, Default)]
struct Block {
    /// Where it begins, for messages.
    line: usize,
    /// The status that every answer has; none means success.
    status: Option<String>,
    /// Commands with what is shown of their output; none when nothing is.
    commands: Vec<(String, Option<String>)>,
}

/// Finds the blocks of a document that call curl.
fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = document.lines().enumerate();
    while let Some((line, text)) = lines.next() {
        let Some(info) = text.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, text)| text)
            .take_while(|text| *text != "```")
            .collect();
        let mut words = info.split_whitespace();
        let commands = match words.next() {
            Some("sh") => vec![(body.join("\n"), None)],
            Some("console") => console(&body),
            _ => continue,
        };
        if commands.iter().any(|(command, _)| command.contains("curl")) {
            blocks.push(Block {
                line: line + 1,
                status: words.find_map(|word| word.strip_prefix("status=")).map(str::to_owned),
                commands,
            });
        }
    }
    blocks
}

/// Takes a session apart into commands and what they print.
fn console(lines: &[&str]) -> Vec<(String, Option<String>)> {
    let mut commands: Vec<(String, Option<String>)> = Vec::new();
    for line in lines {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push((command.to_owned(), None));
            continue;
        }
        let Some((command, output)) = commands.last_mut() else {
            panic!("a session begins with `$ `, not with {line:?}");
        };
        match (line.strip_prefix("> "), &mut *output) {
            (Some(more), None) => {
                let _ = write!(command, "\n{more}");
            }
            (_, shown) => {
                let shown = shown.get_or_insert_default();
                let _ = writeln!(shown, "{line}");
            }
        }
    }
    commands
}

/// Tells whether an output is what is shown, where `...` is any text.
fn matches(shown: &str, output: &str) -> bool {
    let (shown, output) = (shown.trim(), output.trim());
    let parts: Vec<&str> = shown.split("...").collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return shown == output;
    };
    let Some(mut rest) = output.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// Runs a block; returns the outputs of its commands and the statuses of its requests.
fn run(block: &Block, address: &str, directory: &Path) -> (Vec<String>, Vec<String>) {
    let mut script = format!("set -e\n{CURL}\n");
    for (command, _) in &block.commands {
        let command = ADDRESSES
            .iter()
            .fold(command.clone(), |command, known| command.replace(known, address));
        let _ = write!(script, "{command}\nprintf '\\n%s\\n' '{MARK}'\n");
    }
    let told = directory.join("statuses");
    std::fs::write(&told, "").unwrap();
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("STATUS", &told)
        .output()
        .unwrap();
    let told = std::fs::read_to_string(&told).unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "the block in line {} of docs/http.md: {}\n{stdout}{told}{}",
        block.line,
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let outputs = stdout.split(MARK).map(|part| part.trim().to_owned()).collect();
    let statuses = told.lines().filter_map(|line| line.strip_prefix("status "));
    (outputs, statuses.map(str::to_owned).collect())
}

#[test]
fn the_requests_of_the_documentation_are_answered_as_it_says() {
    let project = Project::new();
    let demo = project.axis(&["demo", "--once", "--rows", "300"]);
    assert_eq!(demo.code, 0, "{}", demo.stderr);
    // The schedule would get in between on a slow machine.
    let config = project.path().join("axis-demo/custom/config/duckdb.yaml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("sync_mode: startup", "sync_mode: manual")).unwrap();
    let mut server = Running::start(project.command(&["--custom-dir", "axis-demo/custom", "serve", "--port", "0"]));
    let line = server.wait_for("listening on http://");
    let address = line.split_once("listening on http://").unwrap().1.trim();

    let blocks = blocks(DOCUMENT);
    assert!(blocks.len() >= 8, "{} blocks", blocks.len());
    for block in &blocks {
        // What an example starts is not in the way of the next one.
        wait_until("nothing is being synced", || {
            let (_, status) = get(&format!("http://{address}/api/store/status"));
            let datasets = status["datasets"].as_object().unwrap();
            datasets
                .values()
                .all(|dataset| dataset["state"] != "syncing")
                .then_some(())
        });
        let (outputs, statuses) = run(block, address, project.path());
        assert!(!statuses.is_empty(), "the block in line {} asks nothing", block.line);
        for status in &statuses {
            let is_right = match &block.status {
                Some(wanted) => status == wanted,
                None => status.starts_with('2'),
            };
            assert!(
                is_right,
                "the block in line {} is answered with {status}: {outputs:?}",
                block.line
            );
        }
        for ((command, shown), output) in block.commands.iter().zip(&outputs) {
            if let Some(shown) = shown {
                let line = block.line;
                assert!(
                    matches(shown, output),
                    "line {line}: {command}\nshown:\n{shown}\nanswered:\n{output}"
                );
            }
        }
    }
}

#[test]
fn blocks_are_found_and_outputs_compared() {
    let document = "\
```sh
axis serve
```
text
```console status=404
$ curl a \\
>   -X POST
{\"a\": ..., \"b\": 2}
$ curl b
```
```sh
x=$(curl c)
curl \"$x\"
```
```json
curl
```
";
    let blocks = blocks(document);
    let found: Vec<_> = blocks
        .iter()
        .map(|block| (block.line, block.status.as_deref(), block.commands.len()))
        .collect();
    assert_eq!(found, [(5, Some("404"), 2), (11, None, 1)]);
    assert_eq!(blocks[0].commands[0].0, "curl a \\\n  -X POST");
    assert_eq!(blocks[0].commands[0].1.as_deref(), Some("{\"a\": ..., \"b\": 2}\n"));
    assert_eq!(blocks[1].commands[0].0, "x=$(curl c)\ncurl \"$x\"");

    assert!(matches("a", " a\n") && matches("a...c", "abc") && matches("a...", "a") && matches("...", ""));
    assert!(matches("{\"a\":...,\"b\":...}", "{\"a\":1,\"b\":2}"));
    for (shown, output) in [
        ("a", "ab"),
        ("a...c", "abcd"),
        ("b...", "abc"),
        ("a...x...c", "abc"),
        ("", "a"),
    ] {
        assert!(!matches(shown, output), "{shown:?} {output:?}");
    }
}
