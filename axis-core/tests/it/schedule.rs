//! Syncs that nobody asks for.

use std::time::Duration;

use axis_core::config::TableConfig;
use axis_core::{ErrorKind, Strategy, SyncEvent, SyncOptions};

use super::support::{Shop, shop, until};

const ROWS: &str =
    "create table t (id int primary key, at timestamptz not null default now()); insert into t values (1)";

async fn scheduled(prefix: &str) -> Shop {
    let table = TableConfig::new("t", "select * from t").with_incremental_column("at");
    Shop::open_with(prefix, ROWS, vec![table], |config| {
        shop(config).refresh_interval = Some(Duration::from_millis(20));
    })
    .await
}

#[tokio::test]
async fn a_dataset_with_an_interval_keeps_itself_up_to_date_until_the_engine_closes() {
    let shop = scheduled("schedule").await;
    let mut events = shop.engine.events();
    shop.engine.start_scheduler();
    let committed = |event: &SyncEvent| match event {
        SyncEvent::Committed { report } if report.changed => Some(report.strategy),
        _ => None,
    };
    assert!(matches!(until(&mut events, committed).await, Strategy::Full { .. }));
    shop.database.execute("insert into t values (2)");
    assert_eq!(until(&mut events, committed).await, Strategy::Incremental);
    assert_eq!(shop.number("select count(*) from t").await, 2);
    shop.engine.close().await.unwrap();
    let error = shop.try_sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_failure_does_not_end_the_schedule() {
    let shop = scheduled("schedule_failure").await;
    shop.sync().await;
    let mut events = shop.engine.events();
    shop.database.execute("alter table t rename to hidden");
    shop.engine.start_scheduler();
    let failed = |event: &SyncEvent| match event {
        SyncEvent::Failed { failure, .. } => Some(failure.code.clone()),
        _ => None,
    };
    assert_eq!(until(&mut events, failed).await, "AXIS_SOURCE_REJECTED");
    assert_eq!(
        shop.number("select count(*) from t").await,
        1,
        "what there was is served"
    );
    shop.database
        .execute("alter table hidden rename to t; insert into t values (2)");
    let committed = |event: &SyncEvent| match event {
        SyncEvent::Committed { report } if report.changed => Some(()),
        _ => None,
    };
    until(&mut events, committed).await;
    assert_eq!(shop.number("select count(*) from t").await, 2);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_tick_during_a_sync_is_that_sync() {
    let shop = scheduled("schedule_busy").await;
    let keeper = shop.session().await;
    keeper
        .batch_execute("begin; lock table t in access exclusive mode")
        .await
        .unwrap();
    let running = shop.dataset().start_sync(SyncOptions::default()).unwrap();
    let mut events = shop.engine.events();
    shop.engine.start_scheduler();
    keeper.batch_execute("commit").await.unwrap();
    running.wait().await.unwrap();
    let ended = |event: &SyncEvent| match event {
        SyncEvent::Committed { .. } => Some(true),
        SyncEvent::Failed { .. } => Some(false),
        _ => None,
    };
    assert!(until(&mut events, ended).await, "the sync that ran was not disturbed");
    assert!(until(&mut events, ended).await, "and the schedule goes on behind it");
    shop.engine.close().await.unwrap();
}
