//! The programs in `examples/rust`, as users run them. `cargo test -p axis-core` builds them.

use std::path::Path;
use std::process::Command;

use axis_testkit::postgres::TestDatabase;

use super::monitoring::SOURCE;
use super::support::Project;

fn run(name: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let program = test
        .parent()
        .and_then(Path::parent)
        .unwrap()
        .join("examples")
        .join(name);
    let output = Command::new(&program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}; `cargo test -p axis-core` builds it", program.display()));
    let (told, failed) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{name}: {told}\n{failed}");
    told.into_owned()
}

#[test]
fn every_example_runs() {
    let database = TestDatabase::create("examples");
    database.execute(SOURCE);
    let project = Project::new();
    let store = project.path().join("axis.duckdb");
    project.file("duckdb.yaml", &format!("duckdb:\n  path: {}\n", store.display()));
    project.file(
        "monitoring_db.yaml",
        &format!(
            "monitoring_db:\n  enabled: true\n  url: {}\n  dataset_query: select * from traces\n  results_query: select * from metrics\n",
            database.url
        ),
    );
    let custom = project.custom_dir();
    let custom = custom.to_str().unwrap();
    assert!(run("open", &[custom]).contains("monitoring: NotSynced, generation 0"));
    let told = run("sync", &[custom, "monitoring"]);
    assert!(told.contains("full: 21 rows read, generation 1"), "{told}");
    let told = run("progress", &[custom, "monitoring"]);
    assert!(
        told.contains("full\n") && told.contains(" rows read\n") && told.contains("committed after"),
        "{told}"
    );
    let told = run("busy", &[custom, "monitoring"]);
    assert!(
        told.starts_with("AXIS_BUSY, trying again\n") && told.contains("synced, generation"),
        "{told}"
    );
    let told = run("arrow", &[custom, "select 6 * 7 as answer"]);
    assert!(
        told.contains("| 42     |") && told.contains("1 rows, truncated: false"),
        "{told}"
    );
    let told: serde_json::Value = serde_json::from_str(&run("analytics", &[custom])).unwrap();
    assert!(told["summary"].is_object() && told["trends"].is_object(), "{told}");
}
