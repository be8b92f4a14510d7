//! Datasets with equal connections that are synced together: one snapshot, or none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Dataset, Engine, Error, ErrorKind, Result, SyncOptions, SyncReport};
use axis_testkit::postgres::TestDatabase;
use tempfile::TempDir;
use tokio_postgres::Client;

use super::support::{DEADLINE, number, open, session};

/// Two accounts tables whose amounts add up to 20,000, and a gate at the end of a third table.
const BANK: &str = "
create table checking (id int primary key, amount int not null, updated_at timestamptz not null default clock_timestamp());
create table savings (id int primary key, amount int not null, updated_at timestamptz not null default clock_timestamp());
insert into checking select i, 100 from generate_series(1, 100) i;
insert into savings select i, 100 from generate_series(1, 100) i;
create function gate() returns boolean language plpgsql as 'begin perform pg_advisory_xact_lock_shared(7); return true; end';
";
const TOTAL: i64 = 20_000;

/// A database with accounts, and an engine with one dataset for each of the tables.
struct Bank {
    database: TestDatabase,
    engine: Engine,
    _directory: TempDir,
}

impl Bank {
    async fn open(prefix: &str, tables: Vec<TableConfig>) -> Self {
        let database = TestDatabase::create(prefix);
        database.execute(BANK);
        let url = database.url.clone();
        Self::open_as(database, &url, tables.into_iter().map(|table| vec![table]).collect()).await
    }

    /// Connects as a user who may have one session only, so that no snapshot can be imported.
    async fn open_alone(prefix: &str, datasets: Vec<Vec<TableConfig>>) -> Self {
        let database = TestDatabase::create(prefix);
        database.execute(BANK);
        let user = &database.name;
        database.execute(&format!(
            "create role {user} login password 'alone' connection limit 1; grant select on all tables in schema public to {user}"
        ));
        let (_, place) = database.url.split_once('@').unwrap();
        let url = format!("postgresql://{user}:alone@{place}");
        Self::open_as(database, &url, datasets).await
    }

    async fn open_as(database: TestDatabase, url: &str, datasets: Vec<Vec<TableConfig>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::for_store(directory.path().join("s.duckdb"));
        for tables in datasets {
            let name = format!("ds_{}", tables[0].name);
            let connection = Connection::from_url(url).unwrap();
            config = config.with_dataset(DatasetConfig::custom(name, connection, tables));
        }
        Self {
            database,
            engine: open(config).await,
            _directory: directory,
        }
    }

    fn datasets(&self) -> Vec<Dataset> {
        self.engine.syncable().collect()
    }

    async fn sync(&self, options: SyncOptions) -> Vec<Result<SyncReport>> {
        let outcomes = self.engine.sync(&self.datasets(), &options).await;
        outcomes.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Syncs, which must succeed, and checks that there was one snapshot.
    async fn sync_all(&self) -> Vec<SyncReport> {
        let outcomes = self.sync(SyncOptions::default()).await;
        let reports: Vec<_> = outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|error| panic!("{}", error.chain())))
            .collect();
        for report in &reports {
            assert_eq!(report.snapshot_at, reports[0].snapshot_at);
        }
        reports
    }

    async fn total(&self) -> i64 {
        let sum = "select (select sum(amount) from checking) + (select sum(amount) from savings)";
        number(&self.engine, &format!("{sum}::bigint")).await
    }

    /// The datasets whose query waits at the gate, and the others.
    fn reading_and_not(&self) -> (Vec<Dataset>, Vec<Dataset>) {
        let waits = |dataset: &Dataset| {
            let name = &dataset.config().tables[0].name;
            self.sessions(&format!(
                "wait_event_type = 'Lock' and query like '%''{name}'' as name%'"
            )) == "1"
        };
        self.datasets().into_iter().partition(waits)
    }

    /// The number of the engine's sessions for which a condition holds.
    fn sessions(&self, condition: &str) -> String {
        let rows = self.database.query_text(&format!(
            "select count(*) from pg_stat_activity
             where datname = current_database() and application_name = 'axis' and ({condition})"
        ));
        rows[0][0].clone().unwrap()
    }

    /// Waits until that many of the engine's sessions satisfy a condition.
    async fn until(&self, count: &str, condition: &str) {
        let wait = async {
            while self.sessions(condition) != count {
                tokio::task::yield_now().await;
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        assert!(
            waited.is_ok(),
            "{} sessions are in `{condition}`",
            self.sessions(condition)
        );
    }
}

/// Moves amounts from one table to the other and back, in transactions, until it is stopped.
struct Transfers {
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<u32>,
}

impl Transfers {
    async fn start(database: &TestDatabase) -> Self {
        let client = session(&database.url).await;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut done = 0;
            while !stopped.load(Ordering::SeqCst) {
                let (id, amount) = (done % 100 + 1, i64::from(done % 7) - 3);
                let sql = format!(
                    "begin;
                     update checking set amount = amount - {amount}, updated_at = clock_timestamp() where id = {id};
                     update savings set amount = amount + {amount}, updated_at = clock_timestamp() where id = 101 - {id};
                     commit"
                );
                client.batch_execute(&sql).await.unwrap();
                done += 1;
            }
            done
        });
        Self { stop, task }
    }

    async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap()
    }
}

