//! A disk that is full: while tables are staged, while a commit is written, and while a checkpoint is.
//!
//! The store lies on a small file system of its own. Mounting one takes a right that not everybody has; whoever lacks it
//! runs the test again in a user namespace, where everybody has it. The source is a SQLite file, which needs no server there.

use std::fs::File;
use std::io::{ErrorKind as IoErrorKind, Write as _};
use std::path::PathBuf;
use std::process::Command;

use axis_core::backup::{BackupFormat, BackupOptions};
use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Dataset, Engine, ErrorKind, Strategy, SyncOptions, SyncState};
use tempfile::TempDir;

use super::support::{assert_equal, number, open, staging_tables, sync, text};

/// Set in the process that runs in a namespace of its own.
const INSIDE: &str = "AXIS_TEST_SMALL_DISK";
const MEGABYTE: u64 = 1 << 20;

/// A file system of 64 MB in memory, unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64m", "axis-test"])
            .arg(directory.path())
            .output();
        mounted.is_ok_and(|run| run.status.success()).then(|| Self(directory))
    }

    fn store(&self) -> PathBuf {
        self.0.path().join("s.duckdb")
    }

    /// Fills the disk up to so many bytes.
    fn fill(&self, left: u64) {
        let mut file = File::create(self.0.path().join("filler")).unwrap();
        let block = vec![0; 64 << 10];
        let mut written = 0;
        loop {
            match file.write(&block) {
                Ok(bytes) => written += bytes as u64,
                Err(error) if error.kind() == IoErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
        file.set_len(written.saturating_sub(left)).unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.path().join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // A test that failed may have the store open still.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Runs a test on a small disk; `name` is its own.
async fn on_small_disk(name: &str, test: impl AsyncFnOnce(&SmallDisk)) {
    if let Some(disk) = SmallDisk::mount() {
        return test(&disk).await;
    }
    assert!(
        std::env::var_os(INSIDE).is_none(),
        "no file system can be mounted, not even in a user namespace"
    );
    let run = elsewhere()
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", &format!("full_disk::{name}"), "--nocapture"])
        .output()
        .expect("a full disk can be tested as root, or with `unshare` of util-linux");
    assert!(
        run.status.success(),
        "as root, in a user namespace, or with `sudo` that asks for no password: {}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

/// Runs a program where file systems can be mounted: in a user namespace, or as root where the system allows none to ordinary users.
fn elsewhere() -> Command {
    const OWN: [&str; 3] = ["--user", "--map-root-user", "--mount"];
    let mut own = Command::new("unshare");
    own.args(OWN);
    let allowed = Command::new("unshare").args(OWN).arg("true").output();
    if allowed.is_ok_and(|tried| tried.status.success()) {
        own.env(INSIDE, "1");
        return own;
    }
    let mut root = Command::new("sudo");
    root.args(["-n", "env", &format!("{INSIDE}=1")]);
    root
}

/// A SQLite file with a table that grows and one of ten rows, and an engine over a store on the small disk.
struct World {
    source: rusqlite::Connection,
    directory: TempDir,
    engine: Engine,
}

impl World {
    /// Begins with a thousand rows that are synced.
    async fn open(disk: &SmallDisk) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = rusqlite::Connection::open(directory.path().join("source.db")).unwrap();
        source
            .execute_batch(
                "create table events (id integer primary key, happened timestamp, note text);
                 create table tiny as with recursive n(i) as (select 1 union all select i + 1 from n where i < 10) select i from n;",
            )
            .unwrap();
        let engine = open(config(&directory, disk)).await;
        let world = Self {
            source,
            directory,
            engine,
        };
        world.grow(1000);
        let report = sync(&world.events(), SyncOptions::default()).await;
        assert_eq!(report.rows_read, 1000);
        world
    }

    /// Adds rows of two hundred bytes that cannot be compressed.
    fn grow(&self, rows: u32) {
        let sql = format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {rows}),
                  last(id) as (select coalesce(max(id), 0) from events)
             insert into events select last.id + i, datetime('2026-01-01', '+' || (last.id + i) || ' seconds'), hex(randomblob(100))
             from n, last"
        );
        self.source.execute_batch(&sql).unwrap();
    }

    fn events(&self) -> Dataset {
        self.engine.dataset("events").unwrap()
    }

    async fn rows(&self) -> i64 {
        number(&self.engine, "select count(*) from events").await
    }

    /// Syncs, which must fail for want of space.
    async fn fails(&self, options: SyncOptions) {
        let error = self.events().sync(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
        assert_eq!(
            error.message(),
            "the disk that holds the store is full",
            "{}",
            error.chain()
        );
        let status = self.events().status();
        assert_eq!(status.state, SyncState::Error);
        assert_eq!(status.last_failure.unwrap().code, "AXIS_STORE");
    }

    /// Checks that the store equals the source, also after it was closed and opened again.
    async fn check(mut self, disk: &SmallDisk) {
        for _ in 0..2 {
            let expected = {
                let mut statement = self.source.prepare("select id, note from events").unwrap();
                let rows = statement.query_map([], |row| {
                    let id: i64 = row.get(0)?;
                    Ok(vec![Some(id.to_string()), row.get(1)?])
                });
                rows.unwrap().collect::<rusqlite::Result<Vec<_>>>().unwrap()
            };
            let stored = text(&self.engine, "select id::varchar, note from events").await;
            assert_equal("events", stored, expected);
            assert_eq!(staging_tables(&self.engine).await, 0);
            self.engine.close().await.unwrap();
            self.engine = open(config(&self.directory, disk)).await;
        }
        self.engine.close().await.unwrap();
    }
}

fn config(directory: &TempDir, disk: &SmallDisk) -> Config {
    let source = || Connection::Sqlite {
        path: directory.path().join("source.db"),
    };
    let events = TableConfig::new("events", "select * from events")
        .with_incremental_column("happened")
        .with_primary_key(["id"]);
    let tiny = TableConfig::new("tiny", "select * from tiny");
    Config::for_store(disk.store())
        .with_dataset(DatasetConfig::custom("events", source(), vec![events]))
        .with_dataset(DatasetConfig::custom("tiny", source(), vec![tiny]))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_during_staging_leaves_the_old_rows_and_the_next_sync_is_right() {
    let name = "a_disk_that_fills_up_during_staging_leaves_the_old_rows_and_the_next_sync_is_right";
    on_small_disk(name, async |disk| {
        let world = World::open(disk).await;
        world.grow(100_000);
        disk.fill(3 * MEGABYTE);
        world.fails(SyncOptions::full()).await;
        assert_eq!(world.rows().await, 1000);
        world.engine.probe().await.unwrap();
        disk.make_room();
        sync(&world.events(), SyncOptions::full()).await;
        world.check(disk).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_during_a_commit_leaves_the_old_rows_and_the_next_sync_is_right() {
    let name = "a_disk_that_fills_up_during_a_commit_leaves_the_old_rows_and_the_next_sync_is_right";
    on_small_disk(name, async |disk| {
        let world = World::open(disk).await;
        world.grow(20_000);
        disk.fill(MEGABYTE / 4);
        world.fails(SyncOptions::default()).await;
        assert_eq!(world.rows().await, 1000);
        world.engine.probe().await.unwrap();
        disk.make_room();
        let report = sync(&world.events(), SyncOptions::default()).await;
        assert_eq!(report.strategy, Strategy::Incremental);
        world.check(disk).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkpoint_that_finds_the_disk_full_loses_no_commit_and_the_store_opens_again_by_itself() {
    let name = "a_checkpoint_that_finds_the_disk_full_loses_no_commit_and_the_store_opens_again_by_itself";
    on_small_disk(name, async |disk| {
        let world = World::open(disk).await;
        world.grow(20_000);
        sync(&world.events(), SyncOptions::default()).await;
        disk.fill(MEGABYTE / 4);
        // A rebuild of ten rows fits; the checkpoint behind it would have to move four megabytes into the file.
        sync(&world.engine.dataset("tiny").unwrap(), SyncOptions::default()).await;
        let log = disk.store().with_extension("duckdb.wal");
        assert!(
            std::fs::metadata(log).unwrap().len() > 3 * MEGABYTE,
            "the checkpoint was written"
        );
        // DuckDB has given up. Whoever comes first opens the store again, and the others wait for that.
        let rows = futures::future::join_all((0..8).map(|_| world.rows())).await;
        assert_eq!(rows, [21_000; 8]);
        assert_eq!(number(&world.engine, "select count(*) from tiny").await, 10);
        world.engine.probe().await.unwrap();
        assert_eq!(world.events().status().state, SyncState::Ready);
        world.grow(20_000);
        world.fails(SyncOptions::default()).await;
        assert_eq!(world.rows().await, 21_000);
        disk.make_room();
        sync(&world.events(), SyncOptions::default()).await;
        world.check(disk).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_the_disk_is_full_every_sync_that_succeeds_is_kept_and_the_one_that_fails_changes_nothing() {
    let name = "until_the_disk_is_full_every_sync_that_succeeds_is_kept_and_the_one_that_fails_changes_nothing";
    on_small_disk(name, async |disk| {
        let world = World::open(disk).await;
        // DuckDB moves its log into the file once that has 16 MB, in the commit that reaches them.
        for _ in 0..3 {
            world.grow(22_000);
            sync(&world.events(), SyncOptions::default()).await;
        }
        disk.fill(5 * MEGABYTE);
        let mut kept = 67_000;
        let mut failed = false;
        for _ in 0..40 {
            world.grow(2_000);
            let outcome = world.events().sync(SyncOptions::default()).await;
            if let Err(error) = outcome {
                assert_eq!(
                    error.message(),
                    "the disk that holds the store is full",
                    "{}",
                    error.chain()
                );
                failed = true;
                break;
            }
            kept = number(&world.engine, "select max(id) from events").await;
            assert_eq!(world.rows().await, kept);
        }
        assert!(failed, "the disk was never full");
        assert_eq!(world.rows().await, kept);
        disk.make_room();
        sync(&world.events(), SyncOptions::default()).await;
        world.check(disk).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_finds_the_disk_full_leaves_nothing_and_the_store_as_it_was() {
    let name = "a_backup_that_finds_the_disk_full_leaves_nothing_and_the_store_as_it_was";
    on_small_disk(name, async |disk| {
        let world = World::open(disk).await;
        world.grow(20_000);
        sync(&world.events(), SyncOptions::full()).await;
        disk.fill(MEGABYTE / 4);
        let folder = disk.0.path().join("backups");
        for format in [BackupFormat::Duckdb, BackupFormat::Parquet] {
            let options = BackupOptions::default().format(format);
            let error = world.engine.backup(folder.join("b"), options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Store, "{}", error.chain());
            assert_eq!(
                error.message(),
                "the disk that the backup goes to is full",
                "{}",
                error.chain()
            );
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        }
        disk.make_room();
        let report = world.engine.backup(folder.join("b"), BackupOptions::default()).await;
        report.unwrap_or_else(|error| panic!("{}", error.chain()));
        world.check(disk).await;
    })
    .await;
}
