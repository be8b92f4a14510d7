//! Processes side by side, and how they end.

use axis_testkit::postgres::TestDatabase;
use serde_json::json;

use crate::support::{Project, Running, dataset_yaml};

#[test]
fn a_store_in_use_is_told_with_the_process() {
    let (project, _source) = Project::demo(20);
    let mut server = Running::start(project.command(&["serve", "--port", "0"]));
    server.wait_for("listening on http://127.0.0.1:");
    for arguments in [
        &["status"][..],
        &["sync", "kpi"],
        &["verify", "kpi"],
        &["query", "select 1"],
        &["watermarks", "reset", "kpi"],
    ] {
        let run = project.axis(arguments);
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.stderr);
        let expected = format!("the store is in use by process {}", server.pid());
        assert!(
            run.stderr.contains(&expected) && run.stderr.contains("[AXIS_LOCKED]"),
            "{}",
            run.stderr
        );
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
    }
    let run = project.axis(&["status", "--json"]);
    assert_eq!(run.json()["error"]["context"]["pid"], server.pid().to_string());

    server.signal("-TERM");
    let (code, _, stderr) = server.end();
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(project.axis(&["status"]).code, 0);
}

#[test]
fn a_port_in_use_is_told_before_anything_is_opened() {
    let (project, _source) = Project::demo(20);
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for command in ["serve", "demo"] {
        let run = project.axis(&[command, "--port", &port]);
        assert_eq!(run.code, 2);
        assert!(
            run.stderr.contains("the port is in use; choose another with --port"),
            "{}",
            run.stderr
        );
    }
    assert!(!project.path().join("data/demo.duckdb").exists());
    assert!(!project.path().join("axis-demo").exists());
}

#[test]
fn serve_tells_programs_where_it_listens() {
    let project = Project::new();
    let mut server = Running::start(project.command(&["serve", "--port", "0", "--json", "--log-format", "json"]));
    let line = server.wait_for("listening");
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
    server.signal("-INT");
    let (code, stdout, stderr) = server.end();
    assert_eq!(code, Some(0), "{stderr}");
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert!(document["listening"].as_str().unwrap().starts_with("http://127.0.0.1:"));
}

#[test]
fn an_interrupted_sync_leaves_the_old_rows() {
    let database = TestDatabase::create("cli_interrupt");
    database.execute("create view answer as select i as id from generate_series(1, 5) i");
    let project = Project::new();
    project.config(
        "datasets/slow.yaml",
        &dataset_yaml("slow", &database.url, "select * from answer", ""),
    );
    project.json(&["sync", "slow"]);

    // The same question, which now takes a quarter of an hour.
    database.execute(
        "create or replace view answer as
         select i as id from generate_series(1, 100000) i where pg_sleep(0.01) is not null",
    );
    for signal in ["-INT", "-TERM"] {
        let mut sync = Running::start(project.command(&["sync", "slow"]));
        sync.wait_for("slow: reading slow");
        sync.signal(signal);
        let (code, _, stderr) = sync.end();
        assert_eq!(code, Some(130), "{stderr}");
        assert!(stderr.contains("[AXIS_CANCELLED]"), "{stderr}");
        let rows = project.json(&["query", "select count(*) as n, max(id) as top from slow"]);
        assert_eq!(rows, json!([{ "n": 5, "top": 5 }]));
    }
}

#[test]
fn an_interrupted_query_ends_at_once() {
    let project = Project::new();
    let mut command = project.command(&["query", "select count(*) from range(1000000000000) where range % 7 = 3"]);
    command.env("AXIS_LOG", "axis_core=debug,axis=debug");
    let mut query = Running::start(command);
    query.wait_for("asking the store");
    query.signal("-INT");
    let (code, stdout, stderr) = query.end();
    assert_eq!((code, stdout.as_str()), (Some(130), ""), "{stderr}");
}

#[test]
fn the_demonstration_serves_until_it_is_told_to_end() {
    let project = Project::new();
    let mut demo = Running::start(project.command(&["demo", "--rows", "30", "--port", "0", "--json"]));
    demo.wait_for("serving on http://127.0.0.1:");
    let second = project.axis(&["demo", "--once", "--rows", "30"]);
    assert_eq!(second.code, 1, "{}", second.stderr);
    assert!(second.stderr.contains("[AXIS_LOCKED]"), "{}", second.stderr);
    demo.signal("-INT");
    let (code, stdout, stderr) = demo.end();
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str::<serde_json::Value>(&stdout).unwrap();
}
