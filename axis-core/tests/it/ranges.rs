//! Full reads of one large table in ranges: several sessions, one snapshot, one staging table.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axis_core::config::{Config, Connection, DatasetConfig, TableConfig};
use axis_core::{CancellationToken, ErrorKind, Ranges, SyncOptions, SyncReport};
use axis_testkit::postgres::TestDatabase;

use super::support::{Shop, number, open, session, staging_tables, sync, until_rows};

/// Two pieces that have enough rows.
const BIG: &str = "
create table big as select i as id, 100 as amount, 'n' || i % 9 as note from generate_series(1, 1000000) i;
alter table big add primary key (id);
analyze big;
create function gate(id int) returns boolean stable language plpgsql
  as 'begin perform pg_advisory_xact_lock_shared(7); return true; end';
";
const ROWS: i64 = 1_000_000;
/// Every value of every row, in a thousand lines.
const EVERY_ROW: &str = "select (id % 1000)::varchar, md5(string_agg(concat_ws(' ', id, amount, note), ',' order by id)) from big group by id % 1000";

fn by_blocks() -> TableConfig {
    TableConfig::of_relation("big", &["public", "big"])
}

fn by_id(query: &str) -> TableConfig {
    TableConfig::new("big", query).with_partition_column("id")
}

fn ranges(report: &SyncReport) -> Ranges {
    report.tables[0].ranges.clone().expect("the table can be cut")
}

/// Checks rows, keys and amounts, which every state of the source has in common.
async fn assert_exact(engine: &axis_core::Engine) {
    let check = "select count(*) = 1000000 and count(distinct id) = 1000000 and sum(amount) = 100000000 and min(length(note)) = 2 from big";
    assert_eq!(number(engine, &format!("select ({check})::int")).await, 1);
}

