//! Monitoring analytics under other settings: hidden metrics, wide relations, anomalies, data that changes.

use axis_core::analytics::monitoring::{
    self, BreakdownRequest, Filter, Granularity, GroupBy, InsightsRequest, LatencyRequest,
};
use axis_core::{ErrorKind, SyncOptions};
use serde_json::json;

use super::monitoring::{SOURCE, Traces, filter, rounded};
use super::support::sync;

#[tokio::test]
async fn hidden_metrics_show_only_when_named() {
    let traces = Traces::open(SOURCE, "  visible_metrics: [b]\n").await;
    let monitoring = traces.monitoring();
    let count = async |filter: &Filter| {
        monitoring::summary(&monitoring, filter)
            .await
            .unwrap()
            .kpis
            .total_records
    };
    assert_eq!(count(&Filter::default()).await, 2);
    assert_eq!(count(&filter(|f| f.metric_name = Some("a".into()))).await, 5);
    assert_eq!(count(&filter(|f| f.metrics = vec!["a".into(), "b".into()])).await, 7);
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn wide_relations_are_read_as_long_ones() {
    let source = "
create table traces (dataset_id text, created_at timestamp, environment text, latency float8);
insert into traces values ('1', '2026-01-05 10:00', 'prod', 1), ('2', '2026-01-05 11:00', 'prod', 2), ('3', '2026-01-06 10:00', 'test', 3);
create table metrics (dataset_id text, tone_score float8, fact_score numeric(4,2));
insert into metrics values ('1', 0.2, 0.5), ('2', 0.4, null), ('3', 0.6, 1)";
    let traces = Traces::open(source, "").await;
    let monitoring = traces.monitoring();
    let summary = monitoring::summary(&monitoring, &Filter::default()).await.unwrap().kpis;
    assert_eq!((summary.total_records, summary.records), (5, 3));
    assert_eq!(summary.pass_rate, 60.0);
    let trends = monitoring::trends(&monitoring, &Filter::default(), Granularity::Daily)
        .await
        .unwrap();
    let points: Vec<(&str, &str, u64)> = trends
        .data
        .iter()
        .map(|p| (p.timestamp.as_str(), p.metric.as_str(), p.count))
        .collect();
    assert_eq!(
        points,
        [
            ("2026-01-05 00:00:00", "fact_score", 1),
            ("2026-01-05 00:00:00", "tone_score", 2),
            ("2026-01-06 00:00:00", "fact_score", 1),
            ("2026-01-06 00:00:00", "tone_score", 1),
        ]
    );
    let mut request = BreakdownRequest::default();
    request.group_by = Some(GroupBy::Environment);
    let breakdown = monitoring::breakdown(&monitoring, &request).await.unwrap();
    assert_eq!(breakdown.metrics.len(), 2);
    assert!(breakdown.metrics.iter().all(|metric| metric.by_group.is_none()));
    // A record has one latency, however many score columns there are.
    let latency = monitoring::latency(&monitoring, &LatencyRequest::default())
        .await
        .unwrap();
    assert_eq!(
        (latency.histogram.counts.iter().sum::<u64>(), latency.percentiles.p50),
        (3, 2.0)
    );
    let names = ["tone_score".to_owned(), "fact_score".to_owned()];
    let correlation = monitoring::correlation(&monitoring, &Filter::default(), &names)
        .await
        .unwrap();
    assert_eq!(rounded(correlation.matrix), json!([[1.0, 1.0], [1.0, 1.0]]));
    let scores = filter(|f| f.metric_category = Some("SCORE".into()));
    assert_eq!(
        monitoring::summary(&monitoring, &scores)
            .await
            .unwrap()
            .kpis
            .total_records,
        5
    );
    let others = filter(|f| f.metric_category = Some("ANALYSIS".into()));
    assert_eq!(
        monitoring::summary(&monitoring, &others)
            .await
            .unwrap()
            .kpis
            .total_records,
        0
    );
    assert_eq!(
        monitoring::insights(&monitoring, &InsightsRequest::default())
            .await
            .unwrap()
            .total_count,
        0
    );
    traces.engine.close().await.unwrap();
}

#[tokio::test]
async fn anomalies_are_looked_for_when_they_are_to_be() {
    let source = "
create table traces as select 'r' || i as dataset_id, timestamptz '2026-01-01' + make_interval(days => i) as created_at from generate_series(1, 8) i;
create table metrics as select 'r' || i as dataset_id, m as metric_name,
  case when m = 'jumps' and i = 8 then 0.1 else 0.75 + (i % 2) * 0.05 end as metric_score
  from generate_series(1, 8) i, unnest(array['calm', 'jumps']) m";
    let off = Traces::open(source, "").await;
    let answer = monitoring::anomalies(&off.monitoring(), &Filter::default(), Granularity::Daily)
        .await
        .unwrap();
    assert_eq!(
        rounded(answer),
        json!({ "enabled": false, "granularity": "daily", "findings": [] })
    );
    off.engine.close().await.unwrap();
    let on = Traces::open(
        source,
        "  anomaly_detection: {enabled: true, rate_of_change: {threshold: 0.2}, z_score: {enabled: false}}\n",
    )
    .await;
    let answer = monitoring::anomalies(&on.monitoring(), &Filter::default(), Granularity::Daily)
        .await
        .unwrap();
    let finding = |rule: &str, severity: &str, expected: f64, deviation: f64, threshold: f64| {
        json!({ "metric": "jumps", "rule": rule, "severity": severity, "timestamp": "2026-01-09 00:00:00+00:00",
            "value": 0.1, "expected": expected, "deviation": deviation, "threshold": threshold })
    };
    // The five buckets before are 0.8 0.75 0.8 0.75 0.8.
    assert_eq!(
        rounded(answer),
        json!({ "enabled": true, "granularity": "daily", "findings": [
            finding("moving_average", "warning", 0.78, -0.68, 0.15),
            finding("rate_of_change", "error", 0.8, -0.7, 0.2),
        ] })
    );
    on.engine.close().await.unwrap();
}

#[tokio::test]
async fn answers_follow_the_data_whoever_gives_up_waiting() {
    let traces = Traces::open(SOURCE, "").await;
    let monitoring = traces.monitoring();
    let everything = Filter::default();
    let count = async || {
        monitoring::summary(&monitoring, &everything)
            .await
            .unwrap()
            .kpis
            .total_records
    };
    for expected in [8, 9, 10] {
        // The first one that asks is gone before it has an answer; the others get one.
        let mut first = Box::pin(count());
        assert!(futures::future::poll_immediate(&mut first).await.is_none());
        let others = futures::future::join_all((0..4).map(|_| count()));
        let (_, others) = tokio::join!(async { drop(first) }, others);
        assert_eq!(others, [expected; 4]);
        traces
            .database
            .execute("insert into metrics values ('t1', 'late', '1', 'SCORE', null, null)");
        sync(&monitoring, SyncOptions::full()).await;
    }
    traces.engine.close().await.unwrap();
    let closed = monitoring::summary(&monitoring, &everything).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}
