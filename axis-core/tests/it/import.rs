//! Reading a dataset past the store: the same rows, names and joins as after a sync.

use std::time::Instant;

use axis_core::{Engine, ErrorKind, SyncOptions};
use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use super::support::{DEADLINE, Project, sync};

const SOURCE: &str = "
create type mood as enum ('good', 'bad');
create table traces (id uuid primary key, input text, output text, explanation text, meta jsonb, tags text[], big bigint,
    exact numeric(30,10), wide numeric(12,4), at timestamptz, local timestamp, day date, raw bytea, took interval, state mood,
    scores double precision[]);
create table scores (dataset_id text, metric_name text, score numeric(6,4), explanation text, created_at timestamptz);
insert into traces values
    ('00000000-0000-0000-0000-000000000001', 'q; 100%', 'a', 'of the trace', '{\"b\": [1, 2.5], \"a\": null}', '{x,NULL,\"y,z\"}',
     9007199254740993, 12345678901234567890.0123456789, 1.5, '2026-01-02 03:04:05.6+02', '2026-01-02 03:04:05', '2026-01-02',
     '\\xdeadbeef', '1 year 2 mons 3 days 04:05:06', 'good', '{0.5,NaN}'),
    ('00000000-0000-0000-0000-000000000002', null, null, null, '\"text\"', '{}', -1, 0, 0, 'infinity', null, null, '', '0', 'bad', null),
    ('00000000-0000-0000-0000-000000000003', 'nobody scored this', null, null, null, null, null, null, null, null, null, null, null,
     null, null, null);
insert into scores values
    ('00000000-0000-0000-0000-000000000001', 'accuracy', 0.9, 'of the score', '2026-01-02'),
    ('00000000-0000-0000-0000-000000000001', 'tone', 0.25, null, '2026-01-02'),
    ('00000000-0000-0000-0000-000000000002', 'accuracy', null, null, '2026-01-02'),
    ('00000000-0000-0000-0000-00000000000f', 'accuracy', 1, 'without a trace', '2026-01-02');
";

fn project(more: &str) -> Project {
    let project = Project::new();
    project.file(
        "duckdb.yaml",
        "duckdb:\n  path: data/store.duckdb\n  sync_mode: manual\n",
    );
    project.file(
        "eval_db.yaml",
        &format!(
            "eval_db:\n  enabled: true\n  url: \"${{SOURCE}}\"
  dataset_query: select * from traces -- all of them
  results_query: select * from scores;
{more}"
        ),
    );
    project
}

async fn engine(project: &Project, url: &str) -> Engine {
    project.open(&[("SOURCE", url)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_shows_what_a_sync_would_store() {
    let database = TestDatabase::create("import");
    database.execute(SOURCE);
    let project = project("");
    let engine = engine(&project, &database.url).await;
    let dataset = engine.dataset("eval").unwrap();
    let imported = dataset.import(100).await.unwrap();
    assert!(!imported.truncated);
    assert_eq!(
        imported.columns,
        [
            "created_at",
            "dataset_id",
            "explanation",
            "metric_name",
            "metric_score",
            "actual_output",
            "at",
            "big",
            "day",
            "exact",
            "dataset_explanation",
            "local",
            "meta",
            "query",
            "raw",
            "scores",
            "state",
            "tags",
            "took",
            "wide"
        ]
    );
    let row = imported
        .rows
        .iter()
        .find(|row| row["metric_name"] == "accuracy" && row["query"] == "q; 100%")
        .unwrap();
    let expected = json!({
        "created_at": "2026-01-02T00:00:00Z", "dataset_id": "00000000-0000-0000-0000-000000000001",
        "explanation": "of the score", "metric_name": "accuracy", "metric_score": 0.9, "actual_output": "a",
        "at": "2026-01-02T01:04:05.600Z", "big": 9_007_199_254_740_993_i64, "day": "2026-01-02",
        "exact": "12345678901234567890.0123456789", "dataset_explanation": "of the trace", "local": "2026-01-02T03:04:05",
        "meta": { "b": [1, 2.5], "a": null }, "query": "q; 100%", "raw": "\\xdeadbeef", "scores": [0.5, null],
        "state": "good", "tags": ["x", null, "y,z"], "took": "1 year 2 mons 3 days 04:05:06", "wide": 1.5
    });
    assert_eq!(Value::Object(row.clone()), expected);

    // The store has the same rows under the same names.
    sync(&dataset, SyncOptions::default()).await;
    let page = dataset.page(axis_core::PageRequest::default()).await.unwrap();
    assert_eq!((page.rows.len(), imported.rows.len()), (3, 3));
    assert!(page.rows[0].keys().eq(imported.columns.iter()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_is_cut_at_the_lesser_limit_and_says_so() {
    let database = TestDatabase::create("import_limit");
    database.execute(SOURCE);
    let project = project("  row_limit: 2\n");
    let dataset = engine(&project, &database.url).await.dataset("eval").unwrap();
    for (limit, rows) in [(1, 1), (2, 2), (50, 2), (0, 0)] {
        let imported = dataset.import(limit).await.unwrap();
        assert_eq!((imported.rows.len(), imported.truncated), (rows, true), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_ends_with_its_time_and_leaves_nothing_running() {
    let database = TestDatabase::create("import_time");
    database
        .execute("create table traces (id text); insert into traces select i::text from generate_series(1, 1000) i");
    let project = Project::new();
    project.file(
        "eval_db.yaml",
        "eval_db:
  enabled: true
  url: \"${SOURCE}\"
  query_timeout: 1
  dataset_query: select * from traces
  results_query: select id, pg_sleep(60)::text as slept from traces
",
    );
    let dataset = engine(&project, &database.url).await.dataset("eval").unwrap();
    let error = dataset.import(10).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("query_timeout"), "{error}");
    let deadline = Instant::now() + DEADLINE;
    let running = "select 1 from pg_stat_activity where query like '%pg_sleep(60)%' and state = 'active'
        and pid <> pg_backend_pid()";
    while !database.query_text(running).is_empty() {
        assert!(Instant::now() < deadline, "the query goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_imported_says_why() {
    let database = TestDatabase::create("import_wrong");
    database.execute("create table traces (name text); create table scores (id text)");
    let project = project("");
    let engine = engine(&project, &database.url).await;
    let error = engine.dataset("eval").unwrap().import(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("dataset_id"), "{error}");
    let error = engine.dataset("monitoring").unwrap().import(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("no connection"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_is_imported_as_well() {
    let project = project("");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "create table traces (id integer, input text, created_at timestamp);
            create table scores (dataset_id text, metric text, value real);
            insert into traces values (7, 'q', '2026-01-02 03:04:05'), (8, 'r', null);
            insert into scores values ('7', 'tone', 0.5), ('7', 'style', 1), ('9', 'tone', 1)",
        )
        .unwrap();
    let dataset = engine(&project, &format!("sqlite:{}", path.display()))
        .await
        .dataset("eval")
        .unwrap();
    let imported = dataset.import(10).await.unwrap();
    assert_eq!(
        json!(imported),
        json!({
            "columns": ["dataset_id", "metric_name", "metric_score", "created_at", "query"],
            "rows": [
                { "dataset_id": "7", "metric_name": "tone", "metric_score": 0.5, "created_at": "2026-01-02T03:04:05", "query": "q" },
                { "dataset_id": "7", "metric_name": "style", "metric_score": 1.0, "created_at": "2026-01-02T03:04:05", "query": "q" },
            ],
            "truncated": false,
        })
    );
}
