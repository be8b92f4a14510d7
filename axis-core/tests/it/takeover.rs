//! Leaders that are stopped in the middle of a sync, others that take the store over, and the first ones waking up again.
//!
//! The processes are this test binary, started again as a child that does what its role says. A leader is stopped while
//! its source keeps it waiting, so that it wakes up before its commit.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{Engine, Error, ErrorKind, Result, SyncEvent, SyncOptions, SyncState};
use axis_testkit::postgres::TestDatabase;
use tempfile::TempDir;

use super::support::{DEADLINE, assert_equal, number, open, session, sync, text};

const URL: &str = "AXIS_TEST_TAKEOVER_URL";
const STORE: &str = "AXIS_TEST_TAKEOVER_STORE";
const ROLE: &str = "AXIS_TEST_TAKEOVER_ROLE";

/// The shortest silence that lets a store be taken over.
const SILENCE: Duration = Duration::from_secs(3);

/// Whoever reads `b` waits while somebody holds the advisory lock.
const SOURCE: &str = "
create table a (id bigint primary key, at_ timestamptz not null default now(), pad text not null);
create table b (id bigint primary key, at_ timestamptz not null default now(), pad text not null);
create function grow() returns void language sql as $$
  insert into a select coalesce((select max(id) from a), 0) + i, now(), repeat(md5(i::text), 8) from generate_series(1, 5000) i;
  insert into b select coalesce((select max(id) from b), 0) + i, now(), repeat(md5(i::text), 8) from generate_series(1, 5000) i;
$$;
select grow();
";
const HOLD: &str = "select pg_advisory_lock(7)";
const RELEASE: &str = "select pg_advisory_unlock(7)";

fn config(url: &str, store: &Path) -> Config {
    let a = TableConfig::new("a", "select * from a").with_incremental_column("at_");
    let gate = "select b.* from (select pg_advisory_lock_shared(7)::text as held) gate, b where gate.held is not null";
    let b = TableConfig::new("b", gate).with_incremental_column("at_");
    let connection = Connection::from_url(url).unwrap();
    let mut config = Config::for_store(store).with_dataset(DatasetConfig::custom("shop", connection, vec![a, b]));
    // One table after the other, and rows of `a` long before those of `b`.
    config.store.sync_workers = 1;
    config
}

async fn take_over(config: Config) -> Result<Engine> {
    Engine::builder(config).take_over(SILENCE).open().await
}

/// Takes the store over as soon as its holder has been silent for long enough.
async fn usurp(world: &World) -> Engine {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match take_over(world.config()).await {
            Ok(engine) => return engine,
            Err(error) if error.kind() == ErrorKind::Locked && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("{}", error.chain()),
        }
    }
}

fn say(line: &str) {
    // The parent may be gone; then this process is about to be.
    let _ = writeln!(std::io::stdout(), "tell {line}");
    let _ = std::io::stdout().flush();
}

async fn told_to_go_on() {
    tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        let _ = std::io::stdin().read_line(&mut line);
    })
    .await
    .unwrap();
}

fn refusal(error: &Error) -> String {
    format!("refused {} {error}", error.code())
}

/// The process that plays a role. Without the parent's variables it checks only that nobody takes over what lives, from
/// within one process, so that a run of all tests does not count an empty one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(role)) = (variable(URL), variable(STORE), variable(ROLE)) else {
        let world = World::new().await;
        let engine = open(world.config()).await;
        let error = take_over(world.config()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        engine.close().await.unwrap();
        return;
    };
    let config = config(&url, Path::new(&store));
    match role.as_str() {
        "leader" => lead(open(config).await).await,
        _ => match take_over(config).await {
            Err(error) => say(&refusal(&error)),
            Ok(engine) => {
                say("opened");
                told_to_go_on().await;
                sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
                say("committed");
                told_to_go_on().await;
                engine.close().await.unwrap();
            }
        },
    }
}

