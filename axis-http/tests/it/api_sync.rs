//! Syncing over HTTP.

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use crate::support::{Project, dataset_yaml, wait_until};

/// Turns the answer of a view into one that takes a quarter of an hour.
const SLOW: &str = "create or replace view answer as
     select i as id from generate_series(1, 100000) i where pg_sleep(0.01) is not null";

#[test]
fn a_second_sync_is_refused_while_one_runs_and_old_rows_stay() {
    let database = TestDatabase::create("api_busy");
    database.execute("create view answer as select i as id from generate_series(1, 5) i");
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    let more = "  incremental_column: id\n";
    project.config(
        "datasets/slow.yaml",
        &dataset_yaml("slow", &database.url, "select * from answer", more),
    );
    let server = project.server();
    server.sync("slow", "slow");
    database.execute(SLOW);

    let first = server.post("/api/store/sync/slow?full=true");
    assert_eq!(first.status, 200, "{first:?}");
    let run_id = first.json()["run_id"].clone();
    // Reserved before the answer: there is no moment in which a second one is let in.
    let second = server.post("/api/store/sync/slow");
    assert_eq!(second.status, 409, "{second:?}");
    assert_eq!(second.json()["code"], "AXIS_BUSY");
    assert_eq!(second.header("retry-after"), "1");
    let all = server.post("/api/store/sync");
    assert_eq!(all.status, 409);
    assert!(all.json()["detail"].as_str().unwrap().contains("slow"), "{all:?}");
    assert_eq!(server.post("/api/store/sync/slow/reset-watermark").status, 409);

    let status = server.status("slow");
    assert_eq!(
        (&status["state"], &status["rows"], &status["run_id"]),
        (&json!("syncing"), &json!(5), &run_id)
    );
    assert!(status["last_sync"].is_string());
    assert_eq!(server.json("/ready")["ready"], true);
    assert_eq!(server.json("/api/store/data/slow")["total"], 5);
    // Dropping the server ends the sync and leaves the rows.
    drop(server);
    assert_eq!(project.server().json("/api/store/data/slow")["total"], 5);
}

#[test]
fn status_and_rows_outlive_the_process() {
    let (project, source) = Project::demo(40);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let added = source.append(4, chrono::Utc::now().timestamp_micros()).unwrap();
    let answer = server.post("/api/store/sync/monitoring");
    assert_eq!(answer.status, 200);
    let status = wait_until("the second sync is there", || {
        let status = server.status("monitoring_data");
        (status["generation"] == 2 && status["state"] == "ready").then_some(status)
    });
    assert_eq!(
        (&status["sync_type"], &status["incremental_rows"]),
        (&json!("incremental"), &json!(added.metrics))
    );
    assert_eq!(status["last_incremental"], status["last_sync"]);
    drop(server);
    let mut again = project.server().status("monitoring_data");
    again["run_id"] = status["run_id"].clone();
    assert_eq!(again, status);
}

#[test]
fn all_datasets_sync_at_once_and_tell_their_runs() {
    let (project, _source) = Project::demo(20);
    let server = project.server();
    let answer = server.post("/api/store/sync?full=1").json();
    assert_eq!(answer["success"], true);
    assert!(answer["message"].as_str().unwrap().contains("full rebuild"), "{answer}");
    let runs = answer["runs"].as_object().unwrap();
    assert_eq!(
        runs.keys().collect::<Vec<_>>(),
        ["monitoring", "eval", "human_signals", "kpi"]
    );
    for (relation, dataset) in [
        ("monitoring_data", "monitoring"),
        ("human_signals_raw", "human_signals"),
    ] {
        assert_eq!(server.wait_for(relation, "ready")["run_id"], runs[dataset]);
    }
    for relation in ["eval_data", "kpi_data"] {
        server.wait_for(relation, "ready");
    }
    drop(server);
    assert_eq!(snapshots(&project), 1, "one source, one snapshot");
}

