//! After its end an engine answers nothing, and says why.

use axis_core::config::TableConfig;
use axis_core::{ErrorKind, PageRequest, Query, Result, SyncOptions, VerifyOptions, blocking, wire};
use serde_json::Value;
use uuid::Uuid;

use super::support::Shop;

fn check<T: std::fmt::Debug>(outcome: Result<T>, what: &str) {
    let error = outcome.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Closed, "{what}: {error}");
    assert_eq!(error.message(), "the engine is closed", "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_engine_answers_nothing() {
    let shop = Shop::open(
        "closed",
        "create table t as select 1 as id",
        vec![TableConfig::new("t", "select * from t")],
    )
    .await;
    shop.sync().await;
    let (engine, dataset) = (&shop.engine, shop.dataset());
    engine.close().await.unwrap();
    engine.close().await.unwrap();
    assert!(engine.is_closed());

    check(engine.dataset("shop"), "dataset");
    check(engine.dataset("no such one"), "dataset that there is not");
    check(engine.signals(), "signals");
    check(engine.query(Query::sql("select 1")).await, "query");
    check(engine.cancel_query(Uuid::new_v4()).await, "cancel_query");
    check(engine.runs(1).await, "runs");
    check(engine.probe().await, "probe");
    for question in wire::QUESTIONS {
        check(wire::ask(engine, question, Value::Null).await, question);
    }
    check(wire::ask(engine, "no.question", Value::Null).await, "ask");

    check(dataset.status_json(), "status_json");
    check(dataset.sync(SyncOptions::default()).await, "sync");
    check(dataset.start_sync(SyncOptions::default()), "start_sync");
    check(dataset.verify(VerifyOptions::default()).await, "verify");
    check(dataset.page(PageRequest::default()).await, "page");
    check(dataset.metadata().await, "metadata");
    check(dataset.row_count().await, "row_count");
    check(dataset.reset_watermarks().await, "reset_watermarks");
    for (_, outcome) in engine
        .sync(std::slice::from_ref(&dataset), &SyncOptions::default())
        .await
    {
        check(outcome, "sync of several");
    }
    // What was known stays known.
    assert_eq!((dataset.status().generation, dataset.watermarks().len()), (1, 0));
    assert!(engine.queries().is_empty() && !dataset.cancel_sync());

    let engine = engine.clone();
    let handle = tokio::runtime::Handle::current();
    let thread = std::thread::spawn(move || {
        let engine = blocking::Engine::new(engine, handle).unwrap();
        let all: Vec<_> = engine.datasets().collect();
        check(engine.usage(), "usage");
        check(engine.sync(&all, &SyncOptions::default()), "sync of all");
        check(engine.verify(&all, &VerifyOptions::default()), "verify of all");
    });
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
}
