//! What `scripts/c.sh` installs, the programs in `examples/c` compiled against it by pkg-config, and other ways to link it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::support::{Shop, duckdb, libraries, root, succeed};

/// Installs the library that was just built, once for all tests.
fn installed() -> &'static Path {
    static PREFIX: OnceLock<PathBuf> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let prefix = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c");
        succeed(script("install").arg(libraries()).env("PREFIX", &prefix));
        prefix
    })
}

fn script(command: &str) -> Command {
    let mut script = Command::new(root().join("scripts/c.sh"));
    script
        .arg(command)
        .env("DUCKDB_LIB_DIR", duckdb())
        .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")))
        .env_remove("DESTDIR");
    script
}

/// Asks pkg-config of an installation.
fn pkg_config(prefix: &Path, arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command
        .args(arguments)
        .arg("axis")
        .env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
    succeed(&mut command).split_whitespace().map(str::to_owned).collect()
}

/// Compiles a program against an installation, as the first comment of each example says.
fn compile(prefix: &Path, source: &Path, before: &[String], program: &Path) {
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(source)
        .args(before)
        .args(pkg_config(prefix, &["--cflags", "--libs"]));
    let directory = pkg_config(prefix, &["--variable=libdir"]).join("");
    succeed(compiler.arg(format!("-Wl,-rpath,{directory}")).arg("-o").arg(program));
}

/// Runs a program that finds its libraries by itself.
fn run(program: &Path, arguments: &[&str]) -> String {
    succeed(Command::new(program).args(arguments).env_remove("LD_LIBRARY_PATH"))
}

fn test_source(name: &str) -> PathBuf {
    root().join("axis-ffi/tests/c").join(name)
}

#[test]
fn every_example_is_compiled_by_pkg_config_and_runs() {
    let (prefix, shop) = (installed(), Shop::create("examples"));
    let program = |name: &str| {
        let program = shop.path(name);
        let source = root().join("examples/c").join(format!("{name}.c"));
        compile(prefix, &source, &[], &program);
        program
    };
    let options = &*shop.options();
    let told = run(&program("open"), &[options]);
    assert!(
        told.starts_with("AXIS 0.1.0: [\"monitoring\"") && told.contains("\"shop\"]"),
        "{told}"
    );
    let told = run(&program("sync"), &[options, "shop"]);
    assert_eq!(told, "full: 100 rows read, 100 stored, generation 1\n");
    let told = run(&program("progress"), &[options, "shop"]);
    assert!(
        told.starts_with("{\"event\":\"started\"") && told.contains("\"event\":\"committed\""),
        "{told}"
    );
    let told = run(&program("busy"), &[options, "shop"]);
    assert!(
        told.starts_with("AXIS_BUSY, trying again\n") && told.ends_with("synced\n"),
        "{told}"
    );
    let sql = "select case when id > 1 then id::bigint end as id from shop where id <= $last";
    let told = run(&program("arrow"), &[options, sql, "{\"last\": 4}"]);
    assert_eq!(told, "4 rows, first column 9\n");
    let told = run(&program("analytics"), &[options, "kpi.filters"]);
    assert!(told.starts_with('{'), "{told}");
    let sources = std::fs::read_dir(root().join("examples/c")).unwrap();
    let sources = sources.filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|kind| kind == "c")
    });
    assert_eq!(sources.count(), 6, "an example that is not run here");
}

#[test]
fn it_works_beside_another_duckdb_and_neither_calls_the_other() {
    let (prefix, directory) = (installed(), tempfile::tempdir().unwrap());
    let program = directory.path().join("beside");
    let other = duckdb();
    let before = [
        format!("-L{}", other.display()),
        // It comes first: whatever both have, a program would find there.
        "-lduckdb".to_owned(),
        format!("-Wl,-rpath,{}", other.display()),
        format!("-I{}", test_source("").display()),
    ];
    compile(prefix, &test_source("beside.c"), &before, &program);
    let store = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    run(&program, &[&store("axis.duckdb"), &store("other.duckdb")]);
    let output = Command::new(&program)
        .args([store("axis2.duckdb"), store("other2.duckdb")])
        .env_remove("LD_LIBRARY_PATH")
        .env("LD_DEBUG", "bindings")
        .output()
        .unwrap();
    let bindings = String::from_utf8_lossy(&output.stderr);
    let ours = prefix.join("lib");
    let ours = ours.to_str().unwrap();
    let (mut inside, mut across) = (0, Vec::new());
    for line in bindings.lines().filter(|line| line.contains("binding file")) {
        let (from, to) = line.split_once(" to ").unwrap();
        inside += usize::from(from.contains(ours) && to.contains(ours));
        if from.contains(ours) && to.contains("libduckdb.so") || from.contains("libduckdb.so") && to.contains(ours) {
            across.push(line);
        }
    }
    assert!(inside > 100, "the bindings were not told");
    assert!(across.is_empty(), "{across:?}");
}

#[test]
fn the_static_library_is_linked_by_what_pkg_config_says() {
    let (prefix, directory) = (installed(), tempfile::tempdir().unwrap());
    let program = directory.path().join("version");
    let mut compiler = Command::new("cc");
    compiler
        .arg("-std=c11")
        .arg(test_source("cycles.c"))
        .arg(prefix.join("lib/libaxis.a"));
    let flags = pkg_config(prefix, &["--static", "--cflags", "--libs"]);
    compiler.args(flags.iter().filter(|flag| *flag != "-laxis"));
    let rpath = format!("-Wl,-rpath,{}/lib", prefix.display());
    succeed(compiler.arg(rpath).arg("-o").arg(&program));
    let needed = succeed(Command::new("readelf").arg("-d").arg(&program));
    assert!(!needed.contains("libaxis.so"), "{needed}");
    let store = directory.path().join("s.duckdb");
    let options = format!("{{\"store\": \"{}\"}}", store.display());
    run(&program, &[&options, "4"]);
}

#[test]
fn an_archive_is_unpacked_anywhere_and_carries_its_major_version() {
    let directory = tempfile::tempdir().unwrap();
    succeed(script("archive").arg(libraries()).arg(directory.path()));
    let archive = std::fs::read_dir(directory.path()).unwrap().next().unwrap().unwrap();
    succeed(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive.path())
            .arg("-C")
            .arg(directory.path()),
    );
    let name = archive.file_name().into_string().unwrap();
    let moved = directory.path().join("moved");
    std::fs::rename(directory.path().join(name.strip_suffix(".tar.gz").unwrap()), &moved).unwrap();
    let dynamic = succeed(Command::new("readelf").arg("-d").arg(moved.join("lib/libaxis.so")));
    assert!(
        dynamic.contains("[libaxis.so.0]") && dynamic.contains("[$ORIGIN]"),
        "{dynamic}"
    );
    let program = directory.path().join("open");
    compile(&moved, &root().join("examples/c/open.c"), &[], &program);
    let store = directory.path().join("s.duckdb");
    let options = format!("{{\"store\": \"{}\"}}", store.display());
    assert!(run(&program, &[&options]).starts_with("AXIS 0.1.0"));
    assert_eq!(pkg_config(&moved, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);
}