fn whole(name: &str) -> TableConfig {
    TableConfig::new(name, format!("select * from {name}"))
}

fn incremental(name: &str) -> TableConfig {
    let mut table = whole(name);
    table.primary_key = vec!["id".to_owned()];
    table.incremental_column = Some("updated_at".to_owned());
    table
}

/// A table whose last row cannot be read while somebody holds the gate.
fn gated(name: &str) -> TableConfig {
    let query = format!("select i, '{name}' as name from generate_series(1, 10) i where i < 10 or gate()");
    TableConfig::new(name, query)
}

async fn close_gate(database: &TestDatabase) -> Client {
    let keeper = session(&database.url).await;
    keeper.batch_execute("select pg_advisory_lock(7)").await.unwrap();
    keeper
}

fn kinds(outcomes: &[Result<SyncReport>]) -> Vec<Option<ErrorKind>> {
    outcomes
        .iter()
        .map(|outcome| outcome.as_ref().err().map(Error::kind))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_two_datasets_add_up_after_every_sync_whatever_is_committed_meanwhile() {
    let bank = Bank::open(
        "shared_sums",
        vec![whole("checking"), gated("other"), incremental("savings")],
    )
    .await;
    let transfers = Transfers::start(&bank.database).await;
    for round in 0..15 {
        bank.sync_all().await;
        assert_eq!(bank.total().await, TOTAL, "round {round}");
    }
    assert!(transfers.stop().await > 100, "money has moved meanwhile");
    bank.sync_all().await;
    let moved = "select count(*) from checking where amount <> 100";
    assert!(number(&bank.engine, moved).await > 0);
    bank.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_shared_snapshot_serve_the_next_sync() {
    let bank = Bank::open("shared_idle", vec![whole("checking"), whole("savings")]).await;
    bank.sync_all().await;
    assert_eq!(bank.sessions("state = 'idle'"), "2", "no session more than datasets");
    let pids = "select pid from pg_stat_activity
                where datname = current_database() and application_name = 'axis' order by pid";
    let before = bank.database.query_text(pids);
    bank.sync_all().await;
    assert_eq!(bank.database.query_text(pids), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn datasets_that_cannot_import_the_snapshot_read_one_after_the_other_in_the_session_that_took_it() {
    let datasets = vec![vec![whole("checking")], vec![incremental("savings")]];
    let bank = Bank::open_alone("shared_alone", datasets).await;
    let transfers = Transfers::start(&bank.database).await;
    for round in 0..5 {
        bank.sync_all().await;
        assert_eq!(bank.total().await, TOTAL, "round {round}");
    }
    transfers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_of_a_dataset_that_cannot_fork_are_read_by_its_one_session_and_add_up() {
    let bank = Bank::open_alone("shared_tables", vec![vec![whole("checking"), whole("savings")]]).await;
    let transfers = Transfers::start(&bank.database).await;
    for round in 0..5 {
        bank.sync_all().await;
        assert_eq!(bank.total().await, TOTAL, "round {round}");
    }
    transfers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_export_the_snapshot_reads_everything_in_the_session_that_took_it() {
    for (name, datasets) in [
        ("tables", vec![vec![whole("checking"), whole("savings")]]),
        ("datasets", vec![vec![whole("checking")], vec![incremental("savings")]]),
    ] {
        let bank = Bank::open_alone(&format!("shared_export_{name}"), datasets).await;
        let user = &bank.database.name;
        bank.database.execute(&format!(
            "revoke execute on function pg_export_snapshot() from public; alter role {user} connection limit -1"
        ));
        bank.sync_all().await;
        assert_eq!(bank.sessions("true"), "1");
        assert_eq!(bank.total().await, TOTAL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_whose_snapshot_dies_before_it_reads_fails_and_the_next_sync_is_right() {
    let bank = Bank::open("shared_killed", vec![gated("a"), gated("b"), gated("c")]).await;
    bank.sync_all().await;
    let keeper = close_gate(&bank.database).await;
    let (outcomes, ()) = tokio::join!(bank.sync(SyncOptions::full()), async {
        // Two read in forks, the third waits for its turn, and the session that took the snapshot waits for the third.
        bank.until("2", "wait_event_type = 'Lock'").await;
        let idle = "datname = current_database() and application_name = 'axis' and state = 'idle in transaction'";
        let killed = format!("select pg_terminate_backend(pid, 60000) from pg_stat_activity where {idle}");
        assert_eq!(bank.database.query_text(&killed), [[Some("t".to_owned())]]);
        keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    });
    let mut kinds = kinds(&outcomes);
    kinds.sort_by_key(Option::is_some);
    assert_eq!(kinds, [None, None, Some(ErrorKind::SourceUnavailable)]);
    for (dataset, outcome) in bank.datasets().iter().zip(&outcomes) {
        let generation = if outcome.is_ok() { 2 } else { 1 };
        assert_eq!(dataset.status().generation, generation, "the data of before is served");
    }
    bank.sync_all().await;
    bank.until("0", "state <> 'idle'").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_gives_up_in_the_only_session_takes_nobody_to_another_snapshot() {
    let bank = Bank::open_alone("shared_gave_up", vec![vec![gated("a")], vec![gated("b")]]).await;
    bank.sync_all().await;
    let keeper = close_gate(&bank.database).await;
    let (outcomes, ()) = tokio::join!(bank.sync(SyncOptions::full()), async {
        bank.until("1", "wait_event_type = 'Lock'").await;
        let (reading, _) = bank.reading_and_not();
        assert!(reading[0].cancel_sync());
    });
    let mut kinds = kinds(&outcomes);
    kinds.sort_by_key(|kind| *kind == Some(ErrorKind::Cancelled));
    assert_eq!(kinds, [Some(ErrorKind::SourceUnavailable), Some(ErrorKind::Cancelled)]);
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    // The server ends the session that was given up in its own time, and the user may have one only.
    bank.until("0", "true").await;
    bank.sync_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_snapshot_is_let_go_when_the_last_who_could_have_asked_is_cancelled() {
    let bank = Bank::open("shared_cancelled", vec![gated("a"), gated("b"), gated("c")]).await;
    let keeper = close_gate(&bank.database).await;
    let (outcomes, ()) = tokio::join!(bank.sync(SyncOptions::default()), async {
        bank.until("2", "wait_event_type = 'Lock'").await;
        bank.until("1", "state = 'idle in transaction'").await;
        let (_, waiting) = bank.reading_and_not();
        assert!(waiting[0].cancel_sync());
        bank.until("0", "state = 'idle in transaction'").await;
        assert_eq!(bank.sessions("wait_event_type = 'Lock'"), "2", "the others still read");
        keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    });
    let mut kinds = kinds(&outcomes);
    kinds.sort_by_key(Option::is_some);
    assert_eq!(kinds, [None, None, Some(ErrorKind::Cancelled)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_is_being_synced_already_is_left_out_of_the_snapshot() {
    let bank = Bank::open("shared_busy", vec![gated("a"), whole("checking"), whole("savings")]).await;
    let keeper = close_gate(&bank.database).await;
    let running = bank.datasets()[0].start_sync(SyncOptions::default()).unwrap();
    bank.until("1", "wait_event_type = 'Lock'").await;
    let outcomes = bank.sync(SyncOptions::default()).await;
    assert_eq!(kinds(&outcomes), [Some(ErrorKind::Busy), None, None]);
    assert_eq!(bank.total().await, TOTAL);
    assert_eq!(
        bank.sessions("state = 'idle in transaction'"),
        "0",
        "nobody waits for the busy one"
    );
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    running.wait().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn datasets_of_one_sqlite_file_share_its_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source.db");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch(
            "pragma journal_mode = wal; create table checking (amount int); create table savings (amount int);
             insert into checking values (10000); insert into savings values (10000)",
        )
        .unwrap();
    let mut config = Config::for_store(directory.path().join("s.duckdb"));
    for name in ["checking", "savings"] {
        let connection = Connection::Sqlite { path: path.clone() };
        config = config.with_dataset(DatasetConfig::custom(
            format!("ds_{name}"),
            connection,
            vec![whole(name)],
        ));
    }
    let engine = open(config).await;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let transfers = std::thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            let sql = "begin; update checking set amount = amount - 1; update savings set amount = amount + 1; commit";
            source.execute_batch(sql).unwrap();
        }
    });
    let datasets: Vec<Dataset> = engine.syncable().collect();
    for _ in 0..5 {
        let outcomes = engine.sync(&datasets, &SyncOptions::default()).await;
        let taken = outcomes.into_iter().map(|(_, outcome)| outcome.unwrap().snapshot_at);
        let taken: Vec<_> = taken.collect();
        assert_eq!(taken[0], taken[1]);
        let sum = "select (select sum(amount) from checking)::bigint + (select sum(amount) from savings)::bigint";
        assert_eq!(number(&engine, sum).await, TOTAL);
    }
    stop.store(true, Ordering::SeqCst);
    transfers.join().unwrap();
    engine.close().await.unwrap();
}
