//! The monitoring analytics over a small set of rows whose answers are computed by hand.

use axis_core::analytics::monitoring::{
    self, BreakdownRequest, CategorySource, ClassRequest, Filter, Granularity, GroupBy, InsightsRequest, LatencyRequest,
};
use axis_core::config::Config;
use axis_core::{Dataset, Engine, ErrorKind, SyncOptions};
use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Project, open, sync};

/// Five traces, the first one a Sunday's last half second, and sixteen metrics: labels and NaN in the score column, every
/// way to write a category, and NULL wherever there may be one.
pub(crate) const SOURCE: &str = r#"
create table traces (dataset_id text, created_at timestamptz, environment text, source_name text, latency float8);
insert into traces values
  ('t1', '2026-01-04 23:59:59.5+00', 'prod', 'chat', 1), ('t2', '2026-01-05 00:00:00+00', 'prod', 'chat', 2),
  ('t3', '2026-01-05 12:00:00+00', 'test', 'search', 4), ('t4', '2026-01-12 06:30:00+00', null, 'search', null),
  ('t5', '2026-01-12 07:00:00+00', 'prod', 'chat', 10);
create table metrics (dataset_id text, metric_name text, metric_score text, metric_category text, explanation text, signals text);
insert into metrics values
  ('t1', 'a', '0.2', 'SCORE', null, null), ('t1', 'b', '0.9', null, null, null),
  ('t1', 'mood', 'positive', 'CLASSIFICATION', 'good', null),
  ('t2', 'a', '0.4', 'score', null, null), ('t2', 'b', '0.5', 'SCORE', null, null),
  ('t2', 'mood', null, 'CLASSIFICATION', 'bad', null),
  ('t3', 'a', '0.8', 'SCORE', null, null), ('t3', 'mood', '1', 'Classification', 'good', null),
  ('t3', 'note', null, 'ANALYSIS', 'because', '{"k": 1}'), ('t3', 'idea', null, 'ANALYSIS', null, '[1, 2]'),
  ('t4', 'a', '0.6', 'SCORE', null, null), ('t4', 'note', null, 'analysis', '', '42'),
  ('t5', 'a', null, 'SCORE', null, null), ('t5', 'b', 'NaN', 'SCORE', null, null), ('t5', 'a', '1.0', '', null, null),
  ('t5', 'mood', 'x', 'CLASSIFICATION', null, 'plain');
"#;

/// An engine whose `monitoring` has been synced from tables of the test's own.
pub(crate) struct Traces {
    pub(crate) engine: Engine,
    pub(crate) database: TestDatabase,
    _project: Project,
    _directory: TempDir,
}

