//! Backups by the command and from a running server, and what comes out of them.

use serde_json::Value;

use crate::support::{Project, Server, wait_until};

const KEY: &str = "an-administrator-of-the-store";
const READER: &str = "somebody-who-only-reads-it";

fn with_keys(rows: u64) -> (Project, axis_http::demo::DemoSource) {
    let (project, source) = Project::demo(rows);
    let keys = format!(
        "  api_keys:\n  - {{name: boss, key: {KEY}, role: admin}}\n  - {{name: reader, key: {READER}, role: read}}\n"
    );
    project.config("server.yaml", &format!("server:\n{keys}"));
    (project, source)
}

/// What a page of the dashboard asks for.
fn answers(server: &Server) -> Vec<String> {
    let paths = [
        "/api/monitoring/analytics/summary",
        "/api/monitoring/analytics/trends",
        "/api/kpi/categories",
        "/api/human-signals/cases",
        "/api/store/data/monitoring?page_size=50",
    ];
    let ask = |path: &&str| {
        let answer = server.request("GET", path, &[("x-api-key", READER)]);
        assert_eq!(answer.status, 200, "{path}");
        answer.text
    };
    paths.iter().map(ask).collect()
}

#[test]
fn a_killed_and_restored_installation_answers_the_same_bytes() {
    let (project, source) = with_keys(300);
    project.json(&["sync"]);
    let server = project.server();
    let before = answers(&server);

    let refused = project.axis(&["backup", "b.axis"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("--from http://HOST:PORT"), "{}", refused.stderr);
    for (key, status) in [(None, "401"), (Some(READER), "403")] {
        let mut command = project.command(&["backup", "b.axis", "--from", &server.url]);
        if let Some(key) = key {
            command.env("AXIS_API_KEY", key);
        }
        let output = command.output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(status), "{told}");
    }
    let mut command = project.command(&["backup", "b.axis", "--from", &server.url, "--json"]);
    let output = command.env("AXIS_API_KEY", KEY).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["manifest"]["datasets"]["monitoring"]["generation"], 1);
    drop(server);

    let data = project.path().join("data");
    std::fs::remove_dir_all(&data).unwrap();
    let restored = project.json(&["restore", "b.axis"]);
    assert_eq!(restored["replaced"], false);
    assert_eq!(restored["manifest"], report["manifest"]);
    let again = project.axis(&["restore", "b.axis"]);
    assert_eq!(again.code, 2, "{}", again.stderr);
    assert!(again.stderr.contains("--force"), "{}", again.stderr);
    assert_eq!(answers(&project.server()), before);

    source.append(5, chrono::Utc::now().timestamp_micros()).unwrap();
    let synced = project.json(&["sync", "monitoring"]);
    assert_eq!(synced["datasets"][0]["report"]["strategy"]["type"], "incremental");
    assert_eq!(project.json(&["verify", "monitoring"])["equal"], true);
}

#[test]
fn a_folder_and_a_compacted_store_hold_the_same() {
    let (project, _source) = with_keys(300);
    project.json(&["sync"]);
    let before = answers(&project.server());
    let made = project.axis(&["backup", "folder", "--parquet"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("tables, "), "{}", made.stdout);
    let restored = project.axis(&["restore", "folder", "--force"]);
    assert_eq!(restored.code, 0, "{}", restored.stderr);
    assert_eq!(answers(&project.server()), before);
    let compacted = project.json(&["compact"]);
    assert!(compacted["bytes_after"].as_u64().unwrap() > 0);
    assert_eq!(answers(&project.server()), before);
    std::fs::write(project.path().join("folder/manifest.json"), "{}").unwrap();
    let damaged = project.axis(&["restore", "folder", "--force", "--json"]);
    assert_eq!(damaged.code, 1);
    assert_eq!(damaged.json()["error"]["code"], "AXIS_STORE");
    assert_eq!(answers(&project.server()), before);
}

#[test]
fn an_address_that_is_none_and_a_server_that_is_not_there_are_told() {
    let project = Project::new();
    let wrong = project.axis(&["backup", "b.axis", "--from", "localhost:1"]);
    assert_eq!(wrong.code, 2, "{}", wrong.stderr);
    let gone = project.axis(&["backup", "b.axis", "--from", "http://127.0.0.1:1"]);
    assert_eq!(gone.code, 1);
    assert!(gone.stderr.contains("AXIS_SOURCE_UNAVAILABLE"), "{}", gone.stderr);
    let nothing = project.axis(&["backup", "b.axis"]);
    assert!(
        nothing.code == 2 && nothing.stderr.contains("there is no store"),
        "{}",
        nothing.stderr
    );
    assert!(!project.path().join("b.axis").exists());
}

#[test]
fn the_status_and_the_metrics_tell_of_scheduled_backups() {
    let (project, _source) = Project::demo(30);
    let server = project.server();
    assert_eq!(server.json("/api/store/status").get("backup"), None);
    assert!(server.json("/api/store/datasets")["backup"].is_null());
    assert!(!server.get("/metrics").text.contains("axis_backup"));
    drop(server);
    project.config(
        "duckdb.yaml",
        "duckdb:\n  path: data/s.duckdb\n  sync_mode: manual\n  scheduler: true\n  backup: {directory: data/backups}\n",
    );
    let server = project.server();
    server.sync("kpi", "kpi_data");
    wait_until("a backup", || {
        let backup = server.json("/api/store/status")["backup"].clone();
        backup["last_backup"].is_string().then_some(())
    });
    let backup = &server.json("/api/store/datasets")["backup"];
    assert!(
        backup["directory"].as_str().unwrap().ends_with("data/backups"),
        "{backup}"
    );
    assert!(
        backup["last_success"].is_string() && backup["last_failure"].is_null(),
        "{backup}"
    );
    let metrics = server.get("/metrics").text;
    assert!(metrics.contains("\naxis_backup_last_ok 1\n"), "{metrics}");
    let age = metrics
        .lines()
        .find_map(|line| line.strip_prefix("axis_backup_age_seconds "));
    assert!(age.unwrap().parse::<f64>().unwrap() < 60.0, "{metrics}");
}
