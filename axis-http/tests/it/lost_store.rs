//! What `/ready` says when the store is lost to the server, and the command that takes a store over.

use std::time::Instant;

use serde_json::json;

use crate::support::{DEADLINE, Project, Running, Server, get, wait_until};

const RELATIONS: [&str; 4] = ["monitoring_data", "human_signals_raw", "eval_data", "kpi_data"];

fn sync_all(server: &Server) {
    assert_eq!(server.post("/api/store/sync").status, 200);
    for relation in RELATIONS {
        server.wait_for(relation, "ready");
    }
}

#[test]
fn ready_tells_that_the_store_was_deleted_until_a_sync_has_made_it_anew() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    sync_all(&server);
    assert_eq!(server.get("/ready").status, 200);
    let rows = server.json("/api/store/data/kpi")["total"].clone();
    std::fs::remove_file(project.path().join("data/demo.duckdb")).unwrap();

    // What was found out is good for a second.
    let ready = wait_until("it is not ready", || {
        Some(server.get("/ready")).filter(|ready| ready.status == 503)
    });
    let store = &ready.json()["store"];
    assert_eq!((&store["open"], &store["code"]), (&json!(false), &json!("AXIS_STORE")));
    assert!(store["error"].as_str().unwrap().contains("was deleted"), "{store}");
    // What was stored is served until then.
    assert_eq!(server.json("/api/store/data/kpi")["total"], rows);

    sync_all(&server);
    let store = wait_until("it is ready", || {
        let ready = server.get("/ready");
        (ready.status == 200).then(|| ready.json()["store"].clone())
    });
    assert_eq!((&store["error"], &store["code"]), (&json!(null), &json!(null)));
    assert_eq!(server.json("/api/store/data/kpi")["total"], rows);
}

#[test]
fn a_server_that_was_stopped_and_taken_over_serves_but_is_not_ready() {
    let (project, _source) = Project::demo(40);
    let mut server = Running::start(project.command(&["serve", "--port", "0"]));
    let line = server.wait_for("listening on http://127.0.0.1:");
    let url = line.split_once("listening on ").unwrap().1.trim().to_owned();
    let refused = project.axis(&["sync", "kpi", "--take-over=3"]);
    assert!(
        refused.code == 1 && refused.stderr.contains("signs of life") && refused.stderr.contains("[AXIS_LOCKED]"),
        "{}",
        refused.stderr
    );

    server.signal("-STOP");
    let deadline = Instant::now() + DEADLINE;
    loop {
        let run = project.axis(&["sync", "kpi", "--take-over=3"]);
        if run.code == 0 {
            break;
        }
        assert!(
            run.stderr.contains("[AXIS_LOCKED]") && Instant::now() < deadline,
            "{}",
            run.stderr
        );
    }
    server.signal("-CONT");
    let (status, ready) = get(&format!("{url}/ready"));
    assert_eq!(status, 503);
    let error = ready["store"]["error"].as_str().unwrap();
    assert!(error.contains("took the store over in epoch"), "{error}");
    assert_eq!(get(&format!("{url}/health")).0, 200);

    server.signal("-TERM");
    let (code, _, stderr) = server.end();
    assert_eq!(code, Some(0), "{stderr}");
    let rows = project.json(&["query", "select count(*) > 0 as synced from kpi_data"]);
    assert_eq!(rows, json!([{ "synced": true }]));
    let mut files: Vec<_> = std::fs::read_dir(project.path().join("data"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["demo.duckdb", "demo.duckdb.lock"]);
}