/// Syncs, twice if it must, and tells how that went, what status and probe say, and whether it can be read.
async fn lead(engine: Engine) {
    let shop = engine.dataset("shop").unwrap();
    let mut events = engine.events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let SyncEvent::Progress { done: true, .. } = &event.what {
                say("read");
            }
        }
    });
    for _ in 0..2 {
        match shop.sync(SyncOptions::full()).await {
            Ok(_) => say("committed"),
            Err(error) => say(&refusal(&error)),
        }
    }
    let status = shop.status();
    let code = status.last_failure.map(|failure| failure.code).unwrap_or_default();
    say(&format!("status {} {code}", status.state == SyncState::Error));
    say(&engine
        .probe()
        .await
        .map_or_else(|error| refusal(&error), |()| "fine".to_owned()));
    say(&format!("rows {}", number(&engine, "select count(*) from a").await));
    told_to_go_on().await;
    engine.close().await.unwrap();
    say("closed");
}

/// A child in its role; it is killed when dropped.
struct Role {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Role {
    fn start(world: &World, role: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "takeover::child", "--nocapture", "--test-threads", "1"])
            .env(URL, &world.database.url)
            .env(STORE, &world.store)
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self {
            stdin: child.stdin.take(),
            lines: BufReader::new(child.stdout.take().expect("it is piped")).lines(),
            child,
        }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns the next thing that it tells.
    fn tells(&mut self) -> String {
        loop {
            let line = self.lines.next().expect("it tells more").unwrap();
            if let Some((_, told)) = line.split_once("tell ") {
                return told.to_owned();
            }
        }
    }

    fn go_on(&mut self) {
        writeln!(self.stdin.as_mut().expect("it is piped")).unwrap();
    }

    fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // It has ended already, as a rule.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A source, and a store that was synced from it once.
struct World {
    database: TestDatabase,
    _directory: TempDir,
    store: PathBuf,
}

impl World {
    async fn new() -> Self {
        let database = TestDatabase::create("takeover");
        database.execute(SOURCE);
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("s.duckdb");
        let engine = open(config(&database.url, &store)).await;
        sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
        engine.close().await.unwrap();
        Self {
            database,
            _directory: directory,
            store,
        }
    }

    fn config(&self) -> Config {
        config(&self.database.url, &self.store)
    }

    /// Starts a leader and stops it when it has read one table and waits for the other.
    async fn stopped_leader(&self) -> Role {
        let gate = session(&self.database.url).await;
        gate.batch_execute(HOLD).await.unwrap();
        let mut leader = Role::start(self, "leader");
        assert_eq!(leader.tells(), "read");
        leader.signal("-STOP");
        gate.batch_execute(RELEASE).await.unwrap();
        leader
    }

    /// Grows the source, syncs, and checks that the store equals it.
    async fn grow(&self, engine: &Engine) {
        self.database.execute("select grow()");
        sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
        self.check(engine).await;
    }

    async fn check(&self, engine: &Engine) {
        for table in ["a", "b"] {
            let sql =
                format!("select id::varchar, pad, (extract(epoch from at_) * 1000000)::bigint::varchar from {table}");
            assert_equal(table, text(engine, &sql).await, self.database.query_text(&sql));
        }
    }

