//! Processes that are killed in the middle of syncs: the store opens, whole, and the next sync is right.
//!
//! The parent starts this test binary again as a child that syncs in a loop and tells every event on its standard output;
//! the parent kills it at one of these lines, each round at another one.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Engine, Strategy, SyncEvent, SyncOptions};
use axis_testkit::postgres::{TestDatabase, execute};

use super::support::{ask, assert_equal, open, staging_tables, sync, text};

const URL: &str = "AXIS_TEST_CRASH_URL";
const STORE: &str = "AXIS_TEST_CRASH_STORE";
const MODE: &str = "AXIS_TEST_CRASH_MODE";
const ROUNDS: usize = 10;

/// Each version adds rows to both tables and changes the last ones of the version before.
const SOURCE: &str = "
create table a (id bigint primary key, version bigint, at_ timestamptz, pad text);
create table b (id bigint primary key, version bigint, at_ timestamptz, pad text);
create function next_version() returns void language sql as $$
  insert into a select v * 1000 + i, v, now(), repeat(md5(i::text), 6)
    from (select coalesce(max(version), 0) + 1 as v from a) x, generate_series(1, 1000) i;
  insert into b select v * 1000 + i, v, now(), repeat(md5(i::text), 6)
    from (select coalesce(max(version), 0) + 1 as v from b) x, generate_series(1, 1000) i;
$$;
select next_version() from generate_series(1, 20);
";

fn config(url: &str, store: &Path) -> Config {
    let table = |name: &str| {
        TableConfig::new(name, format!("select * from {name}"))
            .with_incremental_column("at_")
            .with_primary_key(["id"])
    };
    let connection = Connection::from_url(url).unwrap();
    Config::for_store(store).with_dataset(DatasetConfig::custom("shop", connection, vec![table("a"), table("b")]))
}

fn options(mode: &str) -> SyncOptions {
    if mode == "full" {
        SyncOptions::full()
    } else {
        SyncOptions::default()
    }
}

/// The process that is killed. Without the parent's variables it checks only that the source can be synced twice, so that
/// a run of all tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(mode)) = (variable(URL), variable(STORE), variable(MODE)) else {
        let database = TestDatabase::create("crash");
        database.execute(SOURCE);
        let directory = tempfile::tempdir().unwrap();
        let engine = open(config(&database.url, &directory.path().join("s.duckdb"))).await;
        sync(&engine.dataset("shop").unwrap(), options("full")).await;
        database.execute("select next_version()");
        let report = sync(&engine.dataset("shop").unwrap(), options("incremental")).await;
        assert_eq!(report.strategy, Strategy::Incremental);
        check(&engine, &database).await;
        engine.close().await.unwrap();
        return;
    };
    let engine = open(config(&url, Path::new(&store))).await;
    let shop = engine.dataset("shop").unwrap();
    let mut events = engine.events();
    tokio::spawn(async move {
        while let Ok(event) = events.recv().await {
            let name = match event {
                SyncEvent::Planned { .. } => "planned",
                SyncEvent::Progress { done: true, .. } => "read",
                SyncEvent::Committed { .. } => "committed",
                _ => continue,
            };
            // The parent may be gone; then this process is about to be.
            let _ = writeln!(std::io::stdout(), "event {name}");
            let _ = std::io::stdout().flush();
        }
    });
    loop {
        execute(&url, "select next_version()");
        sync(&shop, options(&mode)).await;
    }
}

/// Starts a child and kills it at its n-th line; a line `read` that is the last one is followed by the commit.
fn crash(url: &str, store: &Path, mode: &str, lines: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--nocapture", "--test-threads", "1"])
        .env(URL, url)
        .env(STORE, store)
        .env(MODE, mode)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    let told = output
        .lines()
        .map_while(Result::ok)
        .filter(|line| line.contains("event "))
        .take(lines)
        .count();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(told, lines, "the child ended by itself");
}

/// Checks that both tables are whole and of one version.
async fn whole(engine: &Engine) -> i64 {
    let rows = ask(
        engine,
        "select (select count(*) from a) as rows_a, (select count(*) from b) as rows_b,
                (select max(version) from a) as a, (select max(version) from b) as b",
    )
    .await;
    let value = |name: &str| rows[0][name].as_i64().expect("a number");
    assert_eq!(value("a"), value("b"), "two versions");
    assert_eq!(
        (value("rows_a"), value("rows_b")),
        (value("a") * 1000, value("a") * 1000)
    );
    value("a")
}

/// Checks that the store equals the source.
async fn check(engine: &Engine, database: &TestDatabase) {
    for table in ["a", "b"] {
        let sql = format!(
            "select version::varchar, count(*)::varchar, sum(id)::varchar, md5(string_agg(pad || at_::varchar, '' order by id)) from {table} group by version"
        );
        assert_equal(table, text(engine, &sql).await, database.query_text(&sql));
    }
}

async fn survives(mode: &str) {
    let database = TestDatabase::create("crash");
    database.execute(SOURCE);
    let directory = tempfile::tempdir().unwrap();
    let store: PathBuf = directory.path().join("s.duckdb");
    let engine = open(config(&database.url, &store)).await;
    sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
    let mut version = whole(&engine).await;
    engine.close().await.unwrap();
    for round in 0..ROUNDS {
        // A sync tells four lines: planned, read, read, committed. Every second round ends right before a commit.
        let lines = if round % 2 == 0 { 3 + 2 * round } else { 1 + round };
        crash(&database.url, &store, mode, lines);
        let engine = open(config(&database.url, &store)).await;
        let found = whole(&engine).await;
        assert!(
            found >= version,
            "a committed version was lost: {found} after {version}"
        );
        assert_eq!(staging_tables(&engine).await, 0);
        let shop = engine.dataset("shop").unwrap();
        let report = sync(&shop, options(mode)).await;
        assert_eq!(report.strategy.as_str(), mode, "{report:?}");
        assert_eq!(staging_tables(&engine).await, 0);
        check(&engine, &database).await;
        version = whole(&engine).await;
        engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn killed_rebuilds_leave_the_old_or_the_new_dataset() {
    survives("full").await;
}

#[tokio::test]
async fn killed_refreshes_leave_the_old_or_the_new_dataset() {
    survives("incremental").await;
}
