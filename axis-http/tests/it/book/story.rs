//! The pages of the book are stories: their files are written, their commands and requests run, and what is shown is what comes.
//!
//! * `yaml` and `dotenv`: a file, whose path stands in the first line behind `# `; the configuration must then be without a mistake.
//! * `sql`: runs on a throw-away PostgreSQL, which stands for `db.example` and any database there.
//! * `sh`: runs in a shell. A line that calls `axis ... serve` starts a server, which answers until the page ends or a block has `stop`.
//! * `console`: `$ ` begins a command, `> ` goes on with it, and the lines below are its output, in which `...` stands for any text.
//!   `exit=1` is the code that the last one ends with; what is on stderr then counts as output.
//! * `status=404` is the status of every request in a block; without it each must succeed.

use std::fmt::Write as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread::{self, ScopedJoinHandle};

use axis_testkit::postgres::{TestDatabase, shared};

use super::blocks::{Block, blocks, console, matches};
use super::{pages, root};
use crate::support::{Project, Running, get, wait_until};

/// The server's address in the pages, in both spellings.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8500", "localhost:8500"];
/// Stands between the outputs of two commands, before the exit code of the first.
const MARK: &str = "=== the command ended with ";
/// Makes every curl quiet, patient for so long, and tell its status on the file that `STATUS` names.
const CURL: &str = r#"curl() { command curl --silent --show-error --max-time 60 -w '%{stderr}status %{http_code}\n' "$@" 2>>"$STATUS"; }"#;

/// A page while it is told.
struct Story {
    page: String,
    project: Project,
    /// Stands for the database of the page; made when it is first spoken of.
    database: OnceLock<TestDatabase>,
    server: Option<(Running, String)>,
}

impl Story {
    fn tell(page: &Path) -> usize {
        let text = std::fs::read_to_string(page).unwrap();
        let blocks = blocks(&text);
        let mut story = Self {
            page: page.file_name().unwrap().to_str().unwrap().to_owned(),
            project: Project::new(),
            database: OnceLock::new(),
            server: None,
        };
        for block in &blocks {
            if block.stop {
                story.server = None;
            }
            match block.kind.as_str() {
                "yaml" | "dotenv" => story.write(block),
                "sql" => story.database().execute(&story.fill(&block.body.join("\n"))),
                _ => story.run(block),
            }
        }
        blocks.len()
    }

    fn database(&self) -> &TestDatabase {
        self.database.get_or_init(|| TestDatabase::create("book"))
    }

    /// Puts what is there in the place of what the page speaks of.
    fn fill(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if text.contains("@db.example") {
            let place = format!("@127.0.0.1:{}/{}", shared().port(), self.database().name);
            while let Some(at) = text.find("@db.example") {
                let end = text[at..]
                    .find(['"', '\'', '\n', ' ', '?'])
                    .map_or(text.len(), |end| at + end);
                text.replace_range(at..end, &place);
            }
        }
        if let Some((_, address)) = &self.server {
            text = ADDRESSES.iter().fold(text, |text, known| text.replace(known, address));
        }
        text
    }

    fn place(&self, block: &Block) -> String {
        format!("docs/{}, the block in line {}", self.page, block.line)
    }

