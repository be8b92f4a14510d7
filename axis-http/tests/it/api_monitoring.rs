//! `/api/monitoring/analytics` before, during and after the first sync.

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use crate::support::{Project, Server};

/// Every question with the parameters that it must have.
const QUESTIONS: [&str; 10] = [
    "summary?",
    "trends?",
    "metric-breakdown?",
    "latency-distribution?",
    "class-distribution?metric=metric_score&group_by=source_name",
    "correlation?metrics=a,b",
    "classification-breakdown?",
    "classification-trends?metric_name=mood",
    "analysis-insights?",
    "anomalies?",
];

const TABLES: &str = "
create table traces (dataset_id text, created_at timestamptz, environment text, source_name text, latency float8);
create table metrics (dataset_id text, metric_name text, metric_score float8, metric_category text, explanation text, signals text);
";
const ROWS: &str = "
insert into traces values ('t1', '2026-01-05 10:00:00+00', 'prod', 'chat', 2), ('t2', '2026-01-06 10:00:00.25+00', null, 'chat', 4);
insert into metrics values ('t1', 'a', 0.4, 'SCORE', null, null), ('t2', 'a', 0.8, 'SCORE', null, null),
  ('t1', 'b', 0.5, null, null, null), ('t1', 'mood', null, 'CLASSIFICATION', 'good', null),
  ('t2', 'note', null, 'ANALYSIS', 'why', '7')";

fn project(database: &TestDatabase) -> Project {
    let project = Project::new();
    project.config("duckdb.yaml", "duckdb:\n  sync_mode: manual\n");
    let url = Value::from(database.url.as_str());
    project.config(
        "monitoring_db.yaml",
        &format!(
            "monitoring_db:\n  enabled: true\n  url: {url}\n  dataset_query: select * from traces\n  results_query: select * from metrics\n"
        ),
    );
    project
}

fn ask(server: &Server, question: &str) -> Value {
    let answer = server.json(&format!("/api/monitoring/analytics/{question}"));
    assert_eq!(answer["success"], true, "{question}: {answer}");
    answer
}

#[test]
fn what_is_not_there_is_told_apart_from_what_is_on_its_way() {
    let database = TestDatabase::create("api_monitoring");
    database.execute(TABLES);
    let project = project(&database);
    let server = project.server();
    for question in QUESTIONS {
        let answer = server.get(&format!("/api/monitoring/analytics/{question}"));
        assert_eq!(answer.status, 404, "{question}: {answer:?}");
        assert!(answer.json()["detail"].is_string());
    }
    // Wrong parameters are told before that.
    assert_eq!(
        server.get("/api/monitoring/analytics/trends?granularity=yearly").status,
        422
    );

    // The first sync takes more than an hour.
    database.execute(
        "alter table metrics rename to kept; insert into kept select 'x', 'a' from generate_series(1, 100000);
         create view metrics as select * from kept where pg_sleep(0.05) is not null",
    );
    assert_eq!(server.post("/api/store/sync/monitoring").status, 200);
    for question in QUESTIONS {
        let answer = server.get(&format!("/api/monitoring/analytics/{question}"));
        assert_eq!(answer.status, 503, "{question}: {answer:?}");
        assert_eq!(answer.header("retry-after"), "1");
    }
}

#[test]
fn an_empty_relation_gives_zeros_and_empty_lists() {
    let database = TestDatabase::create("api_monitoring");
    database.execute(TABLES);
    let project = project(&database);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    let kpis = ask(&server, "summary?")["kpis"].clone();
    for name in [
        "total_records",
        "avg_score",
        "pass_rate",
        "p50_latency",
        "p95_latency",
        "p99_latency",
        "records",
    ] {
        assert_eq!(kpis[name].as_f64(), Some(0.0), "{name}");
    }
    let empty = json!([]);
    for (question, list) in [
        ("trends?", "data"),
        ("trends?", "metrics"),
        ("metric-breakdown?group_by=source_name", "metrics"),
        ("class-distribution?metric=metric_score&group_by=source_name", "data"),
        ("correlation?metrics=a,b", "matrix"),
        ("classification-breakdown?", "metrics"),
        ("classification-trends?metric_name=mood", "data"),
        ("classification-trends?metric_name=mood", "unique_categories"),
        ("analysis-insights?", "records"),
        ("anomalies?", "findings"),
    ] {
        assert_eq!(ask(&server, question)[list], empty, "{question}");
    }
    let latency = ask(&server, "latency-distribution?group_by=source_name");
    assert_eq!(latency["histogram"], json!({ "counts": [], "edges": [] }));
    assert_eq!(
        (&latency["percentiles"]["p99"], &latency["by_group"]),
        (&json!(0.0), &Value::Null)
    );
}

