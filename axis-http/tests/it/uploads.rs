//! Files that clients bring along.

use serde_json::{Value, json};

use crate::support::{Answer, Project, Server};

const BOUNDARY: &str = "a-boundary";

/// Sends a file as a form.
fn upload(server: &Server, path: &str, name: &str, content: &[u8]) -> Answer {
    let mut body = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: text/csv\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    server.send("POST", path, &[], &kind, &body)
}

fn accepted(server: &Server, path: &str, content: &str) -> Value {
    let answer = upload(server, path, "file.CSV", content.as_bytes());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn post(server: &Server, path: &str, body: &Value) -> Answer {
    server.send("POST", path, &[], "application/json", body.to_string().as_bytes())
}

#[test]
fn every_example_is_there_and_can_be_uploaded() {
    let project = Project::new();
    let server = project.server();
    for (name, format) in [
        ("model", "tree_format"),
        ("comparison", "tree_format"),
        ("annotation", "fresh_annotation"),
        ("align", "simple_judgment"),
    ] {
        let example = server.json(&format!("/api/data/example/{name}"));
        assert_eq!(
            (&example["success"], &example["format"]),
            (&json!(true), &json!(format))
        );
        assert_eq!(
            example["data"].as_array().unwrap().len(),
            example["row_count"].as_u64().unwrap() as usize
        );
        assert_eq!(
            example["columns"].as_array().unwrap().len(),
            example["data"][0].as_object().unwrap().len()
        );
    }
    let monitoring = server.json("/api/monitoring/example/monitoring");
    assert_eq!(
        (&monitoring["format"], &monitoring["metric_columns"]),
        (&json!("monitoring"), &json!(["metric_score"]))
    );
    for path in [
        "/api/data/example/monitoring",
        "/api/data/example/x",
        "/api/monitoring/example/model",
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains("there are: "),
            "{answer:?}"
        );
    }
}

#[test]
fn a_file_is_recognised_and_completed() {
    let project = Project::new();
    let server = project.server();
    let csv = "run_id,dataset_id,passed,metric_name,metric_score\nr,d1,True,Tone,0.5\nr,d2,False,Tone,\n";
    let answer = accepted(&server, "/api/data/upload", csv);
    assert_eq!(
        (&answer["format"], &answer["row_count"]),
        (&json!("eval_runner"), &json!(2))
    );
    assert_eq!(answer["preview"], answer["data"]);
    assert_eq!(
        (
            &answer["data"][0]["evaluation_name"],
            &answer["data"][1]["metric_score"]
        ),
        (&json!("r"), &Value::Null)
    );
    let detected = accepted(&server, "/api/data/detect-format", csv);
    assert_eq!(
        detected,
        json!({ "success": true, "format": "eval_runner", "row_count": 2,
                "columns": ["run_id", "dataset_id", "passed", "metric_name", "metric_score"] })
    );
    let unknown = accepted(&server, "/api/data/detect-format", "a,b\n1,2\n");
    assert_eq!(unknown["format"], "unknown");

    let wide = post(&server, "/api/data/convert-tree", &answer["data"]).json();
    assert_eq!(
        (&wide["success"], &wide["data"].as_array().unwrap().len()),
        (&json!(true), &2)
    );
    let prepared = post(
        &server,
        "/api/data/prepare-analytics?format_type=eval_runner",
        &answer["data"],
    )
    .json();
    assert_eq!(prepared["metric_columns"], json!(["Tone"]));
    assert_eq!(prepared["mapping"], json!({ "metrics": ["Tone"], "components": [] }));
    let without = accepted(&server, "/api/data/upload?data=false", csv);
    assert_eq!((&without["data"], &without["row_count"]), (&json!([]), &json!(2)));
    let traces = accepted(
        &server,
        "/api/monitoring/upload",
        "ID,Response Time,quality_score\nt1,2.5,1\n",
    );
    assert_eq!(
        traces["columns"],
        json!(["dataset_id", "latency", "quality_score", "timestamp"])
    );
    assert_eq!(
        (&traces["format"], &traces["metric_columns"]),
        (&json!("monitoring"), &json!(["quality_score"]))
    );
}

