//! Configuration: what is wrong, where values come from, and how that shows in exit codes.

use axis_testkit::postgres::shared;
use serde_json::Value;

use crate::support::Project;

const SENTINEL: &str = "s3ntinel-pa55word";

/// The demonstration, with one dataset whose block is wrong in line 4.
fn with_a_broken_one() -> Project {
    let (project, _source) = Project::demo(20);
    project.config(
        "kpi_db.yaml",
        "# nothing\nkpi_db:\n  enabled: true\n  refresh_interval_minutes: often\n  query: select 1\n",
    );
    project
}

#[test]
fn check_names_every_mistake_with_its_line() {
    let (project, _source) = Project::demo(20);
    let good = project.axis(&["config", "check"]);
    assert_eq!(good.code, 0, "{}", good.stdout);
    assert!(good.stdout.contains("0 errors"), "{}", good.stdout);

    let project = with_a_broken_one();
    project.config("eval_db.yaml", "eval_db:\n  enabled: perhaps\n");
    let bad = project.axis(&["config", "check"]);
    assert_eq!(bad.code, 2);
    assert!(bad.stdout.contains("error: config/kpi_db.yaml:4: "), "{}", bad.stdout);
    assert!(bad.stdout.contains("error: config/eval_db.yaml:2: "), "{}", bad.stdout);
    let json = project.axis(&["config", "check", "--json"]);
    assert_eq!(json.code, 2);
    assert_eq!(json.json()["ok"], false);
    assert_eq!(json.json()["errors"].as_array().unwrap().len(), 2);

    // What concerns everything is a mistake, too.
    project.config("duckdb.yaml", "duckdb:\n  enabled: true\n  query_concurrency: none\n");
    let run = project.axis(&["config", "check"]);
    assert_eq!(run.code, 2);
    assert!(run.stdout.contains("config/duckdb.yaml:3: "), "{}", run.stdout);
    let run = project.axis(&["status", "--json"]);
    assert_eq!(run.code, 2);
    assert_eq!(run.json()["error"]["code"], "AXIS_CONFIG");
}

#[test]
fn a_broken_dataset_leaves_the_others_alone() {
    let project = with_a_broken_one();
    let run = project.axis(&["sync", "--json"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let document = run.json();
    let ok: Vec<bool> = document["datasets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["ok"].as_bool().unwrap())
        .collect();
    assert_eq!(ok, [true, true, true, false]);
    assert!(run.stderr.contains("config/kpi_db.yaml:4: "), "{}", run.stderr);
    assert_eq!(project.axis(&["sync", "kpi"]).code, 2);
}

#[test]
fn what_is_not_there_is_wrong_usage() {
    let project = Project::new();
    let run = project.axis(&["sync"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("set `enabled: true`"), "{}", run.stderr);
    let run = project.axis(&["sync", "nothing"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no dataset `nothing`"), "{}", run.stderr);
    let run = project.axis(&["sync", "monitoring"]);
    assert_eq!(run.code, 2);
    let run = project.axis(&["syncc", "--json"]);
    assert_eq!(run.code, 2);
    assert_eq!(run.json()["error"]["code"], "AXIS_INVALID_ARGUMENT");
    assert_eq!(project.axis(&["--version"]).code, 0);
}

#[test]
fn explain_tells_where_values_come_from() {
    let (project, _source) = Project::demo(20);
    let explained = project.json(&["config", "explain", "--store", "elsewhere.duckdb"]);
    let settings = explained["settings"].as_array().unwrap();
    let find = |key: &str| {
        settings
            .iter()
            .find(|setting| setting["key"] == key)
            .unwrap_or(&Value::Null)
    };
    assert_eq!(find("duckdb.path")["value"], "elsewhere.duckdb");
    assert_eq!(find("duckdb.query_concurrency")["origin"]["file"], "config/duckdb.yaml");
    assert_eq!(find("duckdb.query_concurrency")["origin"]["line"], 5);
    assert_eq!(find("server.port")["origin"]["type"], "default");
    let mut command = project.command(&["config", "explain"]);
    let text = String::from_utf8(command.env("PORT", "1234").output().unwrap().stdout).unwrap();
    let port = text.lines().find(|line| line.starts_with("server.port ")).unwrap();
    assert!(port.contains("1234") && port.ends_with("environment PORT"), "{port}");
}

#[test]
fn the_directory_comes_from_the_environment_and_the_store_from_an_argument() {
    let (project, _source) = Project::demo(20);
    let elsewhere = tempfile::tempdir().unwrap();
    let store = elsewhere.path().join("own.duckdb");
    let mut command = project.command(&["sync", "kpi", "--store", store.to_str().unwrap()]);
    command
        .current_dir(elsewhere.path())
        .env("AXIS_CUSTOM_DIR", project.custom_dir());
    assert!(command.output().unwrap().status.success());
    assert!(store.exists());
    assert!(!project.path().join("data/demo.duckdb").exists());
}

#[test]
fn a_password_never_shows() {
    let postgres = shared();
    let project = Project::new();
    let url = format!("postgresql://axis:{SENTINEL}@127.0.0.1:{}/postgres", postgres.port());
    project.config(
        "kpi_db.yaml",
        &format!("kpi_db:\n  enabled: true\n  url: {url}\n  query: select 1 as id\n"),
    );
    project.config(
        "datasets/own.yaml",
        &format!("own:\n  host: 127.0.0.1\n  port: {}\n  database: postgres\n  username: axis\n  password: {SENTINEL}\n  query: select 1 as id\n  nonsense: {SENTINEL}\n", postgres.port()),
    );
    for arguments in [
        &["sync"][..],
        &["sync", "--json"],
        &["status"],
        &["status", "--json"],
        &["config", "check"],
        &["config", "check", "--json"],
        &["config", "explain"],
        &["config", "explain", "--json"],
    ] {
        let mut command = project.command(arguments);
        let output = command.env("AXIS_LOG", "trace").output().unwrap();
        for stream in [output.stdout, output.stderr] {
            let text = String::from_utf8_lossy(&stream).into_owned();
            assert!(!text.contains(SENTINEL), "{arguments:?}: {text}");
        }
    }
    let run = project.axis(&["sync", "--json"]);
    assert_eq!(run.code, 1);
    assert_eq!(
        run.json()["datasets"][0]["error"]["code"],
        "AXIS_SOURCE_REJECTED",
        "{}",
        run.stdout
    );
}
