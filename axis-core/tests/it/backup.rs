//! Backups while a store is used, and what comes out of them on an empty machine.

mod damaged;
mod killed;
mod offline;
mod scheduled;

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use axis_core::backup::{BackupFormat, BackupOptions, BackupReport, RestoreOptions, restore};
use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{CancellationToken, Engine, ErrorKind, Strategy, SyncOptions, VerifyOptions};
use axis_testkit::postgres::TestDatabase;

use super::support::{Shop, config, number, open, sync, text};

const EVENTS: &str = "
create table events (id bigint primary key, happened timestamptz, note text);
insert into events select i, timestamptz '2026-01-01' + make_interval(secs => i), 'n' || i from generate_series(1, 3000) i;
";
const ALL: &str = "select id::varchar, happened::varchar, note from events order by id";

fn events() -> TableConfig {
    TableConfig::new("events", "select * from events").with_incremental_column("happened")
}

async fn shop(prefix: &str) -> Shop {
    let shop = Shop::open(prefix, EVENTS, vec![events()]).await;
    shop.sync().await;
    shop
}

async fn back_up(engine: &Engine, path: &Path, format: BackupFormat) -> BackupReport {
    let options = BackupOptions::default().format(format);
    let report = engine.backup(path, options).await;
    report.unwrap_or_else(|error| panic!("{}", error.chain()))
}

/// Restores to a store that did not exist, and opens it with other settings left as they were.
async fn restored(backup: &Path, mut config: Config, store: PathBuf) -> Engine {
    config.store.path = store;
    let restored = restore(backup, &config, RestoreOptions::default()).await;
    let report = restored.unwrap_or_else(|error| panic!("{}", error.chain()));
    assert!(!report.replaced);
    open(config).await
}

/// Lists what lies in a folder.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_machine_goes_on_where_the_backup_was_made() {
    let shop = shop("restored").await;
    let before = text(&shop.engine, ALL).await;
    let version = shop.dataset().status().generation;
    let elsewhere = tempfile::tempdir().unwrap();
    for format in [BackupFormat::Duckdb, BackupFormat::Parquet] {
        let backup = elsewhere.path().join(format.as_str());
        let report = back_up(&shop.engine, &backup, format).await;
        assert_eq!(report.manifest.datasets["shop"].generation, version);
        let mode = std::fs::metadata(&backup).unwrap().mode();
        assert_eq!(mode & 0o077, 0, "{mode:o}: it is its owner's alone");
        let table = report.manifest.tables.iter().find(|table| table.name == "events");
        assert_eq!(table.unwrap().rows, 3000);
        let store = elsewhere.path().join(format!("{}.store", format.as_str()));
        let engine = restored(&backup, shop.engine.config().clone(), store).await;
        assert_eq!(text(&engine, ALL).await, before);
        let dataset = engine.dataset("shop").unwrap();
        assert_eq!(dataset.status().generation, version);
        assert_eq!(dataset.status().watermarks, shop.dataset().status().watermarks);
        let note = format.as_str();
        let insert = format!("insert into events select max(id) + 1, max(happened) + '1 s', '{note}' from events");
        shop.database.execute(&insert);
        let report = sync(&dataset, SyncOptions::default()).await;
        assert_eq!(report.strategy, Strategy::Incremental);
        assert!(report.rows_read < 1000, "{}", report.rows_read);
        assert!(dataset.verify(VerifyOptions::default()).await.unwrap().equal);
        engine.close().await.unwrap();
    }
    let mut left = names(elsewhere.path());
    left.retain(|name| !name.contains("store"));
    assert_eq!(left, ["duckdb", "parquet"], "nothing else lies about");
    shop.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_type_comes_back_from_parquet() {
    let kinds = "
        create table kinds as select i as id, v.* from generate_series(1, 2) i, (values
            (true, 1::int2, 2::int4, 3::int8, 'NaN'::float4, '-0'::float8, 12.340::numeric(38,3), 'x'::text, '\\x00ff'::bytea,
             gen_random_uuid(), 'infinity'::date, time '24:00:00', timetz '12:00:00.000001+02:30', 'infinity'::timestamp,
             '-infinity'::timestamptz, interval '1 month -3 days 00:00:00.000001', array['a,b', null, '\"'], array[interval '-1 day'],
             '{\"a\": 1}'::jsonb, array[1.50::numeric(5,2)], array['infinity'::timestamptz]),
            (null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null)
        ) v(b, i2, i4, i8, f4, f8, n, t, y, u, d, ti, tz, ts, tstz, iv, a, ia, j, na, tsa)";
    let tables = vec![TableConfig::new("kinds", "select * from kinds")];
    let shop = Shop::open("kinds", kinds, tables).await;
    shop.sync().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let backup = elsewhere.path().join("backup");
    back_up(&shop.engine, &backup, BackupFormat::Parquet).await;
    let engine = restored(&backup, shop.engine.config().clone(), elsewhere.path().join("s.duckdb")).await;
    let columns =
        "select column_name, data_type from information_schema.columns where table_name = 'kinds' order by all";
    assert_eq!(text(&engine, columns).await, text(&shop.engine, columns).await);
    let values = "select columns(*)::varchar from kinds order by all";
    assert_eq!(text(&engine, values).await, text(&shop.engine, values).await);
    assert!(
        engine
            .dataset("shop")
            .unwrap()
            .verify(VerifyOptions::default())
            .await
            .unwrap()
            .equal
    );
    engine.close().await.unwrap();
    shop.engine.close().await.unwrap();
}