#[test]
fn what_is_no_upload_is_told() {
    let project = Project::new();
    let server = project.server();
    let paths = ["/api/data/upload", "/api/data/detect-format", "/api/monitoring/upload"];
    for path in paths {
        for (name, content) in [
            ("file.txt", &b"a\n1\n"[..]),
            ("file.csv", b""),
            ("file.csv", b"a,b\n1\n"),
            ("file.csv", b"\xff\xfe\n1\n"),
        ] {
            let answer = upload(&server, path, name, content);
            assert_eq!(answer.status, 400, "{path} {name} {content:?}: {answer:?}");
            assert!(answer.json()["detail"].is_string());
        }
        assert_eq!(server.post(path).status, 400, "{path} without a form");
        let large = upload(&server, path, "file.csv", &vec![b'a'; 50 * 1024 * 1024]);
        assert_eq!(large.status, 413, "{path}: {large:?}");
    }
    for path in ["/api/data/upload", "/api/monitoring/upload"] {
        assert_eq!(
            upload(&server, path, "file.csv", b"a,b\n1,2\n").status,
            400,
            "{path}: an unknown format"
        );
        assert_eq!(
            upload(&server, &format!("{path}?store=perhaps"), "file.csv", b"id\n1\n").status,
            422
        );
    }
    // 12,000 records of 1,000 metrics are more fields than an upload may have.
    let row = |n: usize| json!({ "dataset_id": n, "query": "q", "metric_name": n % 1_000, "metric_score": 1 });
    let wide: Value = (0..12_000).map(row).collect();
    for path in [
        "/api/data/convert-tree",
        "/api/data/prepare-analytics?format_type=tree_format",
    ] {
        assert_eq!(post(&server, path, &wide).status, 413, "{path}");
    }
    let tree = json!([{ "metric_name": "a", "metric_score": 1 }]);
    assert_eq!(post(&server, "/api/data/convert-tree", &tree).status, 400);
    assert_eq!(post(&server, "/api/data/convert-tree", &json!("x")).status, 422);
    let missing = post(&server, "/api/data/prepare-analytics", &tree);
    assert_eq!(
        (missing.status, &missing.json()["detail"][0]["type"]),
        (422, &json!("missing"))
    );
}

#[test]
fn a_kept_upload_reaches_the_analytics_and_survives() {
    let project = Project::new();
    let server = project.server();
    let model = server.json("/api/data/example/model");
    let kept = accepted(
        &server,
        "/api/data/upload?store=true&name=first&data=false",
        "metric_name,metric_score,dataset_id,experiment_name\nTone,0.5,a,one\nTone,1,b,two\nDepth,0.25,a,one\nClarity,0.5,a,one\n",
    );
    assert_eq!(
        kept["stored"],
        json!({ "dataset": "eval", "relation": "eval_data", "rows": 4, "generation": 1 })
    );
    let status = server.status("eval_data");
    assert_eq!(
        (&status["state"], &status["rows"], &status["error"]),
        (&json!("ready"), &json!(4), &Value::Null)
    );
    let summary = post(&server, "/api/analytics/summary", &json!([])).json();
    assert_eq!(
        (&summary["source"], &summary["total_records"]),
        (&json!("store"), &json!(2))
    );
    assert_eq!(summary["summary"][2]["metric_name"], "Tone");
    assert_eq!(summary["summary"][2]["mean"], 0.75);

    let rows = "dataset_id,timestamp,metric_name,metric_score,latency,source_name\n\
                t1,2026-01-31T12:00:00Z,Tone,0.25,1.5,agent\nt2,2026-01-31T13:00:00Z,Tone,0.75,2.5,agent\n";
    let kept = accepted(&server, "/api/monitoring/upload?store=1", rows);
    assert_eq!(
        (&kept["stored"]["rows"], kept["data"].as_array().unwrap().len()),
        (&json!(2), 2)
    );
    let page = server.json("/api/store/data/monitoring?sort_by=timestamp");
    assert_eq!(
        (&page["total"], &page["data"][0]["timestamp"]),
        (&json!(2), &json!("2026-01-31T13:00:00Z"))
    );
    let metadata = server.json("/api/store/metadata/monitoring");
    assert_eq!(metadata["metadata"]["summary_stats"]["avg_score"], 0.5);
    assert_eq!(metadata["metadata"]["filter_values"]["source_name"], json!(["agent"]));

    // A server that starts again has both.
    drop(server);
    let server = project.server();
    assert_eq!(server.status("monitoring_data")["state"], "ready");
    let again = accepted(
        &server,
        "/api/data/upload?store=true",
        "metric_name,metric_score\nTone,1\n",
    );
    assert_eq!(again["stored"]["generation"], 2);
    assert_eq!(server.status("eval_data")["rows"], 1);
    let gone = server.request("DELETE", "/api/store/upload/eval", &[]);
    assert_eq!(gone.status, 200, "{gone:?}");
    assert_eq!(server.status("eval_data")["state"], "not_synced");
    assert_eq!(server.json("/api/store/metadata/eval")["metadata"], json!({}));
    assert_eq!(
        post(&server, "/api/analytics/summary?source=store", &json!([])).status,
        404
    );
    assert_eq!(server.request("DELETE", "/api/store/upload/eval", &[]).status, 404);
    assert_eq!(server.request("DELETE", "/api/store/upload/nothing", &[]).status, 404);
    assert!(model["row_count"].as_u64().unwrap() > 10);
}

