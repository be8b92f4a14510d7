//! Every way to stop work early: the store is as it was, nothing is left behind, and the next try is right.

use std::time::Duration;

use axis_core::config::TableConfig;
use axis_core::{CancellationToken, ErrorKind, Query, SyncEvent, SyncOptions, SyncState};
use tokio_postgres::Client;

use super::support::{DEADLINE, Shop, staging_tables, sync, until, until_rows};

/// A table whose last row cannot be read while somebody holds the gate.
pub(super) const GATED: &str = "
create function gate() returns boolean language plpgsql as 'begin perform pg_advisory_xact_lock_shared(7); return true; end';
create table big as select i as id, repeat('x', 200) as t, 1 as version from generate_series(1, 40000) i;
create table small as select i as id, 1 as version from generate_series(1, 100) i;
";

struct Gated {
    shop: Shop,
    /// Holds the gate until it is dropped.
    keeper: Client,
}

impl Gated {
    /// Syncs once, changes the source, and closes the gate.
    async fn open(prefix: &str) -> Self {
        let shop = Shop::open(prefix, GATED, tables()).await;
        shop.sync().await;
        shop.database
            .execute("update big set version = 2; update small set version = 2");
        let keeper = shop.session().await;
        keeper.batch_execute("select pg_advisory_lock(7)").await.unwrap();
        Self { shop, keeper }
    }

    /// Checks that nothing has changed, opens the gate, and syncs. Only a failure is an error: who cancels knows why.
    async fn check(self, state: SyncState) {
        let Self { shop, keeper } = self;
        assert_eq!(shop.number("select sum(version) from big").await, 40_000);
        assert_eq!(shop.number("select sum(version) from small").await, 100);
        let status = shop.dataset().status();
        assert_eq!((status.state, status.generation), (state, 1));
        assert_eq!(staging_tables(&shop.engine).await, 0);
        let shop = shop.reopen(tables(), |_| {}).await;
        assert_eq!(staging_tables(&shop.engine).await, 0);
        assert_eq!(shop.number("select sum(version) from big").await, 40_000);
        keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
        shop.sync().await;
        assert_eq!(shop.number("select sum(version) from big").await, 80_000);
        assert_eq!(shop.number("select sum(version) from small").await, 200);
        shop.engine.close().await.unwrap();
    }
}

pub(super) fn tables() -> Vec<TableConfig> {
    vec![
        TableConfig::new("big", "select * from big where id < 40000 or gate()"),
        TableConfig::new("small", "select * from small"),
    ]
}

