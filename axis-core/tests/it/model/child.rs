//! The process that syncs once and is killed.

use std::path::Path;

use axis_core::SyncOptions;
use axis_testkit::model::History;
use axis_testkit::postgres::TestDatabase;

use super::config;
use crate::support::{open, sync};
use crate::victim::{Victim, die_at, ready};

const URL: &str = "AXIS_TEST_MODEL_URL";
const STORE: &str = "AXIS_TEST_MODEL_STORE";
const CHILD: &str = "AXIS_TEST_MODEL_CHILD";
const FULL: &str = "AXIS_TEST_MODEL_FULL";
const POINT: &str = "AXIS_TEST_MODEL_POINT";

/// Starts a process that syncs once, and kills itself when it reaches a point.
pub(super) fn start(history: &History, url: &str, store: &Path, full: bool, point: Option<&str>) -> Victim {
    let seed = history.seed.to_string();
    let mut variables = vec![(URL, url), (STORE, store.to_str().unwrap()), (CHILD, seed.as_str())];
    variables.extend(full.then_some((FULL, "yes")));
    variables.extend(point.map(|point| (POINT, point)));
    Victim::start("model::child::child", &variables)
}

/// The child. Without the parent's variables it only syncs, so that a run of all tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(seed)) = (variable(URL), variable(STORE), variable(CHILD)) else {
        let database = TestDatabase::create("model");
        database.execute("create table a as select 1 as id, 1 as cur; create table b as select 1 as id, 1 as cur");
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("s.duckdb");
        return once(&History::random(0), &database.url, &store, true).await;
    };
    if let Some(point) = variable(POINT) {
        die_at(&point);
    }
    ready();
    let history = History::random(seed.parse().unwrap());
    once(&history, &url, Path::new(&store), variable(FULL).is_some()).await;
}

async fn once(history: &History, url: &str, store: &Path, full: bool) {
    let engine = open(config(history, url, store)).await;
    let options = if full {
        SyncOptions::full()
    } else {
        SyncOptions::default()
    };
    sync(&engine.dataset("shop").unwrap(), options).await;
    engine.close().await.unwrap();
}