    /// Writes a file. A configuration must be one.
    fn write(&self, block: &Block) {
        let place = self.place(block);
        let name = block.body.first().and_then(|line| line.strip_prefix("# "));
        let name = name
            .filter(|name| !name.contains(' '))
            .unwrap_or_else(|| panic!("{place}: the first line names no file"));
        let path = self.project.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, self.fill(&block.body.join("\n")) + "\n").unwrap();
        let Some((custom_dir, _)) = name.split_once("/config/") else {
            return;
        };
        let run = self
            .project
            .axis(&["--custom-dir", custom_dir, "config", "check", "--json"]);
        let document = run.json();
        let warnings = document["warnings"].as_array().map(Vec::len);
        assert_eq!((run.code, warnings), (0, Some(0)), "{place}: {document:#}");
    }

    fn run(&mut self, block: &Block) {
        let mut commands = match block.kind.as_str() {
            "console" => console(&block.body),
            _ => vec![(block.body.join("\n"), None)],
        };
        let mut serve = None;
        if block.kind == "sh" {
            let is_serve =
                |line: &&str| line.starts_with("axis ") && line.split_whitespace().any(|word| word == "serve");
            let (command, _) = &mut commands[0];
            serve = command.lines().find(is_serve).map(str::to_owned);
            *command = command
                .lines()
                .filter(|line| !is_serve(line))
                .collect::<Vec<_>>()
                .join("\n");
        }
        commands.retain(|(command, _)| !command.trim().is_empty());
        if !commands.is_empty() {
            self.check(block, &commands);
        }
        if let Some(line) = serve {
            self.serve(&line);
        }
    }

    /// What a schedule does would get in between on a slow machine.
    fn keep_still(&self) {
        let config = self.project.path().join("axis-demo/custom/config/duckdb.yaml");
        if let Ok(text) = std::fs::read_to_string(&config) {
            std::fs::write(&config, text.replace("sync_mode: startup", "sync_mode: manual")).unwrap();
        }
    }

    fn serve(&mut self, line: &str) {
        self.keep_still();
        let line = line.split('#').next().unwrap_or_default();
        let arguments: Vec<&str> = line.split_whitespace().skip(1).chain(["--port", "0"]).collect();
        let mut server = Running::start(self.project.command(&arguments));
        let told = server.wait_for("listening on http://");
        let address = told.split_once("listening on http://").unwrap().1.trim().to_owned();
        self.server = Some((server, address));
    }

    /// Runs commands and compares what comes with what is shown.
    fn check(&self, block: &Block, commands: &[(String, Option<String>)]) {
        let place = self.place(block);
        if let Some((_, address)) = &self.server {
            // What an example starts is not in the way of the next one.
            wait_until("nothing is being synced", || {
                let (_, status) = get(&format!("http://{address}/api/store/status"));
                let mut datasets = status["datasets"].as_object()?.values();
                datasets.all(|dataset| dataset["state"] != "syncing").then_some(())
            });
        }
        let mut script = format!("{CURL}\n{}\n", if block.exit.is_some() { "exec 2>&1" } else { "" });
        for (command, _) in commands {
            let _ = write!(script, "{}\nprintf '\\n%s%s\\n' '{MARK}' \"$?\"\n", self.fill(command));
        }
        let (outputs, statuses, errors) = self.shell(&script);
        assert_eq!(
            outputs.len(),
            commands.len(),
            "{place} ended early: {outputs:?}{errors}"
        );
        let ask = commands.iter().any(|(command, _)| command.contains("curl"));
        assert_eq!(ask, !statuses.is_empty(), "{place}: {statuses:?}");
        for status in &statuses {
            let is_right = match &block.status {
                Some(wanted) => status == wanted,
                None => status.starts_with('2'),
            };
            assert!(is_right, "{place} is answered with {status}: {outputs:?}");
        }
        for (index, ((command, shown), (output, code))) in commands.iter().zip(&outputs).enumerate() {
            let wanted = block.exit.filter(|_| index + 1 == commands.len()).unwrap_or(0);
            assert_eq!(*code, wanted, "{place}: {command}\n{output}\n{errors}");
            if let Some(shown) = shown {
                assert!(
                    matches(shown, output),
                    "{place}: {command}\nshown:\n{shown}\nwhat came:\n{output}"
                );
            }
        }
    }

    /// Runs a script; returns what each command printed and its exit code, the statuses of requests, and stderr.
    fn shell(&self, script: &str) -> (Vec<(String, i32)>, Vec<String>, String) {
        let directory = self.project.path();
        let told = directory.join(".statuses");
        std::fs::write(&told, "").unwrap();
        let programs = PathBuf::from(env!("CARGO_BIN_EXE_axis"));
        let programs = programs.parent().unwrap().to_str().unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .current_dir(directory)
            .env_clear()
            .env("STATUS", &told);
        command.env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()));
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        let output = command.output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut outputs = Vec::new();
        let mut rest = stdout.as_str();
        while let Some((before, after)) = rest.split_once(MARK) {
            let (code, after) = after.split_once('\n').unwrap();
            outputs.push((before.to_owned(), code.parse().unwrap()));
            rest = after;
        }
        let told = std::fs::read_to_string(&told).unwrap();
        let statuses = told.lines().filter_map(|line| line.strip_prefix("status "));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (outputs, statuses.map(str::to_owned).collect(), errors + &told)
    }
}

#[test]
fn the_pages_of_the_book_are_true() {
    let docs = root().join("docs");
    let pages: Vec<PathBuf> = pages(&docs)
        .into_iter()
        .filter(|page| !page.starts_with(docs.join("reference")))
        .collect();
    let told: Vec<(PathBuf, usize)> = thread::scope(|scope| {
        let tell = |page: PathBuf| scope.spawn(move || (page.clone(), Story::tell(&page)));
        let running: Vec<_> = pages.into_iter().map(tell).collect();
        // Every page is told before the first that is wrong ends the test.
        let ended: Vec<_> = running.into_iter().map(ScopedJoinHandle::join).collect();
        ended
            .into_iter()
            .map(|page| page.unwrap_or_else(|cause| resume_unwind(cause)))
            .collect()
    });
    let blocks = |name: &str| {
        told.iter()
            .find(|(page, _)| page.ends_with(name))
            .map_or(0, |(_, blocks)| *blocks)
    };
    for (page, least) in [
        ("docs/http.md", 8),
        ("quickstart.md", 5),
        ("runbook.md", 5),
        ("migration.md", 2),
    ] {
        assert!(blocks(page) >= least, "{page} has {} blocks that run", blocks(page));
    }
}
