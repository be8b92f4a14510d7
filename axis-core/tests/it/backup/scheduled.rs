//! Backups at an interval, of which the newest are kept.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axis_core::backup::{BackupFormat, RestoreOptions, restore};
use axis_core::config::{BackupConfig, Config};
use axis_core::{Clock, Engine};
use chrono::{DateTime, Utc};

use super::names;
use crate::support::{DEADLINE, Project, Shop};

/// A clock on which an hour passes between two looks.
#[derive(Debug, Default)]
struct Hours(AtomicI64);

impl Clock for Hours {
    fn now(&self) -> DateTime<Utc> {
        let hours = self.0.fetch_add(1, Ordering::SeqCst);
        DateTime::from_timestamp(1_795_000_000 + hours * 3600, 0).unwrap()
    }
}

async fn until(what: &str, reached: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !reached() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_backups_are_kept_and_nothing_else_is_touched() {
    for format in [BackupFormat::Duckdb, BackupFormat::Parquet] {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("backups");
        std::fs::create_dir(&folder).unwrap();
        let foreign = ["notes.txt", "s-20200101T000000Z.axis", "s-copy.axis"];
        for name in foreign {
            std::fs::write(folder.join(name), "not ours").unwrap();
        }
        let mut config = Config::for_store(directory.path().join("s.duckdb"));
        let mut backup = BackupConfig::new(&folder);
        backup.interval = Duration::from_millis(20);
        backup.keep = 2;
        backup.format = format;
        config.store.backup = Some(backup);
        let clock = Arc::new(Hours::default());
        let engine = Engine::builder(config.clone()).clock(clock).open().await.unwrap();
        engine.start_scheduler();
        let made = |folder: &Path| {
            let mut names = names(folder);
            names.retain(|name| name.starts_with("s-2026") && !name.ends_with("partial"));
            names
        };
        until("a backup is made", || !made(&folder).is_empty()).await;
        let first = made(&folder)[0].clone();
        until("the first one is removed", || !folder.join(&first).exists()).await;
        let status = engine.backup_status().unwrap();
        assert_eq!((&status.directory, &status.last_failure), (&folder, &None));
        assert!(status.last_success.unwrap().timestamp() >= 1_795_000_000);
        engine.close().await.unwrap();
        let left = made(&folder);
        assert!((2..=3).contains(&left.len()), "{left:?}");
        for name in foreign {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), "not ours");
        }
        assert!(
            !names(&folder).iter().any(|name| name.contains("partial")),
            "{:?}",
            names(&folder)
        );
        let newest = folder.join(left.last().unwrap());
        config.store.path = directory.path().join("restored.duckdb");
        restore(newest, &config, RestoreOptions::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_told_until_a_backup_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("backups");
    // No folder can be made where a file is.
    std::fs::write(&folder, "in the way").unwrap();
    let mut config = Config::for_store(directory.path().join("s.duckdb"));
    let mut backup = BackupConfig::new(&folder);
    backup.interval = Duration::from_millis(20);
    config.store.backup = Some(backup.clone());
    let engine = Engine::builder(config.clone()).open().await.unwrap();
    let status = || engine.backup_status().unwrap();
    assert_eq!((status().last_success, status().last_failure), (None, None));
    engine.start_scheduler();
    until("it fails", || status().last_failure.is_some()).await;
    let failure = status().last_failure.unwrap();
    assert_eq!((failure.code.as_str(), status().last_success), ("AXIS_STORE", None));
    std::fs::remove_file(&folder).unwrap();
    until("it succeeds", || status().last_success.is_some()).await;
    assert_eq!(status().last_failure, None);
    engine.close().await.unwrap();
    let kept = names(&folder);
    // The next one knows of it without making another one.
    backup.interval = Duration::from_hours(1);
    config.store.backup = Some(backup);
    let engine = Engine::builder(config).open().await.unwrap();
    engine.start_scheduler();
    let known = || engine.backup_status().unwrap().last_success;
    until("it looks into the folder", || known().is_some()).await;
    assert_eq!(names(&folder), kept);
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_backup_waits_for_the_first_data() {
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("backups");
    let backup = BackupConfig::new(&folder);
    let change = |config: &mut Config| config.store.backup = Some(backup);
    let shop = Shop::open_with("first_backup", super::EVENTS, vec![super::events()], change).await;
    shop.engine.start_scheduler();
    shop.sync().await;
    let status = || shop.engine.backup_status().unwrap();
    until("a backup is made", || status().last_success.is_some()).await;
    let kept = axis_core::backup::kept(&shop.engine.config().store);
    assert_eq!(kept.len(), 1);
    assert_eq!(status().last_success.unwrap().timestamp(), kept[0].0.timestamp());
    let manifest = axis_core::backup::check(&kept[0].1).await.unwrap();
    assert_eq!(manifest.datasets["shop"].generation, 1);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn the_settings_are_read_and_paths_are_resolved_like_others() {
    let project = Project::new();
    project.file(
        "duckdb.yaml",
        "duckdb:\n  path: data/s.duckdb\n  backup: {directory: data/backups, interval_minutes: 90, keep: 3, format: parquet}\n",
    );
    let backup = project.load(&[]).store.backup.unwrap();
    assert_eq!(backup.directory, project.path().join("data/backups"));
    assert_eq!(backup.interval, Duration::from_secs(5400));
    assert_eq!((backup.keep, backup.format), (3, BackupFormat::Parquet));
    project.file("duckdb.yaml", "duckdb: {backup: {directory: b}}\n");
    let backup = project.load(&[]).store.backup.unwrap();
    assert_eq!(backup.interval, Duration::from_secs(86_400));
    assert_eq!((backup.keep, backup.format), (7, BackupFormat::Duckdb));
    for (wrong, key) in [
        ("keep: 7", "backup.directory"),
        ("directory: b, keep: 0", "backup.keep"),
    ] {
        project.file("duckdb.yaml", &format!("duckdb: {{backup: {{{wrong}}}}}\n"));
        let none = axis_core::Env::new(Vec::<(String, String)>::new());
        let error = Config::load(project.custom_dir(), &none).unwrap_err();
        assert!(error.message().contains(key), "{error}");
    }
    project.file("duckdb.yaml", "duckdb: {enabled: true}\n");
    assert_eq!(project.load(&[]).store.backup, None);
}
