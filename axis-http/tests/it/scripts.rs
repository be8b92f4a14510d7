//! How the build gets its DuckDB library, decided by `scripts/libduckdb.sh` and the Makefile. Nothing is downloaded or built here.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A machine of its own: programs that stand in for real ones, an empty cache, an empty target directory.
struct Machine(TempDir);

impl Machine {
    /// `npm` is the script that stands in for npm.
    fn new(npm: &str) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        fs::create_dir(machine.path("bin")).unwrap();
        machine.program("npm", npm);
        // A compiler, so that none is installed.
        machine.program("c++", "exit 0");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a program in the root of the tree; gives its exit code and everything that it printed.
    fn run(&self, program: &str, arguments: &[&str], more: &[(&str, &str)]) -> (i32, String) {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new(program);
        command.current_dir(ROOT).args(arguments).env("PATH", path);
        command
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("AXIS_CACHE_DIR", self.path("cache"));
        // The make that runs these tests must not speak to the one that they run.
        for name in [
            "MAKEFLAGS",
            "MFLAGS",
            "MAKELEVEL",
            "ARGS",
            "DUCKDB_LIB_DIR",
            "AXIS_DUCKDB",
        ] {
            command.env_remove(name);
        }
        let output = command.envs(more.iter().copied()).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    fn libduckdb(&self, more: &[(&str, &str)]) -> (i32, String) {
        self.run("scripts/libduckdb.sh", &[], more)
    }
}

fn files(directory: &Path) -> usize {
    let entries = fs::read_dir(directory).map(Iterator::flatten);
    entries.map_or(0, |entries| {
        entries
            .map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 })
            .sum()
    })
}

#[test]
fn a_library_that_cannot_be_fetched_or_is_another_one_is_not_used() {
    for (npm, said) in [
        ("echo no network >&2; exit 1", "npm could not fetch"),
        ("echo other >a.tgz; echo a.tgz", "has the SHA-256 sum"),
    ] {
        let machine = Machine::new(npm);
        let (code, text) = machine.libduckdb(&[]);
        assert_eq!(code, 3, "{text}");
        // A machine for which there is no library says so before it asks npm.
        assert!(text.contains(said) || text.contains("no prebuilt library"), "{text}");
        assert_eq!(
            files(&machine.path("cache")) + files(&machine.path("target")),
            0,
            "{text}"
        );
    }
}

#[test]
fn without_the_library_make_compiles_duckdb_and_says_so() {
    let machine = Machine::new("exit 1");
    let bundled = [("AXIS_DUCKDB", "bundled")];
    let (code, text) = machine.run("make", &["libduckdb"], &bundled);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("compiled from source"), "{text}");
    let mode = fs::read_to_string(machine.path("target/duckdb/mode")).unwrap();
    assert_eq!(mode, "bundled\n");
    for target in ["demo", "test", "bench"] {
        let (code, text) = machine.run("make", &["-n", target], &bundled);
        assert!(code == 0 && text.contains(" --features bundled "), "{text}");
    }
    fs::write(machine.path("target/duckdb/mode"), "prebuilt\n").unwrap();
    let (_, text) = machine.run("make", &["-n", "demo", "ARGS=--once"], &[]);
    assert!(
        text.contains("-- demo --once") && !text.contains("--features"),
        "{text}"
    );
}

#[test]
fn make_alone_lists_what_there_is() {
    let (code, text) = Machine::new("exit 1").run("make", &[], &[]);
    assert_eq!(code, 0, "{text}");
    for target in ["demo", "test", "check", "bench", "clean"] {
        assert!(text.lines().any(|line| line.trim_start().starts_with(target)), "{text}");
    }
}

#[test]
fn make_test_names_every_target_of_tests() {
    let metadata = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["metadata", "--locked", "--no-deps", "--format-version", "1"])
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let targets = packages.flat_map(|package| package["targets"].as_array().unwrap());
    let names: Vec<&str> = targets
        .filter(|target| target["kind"][0] == "test")
        .map(|target| target["name"].as_str().unwrap())
        .collect();
    assert!(names.len() > 4, "{names:?}");
    let makefile = fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    let named: Vec<&str> = makefile.split_whitespace().collect();
    for name in names {
        assert!(named.windows(2).any(|words| words == ["--test", name]), "{name}");
    }
}
