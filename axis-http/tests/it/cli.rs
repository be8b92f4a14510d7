//! Syncing and looking at what was synced.

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use crate::support::{Project, dataset_yaml};

fn strategies(document: &Value) -> Vec<&str> {
    let datasets = document["datasets"].as_array().unwrap();
    datasets
        .iter()
        .map(|dataset| dataset["report"]["strategy"]["type"].as_str().unwrap())
        .collect()
}

#[test]
fn a_first_sync_is_full_and_the_next_reads_only_what_is_new() {
    let (project, source) = Project::demo(200);
    let first = project.json(&["sync"]);
    assert_eq!(first["ok"], true);
    assert_eq!(strategies(&first), ["full"; 4]);
    assert_eq!(first["datasets"][0]["dataset"], "monitoring");

    let added = source.append(5, chrono::Utc::now().timestamp_micros()).unwrap();
    let second = project.json(&["sync", "monitoring"]);
    assert_eq!(strategies(&second), ["incremental"]);
    let tables = second["datasets"][0]["report"]["tables"].as_array().unwrap();
    let net = |table: &Value| table["rows_inserted"].as_u64().unwrap() - table["rows_deleted"].as_u64().unwrap();
    assert_eq!((net(&tables[0]), net(&tables[1])), (added.traces, added.metrics));
    assert_eq!(tables[0]["rows_total"], 205);

    let third = project.axis(&["sync", "monitoring"]);
    assert_eq!(third.code, 0);
    assert!(third.stdout.starts_with("dataset     table "), "{}", third.stdout);
    assert!(
        third
            .stderr
            .contains("monitoring: reading monitoring_results (incremental)"),
        "{}",
        third.stderr
    );
    assert!(third.stderr.contains("nothing new"), "{}", third.stderr);

    let full = project.json(&["sync", "--full", "kpi", "kpi"]);
    assert_eq!(full["datasets"].as_array().unwrap().len(), 1);
    assert_eq!(full["datasets"][0]["report"]["strategy"]["because"], "requested");
}

#[test]
fn status_tells_of_every_dataset_before_and_after() {
    let (project, _source) = Project::demo(50);
    let before = project.json(&["status"]);
    assert_eq!(before["datasets"][0]["state"], "not_synced");
    assert_eq!(before["datasets"][0]["rows"], Value::Null);

    project.json(&["sync", "monitoring", "kpi"]);
    let after = project.json(&["status"]);
    let datasets = after["datasets"].as_array().unwrap();
    let states: Vec<&str> = datasets
        .iter()
        .map(|dataset| dataset["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["ready", "not_synced", "not_synced", "ready"]);
    assert_eq!(datasets[3]["rows"], 2_880);
    assert!(datasets[0]["watermarks"]["monitoring_results"].is_string());

    let text = project.axis(&["status"]);
    assert_eq!(text.code, 0);
    let monitoring = text.stdout.lines().find(|line| line.starts_with("monitoring")).unwrap();
    assert!(
        monitoring.contains("ready") && monitoring.contains("full"),
        "{monitoring}"
    );
}

#[test]
fn reset_watermarks_make_the_next_sync_full() {
    let (project, _source) = Project::demo(50);
    project.json(&["sync", "monitoring"]);
    let reset = project.json(&["watermarks", "reset", "monitoring"]);
    assert_eq!(reset, json!({ "dataset": "monitoring", "watermarks_reset": 2 }));
    let sync = project.json(&["sync", "monitoring"]);
    assert_eq!(
        sync["datasets"][0]["report"]["strategy"]["because"],
        "watermark_missing"
    );

    let unknown = project.axis(&["watermarks", "reset", "nothing"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown
            .stderr
            .contains("there is no dataset `nothing`; there are: monitoring"),
        "{}",
        unknown.stderr
    );
    assert!(unknown.stderr.contains("[AXIS_NOT_FOUND]"));
}

#[test]
fn postgres_arrives_exactly_and_incrementally() {
    let database = TestDatabase::create("cli_sync");
    database.execute(
        "create table events(id bigint primary key, at timestamptz not null default now(), price numeric(12,2));
         insert into events(id, price) select i, i / 4.0 from generate_series(1, 1000) i;
         insert into events(id, price) values (9007199254740993, null)",
    );
    let project = Project::new();
    let more = "  incremental_column: at\n  primary_key: [id]\n";
    project.config(
        "datasets/events.yaml",
        &dataset_yaml("events", &database.url, "select * from events", more),
    );
    let first = project.json(&["sync"]);
    assert_eq!(strategies(&first), ["full"]);
    assert_eq!(first["datasets"][0]["report"]["rows_read"], 1_001);

    database.execute(
        "update events set price = 7, at = clock_timestamp() where id = 3; insert into events(id) values (2000)",
    );
    let second = project.json(&["sync", "events"]);
    assert_eq!(strategies(&second), ["incremental"]);
    let rows = project.json(&[
        "query",
        "select count(*) as n, max(id) as id, sum(price)::varchar as price from events",
    ]);
    let expected = database.query_text("select count(*), max(id), sum(price) from events");
    let expected: Vec<&str> = expected[0].iter().map(|value| value.as_deref().unwrap()).collect();
    assert_eq!(rows[0]["n"].to_string(), expected[0]);
    assert_eq!(rows[0]["id"].to_string(), expected[1]);
    assert_eq!(rows[0]["price"], expected[2]);
}

#[test]
fn the_demonstration_runs_once_and_leaves_a_project_behind() {
    let project = Project::new();
    let document = project.json(&["demo", "--once", "--rows", "60"]);
    assert_eq!(document["ok"], true);
    assert_eq!(document["datasets"].as_array().unwrap().len(), 4);
    assert_eq!(document["sample"]["rows"][0]["metric_name"], "answer_relevancy");

    // A second start makes everything anew.
    let again = project.axis(&["demo", "--once", "--rows", "70"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stdout.contains("Average score by metric"), "{}", again.stdout);
    let count = project.json(&[
        "--custom-dir",
        "axis-demo/custom",
        "query",
        "select count(distinct dataset_id) as n from monitoring_data",
    ]);
    assert_eq!(count, json!([{ "n": 70 }]));

    // It can be moved, with its source.
    std::fs::rename(project.path().join("axis-demo"), project.path().join("moved")).unwrap();
    let synced = project.json(&["--custom-dir", "moved/custom", "sync", "monitoring"]);
    assert_eq!(synced["ok"], true, "{synced}");
}

#[test]
fn the_demonstration_touches_no_directory_of_others() {
    let project = Project::new();
    let run = project.axis(&["demo", "--once", "--dir", "custom"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("holds files that no demonstration made"),
        "{}",
        run.stderr
    );
    assert!(!project.path().join("custom/source.db").exists());
}
