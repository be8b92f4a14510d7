//! Reading from the disk.

use std::fs;
use std::path::Path;

use super::{env, setting, warned};
use crate::config::{Config, Connection, Origin};
use crate::error::ErrorKind;

fn write(root: &Path, name: &str, text: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn files_and_env_files_are_read_around_the_custom_directory() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "custom/config/duckdb.yaml", "duckdb: {path: data/x.duckdb}");
    write(
        root,
        "custom/config/kpi_db.yaml",
        "kpi_db: {host: '${KPI_HOST}', database: k, password: '${SHARED}'}",
    );
    write(root, "custom/config/agents.yaml", "agents: [");
    write(
        root,
        "custom/config/datasets/b.yml",
        "b: {url: 'sqlite:${B_FILE}', query: select 1}",
    );
    write(
        root,
        "custom/config/datasets/a.yaml",
        "a: {url: 'sqlite:a.db', query: select 1}",
    );
    write(root, "custom/config/datasets/notes.txt", "not yaml: [");
    write(root, "custom/config/datasets/.hidden.yaml", "not yaml: [");
    write(
        root,
        ".env",
        "KPI_HOST=first\nSHARED=root\nEVAL_DB_HOST=eval\nEVAL_DB_NAME=e\n",
    );
    write(root, "backend/.env", "KPI_HOST=second\nB_FILE=b.db\nSHARED=backend\n");
    let config = Config::load(root.join("custom"), &env(&[("SHARED", "process")])).unwrap();
    assert_eq!(config.store.path, root.join("data/x.duckdb"));
    let Some(Connection::Postgres(kpi)) = &config.dataset("kpi").unwrap().connection else {
        panic!()
    };
    assert_eq!(
        (kpi.host.as_str(), kpi.password.as_ref().unwrap().expose().as_str()),
        ("first", "process")
    );
    let path = root.join("b.db");
    assert_eq!(
        config.dataset("b").unwrap().connection,
        Some(Connection::Sqlite { path })
    );
    assert_eq!(
        setting(&config, "eval_db.host").origin,
        Origin::Env("EVAL_DB_HOST (.env)".to_owned())
    );
    assert!(
        config.datasets.iter().all(|dataset| dataset.broken.is_none()),
        "{:?}",
        config.datasets
    );
    assert!(warned(&config).is_empty(), "{:?}", warned(&config));
    let names: Vec<_> = config.datasets[4..]
        .iter()
        .map(|dataset| dataset.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_missing_directory_gives_the_defaults() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::load(dir.path().join("none/custom"), &env(&[])).unwrap();
    assert_eq!(config.store.path, dir.path().join("none/data/local_store.duckdb"));
    assert!(Config::load("", &env(&[])).is_err());
    let relative = Config::load("no/such/custom", &env(&[])).unwrap();
    assert_eq!(
        relative.store.path,
        std::env::current_dir().unwrap().join("no/such/data/local_store.duckdb")
    );
    fs::create_dir_all(dir.path().join("custom/config")).unwrap();
    let dotted = Config::load(dir.path().join("custom/config/.."), &env(&[])).unwrap();
    assert!(dotted.store.path.ends_with("data/local_store.duckdb"));
    assert!(
        !dotted.store.path.to_string_lossy().contains("custom"),
        "{:?}",
        dotted.store.path
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let cases: [(&str, &[u8], &str); 4] = [
        (
            "custom/config/kpi_db.yaml",
            b"kpi_db:\n  host: \xff\n",
            "config/kpi_db.yaml:2: the file is not UTF-8",
        ),
        (
            "custom/config/datasets/a.yaml",
            b"\xff",
            "config/datasets/a.yaml:1: the file is not UTF-8",
        ),
        (
            ".env",
            b"A=1\nB",
            ".env:2: there is no `=` after the name, expected `NAME=value`",
        ),
        (
            "custom/config/duckdb.yaml/x",
            b"",
            "config/duckdb.yaml: cannot be read: is a directory",
        ),
    ];
    for (name, bytes, message) in cases {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), name, bytes);
        let error = Config::load(dir.path().join("custom"), &env(&[])).unwrap_err();
        assert_eq!((error.kind(), error.message()), (ErrorKind::Config, message));
    }
}
