//! The four built-in datasets, configured as users configure them: full syncs, names, views, metadata, status.

use axis_core::{Dataset, Engine, FullReason, Strategy, SyncOptions};
use axis_testkit::postgres::{PASSWORD, TestDatabase, shared};
use serde_json::json;

use super::support::{Project, number, sync, text};

const SOURCE: &str = "
create table traces (id text primary key, created_at timestamptz not null, model text, input text, output text,
    env text, latency_ms numeric(10,2), kosten numeric(12,6));
create table scores (trace_id text not null, metric_name text, metric_score double precision, created_at timestamptz not null,
    explanation text);
insert into traces select lpad(i::text, 5, '0'), timestamptz '2026-01-01' + make_interval(secs => i), 'm' || i % 3,
    'question ' || i, 'answer ' || i, case when i % 2 = 0 then 'prod' end, i * 1.25, i / 1000.0
    from generate_series(1, 3000) i;
insert into scores select lpad(i::text, 5, '0'), m, (i % 100) / 100.0, timestamptz '2026-01-01' + make_interval(secs => i), 'because'
    from generate_series(1, 3000) i, unnest(array['accuracy', 'tone']) m;
create table eval_records (eval_id bigint, prompt text, completion text, reference text, run_name text);
create table eval_scores (eval_id bigint, metric text, score numeric(6,4), input text);
insert into eval_records select i, 'p' || i, 'c' || i, 'r' || i, 'run' || i % 4 from generate_series(1, 500) i;
insert into eval_scores select i, 'm' || m, i / 500.0, 'own input' from generate_series(1, 500) i, generate_series(1, 3) m;
create table signals (\"Dataset-ID\" text, \"Metric Name\" text, \" Signals \" jsonb, \"Timestamp\" timestamp);
create table cases (\"Dataset ID\" text, \"Case Label\" text);
insert into cases select 'c' || i, 'label ' || i from generate_series(1, 40) i;
insert into signals select 'c' || i, 'resolved', jsonb_build_object('is_resolved', i % 2 = 0), timestamp '2026-02-01 10:00' + make_interval(mins => i)
    from generate_series(1, 40) i;
create table kpis (kpi_name text, kpi_category text, numeric_value numeric(20,4), created_at date, source_name text);
insert into kpis select 'k' || i % 5, 'cat', i * 0.5, date '2026-01-01' + i, 'chat' from generate_series(0, 299) i;
";

const CONNECTION: &str = "
  enabled: true
  url: \"postgresql://axis:${PASSWORD}@127.0.0.1:${PORT_OF_TEST}/${DATABASE}\"
";

pub(crate) fn project() -> Project {
    let project = Project::new();
    project.file(
        "duckdb.yaml",
        "duckdb:\n  path: data/store.duckdb\n  sync_mode: manual\n",
    );
    let block = |name: &str, keys: &str| project.file(&format!("{name}.yaml"), &format!("{name}:{CONNECTION}{keys}"));
    block(
        "monitoring_db",
        "  dataset_query: |
    select * from traces -- all of them
  results_query: select trace_id as dataset_id, metric_name, metric_score, created_at, explanation from scores;
  incremental_column: created_at
  columns:
    kosten: cost_estimate
",
    );
    block(
        "eval_db",
        "  dataset_query: select * from eval_records\n  results_query: select * from eval_scores\n",
    );
    block(
        "human_signals_db",
        "  dataset_query: select * from cases
  results_query: select * from signals
",
    );
    block(
        "kpi_db",
        "  query: select * from kpis\n  incremental_column: created_at\n",
    );
    project
}

pub(crate) async fn open(project: &Project, database: &TestDatabase) -> Engine {
    let port = shared().port().to_string();
    let variables = [
        ("PASSWORD", PASSWORD),
        ("PORT_OF_TEST", port.as_str()),
        ("DATABASE", database.name.as_str()),
    ];
    let engine = project.open(&variables).await;
    assert_eq!(engine.config().warnings, []);
    engine
}

pub(crate) fn database() -> TestDatabase {
    let database = TestDatabase::create("full");
    database.execute(SOURCE);
    database
}

async fn columns(dataset: &Dataset) -> Vec<String> {
    let metadata = dataset.metadata().await.unwrap().expect("it was synced");
    metadata
        .columns
        .iter()
        .map(|column| column.column_name.clone())
        .collect()
}

#[tokio::test]
async fn the_four_datasets_equal_their_source_and_show_the_documented_columns() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let datasets: Vec<Dataset> = engine.syncable().collect();
    assert_eq!(datasets.len(), 4);
    for (name, outcome) in engine.sync(&datasets, &SyncOptions::default()).await {
        let report = outcome.unwrap_or_else(|error| panic!("{name}: {}", error.chain()));
        assert_eq!(
            report.strategy,
            Strategy::Full {
                because: FullReason::FirstSync
            }
        );
        assert_eq!(
            (report.generation, report.changed, report.truncated),
            (1, true, false),
            "{name}"
        );
    }

    let names = columns(&engine.dataset("monitoring").unwrap()).await;
    assert_eq!(
        names,
        [
            "dataset_id",
            "explanation",
            "metric_name",
            "metric_score",
            "timestamp",
            "actual_output",
            "cost_estimate",
            "environment",
            "latency",
            "model_name",
            "query",
            "dataset_timestamp"
        ]
    );
    let names = columns(&engine.dataset("eval").unwrap()).await;
    assert_eq!(
        names,
        [
            "dataset_id",
            "metric_name",
            "metric_score",
            "query",
            "actual_output",
            "evaluation_name",
            "expected_output",
            "dataset_query"
        ]
    );
    let names = columns(&engine.dataset("human_signals").unwrap()).await;
    assert_eq!(
        names,
        ["dataset_id", "metric_name", "signals", "timestamp", "case_label"]
    );
    let names = columns(&engine.dataset("kpi").unwrap()).await;
    assert_eq!(
        names,
        ["kpi_name", "kpi_category", "numeric_value", "created_at", "source_name"]
    );

    for (stored, source) in [
        (
            "select count(*)::varchar, sum(cost_estimate)::varchar, sum(latency)::varchar, max(timestamp)::varchar,
             min(dataset_id), count(environment)::varchar from monitoring_data",
            "select count(*)::varchar, sum(kosten)::varchar, sum(latency_ms)::varchar, max(s.created_at)::varchar,
             min(id), count(env)::varchar from traces join scores s on trace_id = id",
        ),
        (
            "select count(*)::varchar, sum(metric_score)::varchar, max(expected_output), min(query), min(dataset_query) from eval_data",
            "select count(*)::varchar, sum(score)::varchar, max(reference), min(input), min(prompt) from eval_records join eval_scores using (eval_id)",
        ),
        (
            "select dataset_id, signals, timestamp::varchar, case_label from human_signals_raw order by 1",
            "select \"Dataset ID\", \" Signals \"::text, \"Timestamp\"::text, \"Case Label\" from cases join signals on \"Dataset ID\" = \"Dataset-ID\" order by 1",
        ),
        (
            "select count(*)::varchar, sum(numeric_value)::varchar, max(created_at)::varchar from kpi_data",
            "select count(*)::varchar, sum(numeric_value)::varchar, max(created_at)::varchar from kpis",
        ),
    ] {
        assert_eq!(text(&engine, stored).await, database.query_text(source), "{stored}");
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_second_sync_is_incremental_and_without_news_changes_nothing() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    for name in ["monitoring", "kpi"] {
        let dataset = engine.dataset(name).unwrap();
        sync(&dataset, SyncOptions::default()).await;
        let report = sync(&dataset, SyncOptions::default()).await;
        assert_eq!(report.strategy, Strategy::Incremental, "{name}");
        assert_eq!((report.changed, report.generation), (false, 1), "{name}: {report:?}");
        assert!(
            report
                .tables
                .iter()
                .all(|table| table.rows_inserted == 0 && table.rows_total > 0)
        );
        let runs = engine.runs(1).await.unwrap();
        assert_eq!(
            (runs[0].dataset.as_str(), runs[0].outcome.as_str()),
            (name, "unchanged")
        );
    }
    // `created_at` is the source's name; the store's is `timestamp`, and the watermark says so.
    let watermarks = engine.dataset("monitoring").unwrap().watermarks();
    assert_eq!(watermarks.len(), 2);
    assert!(watermarks.iter().all(|mark| mark.column == "timestamp"));

    database.execute(
        "insert into traces (id, created_at, kosten) values ('new', now(), 7.5);
         insert into scores values ('new', 'tone', 0.25, now(), null), ('new', 'accuracy', null, now(), null)",
    );
    let monitoring = engine.dataset("monitoring").unwrap();
    let report = sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(
        (report.strategy, report.changed, report.generation),
        (Strategy::Incremental, true, 2)
    );
    assert!(report.rows_read < 20, "{report:?}");
    assert_eq!(number(&engine, "select count(*) from monitoring_data").await, 6002);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn the_incremental_column_may_be_given_by_its_final_name() {
    let (project, database) = (project(), database());
    project.file(
        "monitoring_db.yaml",
        &format!(
            "monitoring_db:{CONNECTION}  dataset_query: select * from traces
  results_query: select trace_id as dataset_id, metric_name, created_at from scores
  incremental_column: timestamp\n"
        ),
    );
    let engine = open(&project, &database).await;
    let monitoring = engine.dataset("monitoring").unwrap();
    sync(&monitoring, SyncOptions::default()).await;
    database.execute("insert into scores values ('00001', 'late', 1, now(), null)");
    let report = sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(report.strategy, Strategy::Incremental);
    assert_eq!(number(&engine, "select count(*) from monitoring_data").await, 6001);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_alias_whose_name_is_taken_keeps_its_own_and_the_report_says_so() {
    let (project, database) = (project(), database());
    project.file(
        "monitoring_db.yaml",
        &format!(
            "monitoring_db:{CONNECTION}  dataset_query: select id, id as dataset_id, created_at, created_at as timestamp, input, input as query from traces
  results_query: select trace_id as record_id, metric_name from scores\n"
        ),
    );
    let engine = open(&project, &database).await;
    let monitoring = engine.dataset("monitoring").unwrap();
    let report = sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(
        serde_json::to_value(&report.tables[0].kept_aliases).unwrap(),
        json!([
            {"column": "id", "taken": "dataset_id"},
            {"column": "created_at", "taken": "timestamp"},
            {"column": "input", "taken": "query"}
        ])
    );
    assert_eq!(report.tables[1].kept_aliases, []);
    assert_eq!(
        columns(&monitoring).await,
        [
            "dataset_id",
            "metric_name",
            "created_at",
            "id",
            "input",
            "query",
            "timestamp"
        ]
    );
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_rebuild_after_refreshes_in_the_same_engine_is_whole() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let kpi = engine.dataset("kpi").unwrap();
    for round in 0..3_i64 {
        database.execute("insert into kpis values ('new', 'cat', 1, '2027-01-01', 'chat')");
        let report = sync(&kpi, SyncOptions::default()).await;
        assert_eq!(report.tables[0].rows_total, 301 + 2 * round.cast_unsigned());
        database.execute("insert into kpis values ('new', 'cat', 1, '2027-01-01', 'chat')");
        sync(&kpi, SyncOptions::default()).await;
        sync(&kpi, SyncOptions::full()).await;
        assert_eq!(number(&engine, "select count(*) from kpi_data").await, 302 + 2 * round);
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn an_emptied_source_empties_the_store() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let monitoring = engine.dataset("monitoring").unwrap();
    sync(&monitoring, SyncOptions::default()).await;
    database.execute("truncate traces, scores");
    let report = sync(&monitoring, SyncOptions::full()).await;
    assert_eq!(
        report.strategy,
        Strategy::Full {
            because: FullReason::Requested
        }
    );
    assert_eq!((report.changed, report.rows_read), (true, 0));
    assert_eq!(number(&engine, "select count(*) from monitoring_data").await, 0);
    // There is no greatest value to continue from, so the next one is whole again, and finds what has come.
    database.execute(
        "insert into traces (id, created_at) values ('a', now()); insert into scores values ('a', 'm', 1, now(), null)",
    );
    let report = sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(
        report.strategy,
        Strategy::Full {
            because: FullReason::WatermarkMissing
        }
    );
    assert_eq!(number(&engine, "select count(*) from monitoring_data").await, 1);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_reset_makes_the_next_sync_a_rebuild() {
    let (project, database) = (project(), database());
    let engine = open(&project, &database).await;
    let monitoring = engine.dataset("monitoring").unwrap();
    sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(monitoring.reset_watermarks().await.unwrap(), 2);
    assert_eq!(monitoring.watermarks(), []);
    assert_eq!(monitoring.status().watermarks["monitoring_dataset"], None);
    assert_eq!(number(&engine, "select count(*) from monitoring_data").await, 6000);
    let report = sync(&monitoring, SyncOptions::default()).await;
    assert_eq!(
        report.strategy,
        Strategy::Full {
            because: FullReason::WatermarkMissing
        }
    );
    assert_eq!(monitoring.watermarks().len(), 2);
    let error = engine.dataset("eval").unwrap().reset_watermarks().await.unwrap_err();
    assert_eq!(error.kind(), axis_core::ErrorKind::InvalidArgument);
    engine.close().await.unwrap();
}