/// Values that nothing compresses, so that rows are written to the file before they are committed.
const VERSIONS: &str = "
create table a as select i as id, 0 as n, gen_random_uuid() as b, gen_random_uuid() as c from generate_series(1, 20000) i;
create table other as select i as id, gen_random_uuid() as b, gen_random_uuid() as c from generate_series(1, 40000) i;
";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn backups_beside_commits_loads_and_queries_hold_one_generation() {
    let database = TestDatabase::create("versions");
    database.execute(VERSIONS);
    let directory = tempfile::tempdir().unwrap();
    let connection = || Connection::from_url(&database.url).unwrap();
    let tables = vec![TableConfig::new("a", "select * from a")];
    let other = vec![TableConfig::new("other", "select * from other")];
    let config = config(&directory.path().join("s.duckdb"), &database.url, tables).with_dataset(DatasetConfig::custom(
        "other",
        connection(),
        other,
    ));
    let engine = open(config).await;
    let dataset = engine.dataset("shop").unwrap();
    let known = Mutex::new(HashMap::new());
    let done = AtomicBool::new(false);
    let rebuild = async |n: i64| {
        database.execute(&format!("update a set n = {n}"));
        let report = sync(&dataset, SyncOptions::full()).await;
        known.lock().unwrap().insert(report.generation, n);
    };
    rebuild(0).await;
    let commits = async {
        let mut n = 1;
        while !done.load(Ordering::SeqCst) {
            rebuild(n).await;
            n += 1;
        }
        n
    };
    let loads = async {
        while !done.load(Ordering::SeqCst) {
            sync(&engine.dataset("other").unwrap(), SyncOptions::full()).await;
        }
    };
    let reads = async {
        while !done.load(Ordering::SeqCst) {
            assert_eq!(number(&engine, "select count(*) from a").await, 20_000);
        }
    };
    let backups = async {
        let mut backups = Vec::new();
        for round in 0..4 {
            let path = directory.path().join(format!("{round}.axis"));
            backups.push((path.clone(), back_up(&engine, &path, BackupFormat::Duckdb).await));
        }
        done.store(true, Ordering::SeqCst);
        backups
    };
    let (commits, (), (), backups) = tokio::join!(commits, loads, reads, backups);
    assert!(commits > 2, "nothing was committed meanwhile");
    for (path, report) in backups {
        let store = path.with_extension("store");
        let engine_of = restored(&path, engine.config().clone(), store).await;
        let generation = engine_of.dataset("shop").unwrap().status().generation;
        assert_eq!(report.manifest.datasets["shop"].generation, generation);
        let n = known.lock().unwrap()[&generation];
        let whole = format!("select count(*) from a where n = {n} and b is not null and c is not null");
        assert_eq!(number(&engine_of, &whole).await, 20_000, "generation {generation}");
        // Every block is read, and DuckDB compares its checksum.
        let rows = number(&engine_of, "select count(distinct hash(b, c)) from a").await;
        assert_eq!(rows, 20_000);
        if engine_of.dataset("other").unwrap().status().generation > 0 {
            assert_eq!(
                number(&engine_of, "select count(distinct hash(b, c)) from other").await,
                40_000
            );
        }
        engine_of.close().await.unwrap();
    }
    engine.close().await.unwrap();
}

