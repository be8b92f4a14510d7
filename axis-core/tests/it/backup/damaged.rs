//! Backups that must not be restored, and stores that must not be replaced.

use std::io::Read as _;
use std::path::Path;

use axis_core::backup::{BackupFormat, BackupManifest, BackupOptions, RestoreOptions, check, receive, restore};
use axis_core::config::Config;
use axis_core::{Error, ErrorKind};

use super::{ALL, back_up, names, shop};
use crate::support::{open, text};

async fn refused(backup: &Path, store: &Path) -> Error {
    let error = restore(backup, &Config::for_store(store), RestoreOptions::default()).await;
    let error = error.expect_err("it must not be restored");
    assert!(!store.exists());
    error
}

/// Copies a folder without folders in it.
fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for name in names(from) {
        std::fs::copy(from.join(&name), to.join(&name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_backups_are_refused_and_leave_nothing() {
    let shop = shop("damaged").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (good, bad, empty) = (
        elsewhere.path().join("good"),
        elsewhere.path().join("bad"),
        elsewhere.path().join("empty"),
    );
    std::fs::create_dir(&empty).unwrap();
    let store = empty.join("s.duckdb");
    back_up(&shop.engine, &good, BackupFormat::Duckdb).await;
    check(&good).await.unwrap();
    let bytes = std::fs::read(&good).unwrap();
    // In a header, in the manifest, in its sum, and all over the store, of which the last block ends before the end of the file.
    let places = [3, 700, bytes.len() / 2, bytes.len() - 1100];
    let sum = bytes
        .windows(64)
        .position(|window| window.iter().all(u8::is_ascii_hexdigit))
        .unwrap();
    for place in places
        .into_iter()
        .chain([sum])
        .chain((1..20).map(|part| part * (bytes.len() - 1100) / 20))
    {
        let mut changed = bytes.clone();
        changed[place] ^= 4;
        std::fs::write(&bad, &changed).unwrap();
        assert_eq!(refused(&bad, &store).await.kind(), ErrorKind::Store, "byte {place}");
        assert!(check(&bad).await.is_err());
    }
    for length in [0, 1, 511, 513, bytes.len() / 3, bytes.len() - 2000] {
        std::fs::write(&bad, &bytes[..length]).unwrap();
        assert_eq!(refused(&bad, &store).await.kind(), ErrorKind::Store, "{length} bytes");
    }
    // Whoever sends half of one is told so, and nothing stays of it.
    let half = std::io::Cursor::new(bytes.clone()).take(bytes.len() as u64 / 2);
    let length = Some(bytes.len() as u64);
    let error = receive(empty.join("received"), half, length, BackupOptions::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::SourceUnavailable);
    let whole = std::io::Cursor::new(bytes.clone());
    let error = receive(
        empty.join("received"),
        whole.take(bytes.len() as u64 - 4000),
        None,
        BackupOptions::default(),
    )
    .await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Store);
    assert!(names(&empty).iter().all(|name| name == "s.duckdb.lock"));
    assert_eq!(
        refused(&elsewhere.path().join("none"), &store).await.kind(),
        ErrorKind::NotFound
    );
    assert_eq!(refused(&empty, &store).await.kind(), ErrorKind::Store);

    let folder = elsewhere.path().join("folder");
    back_up(&shop.engine, &folder, BackupFormat::Parquet).await;
    for name in names(&folder) {
        let changed = elsewhere.path().join(format!("changed-{name}"));
        copy_folder(&folder, &changed);
        let mut bytes = std::fs::read(changed.join(&name)).unwrap();
        let middle = bytes.len() / 3;
        bytes[middle] ^= 1;
        std::fs::write(changed.join(&name), bytes).unwrap();
        assert_eq!(refused(&changed, &store).await.kind(), ErrorKind::Store, "{name}");
        std::fs::remove_file(changed.join(&name)).unwrap();
        assert_eq!(refused(&changed, &store).await.kind(), ErrorKind::Store, "{name}");
    }
    shop.engine.close().await.unwrap();
}

/// Writes a folder's manifest anew, with a sum that is right.
fn rewrite(folder: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = folder.join("manifest.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    std::fs::write(&path, manifest.to_string()).unwrap();
    let sum = std::process::Command::new("sha256sum")
        .arg("manifest.json")
        .current_dir(folder)
        .output()
        .unwrap();
    std::fs::write(folder.join("manifest.sha256"), sum.stdout).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_of_newer_versions_and_those_that_lie_are_refused() {
    let shop = shop("newer").await;
    let elsewhere = tempfile::tempdir().unwrap();
    let folder = elsewhere.path().join("folder");
    back_up(&shop.engine, &folder, BackupFormat::Parquet).await;
    shop.engine.close().await.unwrap();
    let store = elsewhere.path().join("s.duckdb");
    type Change = fn(&mut serde_json::Value);
    let changes: [(Change, &str); 6] = [
        (|manifest| manifest["version"] = 2.into(), "newer version"),
        (|manifest| manifest["layout"] = 99.into(), "newer version"),
        (
            |manifest| manifest["duckdb_version"] = "v99.0.0".into(),
            "newer version",
        ),
        (
            |manifest| manifest["datasets"]["shop"]["generation"] = 7.into(),
            "not hold",
        ),
        (|manifest| manifest["files"][0]["name"] = "../x".into(), "damaged"),
        (
            |manifest| {
                let views = serde_json::json!(["create view v as select * from read_text('/etc/passwd')"]);
                manifest["views"] = views;
            },
            "damaged",
        ),
    ];
    for (index, (change, words)) in changes.into_iter().enumerate() {
        let changed = elsewhere.path().join(format!("changed-{index}"));
        copy_folder(&folder, &changed);
        rewrite(&changed, change);
        let error = refused(&changed, &store).await;
        assert!(error.message().contains(words), "{index}: {error}");
    }
    rewrite(&folder, |_| {});
    let manifest: BackupManifest = check(&folder).await.unwrap();
    assert_eq!(manifest.format, BackupFormat::Parquet);
    restore(&folder, &Config::for_store(&store), RestoreOptions::default())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_replaced_by_force_alone_and_never_while_it_is_open() {
    let shop = shop("forced").await;
    let before = text(&shop.engine, ALL).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = elsewhere.path().join("b.axis");
    back_up(&shop.engine, &backup, BackupFormat::Duckdb).await;
    shop.database.execute("delete from events where id > 10");
    crate::support::sync(&shop.dataset(), axis_core::SyncOptions::full()).await;
    let config = shop.engine.config().clone();
    let force = || RestoreOptions::default().force(true);
    let error = restore(&backup, &config, force()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
    assert_eq!(shop.number("select count(*) from events").await, 10);
    shop.engine.close().await.unwrap();
    let error = restore(&backup, &config, RestoreOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    // A log that nobody could take in does not get into the restored store.
    let log = config.store.path.with_extension("duckdb.wal");
    std::fs::write(&log, "of the old store").unwrap();
    let report = restore(&backup, &config, force()).await.unwrap();
    assert!(report.replaced && !log.exists());
    assert_eq!(names(shop.directory.path()), ["s.duckdb", "s.duckdb.lock"]);
    let engine = open(config).await;
    assert_eq!(text(&engine, ALL).await, before);
    engine.close().await.unwrap();
}
