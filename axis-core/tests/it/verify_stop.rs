//! A verification keeps others away, is seen, and can be stopped; it changes nothing.

use std::time::Duration;

use axis_core::{CancellationToken, ErrorKind, SyncEvent, SyncOptions, SyncState, VerifyOptions, Work};
use tokio_postgres::Client;

use super::cancel::{GATED, tables};
use super::support::{Shop, until, until_rows};

/// Syncs once and closes the gate, which is open again when the client is dropped.
async fn gated(prefix: &str) -> (Shop, Client) {
    let shop = Shop::open(prefix, GATED, tables()).await;
    shop.sync().await;
    let keeper = shop.session().await;
    keeper.batch_execute("select pg_advisory_lock(7)").await.unwrap();
    (shop, keeper)
}

fn verified(event: &SyncEvent) -> Option<Option<bool>> {
    match event {
        SyncEvent::Verified { equal, .. } => Some(*equal),
        _ => None,
    }
}

/// Opens the gate; everything works, and nothing has changed.
async fn check(shop: Shop, keeper: Client) {
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    let status = shop.dataset().status();
    assert_eq!((status.state, status.generation), (SyncState::Ready, 1));
    assert_eq!((status.running, status.last_failure), (None, None));
    let report = shop.dataset().verify(VerifyOptions::default()).await.unwrap();
    assert!(report.equal, "{report:?}");
    shop.sync().await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_verification_and_a_sync_refuse_each_other_and_the_status_shows_it() {
    let (shop, keeper) = gated("verify_busy").await;
    let dataset = shop.dataset();
    let mut events = shop.engine.events();
    let verifying = tokio::spawn({
        let dataset = dataset.clone();
        async move { dataset.verify(VerifyOptions::default()).await }
    });
    until_rows(&mut events).await;
    let status = dataset.status();
    let running = status.running.unwrap();
    assert_eq!((running.work, status.state), (Work::Verify, SyncState::Ready));
    assert!(running.rows > 0);
    let refused = dataset.start_sync(SyncOptions::default()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.message().contains("a verification"), "{refused}");
    assert!(
        refused
            .context()
            .any(|(key, id)| key == "run_id" && id == running.run_id)
    );
    let refused = dataset.verify(VerifyOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(dataset.cancel_sync());
    assert_eq!(verifying.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(until(&mut events, verified).await, None);

    let syncing = dataset.start_sync(SyncOptions::default()).unwrap();
    let refused = dataset.verify(VerifyOptions::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy);
    assert!(refused.message().contains("a sync"), "{refused}");
    assert!(dataset.cancel_sync());
    assert_eq!(syncing.wait().await.unwrap_err().kind(), ErrorKind::Cancelled);
    check(shop, keeper).await;
}

#[tokio::test]
async fn a_token_a_time_limit_and_dropping_the_future_stop_a_verification() {
    let (shop, keeper) = gated("verify_stop").await;
    let dataset = shop.dataset();
    let mut events = shop.engine.events();
    let token = CancellationToken::new();
    let verifying = dataset.verify(VerifyOptions::default().cancel(token.clone()));
    let (stopped, ()) = tokio::join!(verifying, async {
        until_rows(&mut events).await;
        token.cancel();
    });
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Cancelled);

    let limited = VerifyOptions::default().timeout(Duration::from_millis(300));
    let error = dataset.verify(limited).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.chain());
    assert!(
        error.message().contains("the verification took longer than 0.3 s"),
        "{error}"
    );

    let mut events = shop.engine.events();
    let verifying = tokio::spawn({
        let dataset = dataset.clone();
        async move { dataset.verify(VerifyOptions::default()).await }
    });
    until_rows(&mut events).await;
    verifying.abort();
    assert_eq!(until(&mut events, verified).await, None);
    check(shop, keeper).await;
}

#[tokio::test]
async fn a_failed_sync_before_the_comparison_is_the_failure_of_both() {
    let (shop, keeper) = gated("verify_failed").await;
    shop.database.execute("alter table small rename to gone");
    let error = shop
        .dataset()
        .verify(VerifyOptions::default().sync(true))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    let status = shop.dataset().status();
    assert_eq!(status.last_failure.unwrap().code, "AXIS_SOURCE_REJECTED");
    shop.database.execute("alter table gone rename to small");
    keeper.batch_execute("select pg_advisory_unlock(7)").await.unwrap();
    let report = shop
        .dataset()
        .verify(VerifyOptions::default().sync(true))
        .await
        .unwrap();
    assert!(report.equal, "{report:?}");
    assert_eq!(shop.dataset().status().last_failure, None);
    shop.engine.close().await.unwrap();
}