impl Traces {
    pub(crate) async fn open(source: &str, more: &str) -> Self {
        Self::open_with(source, more, |_, _| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn open_with(source: &str, more: &str, adjust: impl FnOnce(&TestDatabase, &mut Config)) -> Self {
        let database = TestDatabase::create("monitoring");
        database.execute(source);
        let project = Project::new();
        let directory = tempfile::tempdir().unwrap();
        project.file(
            "monitoring_db.yaml",
            &format!(
                "monitoring_db:\n  enabled: true\n  url: ${{URL}}\n  dataset_query: select * from traces\n  results_query: select * from metrics\n{more}"
            ),
        );
        let mut config = project.load(&[("URL", &database.url)]);
        config.store.path = directory.path().join("s.duckdb");
        adjust(&database, &mut config);
        let traces = Self {
            engine: open(config).await,
            database,
            _project: project,
            _directory: directory,
        };
        sync(&traces.monitoring(), SyncOptions::default()).await;
        traces
    }

    pub(crate) fn monitoring(&self) -> Dataset {
        self.engine.dataset("monitoring").unwrap()
    }
}

pub(crate) fn filter(adjust: impl FnOnce(&mut Filter)) -> Filter {
    let mut filter = Filter::default();
    adjust(&mut filter);
    filter
}

fn score() -> Filter {
    filter(|filter| filter.metric_category = Some("SCORE".into()))
}

/// Rounds every number, so that the last bits of sums do not matter.
pub(crate) fn rounded(value: impl serde::Serialize) -> Value {
    fn round(value: &mut Value) {
        match value {
            Value::Number(number) => {
                if let Some(float) = number.as_f64().filter(|_| number.is_f64()) {
                    *value = json!((float * 1e9).round() / 1e9);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(round),
            Value::Object(members) => members.values_mut().for_each(round),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(value).unwrap();
    round(&mut value);
    value
}

#[tokio::test]
async fn summaries_know_what_a_score_is() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    // 0.2 0.9 0.4 0.5 0.8 1 0.6 1; the label, NULL and NaN are no scores. Latencies 1 1 2 2 4 4 10, one is missing.
    let all = monitoring::summary(&monitoring, &Filter::default()).await.unwrap();
    assert_eq!(
        rounded(all),
        json!({ "kpis": { "total_records": 8, "avg_score": 0.675, "pass_rate": 75.0, "p50_latency": 2.0,
            "p95_latency": 8.2, "p99_latency": 9.64, "records": 5 } })
    );
    // SCORE, score and NULL; the empty category is none of them. 0.2 0.9 0.4 0.5 0.8 0.6, latencies 1 1 2 2 4.
    let scores = monitoring::summary(&monitoring, &score()).await.unwrap();
    assert_eq!(
        rounded(scores),
        json!({ "kpis": { "total_records": 6, "avg_score": 0.566_666_667, "pass_rate": 66.666_666_667,
            "p50_latency": 2.0, "p95_latency": 3.6, "p99_latency": 3.92, "records": 4 } })
    );
    let count = |filter: Filter| {
        let monitoring = monitoring.clone();
        async move {
            monitoring::summary(&monitoring, &filter)
                .await
                .unwrap()
                .kpis
                .total_records
        }
    };
    assert_eq!(
        count(filter(|f| f.metric_category = Some("classification".into()))).await,
        1
    );
    assert_eq!(count(filter(|f| f.metric_category = Some("other".into()))).await, 0);
    assert_eq!(count(filter(|f| f.environment = Some("prod".into()))).await, 5);
    assert_eq!(count(filter(|f| f.environment = Some("None".into()))).await, 0);
    assert_eq!(
        count(filter(|f| f.source_type = Some("x".into()))).await,
        0,
        "there is no such column"
    );
    assert_eq!(count(filter(|f| f.metric_name = Some("a".into()))).await, 5);
    assert_eq!(
        count(filter(|f| f.metrics = vec!["b".into(), "mood".into(), "no".into()])).await,
        3
    );
    for (start, end, expected) in [
        ("2026-01-05", "2026-01-05T12:00:00Z", 4),
        ("2026-01-05 00:00:00.000001", "2026-01-12", 2),
        ("2026-01-05T01:00:00+01:00", "2026-01-12 06:30:00", 5),
        ("2026-01-04 23:59:59.5", "2026-01-04T23:59:59.500", 2),
        ("2026-01-13", "2026-01-14", 0),
        ("2026-01-12", "2026-01-05", 0),
    ] {
        let range = filter(|f| (f.time_start, f.time_end) = (Some(start.into()), Some(end.into())));
        assert_eq!(count(range).await, expected, "{start} to {end}");
    }
    let garbage = filter(|f| f.time_end = Some("tomorrow".into()));
    let refused = monitoring::summary(&monitoring, &garbage).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn trends_and_breakdowns_are_exact() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    let weekly = monitoring::trends(&monitoring, &score(), Granularity::Weekly)
        .await
        .unwrap();
    let point = |timestamp: &str, metric: &str, [avg, p50, p95, p99]: [f64; 4], count: u64| json!({ "timestamp": timestamp, "metric": metric, "avg": avg, "p50": p50, "p95": p95, "p99": p99, "count": count });
    assert_eq!(
        rounded(weekly),
        json!({
            "data": [
                point("2025-12-29 00:00:00+00:00", "a", [0.2; 4], 1),
                point("2025-12-29 00:00:00+00:00", "b", [0.9; 4], 1),
                point("2026-01-05 00:00:00+00:00", "a", [0.6, 0.6, 0.78, 0.796], 2),
                point("2026-01-05 00:00:00+00:00", "b", [0.5; 4], 1),
                point("2026-01-12 00:00:00+00:00", "a", [0.6; 4], 1),
            ],
            "metrics": ["a", "b"],
            "granularity": "weekly",
        })
    );
    let hourly = monitoring::trends(&monitoring, &score(), Granularity::Hourly)
        .await
        .unwrap();
    let hours: Vec<&str> = hourly.data.iter().map(|point| &point.timestamp[..13]).collect();
    assert_eq!(
        hours,
        [
            "2026-01-04 23",
            "2026-01-04 23",
            "2026-01-05 00",
            "2026-01-05 00",
            "2026-01-05 12",
            "2026-01-12 06"
        ]
    );

    let mut request = BreakdownRequest::default();
    request.filter = score();
    request.threshold = 0.6;
    request.group_by = Some(GroupBy::Environment);
    let by_environment = monitoring::breakdown(&monitoring, &request).await.unwrap();
    assert_eq!(
        rounded(by_environment),
        json!({
            "metrics": [
                { "name": "a", "pass_rate": 50.0, "avg": 0.5, "count": 4, "by_group": {
                    "prod": { "pass_rate": 0.0, "avg": 0.3, "count": 2.0 },
                    "test": { "pass_rate": 100.0, "avg": 0.8, "count": 1.0 } } },
                { "name": "b", "pass_rate": 50.0, "avg": 0.7, "count": 2, "by_group": {
                    "prod": { "pass_rate": 50.0, "avg": 0.7, "count": 2.0 } } },
            ],
            "groups_omitted": 0,
        })
    );
    request.group_by = Some(GroupBy::ModelName);
    let no_column = monitoring::breakdown(&monitoring, &request).await.unwrap();
    assert!(no_column.metrics.iter().all(|metric| metric.by_group.is_none()));
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn distributions_close_their_last_bin_and_keep_null_apart() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    let mut request = LatencyRequest::default();
    request.bins = 9;
    request.group_by = Some(GroupBy::Environment);
    // By rows: 1 three times, 2 three times, 4 four times, 10 four times; t4 has none.
    let latency = monitoring::latency(&monitoring, &request).await.unwrap();
    assert_eq!(
        rounded(latency),
        json!({
            "histogram": { "counts": [3, 3, 0, 4, 0, 0, 0, 0, 4], "edges": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0] },
            "percentiles": { "p50": 4.0, "p95": 10.0, "p99": 10.0 },
            "by_group": {
                "prod": { "counts": [3, 3, 0, 0, 0, 0, 0, 0, 4], "percentiles": { "p50": 2.0, "p95": 10.0, "p99": 10.0 } },
                "test": { "counts": [0, 0, 0, 4, 0, 0, 0, 0, 0], "percentiles": { "p50": 4.0, "p95": 4.0, "p99": 4.0 } },
            },
            "groups_omitted": 0,
        })
    );
    request.filter.environment = Some("test".into());
    request.bins = 5;
    let one_value = monitoring::latency(&monitoring, &request).await.unwrap();
    assert_eq!(one_value.histogram.counts, [4, 0, 0, 0, 0]);
    assert_eq!(
        rounded(&one_value.histogram.edges),
        json!([4.0, 4.2, 4.4, 4.6, 4.8, 5.0])
    );
    request.filter.environment = Some("nowhere".into());
    let empty = monitoring::latency(&monitoring, &request).await.unwrap();
    assert_eq!(
        rounded(empty),
        json!({ "histogram": { "counts": [], "edges": [] }, "percentiles": { "p50": 0.0, "p95": 0.0, "p99": 0.0 },
            "by_group": null, "groups_omitted": 0 })
    );

    let mut request = ClassRequest::new("metric_score", GroupBy::Environment);
    request.filter = score();
    request.max_values = 3;
    let classes = monitoring::classes(&monitoring, &request).await.unwrap();
    // prod: 0.2 0.4 0.5 0.9; deviations -0.3 -0.1 0 0.4 of the mean 0.5, squares sum to 0.26.
    let std = (0.26_f64 / 3.0).sqrt();
    assert_eq!(
        rounded(classes),
        rounded(json!({
            "data": [
                { "group": "prod", "values": [0.2, 0.5, 0.9], "sampled": true,
                  "stats": { "mean": 0.5, "std": std, "min": 0.2, "max": 0.9, "median": 0.45, "count": 4.0 } },
                { "group": "test", "values": [0.8], "sampled": false,
                  "stats": { "mean": 0.8, "std": 0.0, "min": 0.8, "max": 0.8, "median": 0.8, "count": 1.0 } },
                { "group": null, "values": [0.6], "sampled": false,
                  "stats": { "mean": 0.6, "std": 0.0, "min": 0.6, "max": 0.6, "median": 0.6, "count": 1.0 } },
            ],
            "metric": "metric_score", "group_by": "environment", "max_values": 3, "groups_omitted": 0,
        }))
    );
    let latencies = ClassRequest::new("latency", GroupBy::SourceName);
    let latencies = monitoring::classes(&monitoring, &latencies).await.unwrap();
    let counts: Vec<(Option<&str>, f64)> = latencies
        .data
        .iter()
        .map(|d| (d.group.as_deref(), d.stats.count))
        .collect();
    assert_eq!(counts, [(Some("chat"), 10.0), (Some("search"), 4.0)]);
    let named = monitoring::classes(&monitoring, &ClassRequest::new("b", GroupBy::SourceName))
        .await
        .unwrap();
    assert_eq!(rounded(&named.data[0].values), json!([0.5, 0.9]));
    for (metric, group) in [
        ("no_such_column", GroupBy::SourceName),
        ("metric_score", GroupBy::ModelName),
    ] {
        let refused = monitoring::classes(&monitoring, &ClassRequest::new(metric, group))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{metric}");
    }
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn labels_are_counted_and_followed() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    let all = Filter::default();
    let explained = CategorySource::Explanation;
    let labels = monitoring::classification_breakdown(&monitoring, &all, explained)
        .await
        .unwrap();
    assert_eq!(
        rounded(labels),
        json!({ "metrics": [{ "metric_name": "mood", "total_count": 3, "other_count": 0, "categories": [
            { "value": "good", "count": 2, "percentage": 66.7 }, { "value": "bad", "count": 1, "percentage": 33.3 } ] }] })
    );
    // The relation has no `actual_output`; what stands in for it is the score's text.
    let scores = monitoring::classification_breakdown(&monitoring, &all, CategorySource::ActualOutput);
    let values: Vec<String> = scores.await.unwrap().metrics[0]
        .categories
        .iter()
        .map(|c| c.value.clone())
        .collect();
    assert_eq!(values, ["1", "positive", "x"]);
    let hidden = filter(|f| f.source_type = Some("x".into()));
    assert!(
        monitoring::classification_breakdown(&monitoring, &hidden, explained)
            .await
            .unwrap()
            .metrics
            .is_empty()
    );

    let daily = monitoring::classification_trends(&monitoring, "mood", &all, explained, Granularity::Daily);
    assert_eq!(
        rounded(daily.await.unwrap()),
        json!({
            "data": [
                { "timestamp": "2026-01-04 00:00:00+00:00", "categories": { "good": 1 }, "other_count": 0 },
                { "timestamp": "2026-01-05 00:00:00+00:00", "categories": { "bad": 1, "good": 1 }, "other_count": 0 },
            ],
            "metric_name": "mood", "granularity": "daily", "unique_categories": ["bad", "good"],
        })
    );
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn insights_are_paged_in_one_order() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    let mut request = InsightsRequest::default();
    let all = monitoring::insights(&monitoring, &request).await.unwrap();
    let record = |id: &str,
                  timestamp: &str,
                  metric: &str,
                  explanation: Value,
                  signals: Value,
                  environment: Value,
                  source: &str| {
        json!({ "dataset_id": id, "timestamp": timestamp, "metric_name": metric, "query": null, "actual_output": null,
            "explanation": explanation, "signals": signals,
            "source_info": { "environment": environment, "source_name": source, "source_component": null } })
    };
    let noon = "2026-01-05 12:00:00+00:00";
    assert_eq!(
        serde_json::to_value(&all).unwrap(),
        json!({
            "records": [
                // A bare number stays the text that it is.
                record("t4", "2026-01-12 06:30:00+00:00", "note", Value::Null, json!("42"), Value::Null, "search"),
                record("t3", noon, "idea", Value::Null, json!([1, 2]), json!("test"), "search"),
                record("t3", noon, "note", json!("because"), json!({ "k": 1 }), json!("test"), "search"),
            ],
            "total_count": 3, "page": 1, "limit": 20, "metric_names": ["idea", "note"],
        })
    );
    request.limit = 1;
    for (page, record) in (1..).zip(&all.records) {
        request.page = page;
        let one = monitoring::insights(&monitoring, &request).await.unwrap();
        assert_eq!(
            (one.records.as_slice(), one.total_count),
            (std::slice::from_ref(record), 3)
        );
    }
    request.page = u64::MAX;
    let beyond = monitoring::insights(&monitoring, &request).await.unwrap();
    assert_eq!(
        (beyond.records.len(), beyond.total_count, beyond.metric_names.len()),
        (0, 3, 2)
    );
    request.page = 1;
    request.filter.metric_name = Some("idea".into());
    assert_eq!(
        monitoring::insights(&monitoring, &request).await.unwrap().total_count,
        1
    );
    request.limit = 101;
    let refused = monitoring::insights(&monitoring, &request).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn metrics_are_correlated_by_record() {
    let source = "
create table traces (dataset_id text, created_at timestamptz, latency float8);
insert into traces select 'r' || i, now(), i from generate_series(1, 4) i;
create table metrics (dataset_id text, metric_name text, metric_score float8);
insert into metrics values ('r1', 'x', 1), ('r2', 'x', 2), ('r3', 'x', 3), ('r4', 'x', 3), ('r4', 'x', 5),
  ('r1', 'y', 2), ('r2', 'y', 4), ('r3', 'y', 6), ('r4', 'y', 8), ('r1', 'z', 3), ('r2', 'z', 1), ('r3', 'z', 2),
  ('r1', 'same', 7), ('r2', 'same', 7), ('r4', 'alone', 1), ('r9', 'x', 100), (null, 'x', 50)";
    let traces = Traces::open(source, "  visible_metrics: [x]\n").await;
    let monitoring = traces.monitoring();
    let ask = |names: &[&str]| {
        let (monitoring, names) = (
            monitoring.clone(),
            names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(),
        );
        async move {
            rounded(
                monitoring::correlation(&monitoring, &Filter::default(), &names)
                    .await
                    .unwrap(),
            )
        }
    };
    // x is 1 2 3 4 (the mean of 3 and 5), y twice that. z is 3 1 2 where x is 1 2 3: covariance -1/2, variances 1.
    assert_eq!(
        ask(&["x", "nobody", "y", "z", "same", "alone"]).await,
        json!({
            "metrics": ["x", "y", "z", "same", "alone"],
            "matrix": [
                [1.0, 1.0, -0.5, 0.0, 0.0],
                [1.0, 1.0, -0.5, 0.0, 0.0],
                [-0.5, -0.5, 1.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 0.0, 0.0],
                [0.0, 0.0, 0.0, 0.0, 0.0],
            ],
        })
    );
    assert_eq!(ask(&["x"]).await, json!({ "matrix": [], "metrics": ["x"] }));
    assert_eq!(ask(&["x", "nobody"]).await, json!({ "matrix": [], "metrics": ["x"] }));
    assert_eq!(ask(&["nobody", "none"]).await, json!({ "matrix": [], "metrics": [] }));
    // Columns, row by row: fewer than two of them are metrics.
    let columns = ask(&["metric_score", "latency"]).await;
    assert_eq!(columns["metrics"], json!(["metric_score", "latency"]));
    assert_eq!(
        (&columns["matrix"][0][0], &columns["matrix"][1][1]),
        (&json!(1.0), &json!(1.0))
    );
    assert_eq!(columns["matrix"][0][1], columns["matrix"][1][0]);
    traces.engine.close().await.unwrap();
    // Text and NaN in a column of scores are left out.
    let traces = Traces::open(SOURCE, "").await;
    let names = ["metric_score", "latency"].map(str::to_owned);
    let columns = monitoring::correlation(&traces.monitoring(), &Filter::default(), &names)
        .await
        .unwrap();
    assert_eq!((columns.matrix[0][0], columns.matrix[1][1]), (1.0, 1.0));
    // Seven pairs: scores 0.2 0.9 0.4 0.5 0.8 1 1, latencies 1 1 2 2 4 4 10, sums 4.8 and 24;
    // covariance 20.1 - 4.8 * 24 / 7, variances 3.9 - 4.8^2 / 7 and 142 - 24^2 / 7.
    let expected = (20.1_f64 - 4.8 * 24.0 / 7.0) / ((3.9_f64 - 4.8 * 4.8 / 7.0) * (142.0 - 24.0 * 24.0 / 7.0)).sqrt();
    assert!(
        (columns.matrix[0][1] - expected).abs() < 1e-9,
        "{columns:?} instead of {expected}"
    );
    traces.engine.close().await.unwrap();
}
