//! Reading over HTTP, and everything around it.

use serde_json::{Value, json};

use crate::support::Project;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn health_is_constant_and_ready_tells_the_truth() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    let root = server.json("/");
    assert_eq!(
        (root["status"].as_str(), root["service"].as_str()),
        (Some("healthy"), Some("AXIS API"))
    );
    assert_eq!(
        server.get("/health").text,
        r#"{"status":"healthy","components":{"api":"up","data_processor":"up"}}"#
    );

    let before = server.get("/ready");
    assert_eq!(before.status, 503);
    let body = before.json();
    assert_eq!((&body["ready"], &body["store"]["open"]), (&json!(false), &json!(true)));
    assert_eq!(body["datasets"]["kpi"]["state"], "not_synced");

    assert_eq!(server.post("/api/store/sync").status, 200);
    for relation in ["monitoring_data", "human_signals_raw", "eval_data", "kpi_data"] {
        server.wait_for(relation, "ready");
    }
    let after = server.json("/ready");
    assert_eq!(after["ready"], true);
    assert_eq!(after["degraded"], false);
    assert!(after["datasets"]["kpi"]["age_seconds"].as_i64().unwrap() < 60);
    assert!(
        after["datasets"]["kpi"]["last_sync"]
            .as_str()
            .unwrap()
            .ends_with("+00:00")
    );
}

#[test]
fn the_status_has_the_documented_fields() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    let status = server.json("/api/store/status");
    assert_eq!((&status["success"], &status["enabled"]), (&json!(true), &json!(true)));
    let relations = [
        "monitoring_data",
        "human_signals_raw",
        "human_signals_cases",
        "eval_data",
        "kpi_data",
    ];
    assert_eq!(keys(&status["datasets"]), relations);
    for relation in relations {
        let one = &status["datasets"][relation];
        assert_eq!(
            (&one["state"], &one["rows"], &one["last_sync"]),
            (&json!("not_synced"), &json!(0), &Value::Null)
        );
        assert_eq!(
            (&one["truncated"], &one["incremental_rows"]),
            (&json!(false), &json!(0))
        );
    }
    let monitoring = &status["datasets"]["monitoring_data"];
    assert_eq!(
        monitoring["watermarks"],
        json!({ "monitoring_dataset": null, "monitoring_results": null })
    );
    assert_eq!(monitoring["refresh_interval_minutes"], 1);
    assert_eq!(monitoring["incremental_column"], "created_at");

    let ready = server.sync("monitoring", "monitoring_data");
    assert_eq!((&ready["sync_type"], &ready["generation"]), (&json!("full"), &json!(1)));
    assert_eq!(ready["rows"], server.json("/api/store/data/monitoring")["total"]);
    assert!(ready["watermarks"]["monitoring_results"].is_string());
    let last = ready["last_sync"].as_str().unwrap();
    assert!(
        last.len() == "2026-01-31T12:30:00.123456+00:00".len() && last.ends_with("+00:00"),
        "{last}"
    );
}

#[test]
fn metadata_describes_what_is_stored() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    let before = server.json("/api/store/metadata/monitoring");
    assert_eq!(
        before,
        json!({ "success": true, "dataset": "monitoring", "metadata": {} })
    );
    server.sync("monitoring", "monitoring_data");
    server.sync("human_signals", "human_signals_raw");
    let metadata = &server.json("/api/store/metadata/monitoring")["metadata"];
    assert!(metadata["row_count"].as_u64().unwrap() > 40);
    assert!(
        metadata["columns"]
            .as_array()
            .unwrap()
            .contains(&json!({ "column_name": "dataset_id", "column_type": "UUID" }))
    );
    assert!(
        metadata["filter_values"]["metric_name"]
            .as_array()
            .unwrap()
            .contains(&json!("faithfulness"))
    );
    assert!(metadata["summary_stats"]["avg_score"].as_f64().unwrap() > 0.0);
    assert!(metadata["time_range"]["min"].is_string());
    assert_eq!(
        server.json("/api/store/metadata/human_signals_raw")["metadata"]["row_count"],
        960
    );
    assert_eq!(
        server.json("/api/store/metadata/human_signals")["metadata"]["row_count"],
        240
    );
    let unknown = server.get("/api/store/metadata/nothing");
    assert_eq!(unknown.status, 404);
    let detail = unknown.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.ends_with("eval, human_signals, human_signals_raw, kpi, monitoring"),
        "{detail}"
    );
}

#[test]
fn pages_neither_repeat_nor_lose_a_row() {
    let (project, source) = Project::demo(30);
    // All of one instant, so that only the tie-break orders them.
    source.append(20, chrono::Utc::now().timestamp_micros()).unwrap();
    let server = project.server();
    assert_eq!(server.json("/api/store/data/monitoring")["data"], json!([]));
    server.sync("monitoring", "monitoring_data");
    for sort in ["", "&sort_by=environment&sort_dir=asc", "&sort_by=metric_score"] {
        let mut seen = std::collections::BTreeSet::new();
        let mut total = 0;
        for page in 1.. {
            let body = server.json(&format!("/api/store/data/monitoring?page={page}&page_size=17{sort}"));
            assert_eq!((&body["page"], &body["page_size"]), (&json!(page), &json!(17)));
            let rows = body["data"].as_array().unwrap();
            if rows.is_empty() {
                break;
            }
            total = body["total"].as_u64().unwrap();
            for row in rows {
                assert!(
                    seen.insert(format!("{}{}", row["dataset_id"], row["metric_name"])),
                    "{sort}: {row}"
                );
            }
        }
        assert_eq!(seen.len() as u64, total, "{sort}");
    }
}

