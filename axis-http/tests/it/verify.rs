//! Comparing with the source by command and over HTTP.

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use crate::support::{Project, Running, dataset_yaml, wait_until};

/// Turns the answer of a view into one that takes a quarter of an hour.
const SLOW: &str = "create or replace view answer as
     select i as id from generate_series(1, 100000) i where pg_sleep(0.01) is not null";

fn project(database: &TestDatabase) -> Project {
    database.execute("create view answer as select i as id from generate_series(1, 5) i");
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    project.config(
        "datasets/slow.yaml",
        &dataset_yaml("slow", &database.url, "select * from answer", ""),
    );
    project
}

fn equal(document: &Value) -> Vec<&Value> {
    let datasets = document["datasets"].as_array().unwrap();
    datasets.iter().map(|dataset| &dataset["report"]["equal"]).collect()
}

#[test]
fn what_was_synced_is_equal_and_the_exit_code_tells_it() {
    let (project, source) = Project::demo(200);
    let early = project.axis(&["verify"]);
    assert_eq!(early.code, 1, "{}", early.stdout);
    assert!(early.stderr.contains("[AXIS_NOT_SYNCED]"), "{}", early.stderr);

    project.json(&["sync"]);
    let document = project.json(&["verify"]);
    assert_eq!((&document["ok"], &document["equal"]), (&json!(true), &json!(true)));
    assert_eq!(equal(&document), [&json!(true); 4]);
    let text = project.axis(&["verify", "monitoring"]);
    assert_eq!(text.code, 0, "{}", text.stderr);
    assert!(text.stdout.starts_with("dataset     table "), "{}", text.stdout);
    assert_eq!(text.stdout.matches("  equal  ").count(), 2, "{}", text.stdout);
    assert!(
        text.stderr
            .contains("monitoring: reading monitoring_results (to compare)"),
        "{}",
        text.stderr
    );

    source.append(5, chrono::Utc::now().timestamp_micros()).unwrap();
    let behind = project.axis(&["verify", "monitoring", "kpi", "--json"]);
    assert_eq!(behind.code, 1, "{}", behind.stdout);
    let document = behind.json();
    assert_eq!((&document["ok"], &document["equal"]), (&json!(true), &json!(false)));
    assert_eq!(equal(&document), [&json!(false), &json!(true)]);
    let rows = &document["datasets"][0]["report"]["tables"][0]["rows"];
    assert_eq!(rows, &json!({ "source": 205, "store": 200 }));
    let text = project.axis(&["verify", "monitoring"]);
    assert_eq!(text.code, 1);
    assert!(text.stdout.contains("differs: 5 rows fewer"), "{}", text.stdout);

    let synced = project.json(&["verify", "--sync", "monitoring"]);
    assert_eq!(equal(&synced), [&json!(true)]);
    let report = &synced["datasets"][0]["report"];
    assert_eq!(report["synced"]["strategy"]["type"], "incremental");
    assert_eq!(report["synced"]["snapshot_at"], report["snapshot_at"]);
}

