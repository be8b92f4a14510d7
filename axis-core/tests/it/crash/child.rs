//! The process that is killed: it changes the source and syncs, again and again.

use std::path::Path;

use axis_testkit::postgres::{TestDatabase, execute};

use super::{Mode, SOURCE, Scene, config};
use crate::support::{open, sync};
use crate::victim::{Victim, die_at, ready};

const URL: &str = "AXIS_TEST_CRASH_URL";
const STORE: &str = "AXIS_TEST_CRASH_STORE";
const MODE: &str = "AXIS_TEST_CRASH_MODE";
const ROUND: &str = "AXIS_TEST_CRASH_ROUND";
const POINT: &str = "AXIS_TEST_CRASH_POINT";
/// How often a child syncs that is to reach a point.
const SYNCS: usize = 4;

/// Starts a child that kills itself at the n-th time that it reaches a point, or syncs until it is killed.
pub(super) fn start(scene: &Scene, round: usize, point: Option<(&str, u32)>) -> Victim {
    let store = scene.store();
    let point = point.map(|(point, hit)| format!("{point} {hit}"));
    let round = round.to_string();
    let mut variables = vec![
        (URL, scene.database.url.as_str()),
        (STORE, store.to_str().unwrap()),
        (MODE, scene.mode.name()),
        (ROUND, &round),
    ];
    variables.extend(point.as_deref().map(|point| (POINT, point)));
    Victim::start("crash::child::child", &variables)
}

/// The child. Without the parent's variables it checks only that each mode does what its name says, so that a run of all
/// tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(mode)) = (variable(URL), variable(STORE), variable(MODE)) else {
        let database = TestDatabase::create("crash");
        database.execute(SOURCE);
        for mode in Mode::ALL {
            let directory = tempfile::tempdir().unwrap();
            syncs(mode, 1, &database.url, &directory.path().join("s.duckdb"), 2).await;
            database.execute("update divisor set d = 1");
        }
        return;
    };
    let mode = Mode::ALL.into_iter().find(|known| known.name() == mode).unwrap();
    let round = variable(ROUND).unwrap().parse().unwrap();
    let count = match variable(POINT) {
        Some(point) => {
            die_at(&point);
            SYNCS
        }
        None => usize::MAX,
    };
    ready();
    syncs(mode, round, &url, Path::new(&store), count).await;
}

async fn syncs(mode: Mode, round: usize, url: &str, store: &Path, count: usize) {
    let engine = open(config(mode, round, url, store)).await;
    let shop = engine.dataset("shop").unwrap();
    for _ in 0..count {
        execute(
            url,
            &format!("select next_version({}, {})", mode.has_key(), mode == Mode::Reconcile),
        );
        if mode == Mode::Failing {
            execute(url, "update divisor set d = 0");
            shop.sync(mode.options()).await.unwrap_err();
        } else {
            sync(&shop, mode.options()).await;
        }
    }
    engine.close().await.unwrap();
}