/// Moves amounts between rows far apart, and rows to other blocks, until it is stopped.
async fn transfers(database: &TestDatabase) -> (Arc<AtomicBool>, tokio::task::JoinHandle<u32>) {
    let client = session(&database.url).await;
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let task = tokio::spawn(async move {
        let mut done = 0;
        while !stopped.load(Ordering::SeqCst) {
            let id = done * 37 % 500_000 + 1;
            let sql = format!(
                "begin; update big set amount = amount - 1 where id = {id};
                 update big set amount = amount + 1 where id = {id} + 500000; commit"
            );
            client.batch_execute(&sql).await.unwrap();
            done += 1;
        }
        done
    });
    (stop, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_table_is_read_in_ranges_and_equals_one_snapshot_while_it_is_written() {
    let shop = Shop::open("ranges", BIG, vec![by_blocks()]).await;
    let (stop, task) = transfers(&shop.database).await;
    let report = shop.sync().await;
    let expected = ("blocks".to_owned(), 2, "the size of the table".to_owned());
    let told = ranges(&report);
    assert_eq!((told.by, told.count, told.because), expected);
    assert_eq!((report.rows_read, report.tables[0].rows_total), (1_000_000, 1_000_000));
    assert_exact(&shop.engine).await;
    let shop = shop.reopen(vec![by_id("select * from big")], |_| {}).await;
    let report = shop.sync().await;
    let told = ranges(&report);
    assert_eq!((told.by.as_str(), told.count), ("id", 2), "{}", told.because);
    assert_exact(&shop.engine).await;
    stop.store(true, Ordering::SeqCst);
    assert!(task.await.unwrap() > 10, "rows were written meanwhile");
    let report = sync(&shop.dataset(), SyncOptions::full()).await;
    assert_eq!(ranges(&report).count, 2);
    shop.assert_same(EVERY_ROW).await;
    assert_eq!(staging_tables(&shop.engine).await, 0);
    shop.engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_partitioned_table_is_read_leaf_by_leaf() {
    let statements = "
        create table big (id int, amount int, note text) partition by range (id);
        create table low partition of big for values from (0) to (300000);
        create table high (note text, gone int, id int, amount int);
        alter table high drop gone;
        alter table big attach partition high for values from (300000) to (2000000);
        insert into big select i, 100, 'n' || i % 9 from generate_series(1, 1000000) i;
        analyze big";
    let shop = Shop::open("ranges_leaves", statements, vec![by_blocks()]).await;
    let told = ranges(&shop.sync().await);
    assert_eq!((told.count, told.because.as_str()), (2, "the sizes of 2 tables"));
    shop.assert_same(EVERY_ROW).await;
}

#[tokio::test]
async fn the_report_says_why_a_table_is_read_whole() {
    let statements = format!(
        "{BIG} create table small as select 1 as id, now() as at; create table twin as select * from big; analyze"
    );
    let twin = || TableConfig::of_relation("twin", &["twin"]);
    let small = || TableConfig::of_relation("small", &["small"]);
    let shop = Shop::open("ranges_why", &statements, vec![by_blocks(), twin()]).await;
    let because = |report: &SyncReport| {
        let told = ranges(report);
        assert_eq!(told.count, 1);
        told.because
    };
    let enough = "the sessions have enough to do without cutting it";
    assert_eq!(because(&shop.sync().await), enough);
    let shop = shop.reopen(vec![small()], |_| {}).await;
    assert_eq!(because(&shop.sync().await), enough);
    let shop = shop
        .reopen(vec![by_blocks()], |config| config.store.sync_workers = 1)
        .await;
    assert_eq!(because(&shop.sync().await), "sync_workers is 1");
    let shop = shop
        .reopen(vec![by_id("select * from big order by id limit 999999")], |_| {})
        .await;
    assert_eq!(
        because(&shop.sync().await),
        "the query might return other rows to another session"
    );
    assert_eq!(shop.number("select count(*) from big").await, ROWS - 1);
    let shop = shop
        .reopen(vec![by_blocks()], |config| config.store.max_sync_rows = Some(39_000))
        .await;
    let report = shop.sync().await;
    assert_eq!(because(&report), "max_sync_rows counts the rows of one read");
    assert!(report.truncated);
    assert_eq!(shop.number("select count(*) from big").await, 39_000);
    let plain = TableConfig::new("big", "select * from big");
    let shop = shop.reopen(vec![plain], |_| {}).await;
    assert_eq!(shop.sync().await.tables[0].ranges, None, "nothing to cut it by");
    let shop = shop.reopen(vec![small().with_incremental_column("at")], |_| {}).await;
    assert_eq!(because(&shop.sync().await), enough);
    assert_eq!(shop.sync().await.tables[0].ranges, None, "a window is not cut");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_snapshot_cannot_be_imported_its_session_reads_all_ranges() {
    let database = TestDatabase::create("ranges_alone");
    database.execute(BIG);
    let user = &database.name;
    database.execute(&format!(
        "create role {user} login password 'alone' connection limit 1; grant select on big to {user}"
    ));
    let (_, place) = database.url.split_once('@').unwrap();
    let connection = Connection::from_url(&format!("postgresql://{user}:alone@{place}")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let dataset = DatasetConfig::custom("shop", connection, vec![by_blocks()]);
    let engine = open(Config::for_store(directory.path().join("s.duckdb")).with_dataset(dataset)).await;
    let (stop, task) = transfers(&database).await;
    let report = sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
    assert_eq!((ranges(&report).count, report.rows_read), (2, 1_000_000));
    assert_exact(&engine).await;
    stop.store(true, Ordering::SeqCst);
    task.await.unwrap();
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_range_that_fails_leaves_nothing_behind() {
    let mut shop = Shop::open("ranges_failure", BIG, vec![by_id("select id, amount, note from big")]).await;
    assert_eq!(ranges(&shop.sync().await).count, 2);
    for (bad, rows) in [(100, ROWS), (999_990, ROWS - 1)] {
        let query = format!("select id, amount / (id - {bad}) as amount, note from big");
        shop = shop.reopen(vec![by_id(&query)], |_| {}).await;
        let error = shop.try_sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceRejected, "{}", error.chain());
        assert_eq!(staging_tables(&shop.engine).await, 0);
        assert_eq!(shop.number("select count(*) from big").await, rows);
        shop.database.execute(&format!("delete from big where id = {bad}"));
        assert_eq!(ranges(&shop.sync().await).count, 2);
        assert_eq!(shop.number("select count(*) from big").await, rows - 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_is_cancelled_while_ranges_are_read_leaves_the_rows_of_before() {
    let gated = || by_id("select * from big where id < 1000000 or gate(id)");
    let shop = Shop::open("ranges_cancel", BIG, vec![gated()]).await;
    assert_eq!(ranges(&shop.sync().await).count, 2);
    let keeper = session(&shop.database.url).await;
    keeper
        .batch_execute("select pg_advisory_lock(7); update big set amount = 7")
        .await
        .unwrap();
    let mut events = shop.engine.events();
    let token = CancellationToken::new();
    let running = shop
        .dataset()
        .start_sync(SyncOptions::default().cancel(token.clone()))
        .unwrap();
    until_rows(&mut events).await;
    token.cancel();
    assert_eq!(running.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(staging_tables(&shop.engine).await, 0);
    assert_exact(&shop.engine).await;
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    shop.sync().await;
    assert_eq!(shop.number("select sum(amount)::bigint from big").await, 7 * ROWS);
}

#[tokio::test]
async fn a_sqlite_table_is_read_whole() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source.db");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch("create table big (id integer); insert into big values (1), (2)")
        .unwrap();
    let dataset = DatasetConfig::custom("shop", Connection::Sqlite { path }, vec![by_id("select * from big")]);
    let engine = open(Config::for_store(directory.path().join("s.duckdb")).with_dataset(dataset)).await;
    let report = sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
    assert_eq!((ranges(&report).count, report.rows_read), (1, 2));
    engine.close().await.unwrap();
}
