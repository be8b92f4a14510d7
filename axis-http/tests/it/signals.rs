//! Human signals over HTTP: from the demonstration's data to pages of cases, and files that somebody sends.

use serde_json::{Value, json};

use crate::support::{Answer, Project, Server};

const CSV: &str = "Dataset ID,metric_name,signals,source_name\n\
    1,outcome,\"{'is_ok': True, 'kind': 'a'}\",claims\n\
    2,outcome,\"{\"\"is_ok\"\": false, \"\"kind\"\": \"\"b\"\"}\",\n";

/// Sends a form with one field.
fn send(server: &Server, field: &str, name: &str, content: &[u8]) -> Answer {
    let head = format!(
        "--b\r\ncontent-disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\ncontent-type: text/csv\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--b--\r\n"].concat();
    server.send(
        "POST",
        "/api/human-signals/upload",
        &[],
        "multipart/form-data; boundary=b",
        &body,
    )
}

fn detail(answer: &Answer) -> String {
    answer.json()["detail"].as_str().unwrap().to_owned()
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_demonstration_shows_cases_and_keeps_them() {
    let (project, _source) = Project::demo(10);
    let server = project.server();
    for path in ["cases", "metric-schema"] {
        let answer = server.get(&format!("/api/human-signals/{path}"));
        assert_eq!(answer.status, 404, "{answer:?}");
        assert!(detail(&answer).contains("sync it first"), "{answer:?}");
    }
    server.sync("human_signals", "human_signals_cases");
    let status = server.status("human_signals_cases");
    assert_eq!(
        (&status["rows"], &status["error"], &status["sync_type"]),
        (&json!(240), &Value::Null, &json!("full"))
    );
    assert_eq!(status["last_sync"], server.status("human_signals_raw")["last_sync"]);

    let first = server.json("/api/human-signals/cases?page_size=100");
    let (page, size) = (&first["page"], &first["page_size"]);
    assert_eq!((&first["row_count"], page, size), (&json!(240), &json!(1), &json!(100)));
    assert_eq!(
        (&first["format"], &first["source"]),
        (&json!("hitl_feedback"), &json!("duckdb"))
    );
    let mut ids = Vec::new();
    for page in 1..=4 {
        let answer = server.json(&format!("/api/human-signals/cases?page_size=100&page={page}"));
        for case in answer["data"].as_array().unwrap() {
            assert_eq!(json!(keys(case)), first["columns"]);
            assert!(
                case["outcome__is_resolved"].is_boolean() && case["reviewer"].is_string(),
                "{case}"
            );
            assert!(
                case["root_cause__categories"].as_str().unwrap().starts_with("[\""),
                "{case}"
            );
            ids.push(case["Case_ID"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ids.len(), 240);
    assert!(ids.is_sorted() && ids.windows(2).all(|two| two[0] != two[1]));

    let schema = server.json("/api/human-signals/metric-schema");
    assert_eq!(schema["metric_schema"], first["metric_schema"]);
    assert_eq!(schema["display_config"], first["display_config"]);
    assert_eq!(
        keys(&schema["metric_schema"]["metrics"]),
        ["compliance", "escalation", "outcome", "root_cause"]
    );
    let display = ["kpi_strip", "chart_sections", "filters", "table_columns", "color_maps"];
    assert_eq!(keys(&schema["display_config"]), display);

    drop(server);
    let server = project.server();
    assert_eq!(server.status("human_signals_cases")["state"], "ready");
    assert_eq!(server.json("/api/human-signals/cases?page_size=100"), first);
}

#[test]
fn the_store_reads_cases_like_any_relation() {
    let (project, _source) = Project::demo(10);
    let server = project.server();
    let data = |query: &str| server.json(&format!("/api/store/data/human_signals?{query}"));
    assert_eq!(data("")["data"], json!([]));
    assert_eq!(server.json("/api/store/metadata/human_signals")["metadata"], json!({}));
    server.sync("human_signals", "human_signals_cases");
    let page = data("page_size=500");
    assert_eq!(
        (&page["total"], page["data"].as_array().unwrap().len()),
        (&json!(240), 240)
    );
    let source = page["data"][0]["source_name"].as_str().unwrap();
    let of_source = page["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| case["source_name"] == source);
    assert_eq!(data(&format!("source_name={source}"))["total"], of_source.count());
    let sorted = data("sort_by=outcome__quality_score&sort_dir=asc&page_size=500&columns=Case_ID");
    let scores: Vec<f64> = sorted["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["outcome__quality_score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted(), "{scores:?}");
    assert_eq!(keys(&sorted["data"][0]), ["Case_ID", "outcome__quality_score"]);
    let metadata = &server.json("/api/store/metadata/human_signals")["metadata"];
    assert_eq!(
        (&metadata["row_count"], &metadata["filter_values"]["environment"]),
        (&json!(240), &json!(["production"]))
    );
}

#[test]
fn an_import_returns_what_is_stored_and_syncs_when_asked() {
    let (project, _source) = Project::demo(10);
    let server = project.server();
    let config = server.json("/api/human-signals/db-config");
    assert_eq!(
        (&config["configured"], &config["has_query"], &config["auto_load"]),
        (&json!(true), &json!(true), &json!(true))
    );
    assert_eq!(config["connection"]["database"], "source.db");
    assert_eq!(
        (&config["connection"]["has_url"], &config["connection"]["host"]),
        (&json!(true), &Value::Null)
    );
    assert!(!config.to_string().contains(&project.path().display().to_string()));

    // Nothing is stored yet, so that the import brings it.
    let first = server.post("/api/human-signals/db-import");
    assert_eq!(first.status, 200, "{first:?}");
    let first = first.json();
    assert_eq!(
        (&first["row_count"], first["data"].as_array().unwrap().len()),
        (&json!(240), 240)
    );
    assert_eq!(
        (&first["state"], &first["truncated"], &first["error"]),
        (&json!("ready"), &json!(false), &Value::Null)
    );
    let run = |server: &Server| server.status("human_signals_raw")["run_id"].clone();
    let before = run(&server);
    assert_eq!(server.post("/api/human-signals/db-import").status, 200);
    assert_eq!(run(&server), before);
    assert_eq!(server.post("/api/human-signals/db-import?sync=true").status, 200);
    assert_ne!(run(&server), before);
    assert_eq!(server.post("/api/human-signals/db-import?sync=maybe").status, 422);
    let verified = server.post("/api/store/verify/human_signals");
    assert_eq!(
        (verified.status, &verified.json()["report"]["equal"]),
        (200, &json!(true)),
        "{verified:?}"
    );
    // The signals are one dataset, whatever their relations are called.
    let reset = server.post("/api/store/sync/human_signals/reset-watermark");
    assert_eq!(reset.json()["success"], true);
}

#[test]
fn an_import_needs_a_database_and_queries() {
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  path: s.duckdb\n");
    let server = project.server();
    assert_eq!(server.json("/api/human-signals/db-config")["connection"], Value::Null);
    let answer = server.post("/api/human-signals/db-import");
    assert!(
        answer.status == 400 && detail(&answer).contains("no database is configured"),
        "{answer:?}"
    );
    drop(server);
    project.config(
        "human_signals_db.yaml",
        "human_signals_db:\n  enabled: true\n  url: sqlite:x.db\n  table: signals\n",
    );
    let server = project.server();
    assert_eq!(
        server.json("/api/human-signals/db-config")["connection"]["table"],
        "signals"
    );
    let answer = server.post("/api/human-signals/db-import");
    assert!(
        answer.status == 400 && detail(&answer).contains("`results_query`"),
        "{answer:?}"
    );
}

#[test]
fn parameters_have_bounds() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    for (query, kind) in [
        ("page=0", "greater_than_equal"),
        ("page_size=501", "less_than_equal"),
        ("page_size=x", "int_parsing"),
    ] {
        let answer = server.get(&format!("/api/human-signals/cases?{query}"));
        assert_eq!(
            (answer.status, &answer.json()["detail"][0]["type"]),
            (422, &json!(kind)),
            "{query}"
        );
    }
    server.sync("human_signals", "human_signals_cases");
    assert_eq!(server.json("/api/human-signals/cases?page=99999")["data"], json!([]));
    assert_eq!(
        server.get("/api/human-signals/cases?page=9223372036854775807").status,
        400
    );
}

#[test]
fn files_become_cases() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    let answer = send(&server, "file", "SIGNALS.CSV", CSV.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["row_count"], body.get("source")), (&json!(2), None));
    assert_eq!(
        body["data"][0],
        json!({
            "Case_ID": "1", "source_name": "claims", "Slack_URL": null, "Agent_Name": "claims", "Business": "Unknown",
            "Full_Conversation": [], "Message_Count": 0, "Timestamp": "", "additional_input": null,
            "outcome__is_ok": true, "outcome__kind": "a",
        })
    );
    assert_eq!(
        body["metric_schema"]["metrics"]["outcome"]["values"],
        json!({ "kind": ["a", "b"] })
    );
    assert_eq!(
        body["display_config"]["color_maps"]["outcome__kind"],
        json!({ "a": "#8B9F4F", "b": "#D4AF37" })
    );

    let example = server.json("/api/human-signals/example/hitl");
    assert_eq!(example["row_count"], 12);
    let unknown = server.get("/api/human-signals/example/other");
    assert!(
        unknown.status == 404 && detail(&unknown).contains("hitl"),
        "{unknown:?}"
    );
    // Nothing of it is stored.
    assert_eq!(server.status("human_signals_cases")["state"], "not_synced");
}

#[test]
fn files_that_make_no_cases_are_refused() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    for (field, name, content, status, words) in [
        ("other", "a.csv", CSV.as_bytes(), 400, "there is no file"),
        ("file", "", CSV.as_bytes(), 400, "there is no file"),
        ("file", "a.txt", CSV.as_bytes(), 400, "must end in .csv"),
        ("file", "a.csv", b"".as_slice(), 400, "is empty"),
        (
            "file",
            "a.csv",
            b"dataset_id,metric_name,signals\n1,m,{}\n",
            400,
            "source_name is missing",
        ),
        (
            "file",
            "a.csv",
            b"dataset_id,metric_name,signals,source_name\n\xff,m,{},s\n",
            400,
            "line 2",
        ),
    ] {
        let answer = send(&server, field, name, content);
        assert!(
            answer.status == status && detail(&answer).contains(words),
            "{words}: {answer:?}"
        );
    }
    let large = send(&server, "file", "a.csv", &vec![b'x'; 50 * 1024 * 1024]);
    assert!(
        large.status == 413 && detail(&large).contains("50 MB"),
        "{}",
        large.status
    );
    // Every case has the keys of all others.
    let lines: String = (0..1_600).map(|n| format!("{n},m,{{'s{n}': 1}},x\n")).collect();
    let many = send(
        &server,
        "file",
        "a.csv",
        format!("dataset_id,metric_name,signals,source_name\n{lines}").as_bytes(),
    );
    assert!(
        many.status == 413 && detail(&many).contains("2500000 values"),
        "{}",
        many.status
    );
    let plain = server.send("POST", "/api/human-signals/upload", &[], "application/json", b"{}");
    assert_eq!(plain.status, 400);
}

#[test]
fn what_is_shown_follows_the_file_at_once() {
    let (project, _source) = Project::demo(5);
    let server = project.server();
    let config = || server.json("/api/human-signals/example/hitl");
    let chosen = config();
    project.config(
        "signals_metrics.yaml",
        "signals_metrics:\n  kpi_strip: [{aggregate: total_cases, label: Cases}]\n  color_maps:\n",
    );
    let given = config();
    assert_eq!(
        given["display_config"]["kpi_strip"],
        json!([{ "aggregate": "total_cases", "label": "Cases" }])
    );
    assert_eq!(
        given["display_config"]["color_maps"],
        chosen["display_config"]["color_maps"]
    );
    project.config("signals_metrics.yaml", "signals_metrics:\n  kpi_strip: wrong\n");
    let wrong = config();
    assert_eq!(wrong["display_config"], chosen["display_config"]);
    assert_eq!(wrong["display_warnings"].as_array().unwrap().len(), 1);
}
