//! The store that is asked: made once, copied for each run.

use std::fs;
use std::path::{Path, PathBuf};

use axis_core::config::Config;
use axis_core::{Engine, Env, SyncOptions};
use axis_testkit::bench::{ANALYTICS_VERSION, analytics_schema};
use axis_testkit::postgres::{Postgres, execute};
use tempfile::TempDir;

use crate::Arguments;
use crate::report::say;

/// The datasets, all of which the workload fills.
const DATASETS: [&str; 4] = ["monitoring", "eval", "human_signals", "kpi"];

const FILES: [(&str, &str); 5] = [
    (
        "duckdb.yaml",
        "duckdb:\n  enabled: true\n  path: store.duckdb\n  sync_mode: manual\n  scheduler: false\n",
    ),
    (
        "monitoring_db.yaml",
        "monitoring_db:
  enabled: true
  url: ${BENCH_URL}
  dataset_query: select * from traces
  results_query: select * from metrics
  incremental_column: created_at
  anomaly_detection: {enabled: true, min_data_points: 5}
",
    ),
    (
        "eval_db.yaml",
        "eval_db:
  enabled: true
  url: ${BENCH_URL}
  dataset_query: select * from eval_cases
  results_query: select * from eval_metrics
",
    ),
    (
        "human_signals_db.yaml",
        "human_signals_db:
  enabled: true
  url: ${BENCH_URL}
  dataset_query: >-
    select dataset_id, created_at as timestamp, source_name, source_component, source_type, environment, conversation,
    conversation_stats, additional_input from signal_cases
  results_query: select dataset_id, created_at as timestamp, metric_name, metric_category, signals from signal_metrics
",
    ),
    (
        "kpi_db.yaml",
        "kpi_db:
  enabled: true
  url: ${BENCH_URL}
  query: select * from kpis
  kpi_overrides:
    cases_handled: {unit: count}
",
    ),
];

/// Returns the configuration whose files are in a directory; the store is the file given.
fn config(directory: &Path, url: &str, store: &Path) -> Config {
    let files = directory.join("custom/config");
    fs::create_dir_all(&files).expect("a directory");
    for (name, text) in FILES {
        fs::write(files.join(name), text).expect("a file");
    }
    let variables = [("BENCH_URL".to_owned(), url.to_owned())];
    let mut config = Config::load(directory.join("custom"), &Env::new(variables)).expect("a valid configuration");
    store.clone_into(&mut config.store.path);
    config
}

/// Returns the file of a store with the workload, making it when there is none.
pub(crate) fn kept(arguments: &Arguments) -> PathBuf {
    let directory = arguments.directory.clone().unwrap_or_else(|| {
        let program = std::env::current_exe().expect("the program has a path");
        let target = program.parent().and_then(Path::parent).expect("a target directory");
        target.join("query-bench")
    });
    fs::create_dir_all(&directory).expect("a directory");
    let store = directory.join(format!(
        "v{ANALYTICS_VERSION}-{}-{}.duckdb",
        env!("CARGO_PKG_VERSION"),
        arguments.scale
    ));
    if arguments.fresh || !store.exists() {
        // Made under another name: a run that is stopped must not leave half a store.
        let temporary = tempfile::tempdir_in(&directory).expect("a directory");
        let unfinished = temporary.path().join("store.duckdb");
        make(arguments.scale, temporary.path(), &unfinished);
        fs::rename(&unfinished, &store).expect("the store can be renamed");
    }
    store
}

fn make(scale: f64, directory: &Path, store: &Path) {
    say(&format!("making the workload at scale {scale} in PostgreSQL"));
    let server = Postgres::start();
    let database = server.create_database("bench");
    for statement in analytics_schema(scale) {
        execute(&database.url, &statement);
    }
    say("syncing it");
    let config = config(directory, &database.url, store);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let engine = Engine::builder(config).open().await.expect("the store opens");
        for name in DATASETS {
            let dataset = engine.dataset(name).expect("it is configured");
            let report = dataset.sync(SyncOptions::default()).await.expect("a full sync");
            say(&format!("{name}: {} rows", report.rows_read));
        }
        engine.close().await.expect("the store closes");
    });
}

/// A copy of the store in a directory of its own, which is removed in the end.
pub(crate) struct Copy {
    directory: TempDir,
}

impl Copy {
    pub(crate) fn of(store: &Path) -> Self {
        let near = store.parent().expect("the store is in a directory");
        let directory = tempfile::tempdir_in(near).expect("a directory");
        fs::copy(store, directory.path().join("store.duckdb")).expect("the store can be copied");
        Self { directory }
    }

    /// Opens an engine over the copy. Nothing is synced, so there need not be a server.
    pub(crate) async fn open(&self) -> Engine {
        let store = self.directory.path().join("store.duckdb");
        let config = config(self.directory.path(), "postgresql://axis@127.0.0.1:1/none", &store);
        Engine::builder(config).open().await.expect("the store opens")
    }

    #[allow(clippy::cast_precision_loss)] // Far below 2^53 bytes.
    pub(crate) fn megabytes(&self) -> f64 {
        fs::metadata(self.directory.path().join("store.duckdb")).map_or(0.0, |file| file.len() as f64 / 1e6)
    }
}