/// The POSIX locks of this process on a file, as the kernel lists them.
fn locks(path: &Path) -> usize {
    let inode = format!(":{} ", std::fs::metadata(path).unwrap().ino());
    let all = std::fs::read_to_string("/proc/locks").unwrap();
    all.lines()
        .filter(|line| line.contains("POSIX") && line.contains(&inode))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duckdb_keeps_its_lock_and_nothing_that_is_no_backup_is_written_over() {
    let shop = shop("lock").await;
    let held = locks(&shop.store());
    assert!(held > 0, "DuckDB locks its file");
    let backup = shop.directory.path().join("b.axis");
    for _ in 0..2 {
        back_up(&shop.engine, &backup, BackupFormat::Duckdb).await;
        assert_eq!(locks(&shop.store()), held);
    }
    let notes = shop.directory.path().join("notes.txt");
    std::fs::write(&notes, "mine").unwrap();
    for path in [shop.store(), notes.clone(), shop.directory.path().to_owned()] {
        let error = shop.engine.backup(&path, BackupOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    let folder = BackupOptions::default().format(BackupFormat::Parquet);
    let error = shop.engine.backup(shop.directory.path(), folder).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let error = restore(shop.store(), shop.engine.config(), RestoreOptions::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(locks(&shop.store()), held);
    assert_eq!(std::fs::read_to_string(notes).unwrap(), "mine");
    shop.engine.close().await.unwrap();
    let error = shop.engine.backup(&backup, BackupOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_backup_leaves_nothing_and_a_second_one_is_refused_meanwhile() {
    let shop = shop("cancelled").await;
    let folder = shop.directory.path().join("backups");
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let options = BackupOptions::default()
        .cancel(cancel)
        .progress(move |_| token.cancel());
    for format in [BackupFormat::Duckdb, BackupFormat::Parquet] {
        let options = options.clone().format(format);
        let error = shop.engine.backup(folder.join("b"), options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.chain());
        assert_eq!(names(&folder), [""; 0]);
    }
    // The copy of the first one goes on only when the second one has its answer.
    let (begun, wait) = (tokio::sync::Notify::new(), std::sync::mpsc::channel::<()>());
    let begun = std::sync::Arc::new(begun);
    let (copying, rest) = (std::sync::Arc::clone(&begun), Mutex::new(wait.1));
    let first = BackupOptions::default().progress(move |_| {
        copying.notify_one();
        let _ = rest.lock().unwrap().recv();
    });
    let second = async {
        begun.notified().await;
        let refused = shop.engine.backup(folder.join("b2"), BackupOptions::default()).await;
        drop(wait.0);
        refused
    };
    let (first, second) = tokio::join!(shop.engine.backup(folder.join("b1"), first), second);
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Busy);
    assert_eq!(first.unwrap().manifest.datasets["shop"].generation, 1);
    // What is being made ends with the engine.
    let engine = shop.engine.clone();
    let closing = BackupOptions::default().progress(move |_| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.close().await });
    });
    let ended = shop.engine.backup(folder.join("b3"), closing).await;
    if let Err(error) = ended {
        assert!(
            matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::Closed),
            "{}",
            error.chain()
        );
    }
    shop.engine.close().await.unwrap();
    assert!(names(&folder).iter().all(|name| !name.contains("partial")));
}