    /// The files beside the store.
    fn files(&self) -> BTreeSet<String> {
        let directory = self.store.parent().unwrap();
        std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn assert_tidy(&self) {
        let files: Vec<_> = self.files().into_iter().collect();
        assert_eq!(files, ["s.duckdb", "s.duckdb.lock"]);
    }
}

/// Lets a stopped leader go on, and checks that it finds out and says so everywhere.
fn wakes_up_and_is_refused(leader: &mut Role, successor: u32) {
    leader.signal("-CONT");
    assert_eq!(leader.tells(), "read");
    let expected = format!("process {successor} took the store over in epoch ");
    for _ in 0..2 {
        let mut told = leader.tells();
        while told == "read" {
            told = leader.tells();
        }
        assert!(
            told.starts_with("refused AXIS_LOCKED") && told.contains(&expected),
            "{told}"
        );
    }
    assert_eq!(leader.tells(), "status true AXIS_LOCKED");
    let probed = leader.tells();
    assert!(
        probed.starts_with("refused AXIS_LOCKED") && probed.contains(&expected),
        "{probed}"
    );
    assert_eq!(leader.tells(), "rows 5000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_leader_that_wakes_up_after_a_takeover_cannot_commit_and_harms_nothing() {
    let world = World::new().await;
    let mut leader = world.stopped_leader().await;
    let error = Engine::builder(world.config()).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(
        error.message().contains(&format!("process {}", leader.pid())),
        "{error}"
    );

    let engine = usurp(&world).await;
    assert_eq!(number(&engine, "select count(*) from b").await, 5000);
    world.grow(&engine).await;
    wakes_up_and_is_refused(&mut leader, std::process::id());
    world.check(&engine).await;
    world.grow(&engine).await;
    leader.go_on();
    assert_eq!(leader.tells(), "closed");
    leader.kill();
    // What the last commit left in the write-ahead log is still found after all of this.
    world.grow(&engine).await;
    engine.close().await.unwrap();
    world.assert_tidy();
    let engine = open(world.config()).await;
    world.check(&engine).await;
    world.grow(&engine).await;
    engine.close().await.unwrap();
    world.assert_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_successor_that_is_killed_loses_nothing_while_the_stopped_leader_still_lives() {
    let world = World::new().await;
    let mut leader = world.stopped_leader().await;
    let mut successor = loop {
        let mut successor = Role::start(&world, "successor");
        match successor.tells().as_str() {
            "opened" => break successor,
            told => assert!(told.starts_with("refused AXIS_LOCKED"), "{told}"),
        }
    };
    world.database.execute("select grow()");
    successor.go_on();
    assert_eq!(successor.tells(), "committed");
    successor.kill();

    // The commit of the one that was killed is there, also for the next one but one, and also once the leader has woken up.
    let third = open(world.config()).await;
    world.check(&third).await;
    wakes_up_and_is_refused(&mut leader, std::process::id());
    world.grow(&third).await;
    third.close().await.unwrap();
    let fourth = open(world.config()).await;
    world.check(&fourth).await;
    world.grow(&fourth).await;
    leader.go_on();
    assert_eq!(leader.tells(), "closed");
    leader.kill();
    world.check(&fourth).await;
    fourth.close().await.unwrap();
    world.assert_tidy();
    let engine = open(world.config()).await;
    world.check(&engine).await;
    engine.close().await.unwrap();
    world.assert_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_takeovers_at_once_one_wins_and_the_other_is_told_who() {
    let world = World::new().await;
    let mut leader = world.stopped_leader().await;
    let lock = world.store.with_extension("duckdb.lock");
    let deadline = Instant::now() + DEADLINE;
    while std::fs::metadata(&lock)
        .unwrap()
        .modified()
        .unwrap()
        .elapsed()
        .unwrap_or_default()
        < SILENCE
    {
        assert!(Instant::now() < deadline, "the stopped leader gives signs of life");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut rivals = [Role::start(&world, "successor"), Role::start(&world, "successor")];
    let mut told: Vec<_> = rivals.iter_mut().map(Role::tells).collect();
    if told[0] != "opened" {
        rivals.reverse();
        told.reverse();
    }
    assert_eq!(told[0], "opened");
    assert!(told[1].starts_with("refused AXIS_LOCKED"), "{told:?}");
    let [winner, _] = &mut rivals;
    world.database.execute("select grow()");
    winner.go_on();
    assert_eq!(winner.tells(), "committed");
    wakes_up_and_is_refused(&mut leader, winner.pid());
    leader.kill();
    winner.kill();
    let engine = open(world.config()).await;
    world.check(&engine).await;
    engine.close().await.unwrap();
    world.assert_tidy();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_lives_is_not_taken_over() {
    let world = World::new().await;
    let engine = open(world.config()).await;
    let mut rival = Role::start(&world, "successor");
    let told = rival.tells();
    let expected = format!(
        "refused AXIS_LOCKED the store is in use by process {}",
        std::process::id()
    );
    assert!(told.starts_with(&expected) && told.contains("signs of life"), "{told}");
    world.grow(&engine).await;
    engine.close().await.unwrap();
    world.assert_tidy();
}
