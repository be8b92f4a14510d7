//! The JSON of the adapters: options, requests, answers.

use std::path::Path;

use axis_core::config::Env;
use axis_core::{ErrorKind, wire};
use serde_json::{Value, json};
use tempfile::tempdir;

use super::support::DEADLINE;

fn refused<T: std::fmt::Debug>(outcome: axis_core::Result<T>) -> String {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    error.to_string()
}

#[test]
fn what_is_wrong_is_named_with_what_is_allowed() {
    for (told, parts) in [
        (
            refused(wire::sync_options(json!({"mode": "ful"}))),
            &["`mode`", "`ful`", "auto, full, reconcile"][..],
        ),
        (
            refused(wire::sync_options(json!({"timeout": 3}))),
            &["`timeout`", "mode, timeout_ms"],
        ),
        (
            refused(wire::sync_options(json!({"timeout_ms": "3"}))),
            &["`timeout_ms`", "a whole number"],
        ),
        (
            refused(wire::sync_options(json!([]))),
            &["a list was given for the sync options", "an object"],
        ),
        (
            refused(wire::Opening::from_json(
                json!({"config": {"eval_db": {}, "eval_db.yaml": ""}}),
                &Env::default(),
            )),
            &["`config/eval_db.yaml`", "twice"],
        ),
        (
            refused(wire::Opening::from_json(
                json!({"take_over_seconds": 2}),
                &Env::default(),
            )),
            &["`take_over_seconds`", "is 2", "3 to 86400"],
        ),
        (
            refused(wire::Opening::from_json(
                json!({"take_over_seconds": 86_401}),
                &Env::default(),
            )),
            &["3 to 86400"],
        ),
        (
            refused(wire::verify_options(json!({"sync": 1}))),
            &["`sync`", "boolean"],
        ),
        (
            refused(wire::backup_options(json!({"format": "zip"}))),
            &["`format`", "`zip`", "duckdb, parquet"],
        ),
        (
            refused(wire::restore_options(json!({"force": 1}), &Env::default())),
            &["`force`", "boolean"],
        ),
        (
            refused(wire::restore_options(json!({"scheduler": true}), &Env::default())),
            &["`scheduler`", "the restore options", "store, config, env, force"],
        ),
        (
            refused(wire::compact_options(json!({"take_over_seconds": 3}), &Env::default())),
            &["`take_over_seconds`", "the compact options", "store, config, env"],
        ),
        (
            refused(wire::compact_options(json!({"config": 1}), &Env::default())),
            &["`config` of the compact options", "a number"],
        ),
        (
            refused(wire::query("select 1", json!([1, [2]]), Value::Null)),
            &["parameter 2", "a list"],
        ),
        (
            refused(wire::query("select 1", json!("x"), Value::Null)),
            &["params", "a text"],
        ),
        (
            refused(wire::query("select 1", Value::Null, json!({"id": "x"}))),
            &["`id`"],
        ),
        (
            refused(wire::page_request(json!({"direction": "up"}))),
            &["`direction`", "asc, desc"],
        ),
        (
            refused(wire::page_request(json!({"columns": [1]}))),
            &["`columns`", "[0]"],
        ),
        (
            refused(wire::Opening::from_json(json!({"stor": "x"}), &Env::default())),
            &["`stor`", "store, config"],
        ),
        (
            refused(wire::Opening::from_json(json!({"config": 1}), &Env::default())),
            &["`config`", "a number"],
        ),
        (
            refused(wire::Opening::from_json(
                json!({"config": "not-there"}),
                &Env::default(),
            )),
            &["not-there", "does not exist"],
        ),
        (
            refused(wire::Opening::from_json(
                json!({"config": {"monitor_db": {}}}),
                &Env::default(),
            )),
            &["`monitor_db`", "monitoring_db"],
        ),
    ] {
        for part in parts {
            assert!(told.contains(part), "`{part}` is not in: {told}");
        }
    }
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let secret = "hunter2";
    let url = format!("postgresql://u:{secret}@h/db");
    for options in [
        json!({ "env": secret }),
        json!({ "env": { "PASSWORD": [secret] } }),
        json!({ "store": [secret] }),
        json!({ "store": url }),
        json!({ "config": url }),
        json!({ "config": format!("eval_db:\n  password: {secret}\n") }),
        json!({ "config": { url.as_str(): {} } }),
    ] {
        for told in [
            refused(wire::Opening::from_json(options.clone(), &Env::default())),
            refused(wire::restore_options(options, &Env::default())),
        ] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn restoring_and_compacting_mean_the_store_that_opening_means() {
    let env = Env::new([("HOME_OF_IT".to_owned(), "/srv/here".to_owned())]);
    let files = json!({"duckdb": {"path": "${HOME_OF_IT}/a.duckdb"}});
    let (config, options) = wire::restore_options(json!({"config": files, "force": true}), &env).unwrap();
    assert_eq!(config.store.path, Path::new("/srv/here/a.duckdb"));
    assert!(options.force);
    let given = json!({"config": files, "store": "b.duckdb", "env": {"HOME_OF_IT": "/elsewhere"}});
    let (config, _) = wire::compact_options(given, &env).unwrap();
    assert_eq!(config.store.path, Path::new("b.duckdb"));
    let given = json!({"config": files, "env": {"HOME_OF_IT": "/elsewhere"}});
    let (config, _) = wire::compact_options(given, &env).unwrap();
    assert_eq!(config.store.path, Path::new("/elsewhere/a.duckdb"));
}

#[tokio::test]
async fn an_engine_opens_with_files_that_were_never_on_a_disk() {
    let directory = tempdir().unwrap();
    let store = directory.path().join("a.duckdb");
    let options = json!({
        "store": store,
        "env": { "DUCKDB_QUERY_CONCURRENCY": "3" },
        "config": {
            "kpi_db": { "enabled": true, "url": "postgresql://u@localhost/x", "queries": {} },
            "eval_db.yaml": "eval_db:\n  enabled: false\n",
            "datasets": { "orders": { "url": "postgresql://u@localhost/x", "tables": { "orders": { "query": "select 1 as id" } } } },
        },
    });
    let opening = wire::Opening::from_json(options, &Env::default()).unwrap();
    let engine = tokio::time::timeout(DEADLINE, opening.open()).await.unwrap().unwrap();
    assert_eq!(engine.config().store.path, store);
    let orders = engine.dataset("orders").unwrap();
    assert_eq!(orders.config().broken, None);
    assert_eq!(orders.config().tables[0].name, "orders");
    assert!(engine.dataset("kpi").unwrap().config().enabled);
    let answer = wire::ask(&engine, "kpi.categories", Value::Null).await.unwrap();
    assert!(answer.is_object());
    engine.close().await.unwrap();
}

#[tokio::test]
async fn every_question_answers_or_says_what_it_misses() {
    let directory = tempdir().unwrap();
    let options = json!({ "store": directory.path().join("a.duckdb") });
    let engine = wire::Opening::from_json(options, &Env::default())
        .unwrap()
        .open()
        .await
        .unwrap();
    for question in wire::QUESTIONS {
        let unknown = wire::ask(&engine, question, json!({"nonsense": 1})).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::InvalidArgument, "{question}: {unknown}");
        let request = match *question {
            "monitoring.classes" => json!({"metric": "metric_score", "group_by": "environment"}),
            "monitoring.correlation" => json!({"metrics": ["a", "b"]}),
            "monitoring.classification_trends" => json!({"metric_name": "a"}),
            "eval.distribution" => json!({"metric": "a"}),
            "eval.comparison" => json!({"group_by": "model_name"}),
            "eval.scatter" => json!({"x_metric": "a", "y_metric": "b"}),
            _ => Value::Null,
        };
        let outcome = wire::ask(&engine, question, request).await;
        let kind = outcome.as_ref().err().map(axis_core::Error::kind);
        let expected = (!question.starts_with("kpi.")).then_some(ErrorKind::NotSynced);
        assert_eq!(kind, expected, "{question}: {outcome:?}");
    }
    let error = wire::ask(&engine, "monitoring.sumary", Value::Null).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.message().contains("monitoring.summary"), "{error}");
    assert_eq!(wire::error(&error)["number"], json!(102));
    engine.close().await.unwrap();
}
