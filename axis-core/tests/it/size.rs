//! The size of the store's file: it does not grow however often everything is read anew.

use std::path::Path;

use axis_core::config::{Config, TableConfig};
use axis_core::{Engine, Query, SyncOptions};
use axis_testkit::postgres::TestDatabase;

use super::support::{config, number, open, scaled, sync};
use super::victim::{Fate, Victim, die_at};

const URL: &str = "AXIS_TEST_SIZE_URL";
const STORE: &str = "AXIS_TEST_SIZE_STORE";
const POINT: &str = "AXIS_TEST_SIZE_POINT";
const REFRESHES: usize = 100;
/// Copies of the data that the file may have room for: the one that readers see, the one that takes its place, and a little.
const COPIES: f64 = 2.3;

/// Values that nothing compresses: 64 bytes a row, in some twenty blocks a copy.
const SOURCE: &str = "
create table a as
  select i as id, gen_random_uuid() as b, gen_random_uuid() as c, gen_random_uuid() as d, gen_random_uuid() as e
    from generate_series(1, 75000) i;
";

fn tables(url: &str, store: &Path) -> Config {
    config(store, url, vec![TableConfig::new("a", "select * from a")])
}

async fn refresh(engine: &Engine) {
    sync(&engine.dataset("shop").unwrap(), SyncOptions::full()).await;
}

/// The process that is killed. Without the parent's variables it only syncs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(url), Some(store), Some(point)) = (variable(URL), variable(STORE), variable(POINT)) else {
        let database = TestDatabase::create("size");
        database.execute(SOURCE);
        let directory = tempfile::tempdir().unwrap();
        let engine = open(tables(&database.url, &directory.path().join("s.duckdb"))).await;
        refresh(&engine).await;
        assert_eq!(number(&engine, "select count(*) from a").await, 75_000);
        return engine.close().await.unwrap();
    };
    die_at(&point);
    refresh(&open(tables(&url, Path::new(&store))).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_rebuilds_take_the_room_of_little_more_than_two() {
    let database = TestDatabase::create("size");
    database.execute(SOURCE);
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("s.duckdb");
    let mut engine = open(tables(&database.url, &store)).await;
    refresh(&engine).await;
    let size = || std::fs::metadata(&store).unwrap().len() as f64;
    let copy = size();
    for round in 1..=scaled(REFRESHES, 5) {
        let reader = if round % 5 == 0 {
            let mut reader = engine.query(Query::sql("select b from a, range(3)")).await.unwrap();
            reader.next().await.unwrap().unwrap();
            Some(reader)
        } else {
            None
        };
        refresh(&engine).await;
        if let Some(mut reader) = reader {
            while let Some(batch) = reader.next().await {
                batch.unwrap();
            }
        }
        if round % 10 == 0 {
            engine.close().await.unwrap();
            let point = if round % 20 == 0 {
                "stage.table 1"
            } else {
                "commit.committed 1"
            };
            let variables = [
                (URL, database.url.as_str()),
                (STORE, store.to_str().unwrap()),
                (POINT, point),
            ];
            assert_eq!(Victim::start("size::child", &variables).wait(), Fate::Killed);
            engine = open(tables(&database.url, &store)).await;
        }
        assert!(
            size() <= COPIES * copy,
            "{:.2} copies after {round} rebuilds",
            size() / copy
        );
    }
    engine.close().await.unwrap();
}
