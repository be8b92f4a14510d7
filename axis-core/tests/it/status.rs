//! What is known about a dataset: its status over restarts, and its metadata.

use axis_core::config::TableConfig;
use axis_core::{FullReason, Strategy, SyncOptions, SyncState};
use serde_json::json;

use super::full::{database, open, project};
use super::support::{Shop, ask, sync};

#[tokio::test]
async fn the_status_survives_a_restart() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let eval = engine.dataset("eval").unwrap();
    assert_eq!(eval.status().state, SyncState::NotSynced);
    let monitoring = engine.dataset("monitoring").unwrap();
    sync(&monitoring, SyncOptions::default()).await;
    let report = sync(&monitoring, SyncOptions::default()).await;
    let before = monitoring.status();
    assert_eq!(before.state, SyncState::Ready);
    engine.close().await.unwrap();

    let engine = open(&project, &database).await;
    let monitoring = engine.dataset("monitoring").unwrap();
    let after = monitoring.status();
    assert_eq!(after, before);
    assert_eq!(after.last_success, Some(report));
    assert_eq!(
        after.watermarks["monitoring_results"].as_deref(),
        Some("2026-01-01T00:50:00.000000+00:00")
    );
    assert!(after.last_incremental.is_some());
    assert_eq!(
        sync(&monitoring, SyncOptions::default()).await.strategy,
        Strategy::Incremental
    );
    assert_eq!(engine.runs(10).await.unwrap().len(), 3);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn runs_tell_why_they_were_full_unless_they_are_from_before_that_was_kept() {
    let tables = || vec![TableConfig::new("t", "select * from t").with_incremental_column("happened")];
    let source = "create table t as select 1 as id, timestamptz '2026-01-01' as happened";
    let shop = Shop::open("run_reasons", source, tables()).await;
    shop.sync().await;
    shop.engine.close().await.unwrap();
    let store = duckdb::Connection::open(shop.store()).unwrap();
    store
        .execute_batch("alter table _axis.runs drop column because")
        .unwrap();
    drop(store);
    let shop = shop.reopen(tables(), |_| {}).await;
    shop.sync().await;
    sync(&shop.dataset(), SyncOptions::full()).await;
    let runs = shop.engine.runs(10).await.unwrap();
    let told: Vec<_> = runs.iter().map(|run| (run.strategy.as_str(), run.because)).collect();
    assert_eq!(
        told,
        [
            ("full", Some(FullReason::Requested)),
            ("incremental", None),
            ("full", None)
        ]
    );
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn metadata_counts_orphans_duplicates_and_values() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let eval = engine.dataset("eval").unwrap();
    assert!(eval.metadata().await.unwrap().is_none());
    database.execute(
        "insert into eval_records values (1, 'again', null, null, null), (2, 'again', null, null, null), (2, 'and again', null, null, null);
         insert into eval_scores values (99999, 'm1', 1, null), (99998, 'm1', 1, null), (null, 'm1', 1, null)",
    );
    sync(&eval, SyncOptions::default()).await;
    let metadata = eval.metadata().await.unwrap().unwrap();
    assert_eq!(metadata.duplicate_dataset_ids, Some(2));
    assert_eq!(metadata.orphaned_results, Some(3));
    // Three results each of 500 records, and of the one record that is there twice more and the one once more.
    assert_eq!(metadata.row_count, 1500 + 3 + 6);
    assert_eq!(metadata.filter_values["metric_name"], ["m1", "m2", "m3"]);
    let stats = metadata.summary_stats.as_ref().unwrap();
    assert_eq!(stats.total_records, 1509);

    let monitoring = engine.dataset("monitoring").unwrap();
    sync(&monitoring, SyncOptions::default()).await;
    let metadata = monitoring.metadata().await.unwrap().unwrap();
    let range = metadata.time_range.as_ref().unwrap();
    assert_eq!(
        (range.min.as_str(), range.max.as_str()),
        ("2026-01-01 00:00:01+00:00", "2026-01-01 00:50:00+00:00")
    );
    assert_eq!(metadata.filter_values["environment"], ["prod"]);
    let kept = ask(
        &engine,
        "select count(*) as n from monitoring_dataset where environment is null",
    )
    .await;
    assert_eq!(kept, [json!({"n": 1500})]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn the_status_as_json_is_written_anew_when_something_has_changed() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let dataset = engine.dataset("monitoring").unwrap();
    let before = dataset.status_json().unwrap();
    assert!(std::sync::Arc::ptr_eq(&before, &dataset.status_json().unwrap()));
    sync(&dataset, SyncOptions::default()).await;
    let after = dataset.status_json().unwrap();
    assert_ne!(before, after);
    assert_eq!(*after, serde_json::to_string(&dataset.status()).unwrap());
    engine.close().await.unwrap();
}
