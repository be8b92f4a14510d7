//! The process that syncs once and is killed.

use std::path::Path;

use axis_testkit::model::{History, Mode};
use axis_testkit::postgres::TestDatabase;

use super::{config, options};
use crate::support::{open, sync};
use crate::victim::{Victim, die_at, ready};

const URL: &str = "AXIS_TEST_MODEL_URL";
const STORE: &str = "AXIS_TEST_MODEL_STORE";
const CHILD: &str = "AXIS_TEST_MODEL_CHILD";
const MODE: &str = "AXIS_TEST_MODEL_MODE";
const POINT: &str = "AXIS_TEST_MODEL_POINT";

/// Starts a process that syncs once, and kills itself when it reaches a point.
pub(super) fn start(history: &History, url: &str, store: &Path, mode: Mode, point: Option<&str>) -> Victim {
    let seed = history.seed.to_string();
    let mode = format!("{mode:?}");
    let mut variables = vec![
        (URL, url),
        (STORE, store.to_str().unwrap()),
        (CHILD, seed.as_str()),
        (MODE, mode.as_str()),
    ];
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
        return once(&History::random(0), &database.url, &store, Mode::Full).await;
    };
    if let Some(point) = variable(POINT) {
        die_at(&point);
    }
    ready();
    let history = History::random(seed.parse().unwrap());
    let mode = [Mode::Auto, Mode::Full, Mode::Reconcile]
        .into_iter()
        .find(|mode| variable(MODE) == Some(format!("{mode:?}")));
    once(&history, &url, Path::new(&store), mode.unwrap()).await;
}

async fn once(history: &History, url: &str, store: &Path, mode: Mode) {
    let engine = open(config(history, url, store)).await;
    sync(&engine.dataset("shop").unwrap(), options(mode)).await;
    engine.close().await.unwrap();
}
