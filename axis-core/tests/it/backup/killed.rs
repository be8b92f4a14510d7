//! A process that is killed while it makes a backup.

use std::path::Path;

use axis_core::backup::{BackupFormat, RestoreOptions, check, restore};
use axis_core::config::Config;
use axis_core::{Engine, FAIL_POINTS};

use super::{back_up, events, names, shop};
use crate::support::{config, open};
use crate::victim::{Fate, Victim, die_at};

const URL: &str = "AXIS_TEST_BACKUP_URL";
const STORE: &str = "AXIS_TEST_BACKUP_STORE";
const TARGET: &str = "AXIS_TEST_BACKUP_TARGET";
const POINT: &str = "AXIS_TEST_BACKUP_POINT";

/// The process that is killed. Without the parent's variables it only makes a backup of an empty store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(target)) = (variable(URL), variable(STORE), variable(TARGET)) else {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path().join("s.duckdb")).await.unwrap();
        let backup = directory.path().join("b.axis");
        let report = back_up(&engine, &backup, BackupFormat::Duckdb).await;
        assert_eq!(report.manifest, check(&backup).await.unwrap());
        return engine.close().await.unwrap();
    };
    die_at(&variable(POINT).unwrap());
    let engine = open(config(Path::new(&store), &url, vec![events()])).await;
    back_up(&engine, Path::new(&target), BackupFormat::Duckdb).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_backup_leaves_the_one_of_before_or_none() {
    let mut shop = shop("killed_backup").await;
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("b.axis");
    let points = FAIL_POINTS.iter().filter(|point| point.starts_with("backup."));
    for point in points.chain(["backup.written"].iter()) {
        let existed = target.exists();
        let before = if existed {
            Some(check(&target).await.unwrap())
        } else {
            None
        };
        shop.engine.close().await.unwrap();
        let variables = [
            (URL, shop.database.url.as_str()),
            (STORE, shop.store().to_str().unwrap()),
            (TARGET, target.to_str().unwrap()),
            (POINT, &format!("{point} 1")),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(
            Victim::start("backup::killed::child", &variables).wait(),
            Fate::Killed,
            "{point}"
        );
        assert_eq!(target.exists(), existed, "{point}");
        if let Some(before) = before {
            assert_eq!(check(&target).await.unwrap(), before);
        }
        shop = shop.reopen(vec![events()], |_| {}).await;
        assert_eq!(shop.number("select count(*) from events").await, 3000);
        if *point == "backup.written" {
            back_up(&shop.engine, &target, BackupFormat::Duckdb).await;
            assert_eq!(names(folder.path()), ["b.axis"], "what the killed one left is gone");
        }
    }
    shop.engine.close().await.unwrap();
    let store = folder.path().join("s.duckdb");
    let restored = restore(&target, &Config::for_store(store), RestoreOptions::default()).await;
    assert_eq!(restored.unwrap().manifest.datasets["shop"].generation, 1);
}
