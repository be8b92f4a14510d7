//! Compiling C against the library that `cargo test` has just built, and running it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The directory of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// The directory of the libraries of this very build: that of the running test.
pub(crate) fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

/// The directory of DuckDB's library.
pub(crate) fn duckdb() -> PathBuf {
    let named = std::env::var_os("DUCKDB_LIB_DIR").map(PathBuf::from);
    named.unwrap_or_else(|| root().join("target/duckdb"))
}

/// A compiled program, in a directory of its own.
pub(crate) struct Program {
    directory: TempDir,
}

/// What a program is compiled with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checks {
    /// The sanitizers for addresses and undefined behaviour.
    Sanitizers,
    /// None, where memory and time are looked at.
    None,
}

const STRICT: [&str; 6] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-pthread"];

impl Program {
    /// Compiles a file below `axis-ffi/tests/c`.
    pub(crate) fn compile(name: &str, checks: Checks) -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name);
        let program = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        let is_cpp = name.ends_with(".cpp");
        let mut compiler = if is_cpp { tool("CXX", "c++") } else { tool("CC", "cc") };
        compiler
            .arg(if is_cpp { "-std=c++17" } else { "-std=c11" })
            .args(STRICT);
        if checks == Checks::Sanitizers {
            compiler.args(["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]);
        }
        compiler.arg("-I").arg(root().join("include"));
        compiler.arg(source).arg("-o").arg(program.path());
        compiler.arg("-L").arg(libraries()).arg("-laxis");
        for directory in [libraries(), duckdb()] {
            compiler.arg(format!("-Wl,-rpath,{0},-rpath-link,{0}", directory.display()));
        }
        succeed(&mut compiler);
        program
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("program")
    }

    /// Returns the command that runs it.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.path());
        command
            .current_dir(self.directory.path())
            // Cargo's own search path may lead to an older build first.
            .env(
                "LD_LIBRARY_PATH",
                std::env::join_paths([libraries(), duckdb()]).unwrap(),
            )
            .env("ASAN_OPTIONS", "detect_leaks=1:strict_string_checks=1");
        command
    }

    /// Runs it and returns what it printed; it must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        succeed(self.command().args(arguments))
    }
}

fn tool(variable: &str, default: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| default.into()))
}

/// Runs a command that must succeed, and returns what it printed.
pub(crate) fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"));
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    stdout.into_owned()
}

/// A source with one table of a hundred orders, and what an engine over it is opened with.
pub(crate) struct Shop {
    pub(crate) database: TestDatabase,
    directory: TempDir,
}

impl Shop {
    pub(crate) fn create(prefix: &str) -> Self {
        let database = TestDatabase::create(prefix);
        database.execute(
            "create table orders (id int primary key, name text, price numeric(10,2), placed timestamptz not null);
             insert into orders
             select i, 'order ' || i, i / 4.0, '2026-01-01T00:00:00Z'::timestamptz + make_interval(hours => i)
             from generate_series(1, 100) i;
             create function gate() returns boolean language plpgsql as
             'begin perform pg_advisory_xact_lock_shared(7); return true; end'",
        );
        let directory = tempfile::tempdir().unwrap();
        Self { database, directory }
    }

    /// Closes the gate for good: a transaction that is prepared holds its locks without a session.
    pub(crate) fn close_gate(&self) {
        let name = &self.database.name;
        let statements = format!("begin; select pg_advisory_xact_lock(7); prepare transaction '{name}'");
        self.database.execute(&statements);
    }

    /// Returns the path of a file beside the store.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the options of an engine with the dataset `shop`.
    pub(crate) fn options(&self) -> String {
        self.options_of("select * from orders")
    }

    /// The same with a query that does not end while somebody holds the gate.
    pub(crate) fn gated(&self) -> String {
        self.options_of("select * from orders where id < 100 or gate()")
    }

    fn options_of(&self, query: &str) -> String {
        let shop =
            json!({"url": self.database.url, "query": query, "incremental_column": "placed", "primary_key": "id"});
        let options: Value = json!({
            "store": self.path("store.duckdb"),
            "config": {"duckdb": {"sync_mode": "manual"}, "datasets": {"shop": shop}},
        });
        options.to_string()
    }
}