#[test]
fn a_wrong_call_ends_with_2() {
    let (project, _source) = Project::demo(20);
    let unknown = project.axis(&["verify", "nothing"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("there is no dataset `nothing`"),
        "{}",
        unknown.stderr
    );
    assert_eq!(project.axis(&["verify", "--full"]).code, 2);
}

#[test]
fn columns_that_differ_are_named() {
    let database = TestDatabase::create("verify_named");
    let project = project(&database);
    database.execute(
        "create or replace view answer as select i as id, 'a' || i as name, 1 as old from generate_series(1, 5) i",
    );
    project.json(&["sync"]);
    database.execute("drop view answer; create view answer as select i as id, 'b' || i as name, 1::bigint as old, 2 as new from generate_series(1, 5) i");
    let run = project.axis(&["verify"]);
    assert_eq!(run.code, 1);
    let said = "differs: `old` is INTEGER, would be BIGINT, `new` is not stored, values of `name`";
    assert!(run.stdout.contains(said), "{}", run.stdout);
    let columns = project.axis(&["verify", "--json"]).json()["datasets"][0]["report"]["tables"][0]["columns"].clone();
    assert_eq!(
        columns,
        json!([
            { "column": "old", "difference": "type", "source": "BIGINT", "store": "INTEGER" },
            { "column": "new", "difference": "only_in_source" },
            { "column": "name", "difference": "values" },
        ])
    );
}

#[test]
fn an_interrupt_ends_a_verification() {
    let database = TestDatabase::create("verify_interrupt");
    let project = project(&database);
    project.json(&["sync"]);
    database.execute(SLOW);
    let mut running = Running::start(project.command(&["verify"]));
    running.wait_for("slow: reading slow (to compare)");
    running.signal("-INT");
    let (code, stdout, stderr) = running.end();
    assert_eq!(code, Some(130), "{stdout}{stderr}");
    assert!(stderr.contains("[AXIS_CANCELLED]"), "{stderr}");
}

#[test]
fn the_server_compares_and_is_busy_meanwhile() {
    let database = TestDatabase::create("verify_http");
    let project = project(&database);
    let server = project.server();
    let early = server.post("/api/store/verify/slow");
    assert_eq!((early.status, &early.json()["code"]), (409, &json!("AXIS_NOT_SYNCED")));
    assert_eq!(server.post("/api/store/verify/nothing").status, 404);
    assert_eq!(server.get("/api/store/verify/slow").status, 405);
    server.sync("slow", "slow");
    let answer = server.post("/api/store/verify/slow");
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["success"], &body["report"]["equal"]),
        (&json!(true), &json!(true))
    );
    database.execute("create or replace view answer as select i as id from generate_series(1, 6) i");
    let body = server.post("/api/store/verify/slow").json();
    assert_eq!(body["report"]["equal"], false);
    assert_eq!(body["report"]["tables"][0]["rows"], json!({ "source": 6, "store": 5 }));
    let body = server.post("/api/store/verify/slow?sync=true").json();
    assert_eq!(
        (&body["report"]["equal"], &body["report"]["generation"]),
        (&json!(true), &json!(2))
    );
    assert_eq!(server.post("/api/store/verify/slow?sync=perhaps").status, 422);

    database.execute(SLOW);
    let sync = server.post("/api/store/sync/slow");
    assert_eq!(sync.status, 200);
    let refused = server.post("/api/store/verify/slow");
    assert_eq!((refused.status, &refused.json()["code"]), (409, &json!("AXIS_BUSY")));
    // Dropping the server ends the sync.
    drop(server);
    let server = project.server();
    let last = server.status("slow")["run_id"].clone();
    std::thread::scope(|scope| {
        let verifying = scope.spawn(|| server.post("/api/store/verify/slow"));
        let reading = "select 1::text from pg_stat_activity where datname = current_database() and query like 'copy%' and state = 'active'";
        wait_until("the source is being read", || {
            (!database.query_text(reading).is_empty()).then_some(())
        });
        let status = server.status("slow");
        assert_ne!(status["run_id"], last);
        assert_eq!(status["state"], "ready");
        assert_eq!(server.post("/api/store/sync/slow").status, 409);
        // Whoever waits for the answer gets it when somebody ends the query on the source.
        database.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");
        let answer = verifying.join().unwrap();
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (503, &json!("AXIS_SOURCE_UNAVAILABLE"))
        );
    });
    assert_eq!(server.status("slow")["rows"], 6);
}

#[test]
fn rows_that_were_deleted_are_found_when_it_is_asked_for() {
    let database = TestDatabase::create("reconcile_ask");
    database.execute("create table things as select i as id, i as at from generate_series(1, 3000) i");
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    let more = "  incremental_column: at\n  primary_key: id\n";
    project.config(
        "datasets/things.yaml",
        &dataset_yaml("things", &database.url, "select * from things", more),
    );
    // Whoever is at work on the server beside the first snapshot leaves a sequence no window; by the second there is one.
    project.json(&["sync"]);
    project.json(&["sync"]);
    database.execute("delete from things where id = 7");
    assert_eq!(project.axis(&["verify"]).code, 1);
    let document = project.json(&["sync", "--reconcile"]);
    let table = &document["datasets"][0]["report"]["tables"][0];
    assert_eq!(
        table["reconciled"],
        json!({ "keys": 2_999, "deleted": 1, "missing": 0 })
    );
    assert_eq!(project.axis(&["verify"]).code, 0);
    assert_eq!(project.axis(&["sync", "--reconcile", "--full"]).code, 2);

    database.execute("delete from things where id = 8");
    let server = project.server();
    let answer = server.post("/api/store/sync/things?reconcile=true");
    assert!(answer.text.contains("looking for deleted rows"), "{answer:?}");
    wait_until("the row is gone", || {
        (server.status("things")["rows"] == 2_998).then_some(())
    });
    assert_eq!(server.post("/api/store/verify/things").json()["report"]["equal"], true);
}
