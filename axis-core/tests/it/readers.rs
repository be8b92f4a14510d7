//! Readers during syncs: the old dataset or the new one, never a mix, never an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axis_core::arrow::array::AsArray as _;
use axis_core::arrow::datatypes::Int32Type;
use axis_core::{Engine, Query, QueryStream, SyncOptions};
use axis_testkit::postgres::TestDatabase;

use super::support::{Project, ask, sync};

const TRACES: i64 = 1000;
const SWAPS: i64 = 100;
/// So many swaps a stream is kept open, and so often the next one begins.
const KEPT: i64 = 7;
/// How often a stream repeats each row, so that it is far from its end when its first batch arrives.
const REPEATED: i64 = 150;

/// Both tables show the version of the source, and so many rows that a mix of two versions has another number.
async fn open() -> (TestDatabase, Project, Engine) {
    let database = TestDatabase::create("readers");
    database.execute("create table version as select 0 as n");
    let project = Project::new();
    project.file("duckdb.yaml", "duckdb: {path: data/s.duckdb}\n");
    project.file(
        "eval_db.yaml",
        &format!(
            "eval_db:\n  enabled: true\n  url: ${{URL}}
  dataset_query: select i as dataset_id, n as version from version, generate_series(1, {TRACES} + n) i
  results_query: select i as dataset_id, 'm' as metric_name, n as version from version, generate_series(1, {TRACES} + n) i, generate_series(1, 2)\n"
        ),
    );
    let engine = project.open(&[("URL", &database.url)]).await;
    (database, project, engine)
}

/// Asks until told to stop; returns how many answers there were and the versions they showed.
async fn read(engine: Engine, stop: Arc<AtomicBool>, sql: &'static str) -> (usize, Vec<i64>) {
    let (mut answers, mut versions) = (0, Vec::new());
    while !stop.load(Ordering::SeqCst) {
        let rows = ask(&engine, sql).await;
        let value = |name: &str| rows[0][name].as_i64().expect("a number");
        let version = value("least");
        assert_eq!(value("greatest"), version, "a mix of versions: {}", rows[0]);
        assert_eq!(value("n"), 2 * (TRACES + version), "a part of the rows: {}", rows[0]);
        assert_eq!(value("sum"), value("n") * version * 2, "a mix of tables: {}", rows[0]);
        answers += 1;
        if versions.last() != Some(&version) {
            versions.push(version);
        }
    }
    (answers, versions)
}

/// Begins to read every row of a version again and again.
async fn begin(engine: &Engine, version: i64) -> (QueryStream, i64) {
    let sql = format!("select version from eval_results, range({REPEATED})");
    let mut stream = engine.query(Query::sql(sql)).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(
        axis_core::batch_to_json(&first)
            .iter()
            .all(|row| row["version"] == version)
    );
    (stream, version)
}

/// Reads the rest, which is of the version that the stream began with however many there were since.
async fn finish((mut stream, version): (QueryStream, i64)) {
    let (mut rows, mut sum) = (0, 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.unwrap_or_else(|error| panic!("{}", error.chain()));
        let versions = batch.column(0).as_primitive::<Int32Type>();
        rows += batch.num_rows();
        sum += versions.iter().flatten().map(i64::from).sum::<i64>();
    }
    let whole = 2 * (TRACES + version) * REPEATED;
    assert!(rows > 0, "there was more than one batch");
    assert!(
        (rows as i64) < whole && whole - (rows as i64) <= 2048,
        "{rows} rows of {whole}"
    );
    assert_eq!(sum, version * rows as i64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_see_the_old_or_the_new_dataset_and_never_an_error() {
    let (database, _project, engine) = open().await;
    let eval = engine.dataset("eval").unwrap();
    sync(&eval, SyncOptions::full()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = [
        "select count(*) as n, sum(version + dataset_version)::bigint as sum,
                least(min(version), min(dataset_version)) as least, greatest(max(version), max(dataset_version)) as greatest
         from eval_data",
        "select count(*) as n, sum(r.version + d.version)::bigint as sum, least(min(r.version), min(d.version)) as least, greatest(max(r.version), max(d.version)) as greatest
         from eval_results r join eval_dataset d using (dataset_id)",
    ]
    .into_iter()
    .map(|sql| tokio::spawn(read(engine.clone(), Arc::clone(&stop), sql)))
    .collect();
    let mut begun = None;
    for version in 1..=SWAPS {
        database.execute(&format!("update version set n = {version}"));
        let report = sync(&eval, SyncOptions::full()).await;
        assert_eq!(report.generation, version.cast_unsigned() + 1);
        let metadata = eval.metadata().await.unwrap().unwrap();
        assert_eq!(metadata.row_count, 2 * (TRACES + version).cast_unsigned());
        if version % KEPT == 0 {
            if let Some(begun) = begun.take() {
                finish(begun).await;
            }
            begun = Some(begin(&engine, version).await);
        }
    }
    finish(begun.expect("there were so many swaps")).await;
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        let (answers, versions) = reader.await.expect("no reader met an error or a mix");
        assert!(answers > 0);
        assert!(versions.is_sorted(), "time ran backwards: {versions:?}");
    }
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_open_stream_keeps_the_version_that_it_began_with() {
    let (database, _project, engine) = open().await;
    let eval = engine.dataset("eval").unwrap();
    sync(&eval, SyncOptions::full()).await;
    let mut stream = engine
        .query(Query::sql("select a.version from eval_results a, range(1200) b"))
        .await
        .unwrap();
    let mut rows = stream.next().await.unwrap().unwrap().num_rows();
    database.execute("update version set n = 1");
    sync(&eval, SyncOptions::full()).await;
    database.execute("update version set n = 2");
    sync(&eval, SyncOptions::full()).await;
    while let Some(batch) = stream.next().await {
        let batch = batch.unwrap_or_else(|error| panic!("{}", error.chain()));
        rows += batch.num_rows();
        assert!(axis_core::batch_to_json(&batch.slice(0, 1))[0]["version"] == 0);
    }
    assert_eq!(rows, 2 * TRACES as usize * 1200);
    let now = ask(&engine, "select max(version) as version from eval_results").await;
    assert_eq!(now[0]["version"], 2);
    engine.close().await.unwrap();
}