fn failed(event: &SyncEvent) -> Option<String> {
    match event {
        SyncEvent::Failed { failure, .. } => Some(failure.code.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn dropping_the_future_of_a_sync_cancels_it() {
    let gated = Gated::open("cancel_drop").await;
    let mut events = gated.shop.engine.events();
    let dataset = gated.shop.dataset();
    let task = tokio::spawn(async move { dataset.sync(SyncOptions::default()).await });
    until_rows(&mut events).await;
    task.abort();
    assert_eq!(until(&mut events, failed).await, "AXIS_CANCELLED");
    gated.check(SyncState::Ready).await;
}

#[tokio::test]
async fn a_token_cancels_a_sync() {
    let gated = Gated::open("cancel_token").await;
    let mut events = gated.shop.engine.events();
    let token = CancellationToken::new();
    let running = gated
        .shop
        .dataset()
        .start_sync(SyncOptions::default().cancel(token.clone()))
        .unwrap();
    until_rows(&mut events).await;
    token.cancel();
    assert_eq!(running.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(gated.shop.engine.runs(1).await.unwrap()[0].outcome, "cancelled");
    gated.check(SyncState::Ready).await;
}

#[tokio::test]
async fn a_sync_has_a_longest_time() {
    let gated = Gated::open("cancel_time").await;
    let options = SyncOptions::default().timeout(Duration::from_millis(400));
    let error = gated.shop.dataset().sync(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.chain());
    assert!(error.message().contains("0.4 s"), "{error}");
    gated.check(SyncState::Error).await;
}

#[tokio::test]
async fn a_dataset_cancels_its_sync_and_is_busy_until_then() {
    let gated = Gated::open("cancel_busy").await;
    let dataset = gated.shop.dataset();
    assert!(!dataset.cancel_sync());
    let mut events = gated.shop.engine.events();
    let running = dataset.start_sync(SyncOptions::default()).unwrap();
    until_rows(&mut events).await;

    let status = dataset.status();
    assert_eq!(status.state, SyncState::Syncing);
    let told = status.running.unwrap();
    assert_eq!(told.run_id, running.run_id());
    assert!(told.rows > 0 && told.bytes > 0);
    let error = dataset.sync(SyncOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.to_string().contains(running.run_id()), "{error}");
    // What was there before is served meanwhile.
    assert_eq!(gated.shop.number("select sum(version) from big").await, 40_000);

    assert!(dataset.cancel_sync());
    assert_eq!(running.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    gated.check(SyncState::Ready).await;
}

#[tokio::test]
async fn watermarks_cannot_be_reset_during_a_sync() {
    let tables =
        vec![TableConfig::new("big", "select * from big where id < 40000 or gate()").with_incremental_column("id")];
    let shop = Shop::open("cancel_reset", GATED, tables).await;
    let keeper = shop.session().await;
    keeper.batch_execute("select pg_advisory_lock(7)").await.unwrap();
    let mut events = shop.engine.events();
    let running = shop.dataset().start_sync(SyncOptions::default()).unwrap();
    until_rows(&mut events).await;
    let error = shop.dataset().reset_watermarks().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy);
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    assert_eq!(running.wait().await.unwrap().rows_read, 40_000);
    assert_eq!(shop.dataset().reset_watermarks().await.unwrap(), 1);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn closing_the_engine_ends_a_sync_and_refuses_new_work() {
    let Gated { shop, keeper } = Gated::open("cancel_close").await;
    let mut events = shop.engine.events();
    let dataset = shop.dataset();
    let running = dataset.start_sync(SyncOptions::default()).unwrap();
    until_rows(&mut events).await;
    tokio::time::timeout(DEADLINE, shop.engine.close())
        .await
        .unwrap()
        .unwrap();
    let error = running.wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{}", error.chain());
    for error in [
        dataset.sync(SyncOptions::default()).await.unwrap_err(),
        shop.engine.query(Query::sql("select 1")).await.unwrap_err(),
        dataset.page(axis_core::PageRequest::default()).await.unwrap_err(),
        shop.engine.runs(1).await.unwrap_err(),
        shop.engine.probe().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Closed, "{error:?}");
    }
    shop.engine.close().await.unwrap();
    let shop = shop.reopen(tables(), |_| {}).await;
    let run = shop.engine.runs(1).await.unwrap().remove(0);
    assert_eq!(
        (run.outcome.as_str(), run.code.as_deref()),
        ("cancelled", Some("AXIS_CANCELLED"))
    );
    Gated { shop, keeper }.check(SyncState::Ready).await;
}

#[tokio::test]
async fn a_sync_that_is_detached_goes_on() {
    let Gated { shop, keeper } = Gated::open("cancel_detach").await;
    let mut events = shop.engine.events();
    shop.dataset().start_sync(SyncOptions::default()).unwrap().detach();
    until_rows(&mut events).await;
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    until(&mut events, |event| {
        matches!(event, SyncEvent::Committed { .. }).then_some(())
    })
    .await;
    assert_eq!(shop.number("select sum(version) from big").await, 80_000);
    shop.engine.close().await.unwrap();
}

const FOREVER: &str = "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 3";

/// An engine on which one query runs at a time.
async fn narrow(prefix: &str) -> Shop {
    Shop::open_with(prefix, "", vec![TableConfig::new("one", "select 1 as a")], |config| {
        config.store.query_concurrency = 1;
    })
    .await
}

/// Runs a query that must get the only slot in time.
async fn check_slot(shop: &Shop) {
    let answer = tokio::time::timeout(DEADLINE, shop.number("select 42")).await;
    assert_eq!(answer.expect("the slot is free"), 42);
}

#[tokio::test]
async fn a_query_has_a_longest_time_and_frees_its_slot() {
    let shop = narrow("query_time").await;
    let query = Query::sql(FOREVER).timeout(Duration::from_millis(200));
    let outcome = match shop.engine.query(query).await {
        Ok(stream) => stream.collect().await.map(|batches| batches.len()),
        Err(error) => Err(error),
    };
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    check_slot(&shop).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn an_answer_that_nobody_reads_ends_with_its_time_and_frees_its_slot() {
    let shop = narrow("query_unread").await;
    let query = Query::sql("select * from range(100000000)").timeout(Duration::from_millis(500));
    let mut unread = shop.engine.query(query).await.unwrap();
    let usage = shop.engine.usage().await;
    assert_eq!((usage.query_slots, usage.queries_running), (1, 1));
    // Another one waits for the only slot, without any limit.
    check_slot(&shop).await;
    assert_eq!(shop.engine.queries(), []);
    assert_eq!(shop.engine.usage().await.queries_running, 0);
    // What was ready is still there, and then the reason.
    let mut batches = 0;
    let ended = loop {
        match unread.next().await.expect("an answer that was cut short says so") {
            Ok(_) => batches += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((ended.kind(), batches), (ErrorKind::Timeout, 4));
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn waiting_for_a_slot_counts_towards_the_longest_time() {
    let shop = narrow("query_wait").await;
    let stream = shop
        .engine
        .query(Query::sql("select * from range(100000000)"))
        .await
        .unwrap();
    let query = Query::sql("select 1").timeout(Duration::from_millis(100));
    assert_eq!(shop.engine.query(query).await.unwrap_err().kind(), ErrorKind::Timeout);
    drop(stream);
    check_slot(&shop).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn dropping_or_cancelling_a_query_frees_its_slot() {
    let shop = narrow("query_drop").await;
    let mut stream = shop
        .engine
        .query(Query::sql("select * from range(1000000000)"))
        .await
        .unwrap();
    assert!(stream.next().await.unwrap().unwrap().num_rows() > 0);
    drop(stream);
    check_slot(&shop).await;

    let token = CancellationToken::new();
    let query = Query::sql("select * from range(1000000000)").cancel(token.clone());
    let mut stream = shop.engine.query(query).await.unwrap();
    assert!(stream.next().await.unwrap().is_ok());
    token.cancel();
    let mut outcome = Ok(());
    while let Some(batch) = stream.next().await {
        outcome = batch.map(drop);
    }
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Cancelled);
    check_slot(&shop).await;
    sync(&shop.dataset(), SyncOptions::default()).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_consumer_that_stops_reading_keeps_neither_the_slot_nor_the_engine() {
    let shop = narrow("query_stalled").await;
    let query = Query::sql("select * from range(100000000)").timeout(Duration::from_millis(200));
    let mut stalled = shop.engine.query(query).await.unwrap();
    check_slot(&shop).await;
    let mut outcome = Ok(());
    while let Some(batch) = stalled.next().await {
        outcome = batch.map(drop);
    }
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout, "told when it reads on");
    let held = shop
        .engine
        .query(Query::sql("select * from range(100000000)"))
        .await
        .unwrap();
    tokio::time::timeout(DEADLINE, shop.engine.close())
        .await
        .unwrap()
        .unwrap();
    drop(held);
}

#[tokio::test]
async fn a_sync_that_waits_for_a_lock_of_the_source_ends_in_time() {
    let shop = Shop::open(
        "locked_source",
        "create table t (a int)",
        vec![TableConfig::new("t", "select * from t")],
    )
    .await;
    let keeper = shop.session().await;
    keeper
        .batch_execute("begin; lock table t in access exclusive mode")
        .await
        .unwrap();
    let options = SyncOptions::default().timeout(Duration::from_millis(200));
    let outcome = tokio::time::timeout(DEADLINE, shop.dataset().sync(options)).await;
    assert_eq!(
        outcome.expect("the limit holds").unwrap_err().kind(),
        ErrorKind::Timeout
    );
    keeper.batch_execute("commit").await.unwrap();
    shop.sync().await;
    shop.engine.close().await.unwrap();
}
