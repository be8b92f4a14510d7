//! Random histories of a source, with syncs, kills and reopenings between, against the reference model of the test kit.
//!
//! A failure prints its seed and the shortest history that was found to fail; `AXIS_MODEL_SEED=42` tries that seed alone.

mod child;
mod source;
mod world;

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axis_core::config::{Config, Connection, DatasetConfig, SchemaPolicy, TableConfig, ViewConfig};
use axis_core::{SyncMode, SyncOptions};
use axis_testkit::model::{Cursor, History, Mode};
use axis_testkit::postgres::TestDatabase;
use futures::FutureExt as _;

use super::support::{DEADLINE, scaled};
use source::Source;
use world::World;

/// Tries out one history.
const SEED: &str = "AXIS_MODEL_SEED";
const HISTORIES: usize = 300;
/// How often a soak tries out as many.
const SOAK: usize = 34;
/// How many histories are tried at the same time.
const LANES: u64 = 2;
/// How many shorter histories are tried after a failure.
const SHORTENED: usize = 120;

/// What went wrong, in words.
type Outcome<T> = Result<T, String>;

const TABLES: [&str; 2] = ["a", "b"];

fn config(history: &History, url: &str, store: &Path) -> Config {
    let tables = TABLES.iter().zip(history.shapes).map(|(name, shape)| {
        let mut table = TableConfig::new(*name, format!("select * from {name}"));
        if shape.cursor != Cursor::None {
            table = table.with_incremental_column("cur");
        }
        if shape.keyed {
            table = table.with_primary_key(["id"]);
        }
        table.lookback = Some(Duration::from_secs(shape.lookback.unsigned_abs()));
        table
    });
    let mut dataset = DatasetConfig::custom("shop", Connection::from_url(url).unwrap(), tables.collect());
    dataset.view = ViewConfig::Sql {
        name: "counts".to_owned(),
        sql: "select (select count(*) from a) as a, (select count(*) from b) as b".to_owned(),
    };
    if history.adds_columns {
        dataset.on_schema_change = SchemaPolicy::Add;
    }
    Config::for_store(store).with_dataset(dataset)
}

fn options(mode: Mode) -> SyncOptions {
    SyncOptions::default().mode(match mode {
        Mode::Auto => SyncMode::Auto,
        Mode::Full => SyncMode::Full,
        Mode::Reconcile => SyncMode::Reconcile,
    })
}

/// Lives through a history in a database whose tables may be dropped; returns what was done as well.
async fn live(history: &History, database: &TestDatabase) -> (Vec<String>, Outcome<()>) {
    let mut world = match World::new(history, database).await {
        Ok(world) => world,
        Err(error) => return (Vec::new(), Err(error)),
    };
    // What panics has a history as well.
    let whole = AssertUnwindSafe(world.live(history)).catch_unwind();
    let outcome = match tokio::time::timeout(2 * DEADLINE, whole).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("it panicked".to_owned()),
        Err(_) => Err("it does not end".to_owned()),
    };
    (world.end().await, outcome)
}

/// Leaves out events as long as the history fails, and tells how the shortest one goes.
async fn shortest(mut history: History, database: &TestDatabase, first: String) -> String {
    let (mut log, mut error) = (Vec::new(), first);
    let mut size = history.ops.len() / 2;
    let mut tries = 0;
    while size > 0 && tries < SHORTENED {
        let mut at = 0;
        while at < history.ops.len() && tries < SHORTENED {
            tries += 1;
            let shorter = history.without(at..at + size);
            if let (lines, Err(why)) = live(&shorter, database).await {
                (history, log, error) = (shorter, lines, why);
            } else {
                at += size;
            }
        }
        size /= 2;
    }
    if log.is_empty() {
        // No part of it fails: then it is told as a whole.
        (log, _) = live(&history, database).await;
    }
    format!(
        "{error}\n{SEED}={} tries it again; the shortest history found, of {:?}, adding columns: {}\n  {}",
        history.seed,
        history.shapes,
        history.adds_columns,
        log.join("\n  ")
    )
}

/// Tries every second seed, or every third and so on.
async fn lane(seeds: impl Iterator<Item = u64>) -> Outcome<()> {
    let database = TestDatabase::create("model");
    for seed in seeds {
        let history = History::random(seed);
        if let (_, Err(error)) = live(&history, &database).await {
            return Err(shortest(history, &database, error).await);
        }
    }
    Ok(())
}

#[test]
fn after_every_history_the_store_is_what_the_rules_make_of_the_source() {
    let seeds = match std::env::var(SEED) {
        Ok(seed) => {
            let seed = seed.parse().expect("a seed is a number");
            seed..seed + 1
        }
        Err(_) => {
            let count = scaled(HISTORIES, SOAK) as u64;
            // The same ones in each run of the tests, others in each soak.
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("it is later")
                .as_secs();
            let first = if count > HISTORIES as u64 { now * 100_000 } else { 0 };
            first..first + count
        }
    };
    let lanes: Vec<Outcome<()>> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane_number| {
                let seeds = seeds.clone().filter(move |seed| seed % LANES == lane_number);
                let runtime = tokio::runtime::Builder::new_multi_thread()
                    .worker_threads(1)
                    .enable_all()
                    .build()
                    .unwrap();
                scope.spawn(move || runtime.block_on(lane(seeds)))
            })
            .collect();
        lanes
            .into_iter()
            .map(|lane| lane.join().unwrap_or_else(|_| Err("a lane panicked".to_owned())))
            .collect()
    });
    for outcome in lanes {
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }
}