#[test]
fn rows_are_filtered_and_columns_chosen() {
    let (project, _source) = Project::demo(60);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let data = |query: &str| server.json(&format!("/api/store/data/monitoring?page_size=500&{query}"));
    let all = data("")["total"].as_u64().unwrap();
    let scores = data("metric_category=score");
    assert!(
        scores["data"]
            .as_array()
            .unwrap()
            .iter()
            .all(|row| row["metric_category"] == "SCORE")
    );
    let one = data("metric_name=nothing&metric_name=faithfulness&unknown=1&environment=");
    assert_eq!(one["total"], 60);
    let columns = data("columns=metric_name,nothing&sort_by=latency");
    assert_eq!(keys(&columns["data"][0]), ["metric_name", "latency"]);
    // A percent sign is one, not a wildcard.
    assert_eq!(data("search=%25")["total"], 0);
    assert_eq!(data("search=PLAN")["total"], data("search=plan")["total"]);
    let range = &server.json("/api/store/metadata/monitoring")["metadata"]["time_range"];
    let text = |key: &str| range[key].as_str().unwrap().replace(' ', "%20").replace('+', "%2B");
    assert_eq!(
        data(&format!("time_start={}&time_end={}", text("min"), text("max")))["total"],
        all
    );
    let wrong = server.get("/api/store/data/monitoring?time_start=yesterday");
    assert_eq!(
        (wrong.status, &wrong.json()["code"]),
        (400, &json!("AXIS_INVALID_ARGUMENT"))
    );

    assert_eq!(server.json("/api/store/data/human_signals")["data"], json!([]));
    assert_eq!(server.json("/api/store/data/human_signals_raw")["total"], 0);
    assert_eq!(server.get("/api/store/data/nothing").status, 404);
    assert_eq!(server.get("/api/store/data/%FF").text, r#"{"detail":"Not Found"}"#);
}

#[test]
fn wrong_parameters_are_named() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    for (query, kind, name, input) in [
        ("page=0", "greater_than_equal", "page", "0"),
        ("page=x", "int_parsing", "page", "x"),
        ("page_size=501", "less_than_equal", "page_size", "501"),
        ("sort_dir=up", "literal_error", "sort_dir", "up"),
    ] {
        let answer = server.get(&format!("/api/store/data/monitoring?{query}"));
        assert_eq!(answer.status, 422, "{query}");
        let problem = &answer.json()["detail"][0];
        assert_eq!(problem["type"], kind, "{query}");
        assert_eq!(problem["loc"], json!(["query", name]));
        assert_eq!(problem["input"], input);
        assert!(problem["msg"].as_str().unwrap().starts_with("Input should be"));
    }
    for path in ["/api/store/sync?full=maybe", "/api/store/sync/kpi?full=maybe"] {
        let answer = server.post(path);
        assert_eq!(answer.status, 422, "{path}");
        assert_eq!(answer.json()["detail"][0]["type"], "bool_parsing");
    }
}

#[test]
fn methods_paths_and_origins() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    let head = server.request("HEAD", "/api/store/status", &[]);
    assert_eq!((head.status, head.text.as_str()), (200, ""));
    let missing = server.get("/api/nothing");
    assert_eq!(
        (missing.status, missing.text.as_str()),
        (404, r#"{"detail":"Not Found"}"#)
    );
    let wrong = server.post("/api/store/status");
    assert_eq!(
        (wrong.status, wrong.text.as_str()),
        (405, r#"{"detail":"Method Not Allowed"}"#)
    );
    assert_eq!(wrong.header("allow"), "GET,HEAD");
    let slash = server.get("/api/store/data/kpi/?page=2");
    assert_eq!(
        (slash.status, slash.header("location")),
        (307, "/api/store/data/kpi?page=2")
    );
    assert_eq!(server.get("//evil.example/").status, 404);

    let preflight = server.request(
        "OPTIONS",
        "/api/store/sync",
        &[
            ("origin", "http://localhost:3500"),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "x-own,content-type"),
        ],
    );
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), "http://localhost:3500");
    assert_eq!(preflight.header("access-control-allow-credentials"), "true");
    assert_eq!(preflight.header("access-control-allow-methods"), "POST");
    assert_eq!(preflight.header("access-control-allow-headers"), "x-own,content-type");
    // A browser sends such a POST without asking first.
    let strange = server.request("POST", "/api/store/sync", &[("origin", "http://evil.example")]);
    assert_eq!(strange.status, 403, "{}", strange.text);
    for (origin, allowed) in [
        ("http://127.0.0.1:3500", "http://127.0.0.1:3500"),
        ("http://localhost:3500.evil.example", ""),
        ("http://evil.example", ""),
    ] {
        let answer = server.request("GET", "/api/nothing", &[("origin", origin)]);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}
