//! The audit log: what stands there, what never does, and what happens when it cannot be written.

use std::path::Path;

use serde_json::Value;

use crate::support::{Project, Server, wait_until};

/// Stands in keys, queries, paths and searches, and must not come out.
const SENTINEL: &str = "s3ntinel";
const KEY: (&str, &str) = ("x-api-key", "s3ntinel-reading-key");

fn audited(log: &str) -> (Project, Server) {
    let (project, _source) = Project::demo(20);
    let keys = "api_keys: [{name: dashboard, key: s3ntinel-reading-key, role: read}]";
    project.config("server.yaml", &format!("server:\n  {keys}\n  audit_log: {log}\n"));
    let server = project.server();
    (project, server)
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn each_request_has_a_line_without_values_or_secrets() {
    let (project, server) = audited("logs/audit.jsonl");
    let path = project.path().join("logs/audit.jsonl");
    let named = [KEY, ("x-request-id", "job-7")];
    server.request("GET", "/api/store/data/kpi?search=s3ntinel-value", &named);
    server.request("POST", "/api/store/sync/s3ntinel-name", &[KEY]);
    server.request("GET", "/api/s3ntinel-path", &[KEY]);
    server.request("GET", "/api/store/status", &[("x-api-key", "s3ntinel-guessed-key")]);
    server.get("/health");
    drop(server);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(SENTINEL), "{text}");
    let lines = lines(&path);
    let told: Vec<_> = lines
        .iter()
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
            (
                text("client"),
                text("role"),
                text("method"),
                text("route"),
                line["status"].as_u64().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("dashboard", "read", "GET", "/api/store/data/{dataset}", 200),
        ("-", "-", "POST", "/api/store/sync/{dataset}", 403),
        ("dashboard", "read", "GET", "unmatched", 404),
        ("-", "-", "GET", "/api/store/status", 401),
        ("-", "-", "GET", "/health", 200),
    ];
    let expected = expected.map(|(client, role, method, route, status)| {
        (
            client.to_owned(),
            role.to_owned(),
            method.to_owned(),
            route.to_owned(),
            status,
        )
    });
    assert_eq!(told, expected);
    assert_eq!(lines[0]["request_id"], "job-7");
    for line in &lines {
        assert_eq!(line["address"], "127.0.0.1");
        assert!(line["duration_ms"].as_f64().unwrap() >= 0.0);
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
        assert!(line["statement_type"].is_null() && line["rows"].is_null());
    }
}

#[test]
fn sql_is_told_by_its_kind_and_its_rows() {
    let (project, server) = audited("audit.jsonl");
    let ask = |sql: &str| {
        let body = serde_json::json!({ "sql": sql, "format": "csv" }).to_string();
        server
            .send("POST", "/api/query", &[KEY], "application/json", body.as_bytes())
            .status
    };
    assert_eq!(ask("select 's3ntinel', range from range(30000)"), 200);
    assert_eq!(ask("select s3ntinel"), 400);
    drop(server);
    let path = project.path().join("audit.jsonl");
    assert!(!std::fs::read_to_string(&path).unwrap().contains(SENTINEL));
    let told: Vec<_> = lines(&path)
        .iter()
        .map(|line| {
            (
                line["status"].clone(),
                line["statement_type"].clone(),
                line["rows"].clone(),
            )
        })
        .collect();
    let expected = [(200, "SELECT", 30_000), (400, "SELECT", 0)];
    assert_eq!(
        told,
        expected.map(|(status, kind, rows)| (status.into(), kind.into(), rows.into()))
    );
}

#[test]
fn a_log_that_is_truncated_meanwhile_goes_on_at_its_beginning() {
    let (project, server) = audited("audit.jsonl");
    let path = project.path().join("audit.jsonl");
    let told = |count: usize| {
        wait_until("the lines are written", || (lines(&path).len() == count).then_some(()));
    };
    server.get("/health");
    server.get("/health");
    told(2);
    // As `copytruncate` of logrotate does.
    std::fs::File::create(&path).unwrap();
    server.get("/ready");
    told(1);
    assert_eq!(lines(&path)[0]["route"], "/ready");
    // A second server of the same configuration appends.
    drop(server);
    drop(project.server());
    assert_eq!(lines(&path).len(), 1);
}

#[test]
fn a_log_that_cannot_be_opened_stops_the_start() {
    let (project, server) = audited("audit.jsonl");
    drop(server);
    project.config("server.yaml", "server:\n  audit_log: custom\n");
    let run = project.axis(&["serve", "--port", "0"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr.contains("`server.audit_log`: ") && run.stderr.contains("cannot be opened"),
        "{}",
        run.stderr
    );
}

#[cfg(target_os = "linux")]
#[test]
fn lines_that_cannot_be_written_are_counted() {
    let (_project, server) = audited("/dev/full");
    wait_until("a lost line is counted", || {
        let metrics = server.request("GET", "/metrics", &[KEY]).text;
        let line = metrics
            .lines()
            .find(|line| line.starts_with("axis_audit_failures_total"))?;
        (line != "axis_audit_failures_total 0").then_some(())
    });
    assert_eq!(server.get("/health").status, 200);
}