/// The number of snapshots behind the last syncs of all datasets.
fn snapshots(project: &Project) -> usize {
    let status = project.json(&["status"]);
    let datasets = status["datasets"].as_array().unwrap().iter();
    let taken = datasets.filter_map(|dataset| dataset["last_success"]["snapshot_at"].as_str());
    taken.collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn a_reset_makes_the_next_sync_full() {
    let (project, _source) = Project::demo(20);
    project.config("kpi_db.yaml", &kpi_without_increments(&project));
    let server = project.server();
    server.sync("human_signals", "human_signals_raw");
    let reset = server.post("/api/store/sync/human_signals/reset-watermark");
    assert_eq!((reset.status, &reset.json()["success"]), (200, &json!(true)));
    let watermarks = server.status("human_signals_raw")["watermarks"].clone();
    assert_eq!(
        watermarks,
        json!({ "human_signals_dataset": null, "human_signals_results": null })
    );
    let refused = server.post("/api/store/sync/kpi/reset-watermark");
    assert_eq!((refused.status, &refused.json()["success"]), (200, &json!(false)));
    assert_eq!(server.post("/api/store/sync/nothing/reset-watermark").status, 404);
    assert_eq!(server.post("/api/store/sync/nothing").status, 404);
}

fn kpi_without_increments(project: &Project) -> String {
    let url = Value::from(format!("sqlite:{}", project.path().join("source.db").display()));
    format!("kpi_db:\n  enabled: true\n  url: {url}\n  query: select id, kpi_name, numeric_value from kpis\n")
}

#[test]
fn what_cannot_be_synced_is_told_at_once() {
    let project = Project::new();
    let server = project.server();
    for path in ["/api/store/sync", "/api/store/sync/monitoring"] {
        let answer = server.post(path);
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (422, &json!("AXIS_CONFIG")),
            "{path}"
        );
    }
    drop(server);

    let (project, _source) = Project::demo(5);
    project.config("duckdb.yaml", "duckdb:\n  enabled: false\n");
    let server = project.server();
    assert_eq!(server.json("/api/store/status")["enabled"], false);
    for path in ["/api/store/sync", "/api/store/sync/monitoring"] {
        let answer = server.post(path);
        assert_eq!(answer.status, 422, "{path}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("`duckdb.enabled: false`"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_broken_dataset_shows_and_the_others_work() {
    let (project, _source) = Project::demo(5);
    project.config(
        "kpi_db.yaml",
        "kpi_db:\n  enabled: true\n  refresh_interval_minutes: often\n",
    );
    let server = project.server();
    let status = server.status("kpi_data");
    assert_eq!(
        (&status["state"], &status["code"]),
        (&json!("error"), &json!("AXIS_CONFIG"))
    );
    assert!(
        status["error"].as_str().unwrap().contains("config/kpi_db.yaml:3: "),
        "{status}"
    );
    assert_eq!(server.post("/api/store/sync/kpi").status, 422);
    let all = server.post("/api/store/sync").json();
    assert!(
        all["skipped"]["kpi"]
            .as_str()
            .unwrap()
            .contains("config/kpi_db.yaml:3: "),
        "{all}"
    );
    server.wait_for("eval_data", "ready");
    let ready = server.get("/ready");
    assert_eq!(
        (ready.status, &ready.json()["datasets"]["kpi"]["state"]),
        (503, &json!("error"))
    );
}

#[test]
fn a_failure_shows_and_what_was_there_stays() {
    let database = TestDatabase::create("api_failure");
    database.execute(
        "create table source(id bigint, big bigint, score float8, price numeric(20,2), at timestamptz);
         insert into source values (1, 9007199254740993, 'NaN', 1.10, '2026-01-31 12:30:00.5+02'),
             (2, null, 'Infinity', null, null), (3, 1, 0.25, 12345678901234567.89, 'infinity')",
    );
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    project.config(
        "datasets/own.yaml",
        &dataset_yaml("own", &database.url, "select * from source", ""),
    );
    let server = project.server();
    server.sync("own", "own");
    let rows = server.json("/api/store/data/own?sort_by=id&sort_dir=asc")["data"].clone();
    assert_eq!(
        rows,
        json!([
            { "id": 1, "big": 9_007_199_254_740_993_i64, "score": null, "price": 1.1, "at": "2026-01-31T10:30:00.500Z" },
            { "id": 2, "big": null, "score": null, "price": null, "at": null },
            { "id": 3, "big": 1, "score": 0.25, "price": "12345678901234567.89", "at": "infinity" },
        ])
    );

    database.execute("drop table source");
    assert_eq!(server.post("/api/store/sync/own").status, 200);
    let status = server.wait_for("own", "error");
    assert_eq!(
        (&status["rows"], &status["code"]),
        (&json!(3), &json!("AXIS_SOURCE_REJECTED"))
    );
    assert!(status["last_sync"].is_string());
    let ready = server.json("/ready");
    assert_eq!((&ready["ready"], &ready["degraded"]), (&json!(true), &json!(true)));
    assert_eq!(ready["datasets"]["own"]["code"], "AXIS_SOURCE_REJECTED");
    assert_eq!(server.json("/api/store/data/own")["total"], 3);
}

#[test]
fn startup_syncs_what_is_loaded_automatically() {
    let (project, _source) = Project::demo(10);
    project.config(
        "duckdb.yaml",
        "duckdb:\n  path: data/demo.duckdb\n  sync_mode: startup\n",
    );
    let url = Value::from(format!("sqlite:{}", project.path().join("source.db").display()));
    project.config(
        "eval_db.yaml",
        &format!(
            "eval_db:\n  enabled: true\n  auto_load: false\n  url: {url}\n  \
             dataset_query: select dataset_id from eval_cases\n  results_query: select dataset_id from eval_metrics\n"
        ),
    );
    let server = project.server();
    for relation in ["monitoring_data", "human_signals_raw", "kpi_data"] {
        server.wait_for(relation, "ready");
    }
    assert_eq!(server.status("eval_data")["state"], "not_synced");
    drop(server);
    assert_eq!(snapshots(&project), 1, "one source, one snapshot");
}
