//! Processes that are killed in the middle of syncs: the store opens, whole, and the next sync is right.
//!
//! The parent starts this test binary again as a child that syncs. At a fail point the child kills itself; at random times
//! the parent does. Every fail point is hit in every mode that passes it.

mod child;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig, ViewConfig};
use axis_core::{Engine, FAIL_POINTS, SyncMode, SyncOptions};
use axis_testkit::postgres::TestDatabase;
use fastrand::Rng;
use tempfile::TempDir;

use super::support::{ask, assert_equal, open, scaled, staging_tables, sync, text};
use super::victim::Fate;

/// How the child syncs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Rebuilds both tables.
    Full,
    /// Refreshes them without a key.
    Window,
    /// Refreshes them by key.
    Merge,
    /// Refreshes them by key, and compares all keys; each version deletes a row.
    Reconcile,
    /// Rebuilds, and the source refuses to read the second table.
    Failing,
}

impl Mode {
    const ALL: [Self; 5] = [Self::Full, Self::Window, Self::Merge, Self::Reconcile, Self::Failing];

    fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Window => "window",
            Self::Merge => "merge",
            Self::Reconcile => "reconcile",
            Self::Failing => "failing",
        }
    }

    /// Tells whether each sync of this mode passes a fail point.
    fn passes(self, point: &str) -> bool {
        if point.starts_with("backup.") {
            return false;
        }
        let of_rebuilds = [
            "stage.head",
            "stage.created",
            "stage.table",
            "commit.dropped",
            "commit.checkpointed",
        ];
        let of_refreshes = ["stage.peeked", "stage.window", "commit.deleted"];
        let of_comparisons = ["reconcile.keys", "reconcile.compared", "commit.gone"];
        let compares = of_comparisons.contains(&point);
        match self {
            Self::Full => !of_refreshes.contains(&point) && !compares && !point.starts_with("failed."),
            Self::Window | Self::Merge => !of_rebuilds.contains(&point) && !compares && !point.starts_with("failed."),
            Self::Reconcile => !of_rebuilds.contains(&point) && !point.starts_with("failed."),
            // The failure of one table may stop the other one anywhere.
            Self::Failing => point.starts_with("failed.") || point.starts_with("open."),
        }
    }

    fn has_key(self) -> bool {
        matches!(self, Self::Merge | Self::Reconcile)
    }

    fn options(self) -> SyncOptions {
        match self {
            Self::Full | Self::Failing => SyncOptions::full(),
            Self::Window | Self::Merge => SyncOptions::default(),
            Self::Reconcile => SyncOptions::default().mode(SyncMode::Reconcile),
        }
    }
}

/// Each version adds rows to both tables and changes newer rows, which are in the next window, and with `old` older rows, too;
/// with `gone` it deletes the oldest row.
const SOURCE: &str = "
create table a (id bigint primary key, version bigint, at_ timestamptz, pad text);
create table b (id bigint primary key, version bigint, at_ timestamptz, pad text);
create table divisor as select 1 as d;
insert into a select i, 0, now(), md5(i::text) from generate_series(1, 3000) i;
insert into b select i, 0, now(), md5(i::text) from generate_series(1, 300) i;
create function next_version(old boolean, gone boolean) returns void language plpgsql as $$
declare
  v bigint := (select max(version) + 1 from a);
begin
  update a set version = v, at_ = now() where id > (select max(id) - 300 from a) or old and id % 100 = v % 100;
  delete from a where gone and id = (select min(id) from a);
  insert into a select max(id) + i, v, now(), md5(i::text) from a, generate_series(1, 5) i group by i;
  insert into b select max(id) + i, v, now(), md5(i::text) from b, generate_series(1, 2) i group by i;
end $$;
";