#[test]
fn questions_answer_in_the_known_form() {
    let database = TestDatabase::create("api_monitoring");
    database.execute(TABLES);
    database.execute(ROWS);
    let project = project(&database);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");

    let summary = ask(&server, "summary?metric_category=score&environment=");
    assert_eq!(summary["kpis"]["total_records"], 3);
    // What the metadata give is taken back as it is, on both ends.
    let range = &server.json("/api/store/metadata/monitoring")["metadata"]["time_range"];
    let (min, max) = (range["min"].as_str().unwrap(), range["max"].as_str().unwrap());
    let bounds = format!(
        "time_start={}&time_end={}",
        min.replace(' ', "%20"),
        max.replace(' ', "%20")
    );
    assert_eq!(ask(&server, &format!("summary?{bounds}"))["kpis"]["total_records"], 3);
    assert_eq!(
        ask(&server, "summary?time_start=2026-01-06T10:00:00.25Z")["kpis"]["total_records"],
        1
    );

    let trends = ask(&server, "trends?granularity=weekly&metrics=a,%20none");
    assert_eq!(
        trends["data"],
        json!([{ "timestamp": "2026-01-05 00:00:00+00:00", "metric": "a", "avg": 0.6000000000000001, "p50": 0.6000000000000001,
            "p95": 0.78, "p99": 0.796, "count": 2 }])
    );
    assert_eq!(
        (&trends["metrics"], &trends["granularity"]),
        (&json!(["a"]), &json!("weekly"))
    );
    let breakdown = ask(
        &server,
        "metric-breakdown?threshold=0.8&group_by=environment&metric_name=a",
    );
    assert_eq!(
        breakdown["metrics"],
        json!([{ "name": "a", "pass_rate": 50.0, "avg": 0.6000000000000001, "count": 2,
            "by_group": { "prod": { "pass_rate": 0.0, "avg": 0.4, "count": 1.0 } } }])
    );
    let latency = ask(&server, "latency-distribution?bins=5&metric_name=a");
    assert_eq!(latency["histogram"]["counts"], json!([1, 0, 0, 0, 1]));
    let classes = ask(
        &server,
        "class-distribution?metric=metric_score&group_by=environment&max_values=1&metric_name=a",
    );
    assert_eq!(
        (&classes["data"][1]["group"], &classes["data"][1]["values"]),
        (&Value::Null, &json!([0.8]))
    );
    assert!(classes.to_string().contains("\"count\":1.0"), "{classes}");
    let labels = ask(&server, "classification-breakdown?");
    assert_eq!(
        labels["metrics"],
        json!([{ "metric_name": "mood", "categories": [{ "value": "good", "count": 1, "percentage": 100.0 }], "total_count": 1, "other_count": 0 }])
    );
    let points = ask(&server, "classification-trends?metric_name=mood&granularity=hourly");
    assert_eq!(
        points["data"],
        json!([{ "timestamp": "2026-01-05 10:00:00+00:00", "categories": { "good": 1 }, "other_count": 0 }])
    );
    let insights = ask(&server, "analysis-insights?limit=1");
    assert_eq!(
        (&insights["records"][0]["signals"], &insights["total_count"]),
        (&json!("7"), &json!(1))
    );
    assert_eq!(insights["records"][0]["timestamp"], "2026-01-06 10:00:00.250+00:00");
    assert_eq!(ask(&server, "anomalies?")["enabled"], false);
}

#[test]
fn wrong_parameters_are_named() {
    let database = TestDatabase::create("api_monitoring");
    database.execute(TABLES);
    database.execute(ROWS);
    let project = project(&database);
    let server = project.server();
    server.sync("monitoring", "monitoring_data");
    for (question, status, told) in [
        ("trends?granularity=yearly", 422, "'hourly', 'daily' or 'weekly'"),
        ("metric-breakdown?threshold=much", 422, "float_parsing"),
        (
            "metric-breakdown?group_by=query",
            400,
            "environment, evaluation_name, metric_name",
        ),
        ("latency-distribution?bins=4", 422, "greater_than_equal"),
        ("latency-distribution?bins=101", 422, "less_than_equal"),
        ("latency-distribution?group_by=dataset_id", 400, "dataset_id"),
        ("class-distribution?group_by=environment", 422, "missing"),
        ("class-distribution?metric=nothing&group_by=environment", 400, "nothing"),
        (
            "class-distribution?metric=metric_score&group_by=model_name",
            400,
            "model_name",
        ),
        (
            "class-distribution?metric=metric_score&group_by=environment&max_values=10001",
            422,
            "less_than_equal",
        ),
        ("correlation?", 422, "metrics"),
        (
            "classification-breakdown?category_source=query",
            400,
            "explanation, actual_output, metric_score",
        ),
        ("classification-trends?", 422, "metric_name"),
        ("analysis-insights?page=0&limit=101", 422, "limit"),
        ("summary?time_start=2026-13-01", 400, "time_start"),
        ("anomalies?time_end=now", 400, "time_end"),
    ] {
        let answer = server.get(&format!("/api/monitoring/analytics/{question}"));
        assert_eq!(answer.status, status, "{question}: {answer:?}");
        assert!(
            answer.json()["detail"].to_string().contains(told),
            "{question}: {answer:?}"
        );
    }
    for names in ["a", "none,never", ",%20,"] {
        assert_eq!(
            ask(&server, &format!("correlation?metrics={names}"))["matrix"],
            json!([])
        );
    }
}
