//! The examples, as users run them.

use std::process::Command;

use axis_testkit::postgres::TestDatabase;

const SOURCE: &str = r#"
create table traces (dataset_id text, created_at timestamptz, environment text, source_name text, latency float8);
insert into traces values
  ('t1', '2026-01-04 23:59:59.5+00', 'prod', 'chat', 1), ('t2', '2026-01-05 00:00:00+00', 'prod', 'chat', 2),
  ('t3', '2026-01-05 12:00:00+00', 'test', 'search', 4), ('t4', '2026-01-12 06:30:00+00', null, 'search', null),
  ('t5', '2026-01-12 07:00:00+00', 'prod', 'chat', 10);
create table metrics (dataset_id text, metric_name text, metric_score text, metric_category text, explanation text, signals text);
insert into metrics values
  ('t1', 'a', '0.2', 'SCORE', null, null), ('t1', 'b', '0.9', null, null, null),
  ('t1', 'mood', 'positive', 'CLASSIFICATION', 'good', null),
  ('t2', 'a', '0.4', 'score', null, null), ('t2', 'b', '0.5', 'SCORE', null, null),
  ('t2', 'mood', null, 'CLASSIFICATION', 'bad', null),
  ('t3', 'a', '0.8', 'SCORE', null, null), ('t3', 'mood', '1', 'Classification', 'good', null),
  ('t3', 'note', null, 'ANALYSIS', 'because', '{"k": 1}'), ('t3', 'idea', null, 'ANALYSIS', null, '[1, 2]'),
  ('t4', 'a', '0.6', 'SCORE', null, null), ('t4', 'note', null, 'analysis', '', '42'),
  ('t5', 'a', null, 'SCORE', null, null), ('t5', 'b', 'NaN', 'SCORE', null, null), ('t5', 'a', '1.0', '', null, null),
  ('t5', 'mood', 'x', 'CLASSIFICATION', null, 'plain');
"#;

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let (told, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{program}: {told}\n{failed}");
    told.into_owned()
}

#[test]
fn every_example_runs() {
    let database = TestDatabase::create("examples");
    database.execute(SOURCE);
    let project = tempfile::tempdir().unwrap();
    let custom = project.path().join("custom");
    std::fs::create_dir_all(custom.join("config")).unwrap();
    let file = |name: &str, text: String| std::fs::write(custom.join("config").join(name), text).unwrap();
    let store = project.path().join("axis.duckdb");
    file("duckdb.yaml", format!("duckdb:\n  path: {}\n", store.display()));
    let queries = "dataset_query: select * from traces\n  results_query: select * from metrics";
    file(
        "monitoring_db.yaml",
        format!(
            "monitoring_db:\n  enabled: true\n  url: {}\n  {queries}\n",
            database.url
        ),
    );
    let custom = custom.to_str().unwrap();

    let told = run(env!("CARGO_BIN_EXE_open"), &[custom]);
    assert!(told.contains("monitoring: NotSynced, generation 0"), "{told}");
    let told = run(env!("CARGO_BIN_EXE_sync"), &[custom, "monitoring"]);
    assert!(told.contains("full: 21 rows read, generation 1"), "{told}");
    let told = run(env!("CARGO_BIN_EXE_progress"), &[custom, "monitoring"]);
    assert!(
        told.contains("full\n") && told.contains(" rows read\n") && told.contains("committed after"),
        "{told}"
    );
    let told = run(env!("CARGO_BIN_EXE_busy"), &[custom, "monitoring"]);
    assert!(
        told.starts_with("AXIS_BUSY, trying again\n") && told.contains("synced, generation"),
        "{told}"
    );
    let told = run(env!("CARGO_BIN_EXE_arrow"), &[custom, "select 6 * 7 as answer"]);
    assert!(
        told.contains("| 42     |") && told.contains("1 rows, truncated: false"),
        "{told}"
    );
    let told = run(env!("CARGO_BIN_EXE_analytics"), &[custom]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert!(told["summary"].is_object() && told["trends"].is_object(), "{told}");
}