/// The view has another text in each round, so that each round makes it anew.
fn config(mode: Mode, round: usize, url: &str, store: &Path) -> Config {
    let table = |name: &str, query: &str| {
        let table = TableConfig::new(name, query).with_incremental_column("at_");
        if mode.has_key() {
            table.with_primary_key(["id"])
        } else {
            table
        }
    };
    let tables = vec![
        table("a", "select * from a"),
        table("b", "select b.*, 1 / d as one from b, divisor"),
    ];
    let mut dataset = DatasetConfig::custom("shop", Connection::from_url(url).unwrap(), tables);
    dataset.view = ViewConfig::Sql {
        name: "pair".to_owned(),
        sql: format!(
            "select {round} as round, a.version as a, b.version as b from (select max(version) as version from a) a, (select max(version) as version from b) b"
        ),
    };
    Config::for_store(store).with_dataset(dataset)
}

/// A source and a store that processes are killed over.
struct Scene {
    mode: Mode,
    database: TestDatabase,
    directory: TempDir,
    /// What the store held when it was last looked at.
    seen: Seen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    version: i64,
    generation: u64,
}

impl Scene {
    async fn new(mode: Mode) -> Self {
        let database = TestDatabase::create("crash");
        database.execute(SOURCE);
        let directory = tempfile::tempdir().unwrap();
        let mut scene = Self {
            mode,
            database,
            directory,
            seen: Seen::default(),
        };
        let engine = scene.open(0).await;
        sync(&engine.dataset("shop").unwrap(), SyncOptions::full()).await;
        scene.seen = scene.whole(&engine).await;
        engine.close().await.unwrap();
        scene
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("s.duckdb")
    }

    async fn open(&self, round: usize) -> Engine {
        open(config(self.mode, round, &self.database.url, &self.store())).await
    }

    /// Looks at a store after a crash: it is what it was, or what a sync of the child has made, and all of it.
    async fn survives(&mut self, round: usize) {
        let engine = self.open(round).await;
        let found = self.whole(&engine).await;
        let before = self.seen;
        assert!(
            found == before || found.version > before.version && found.generation > before.generation,
            "{found:?} after {before:?}"
        );
        assert_eq!(staging_tables(&engine).await, 0);
        if self.mode == Mode::Failing {
            self.database.execute("update divisor set d = 1");
        }
        let report = sync(&engine.dataset("shop").unwrap(), self.mode.options()).await;
        let expected = match self.mode {
            Mode::Full | Mode::Failing => "full",
            Mode::Window | Mode::Merge | Mode::Reconcile => "incremental",
        };
        assert_eq!(report.strategy.as_str(), expected, "{report:?}");
        assert_eq!(staging_tables(&engine).await, 0);
        for table in ["a", "b"] {
            let sql = format!(
                "select version::varchar, count(*)::varchar, sum(id)::varchar, md5(string_agg(pad || at_::varchar, '' order by id)) from {table} group by version"
            );
            assert_equal(table, text(&engine, &sql).await, self.database.query_text(&sql));
        }
        let view = ask(&engine, "select round from pair").await;
        assert_eq!(view[0]["round"], round, "the view is of this round");
        self.seen = self.whole(&engine).await;
        engine.close().await.unwrap();
        self.nothing_lies_about();
    }

    /// Checks that tables, view, record and run log are of one version.
    async fn whole(&self, engine: &Engine) -> Seen {
        let rows = ask(
            engine,
            "select (select count(*) from a) as rows_a, (select count(*) from b) as rows_b, pair.a, pair.b,
                    (select strftime(max(at_), '%Y-%m-%dT%H:%M:%S.%f+00:00') from a) as watermark
             from pair",
        )
        .await;
        let value = |name: &str| rows[0][name].as_i64().expect("a number");
        let version = value("a");
        assert_eq!(value("b"), version, "two versions");
        let counts = (value("rows_a"), value("rows_b"));
        let added = if self.mode == Mode::Reconcile { 4 } else { 5 };
        assert_eq!(counts, (3000 + added * version, 300 + 2 * version));
        let status = engine.dataset("shop").unwrap().status();
        let report = status.last_success.expect("it was synced");
        let reported = |index: usize| report.tables[index].rows_total.cast_signed();
        assert_eq!((reported(0), reported(1)), counts, "the record is of another commit");
        assert_eq!(report.generation, status.generation);
        assert_eq!(status.watermarks["a"].as_deref(), rows[0]["watermark"].as_str());
        let runs = engine.runs(1).await.unwrap();
        assert_eq!(
            runs[0].generation, status.generation,
            "the run log is of another commit"
        );
        Seen {
            version,
            generation: status.generation,
        }
    }

