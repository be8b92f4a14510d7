//! Compacting, streams, and the calls that wait.

use std::io::Read as _;
use std::sync::{Arc, Mutex, mpsc};

use axis_core::backup::{BackupOptions, BackupStage, CompactOptions, RestoreOptions, compact, receive, restore};
use axis_core::{CancellationToken, ErrorKind, Strategy, SyncOptions};
use tokio::sync::{Notify, oneshot};

use super::{ALL, names, restored, shop};
use crate::support::{open, sync, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_store_is_smaller_and_holds_the_same() {
    let shop = shop("compacted").await;
    // Room for values that are gone.
    shop.database.execute(
        "insert into events select i, timestamptz '2026-01-01', md5(i::text) || md5((-i)::text) from generate_series(3001, 60000) i",
    );
    sync(&shop.dataset(), SyncOptions::full()).await;
    shop.database.execute("delete from events where id > 3000");
    sync(&shop.dataset(), SyncOptions::full()).await;
    let before = text(&shop.engine, ALL).await;
    let (status, config) = (shop.dataset().status(), shop.engine.config().clone());
    let error = compact(&config, CompactOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    shop.engine.close().await.unwrap();
    let size = std::fs::metadata(shop.store()).unwrap().len();
    // Whoever has seen enough stops it, while it writes or after.
    let stop = CancellationToken::new();
    let stopping = stop.clone();
    let options = CompactOptions::default()
        .cancel(stop)
        .progress(move |_| stopping.cancel());
    let error = compact(&config, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert_eq!(std::fs::metadata(shop.store()).unwrap().len(), size);
    assert_eq!(names(shop.directory.path()), ["s.duckdb", "s.duckdb.lock"]);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let options = CompactOptions::default().progress(move |now| telling.lock().unwrap().push(now));
    let report = compact(&config, options).await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    assert!(told.is_sorted_by_key(|now| now.done), "{told:?}");
    assert!(told.iter().all(|now| now.stage == BackupStage::Writing), "{told:?}");
    let last = told.last().unwrap();
    assert!(last.total > 0 && last.done == last.total, "{told:?}");
    assert_eq!(report.bytes_before, size);
    assert!(report.bytes_after < report.bytes_before, "{report:?}");
    assert_eq!(std::fs::metadata(shop.store()).unwrap().len(), report.bytes_after);
    assert_eq!(names(shop.directory.path()), ["s.duckdb", "s.duckdb.lock"]);
    let engine = open(config).await;
    assert_eq!(text(&engine, ALL).await, before);
    let dataset = engine.dataset("shop").unwrap();
    assert_eq!(dataset.status().generation, status.generation);
    let report = sync(&dataset, SyncOptions::default()).await;
    assert_eq!(report.strategy, Strategy::Incremental);
    engine.close().await.unwrap();
    let nowhere = axis_core::config::Config::for_store(shop.directory.path().join("none.duckdb"));
    let error = compact(&nowhere, CompactOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_is_a_backup_and_leaves_nothing_beside_the_store() {
    let shop = shop("streamed").await;
    let mut stream = shop.engine.backup_stream(BackupOptions::default()).await.unwrap();
    let (bytes, manifest) = (stream.remaining(), stream.manifest().clone());
    let copies = || {
        let mut names = names(shop.directory.path());
        names.retain(|name| name.starts_with("s.duckdb.partial-backup-"));
        names.len()
    };
    assert_eq!(copies(), 1);
    // Several may be sent at once.
    let other = shop.engine.backup_stream(BackupOptions::default()).await.unwrap();
    assert_eq!((copies(), other.manifest().datasets.len()), (2, 1));
    drop(other);
    let mut first = [0; 100];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(stream.remaining(), bytes - 100);
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().join("b.axis");
    let all = std::io::Cursor::new(first).chain(stream);
    let report = receive(&path, all, Some(bytes), BackupOptions::default())
        .await
        .unwrap();
    assert_eq!((report.bytes, &report.manifest), (bytes, &manifest));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), bytes);
    assert_eq!(copies(), 0);
    // Everybody can look into it.
    let listed = std::process::Command::new("tar")
        .arg("-tf")
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8(listed.stdout).unwrap(),
        "manifest.json\nmanifest.sha256\nstore.duckdb\n"
    );
    let engine = restored(&path, shop.engine.config().clone(), elsewhere.path().join("s.duckdb")).await;
    assert_eq!(text(&engine, ALL).await, text(&shop.engine, ALL).await);
    engine.close().await.unwrap();
    shop.engine.close().await.unwrap();
    // What killed processes have left goes away with the next open.
    for name in [
        "partial-backup-0",
        "partial-backup-0.wal",
        "partial-restore",
        "partial-compact.wal",
    ] {
        std::fs::write(shop.directory.path().join(format!("s.duckdb.{name}")), "left").unwrap();
    }
    let own = shop.directory.path().join("s.duckdb.backup-of-mine");
    std::fs::write(&own, "kept").unwrap();
    let engine = open(shop.engine.config().clone()).await;
    engine.close().await.unwrap();
    assert_eq!(
        names(shop.directory.path()),
        ["s.duckdb", "s.duckdb.backup-of-mine", "s.duckdb.lock"]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_token_or_by_dropping_the_future_what_was_there_is_left_as_it_was() {
    let shop = shop("given_up").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = elsewhere.path().join("b.axis");
    shop.engine.backup(&backup, BackupOptions::default()).await.unwrap();
    let mut config = shop.engine.config().clone();
    config.store.path = elsewhere.path().join("s.duckdb");
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let options = RestoreOptions::default()
        .cancel(cancel)
        .progress(move |_| token.cancel());
    let error = restore(&backup, &config, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.chain());
    assert_eq!(names(elsewhere.path()), ["b.axis", "s.duckdb.lock"]);
    // The work goes on only when nobody waits for it any more.
    let begun = Arc::new(Notify::new());
    let (dropped, wait) = mpsc::channel::<()>();
    let (ended, end) = oneshot::channel::<()>();
    let (checking, held) = (Arc::clone(&begun), Mutex::new((wait, ended)));
    let options = RestoreOptions::default().progress(move |_| {
        checking.notify_one();
        let _ = held.lock().unwrap().0.recv();
    });
    let restoring = tokio::spawn(async move { restore(backup, &config, options).await });
    begun.notified().await;
    restoring.abort();
    assert!(restoring.await.unwrap_err().is_cancelled());
    drop(dropped);
    end.await.unwrap_err();
    assert_eq!(names(elsewhere.path()), ["b.axis", "s.duckdb.lock"]);
    shop.engine.close().await.unwrap();
}

#[test]
fn whoever_waits_has_the_same_calls() {
    use axis_core::backup::BackupFormat;
    use axis_core::blocking;
    use axis_core::config::Config;

    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let engine = blocking::Engine::open(at("s.duckdb")).unwrap();
    let folder = BackupOptions::default().format(BackupFormat::Parquet);
    let report = engine.backup(at("folder"), folder).unwrap();
    engine.close().unwrap();
    let config = Config::for_store(at("other.duckdb"));
    let restored = blocking::restore(at("folder"), &config, RestoreOptions::default()).unwrap();
    assert_eq!(restored.manifest, report.manifest);
    let compacted = blocking::compact(&config, CompactOptions::default()).unwrap();
    assert_eq!(compacted.tables, report.manifest.tables.len());
}
