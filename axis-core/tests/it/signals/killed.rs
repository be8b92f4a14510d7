//! Processes that are killed while they commit: rows and cases are of one version afterwards.

use std::path::Path;
use std::time::Duration;

use axis_core::{Engine, FAIL_POINTS, SyncOptions};
use axis_testkit::postgres::execute;
use fastrand::Rng;

use super::{Scene, assert_derived, sync_with};
use crate::support::{Project, open, scaled};
use crate::victim::{Fate, Victim, die_at, ready};

const URL: &str = "AXIS_TEST_SIGNALS_URL";
const CUSTOM: &str = "AXIS_TEST_SIGNALS_CUSTOM";
const FULL: &str = "AXIS_TEST_SIGNALS_FULL";
const POINT: &str = "AXIS_TEST_SIGNALS_POINT";

/// Each version changes the signals of ten cases, takes a case away and adds one.
const VERSION: &str = r#"
create sequence versions;
create function next_version() returns void language plpgsql as $$
declare
  v bigint := nextval('versions');
begin
  update m set signals = format('{"v": "%s"}', v), at_ = now() where id in (select id from c order by id desc limit 10);
  delete from m where id = (select min(id) from m);
  insert into c (id, source) values (to_char(1000 + v, 'FM0000'), 's');
  insert into m (id, metric, signals) select to_char(1000 + v, 'FM0000'), x, format('{"v": "%s"}', v) from unnest(array['a', 'b']) x;
end $$;
insert into c (id, source) select to_char(i, 'FM0000'), 's' from generate_series(1, 300) i;
insert into m (id, metric, signals) select id, x, '{"v": "0"}' from c, unnest(array['a', 'b', 'c']) x;
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_commits_leave_cases_that_fit_their_rows() {
    let scene = Scene::new(VERSION);
    let mut rng = Rng::with_seed(11);
    for full in [false, true] {
        let passed: Vec<&str> = FAIL_POINTS
            .iter()
            .copied()
            .filter(|point| point.starts_with("commit.") && !matches!(*point, "commit.view" | "commit.gone"))
            .filter(|point| *point != if full { "commit.deleted" } else { "commit.dropped" })
            .filter(|point| full || *point != "commit.checkpointed")
            .collect();
        survives(&scene).await;
        for point in &passed {
            assert_eq!(
                start(&scene, full, Some(point)).wait(),
                Fate::Killed,
                "{point} is not reached"
            );
            survives(&scene).await;
        }
        for _ in 0..scaled(4, 20) {
            let time = Duration::from_micros(rng.u64(..200_000));
            assert_eq!(start(&scene, full, None).kill_after(time), Fate::Killed);
            survives(&scene).await;
        }
    }
}

/// Opens what was left, looks, and syncs once more.
async fn survives(scene: &Scene) {
    let engine = scene.open().await;
    let store = engine.config().store.path.clone();
    if engine.signals().unwrap().dataset().status().generation > 0 {
        assert_derived(&engine, &store).await;
    }
    sync_with(&engine, SyncOptions::default()).await;
    assert!(assert_derived(&engine, &store).await > 200);
    engine.close().await.unwrap();
}

fn start(scene: &Scene, full: bool, point: Option<&str>) -> Victim {
    let custom = scene.project.custom_dir();
    let point = point.map(|point| format!("{point} 1"));
    let mut variables = vec![(URL, scene.database.url.as_str()), (CUSTOM, custom.to_str().unwrap())];
    variables.extend(full.then_some((FULL, "1")));
    variables.extend(point.as_deref().map(|point| (POINT, point)));
    Victim::start("signals::killed::child", &variables)
}

/// The child. Without the parent's variables it syncs twice, so that a run of all tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(custom)) = (variable(URL), variable(CUSTOM)) else {
        let scene = Scene::new(VERSION);
        let engine = scene.open().await;
        syncs(&engine, &scene.database.url, false, 2).await;
        // The second sync is a refresh, which does not see that the oldest case is gone.
        assert_eq!(assert_derived(&engine, Path::new("")).await, 301);
        return engine.close().await.unwrap();
    };
    let count = match variable(POINT) {
        Some(point) => {
            die_at(&point);
            2
        }
        None => usize::MAX,
    };
    ready();
    let engine = open(Project::load_from(Path::new(&custom), &[])).await;
    syncs(&engine, &url, variable(FULL).is_some(), count).await;
    engine.close().await.unwrap();
}

async fn syncs(engine: &Engine, url: &str, full: bool, count: usize) {
    for _ in 0..count {
        execute(url, "select next_version()");
        let options = if full {
            SyncOptions::full()
        } else {
            SyncOptions::default()
        };
        sync_with(engine, options).await;
    }
}