    /// Checks that a store that was closed is one file beside its lock.
    fn nothing_lies_about(&self) {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<String> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["s.duckdb", "s.duckdb.lock"]);
    }

    /// Kills a child at the n-th time that it reaches a point, and looks.
    async fn at_point(&mut self, round: usize, point: &str, hit: u32) {
        let fate = child::start(self, round, Some((point, hit))).wait();
        // Not every point is reached again and again; each is reached once.
        assert!(
            fate == Fate::Killed || hit > 1,
            "{} did not reach {point}",
            self.mode.name()
        );
        self.survives(round).await;
    }
}

async fn kills_survive(mode: Mode, rounds: usize) {
    let mut rng = Rng::with_seed(mode as u64);
    let points: Vec<&str> = FAIL_POINTS.iter().copied().filter(|point| mode.passes(point)).collect();
    let mut scene = Scene::new(mode).await;
    for round in 1..=scaled(rounds, 5).max(points.len()) {
        if let Some(point) = points.get(round - 1) {
            if mode == Mode::Full && point.starts_with("open.") {
                // Now there is something to sweep.
                let staged = child::start(&scene, round, Some(("stage.table", 1)));
                assert_eq!(staged.wait(), Fate::Killed);
            }
            scene.at_point(round, point, 1).await;
        } else if rng.bool() {
            let point = points[rng.usize(..points.len())];
            scene.at_point(round, point, rng.u32(1..=4)).await;
        } else {
            // Two in a row now and then: the second one opens what the first one has left.
            for _ in 0..rng.u32(1..=2) {
                let victim = child::start(&scene, round, None);
                assert_eq!(
                    victim.kill_after(Duration::from_micros(rng.u64(..150_000))),
                    Fate::Killed
                );
            }
            scene.survives(round).await;
        }
    }
}

#[tokio::test]
async fn killed_rebuilds_leave_the_old_or_the_new_dataset() {
    kills_survive(Mode::Full, 70).await;
}

#[tokio::test]
async fn killed_refreshes_leave_the_old_or_the_new_dataset() {
    kills_survive(Mode::Window, 55).await;
}

#[tokio::test]
async fn killed_merges_leave_the_old_or_the_new_dataset() {
    kills_survive(Mode::Merge, 55).await;
}

#[tokio::test]
async fn killed_comparisons_of_keys_leave_the_old_or_the_new_dataset() {
    kills_survive(Mode::Reconcile, 40).await;
}

#[tokio::test]
async fn killed_failures_leave_the_old_dataset() {
    kills_survive(Mode::Failing, 20).await;
}

#[test]
fn every_fail_point_is_in_the_way_of_a_kill() {
    // Those of a backup are in the way of its own tests.
    for point in FAIL_POINTS.iter().filter(|point| !point.starts_with("backup.")) {
        assert!(Mode::ALL.iter().any(|mode| mode.passes(point)), "{point}");
    }
}

/// Tests turn the feature on for themselves alone: what others build does not even depend on the crate that fail points need.
#[test]
fn a_build_without_tests_has_no_fail_points() {
    let packages = |edges: &str| {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--offline",
                "--locked",
                "--workspace",
                "--prefix",
                "none",
                "--edges",
                edges,
            ])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let has = |tree: String| tree.lines().any(|line| line.starts_with("fail v"));
    assert!(has(packages("normal,build,dev")), "tests have it");
    assert!(!has(packages("normal,build")), "nothing else has it");
}