#[test]
fn a_synced_dataset_keeps_its_rows_and_can_be_imported() {
    let (project, _source) = Project::demo(40);
    let server = project.server();
    for path in ["/api/data/upload?store=true", "/api/monitoring/upload?store=true"] {
        let answer = upload(
            &server,
            path,
            "file.csv",
            b"dataset_id,metric_name,metric_score\n1,a,1\n",
        );
        assert_eq!(answer.status, 409, "{answer:?}");
        assert!(
            answer.json()["detail"]
                .as_str()
                .unwrap()
                .contains("synced from a source")
        );
    }
    let synced = server.sync("eval", "eval_data");
    let imported = server.post("/api/data/eval-db-import");
    assert_eq!(imported.status, 200, "{imported:?}");
    let imported = imported.json();
    assert_eq!(
        (&imported["source"], &imported["format"]),
        (&json!("database"), &json!("tree_format"))
    );
    assert_eq!(imported["row_count"], synced["rows"], "the same rows as a sync shows");
    let imported = server.post("/api/monitoring/db-import").json();
    assert_eq!(
        (&imported["source"], &imported["format"]),
        (&json!("database"), &json!("monitoring"))
    );
    assert!(imported["row_count"].as_u64().unwrap() > 40);

    let config = server.json("/api/data/eval-db-config");
    assert_eq!(
        (&config["configured"], &config["has_query"], &config["row_limit"]),
        (&json!(true), &json!(true), &json!(10_000))
    );
    let config = server.json("/api/monitoring/db-config");
    assert_eq!(
        (&config["configured"], &config["connection"]["has_url"]),
        (&json!(true), &json!(true))
    );
    assert!(config["connection"]["host"].is_null() && config["thresholds"]["default"]["good"].is_number());
    assert_eq!(config["anomaly_detection"]["z_score"]["lookback_window"], 20);
}

#[test]
fn nothing_is_configured_and_that_is_told() {
    let project = Project::new();
    let server = project.server();
    for path in ["/api/data/eval-db-import", "/api/monitoring/db-import"] {
        let answer = server.post(path);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["detail"].is_string());
    }
    assert_eq!(
        server.json("/api/data/eval-db-config"),
        json!({ "success": true, "configured": false, "auto_load": false, "has_query": false, "row_limit": 10_000, "query_timeout": 60 })
    );
    let config = server.json("/api/monitoring/db-config");
    assert_eq!(
        (&config["configured"], &config["connection"]),
        (&json!(false), &Value::Null)
    );
    assert_eq!(
        config["thresholds"],
        json!({ "default": { "good": 0.7, "pass": 0.5 }, "per_source": {} })
    );
    assert_eq!(
        config["anomaly_detection"]["moving_average"],
        json!({ "enabled": true, "window_size": 5, "deviation_threshold": 0.15, "severity": "warning", "metrics": [] })
    );
}
