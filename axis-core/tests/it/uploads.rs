//! Uploads in the place of a source.

use axis_core::analytics::eval::{MetricFilter, summary};
use axis_core::config::{Config, Connection};
use axis_core::uploads::{Limits, Table, read_csv};
use axis_core::{CancellationToken, Engine, Env, ErrorKind, PageRequest, Query, SyncOptions, SyncState, rows_to_json};
use serde_json::json;

fn table(text: &str) -> Table {
    read_csv(text.as_bytes(), Limits::default()).unwrap()
}

/// A configuration without any source.
fn config(directory: &std::path::Path) -> Config {
    Config::load(directory.join("custom"), &Env::default()).unwrap()
}

const ROWS: &str = "dataset_id,timestamp,metric_name,metric_score,passed,note\n\
                    a,2026-01-31T12:30:00Z,quality,0.25,true,\n\
                    a,2026-01-31T13:30:00+01:00,tone,0.75,false,x\n\
                    b,2026-02-01T00:00:00Z,quality,0.75,true,y\n";

#[tokio::test]
async fn an_upload_is_kept_replaced_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    let eval = engine.dataset("eval").unwrap();
    assert!(eval.accepts_uploads());
    assert!(eval.eval_frame().await.unwrap().is_none());
    let report = eval.keep("first", table(ROWS)).await.unwrap();
    assert_eq!(
        (report.rows_read, report.generation, report.strategy.as_str()),
        (3, 1, "full")
    );
    let status = eval.status();
    assert_eq!((status.state, status.generation), (SyncState::Ready, 1));
    assert_eq!(eval.upload().as_deref(), Some("first"));
    let metadata = eval.metadata().await.unwrap().unwrap();
    assert_eq!(metadata.row_count, 3);
    let types: Vec<&str> = metadata
        .columns
        .iter()
        .map(|column| column.column_type.as_str())
        .collect();
    assert_eq!(
        types,
        [
            "VARCHAR",
            "TIMESTAMP WITH TIME ZONE",
            "VARCHAR",
            "DOUBLE",
            "BOOLEAN",
            "VARCHAR"
        ]
    );
    assert_eq!(metadata.time_range.as_ref().unwrap().max, "2026-02-01 00:00:00+00:00");
    let page = eval.page(PageRequest::default()).await.unwrap();
    assert_eq!(page.total, 3);
    let frame = eval.eval_frame().await.unwrap().unwrap();
    let before = summary(&frame, &MetricFilter::default()).unwrap();
    assert_eq!(
        (before.summary[0].mean, before.summary[0].count, before.total_records),
        (0.5, 2, 2)
    );

    // Another upload takes its place, also for who has the frame of the first.
    eval.keep("second", table("dataset_id,quality\nz,1\n")).await.unwrap();
    let frame = eval.eval_frame().await.unwrap().unwrap();
    assert_eq!(frame.metrics().collect::<Vec<_>>(), ["quality"]);
    assert_eq!((frame.records(), eval.status().generation), (1, 2));
    engine.close().await.unwrap();

    // A new process finds it, and may remove it.
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    let eval = engine.dataset("eval").unwrap();
    assert_eq!(
        (eval.upload().as_deref(), eval.status().state),
        (Some("second"), SyncState::Ready)
    );
    assert_eq!(eval.metadata().await.unwrap().unwrap().row_count, 1);
    assert!(eval.remove_upload().await.unwrap());
    assert!(!eval.remove_upload().await.unwrap());
    assert_eq!(
        (eval.status().state, eval.status().generation),
        (SyncState::NotSynced, 0)
    );
    assert!(eval.metadata().await.unwrap().is_none());
    assert!(eval.eval_frame().await.unwrap().is_none());
    let gone = engine.query(Query::sql("select * from eval_data")).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::Query);

    // What comes then has a generation that nobody knows yet.
    let report = eval.keep("third", table(ROWS)).await.unwrap();
    assert_eq!(report.generation, 3);
    let outcomes: Vec<String> = engine
        .runs(10)
        .await
        .unwrap()
        .into_iter()
        .map(|run| run.outcome)
        .collect();
    assert_eq!(outcomes, ["ok", "ok", "ok", "ok"]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn values_keep_their_type() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    let rows = table(
        "dataset_id,day,local,mixed,whole,code,timestamp\n1,2026-01-31,2026-01-31 01:02:03.5,1,1,01,2026-01-30\n2,1969-12-31,,x,2.5,02,2026-01-31 10:00\n",
    );
    let monitoring = engine.dataset("monitoring").unwrap();
    monitoring.keep("types", rows).await.unwrap();
    let query = Query::sql("select * from monitoring_data order by dataset_id");
    let batches = engine.query(query).await.unwrap().collect().await.unwrap();
    assert_eq!(
        json!(rows_to_json(&batches)),
        json!([
            { "dataset_id": 1, "day": "2026-01-31", "local": "2026-01-31T01:02:03.500", "mixed": "1", "whole": 1.0,
              "code": "01", "timestamp": "2026-01-30T00:00:00" },
            { "dataset_id": 2, "day": "1969-12-31", "local": null, "mixed": "x", "whole": 2.5, "code": "02",
              "timestamp": "2026-01-31T10:00:00" },
        ])
    );
    let clash = monitoring.keep("clash", table("a,A\n1,2\n")).await.unwrap_err();
    assert_eq!(clash.kind(), ErrorKind::InvalidArgument);
    assert_eq!(
        monitoring.upload().as_deref(),
        Some("types"),
        "what was there is still there"
    );
    let kpi = engine
        .dataset("kpi")
        .unwrap()
        .keep("no", table(ROWS))
        .await
        .unwrap_err();
    assert_eq!(kpi.kind(), ErrorKind::InvalidArgument);
    // More rows than one batch holds.
    let many: String = (0..5_000)
        .map(|row| format!("{row},{}\n", f64::from(row) / 2.0))
        .collect();
    monitoring
        .keep("many", table(&format!("dataset_id,x\n{many}")))
        .await
        .unwrap();
    let sum = Query::sql("select count(*) as n, sum(x) as x, sum(dataset_id) as id from monitoring_data");
    let batches = engine.query(sum).await.unwrap().collect().await.unwrap();
    assert_eq!(
        json!(rows_to_json(&batches))[0],
        json!({ "n": 5000, "x": 6_248_750.0, "id": 12_497_500 })
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_source_takes_the_place_of_an_upload_and_keeps_it() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    engine
        .dataset("eval")
        .unwrap()
        .keep("first", table(ROWS))
        .await
        .unwrap();
    engine.close().await.unwrap();

    let path = directory.path().join("source.sqlite");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch(
            "create table cases(dataset_id text, query text); insert into cases values ('a', 'q');
             create table scores(dataset_id text, metric_name text, metric_score real);
             insert into scores values ('a', 'quality', 0.5), ('a', 'tone', 1);",
        )
        .unwrap();
    let custom = directory.path().join("custom/config");
    std::fs::create_dir_all(&custom).unwrap();
    let url = serde_json::Value::from(format!("sqlite:{}", path.display()));
    let yaml = format!(
        "eval_db:\n  enabled: true\n  url: {url}\n  dataset_query: select * from cases\n  results_query: select * from scores\n"
    );
    std::fs::write(custom.join("eval_db.yaml"), yaml).unwrap();
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    let eval = engine.dataset("eval").unwrap();
    assert!(matches!(eval.config().connection, Some(Connection::Sqlite { .. })));
    // The upload is served until the first sync; another one is refused.
    assert_eq!(eval.metadata().await.unwrap().unwrap().row_count, 3);
    assert!(!eval.accepts_uploads());
    let refused = eval.keep("second", table(ROWS)).await.unwrap_err();
    assert!(refused.message().contains("synced from a source"), "{refused}");
    let report = eval.sync(SyncOptions::default()).await.unwrap();
    assert_eq!(report.generation, 2);
    let metadata = eval.metadata().await.unwrap().unwrap();
    assert_eq!((metadata.row_count, metadata.orphaned_results), (2, Some(0)));
    assert_eq!(eval.upload(), None);
    let frame = eval.eval_frame().await.unwrap().unwrap();
    assert_eq!(frame.metrics().collect::<Vec<_>>(), ["quality", "tone"]);
    assert!(!eval.remove_upload().await.unwrap());
    engine.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_removed_while_it_is_read_is_there_or_not() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::builder(config(directory.path())).open().await.unwrap();
    let eval = engine.dataset("eval").unwrap();
    let done = CancellationToken::new();
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (eval, done) = (eval.clone(), done.clone());
            tokio::spawn(async move {
                while !done.is_cancelled() {
                    if let Some(metadata) = eval.metadata().await.unwrap() {
                        assert_eq!(metadata.row_count, 3);
                    }
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for _ in 0..30 {
        eval.keep("upload", table(ROWS)).await.unwrap();
        assert!(eval.remove_upload().await.unwrap());
    }
    done.cancel();
    for reader in readers {
        reader.await.unwrap();
    }
    engine.close().await.unwrap();
}
