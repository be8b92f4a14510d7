//! Whatever the rows and the filter are: the frame's answers are those of plain SQL over the view.

use axis_core::analytics::monitoring::{
    self, BreakdownRequest, ClassRequest, Filter, Granularity, GroupBy, InsightsRequest, LatencyRequest,
};
use serde_json::Value;

use super::monitoring::Traces;
use super::support::{ask, scaled};

/// Random rows: many ties, NULLs everywhere, labels and NaN in the score column, duplicate records, odd texts as names.
const SOURCE: &str = "
select setseed(0.42);
create table traces as select 'r' || (random() * 300)::int as dataset_id,
  case when random() < 0.97 then timestamptz '2026-02-27 22:00+00' + make_interval(secs => (random() * 1000000)::int) end as created_at,
  (array['prod', 'test', '', 'pro\"d''', null])[1 + (random() * 4)::int] as environment,
  's' || (random() * 20)::int as source_name, (array['x', 'y', null])[1 + (random() * 2)::int] as source_component,
  case when random() < 0.9 then (array[0.5, 1, 1.5, 2, random() * 9])[1 + (random() * 4)::int] end as latency
  from generate_series(1, 400);
create table metrics as select 'r' || (random() * 320)::int as dataset_id, (array['a', 'b', 'C', 'ä', null])[1 + (random() * 4)::int] as metric_name,
  case when random() < 0.9 then (array['0', '0.25', '0.5', '1', '-3', 'NaN', 'label', 'inf', random()::text])[1 + (random() * 8)::int] end as metric_score,
  (array['SCORE', 'score', 'CLASSIFICATION', 'Analysis', 'ANALYSIS', '', null])[1 + (random() * 6)::int] as metric_category,
  i::text as explanation, case when random() < 0.98 then timestamptz '2026-02-27 22:00+00' + make_interval(secs => (random() * 100)::int * 10000) end as created_at
  from generate_series(1, 3000) i;
";

/// A filter, and the same in SQL.
fn chance(random: &mut fastrand::Rng) -> (Filter, String) {
    let mut filter = Filter::default();
    let mut terms = vec!["true".to_owned()];
    let mut pick = |of: &[&str]| of[random.usize(0..of.len())].to_owned();
    let mut equal = |column: &str, value: String| terms.push(format!("{column} = '{}'", value.replace('\'', "''")));
    if pick(&["yes", "no"]) == "yes" {
        let value = pick(&["prod", "test", "pro\"d'", "none"]);
        equal("environment", value.clone());
        filter.environment = Some(value);
    }
    if pick(&["yes", "no", "no"]) == "yes" {
        let value = pick(&["s1", "s2", "s3", "S1"]);
        equal("source_name", value.clone());
        filter.source_name = Some(value);
    }
    if pick(&["yes", "no", "no"]) == "yes" {
        let value = pick(&["a", "b", "ä", "Ä"]);
        equal("metric_name", value.clone());
        filter.metric_name = Some(value);
    }
    match pick(&["score", "Classification", "ANALYSIS", "", "", ""]) {
        category if category.is_empty() => {}
        category => {
            let or_null = if category == "score" {
                " or metric_category is null"
            } else {
                ""
            };
            terms.push(format!("(upper(metric_category) = upper('{category}'){or_null})"));
            filter.metric_category = Some(category);
        }
    }
    if pick(&["yes", "no", "no"]) == "yes" {
        filter.metrics = vec![pick(&["a", "C"]), pick(&["b", "none"])];
        terms.push(format!(
            "metric_name in ('{}', '{}')",
            filter.metrics[0], filter.metrics[1]
        ));
    }
    for (bound, operator) in [(&mut filter.time_start, ">="), (&mut filter.time_end, "<=")] {
        if random.bool() {
            let second = if operator == ">=" {
                random.u32(0..600_000)
            } else {
                random.u32(400_000..1_100_000)
            };
            let time = chrono::DateTime::from_timestamp(1_772_229_600 + i64::from(second), 0).unwrap();
            let text = time.format("%Y-%m-%d %H:%M:%S").to_string();
            terms.push(format!("timestamp {operator} '{text}+00'::timestamptz"));
            *bound = Some(text);
        }
    }
    (filter, terms.join(" and "))
}

fn close(what: &str, ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap_or(0.0);
    assert!(
        (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0),
        "{what}: {ours} instead of {theirs}"
    );
}

#[tokio::test]
async fn frames_answer_as_sql_does() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    // The same questions of one frame for everybody, and of one for each request.
    for shared in [true, false] {
        let traces = Traces::open_with(SOURCE, "", |database, config| {
            let rows = &database.query_text("select count(*)::text from metrics join traces using (dataset_id)")[0][0];
            let rows: u64 = rows.as_ref().unwrap().parse().unwrap();
            // All columns take 288 bytes a row, the most that a question needs is 264.
            config.store.frame_memory_limit = Some(rows * if shared { 288 } else { 276 });
        })
        .await;
        for round in 0..scaled(30, 20) {
            let (filter, condition) = chance(&mut random);
            let what = format!("round {round} of seed {seed}, shared: {shared}, {filter:?}");
            compare(&traces, &filter, &condition, random.u64(1..60), &what).await;
        }
        traces.engine.close().await.unwrap();
    }
}

async fn compare(traces: &Traces, filter: &Filter, condition: &str, page: u64, what: &str) {
    let (engine, monitoring) = (&traces.engine, traces.monitoring());
    let rows = format!(
        "(select *, case when isfinite(try_cast(metric_score as double)) then try_cast(metric_score as double) end as score from monitoring_data where {condition})"
    );
    let quantiles = |column: &str| {
        format!(
            "quantile_cont({column}, 0.5) as p50, quantile_cont({column}, 0.95) as p95, quantile_cont({column}, 0.99) as p99"
        )
    };

    let sql = format!("select count(*) as count, avg(score) as avg, 100.0 * count(*) filter (where score >= 0.5) / nullif(count(*), 0) as passed,
        count(distinct dataset_id) as records, {} from {rows} where score is not null", quantiles("latency"));
    let theirs = &ask(engine, &sql).await[0];
    let ours = monitoring::summary(&monitoring, filter).await.unwrap().kpis;
    assert_eq!(
        (ours.total_records, ours.records),
        (theirs["count"].as_u64().unwrap(), theirs["records"].as_u64().unwrap()),
        "{what}"
    );
    close(what, ours.avg_score, &theirs["avg"]);
    close(what, ours.pass_rate, &theirs["passed"]);
    close(what, ours.p50_latency, &theirs["p50"]);
    close(what, ours.p95_latency, &theirs["p95"]);
    close(what, ours.p99_latency, &theirs["p99"]);

    for (granularity, unit) in [(Granularity::Hourly, "hour"), (Granularity::Weekly, "week")] {
        let sql = format!("select date_trunc('{unit}', timestamp::timestamp)::varchar || '+00:00' as bucket, metric_name, avg(score) as avg, {}, count(*) as count
            from {rows} where score is not null and timestamp is not null and metric_name is not null group by 1, 2 order by 1, 2", quantiles("score"));
        let theirs = ask(engine, &sql).await;
        let ours = monitoring::trends(&monitoring, filter, granularity).await.unwrap();
        assert_eq!(ours.data.len(), theirs.len(), "{what}");
        for (ours, theirs) in ours.data.iter().zip(&theirs) {
            assert_eq!(
                (ours.timestamp.as_str(), ours.metric.as_str()),
                (
                    theirs["bucket"].as_str().unwrap(),
                    theirs["metric_name"].as_str().unwrap()
                ),
                "{what}"
            );
            assert_eq!(ours.count, theirs["count"].as_u64().unwrap(), "{what}");
            for (ours, name) in [
                (ours.avg, "avg"),
                (ours.p50, "p50"),
                (ours.p95, "p95"),
                (ours.p99, "p99"),
            ] {
                close(what, ours, &theirs[name]);
            }
        }
    }

    let mut request = BreakdownRequest::default();
    (request.filter, request.threshold, request.group_by) = (filter.clone(), 0.25, Some(GroupBy::SourceName));
    let sql = format!("select metric_name, source_name, avg(score) as avg, 100.0 * count(*) filter (where score >= 0.25) / count(*) as passed, count(*)::double as count
        from {rows} where score is not null and metric_name is not null and source_name is not null group by 1, 2 order by 1, 2");
    let theirs = ask(engine, &sql).await;
    let ours = monitoring::breakdown(&monitoring, &request).await.unwrap();
    let flat: Vec<_> = ours
        .metrics
        .iter()
        .flat_map(|metric| {
            metric
                .by_group
                .iter()
                .flatten()
                .map(|(group, score)| (&metric.name, group, *score))
        })
        .collect();
    assert_eq!(flat.len(), theirs.len(), "{what}");
    for ((metric, group, ours), theirs) in flat.into_iter().zip(&theirs) {
        assert_eq!(
            (metric.as_str(), group.as_str()),
            (
                theirs["metric_name"].as_str().unwrap(),
                theirs["source_name"].as_str().unwrap()
            ),
            "{what}"
        );
        close(what, ours.avg, &theirs["avg"]);
        close(what, ours.pass_rate, &theirs["passed"]);
        close(what, ours.count, &theirs["count"]);
    }

    let mut request = LatencyRequest::default();
    (request.filter, request.bins, request.group_by) = (filter.clone(), 7, Some(GroupBy::SourceComponent));
    let sql = format!("with l as (select latency, source_component from {rows} where latency is not null), b as (select min(latency) as lo, if(max(latency) > min(latency), max(latency), min(latency) + 1) as hi from l)
        select coalesce(source_component, 'all') as g, count(*) as count, {}, list(least(floor((latency - lo) / (hi - lo) * 7), 6)::int) as bins
        from l, b group by grouping sets ((), (source_component)) having grouping(source_component) = 1 or source_component is not null", quantiles("latency"));
    let theirs = ask(engine, &sql).await;
    let ours = monitoring::latency(&monitoring, &request).await.unwrap();
    for theirs in &theirs {
        let group = theirs["g"].as_str().unwrap();
        if theirs["count"] == 0 {
            assert!(ours.histogram.counts.is_empty(), "{what}");
            continue;
        }
        let (counts, percentiles) = match group {
            "all" => (&ours.histogram.counts, ours.percentiles),
            _ => {
                let group = &ours.by_group.as_ref().unwrap()[group];
                (&group.counts, group.percentiles)
            }
        };
        let mut expected = vec![0_u64; 7];
        theirs["bins"]
            .as_array()
            .unwrap()
            .iter()
            .for_each(|bin| expected[bin.as_u64().unwrap() as usize] += 1);
        assert_eq!(*counts, expected, "{what}, {group}");
        close(what, percentiles.p50, &theirs["p50"]);
        close(what, percentiles.p95, &theirs["p95"]);
        close(what, percentiles.p99, &theirs["p99"]);
    }

    let mut request = ClassRequest::new("metric_score", GroupBy::Environment);
    (request.filter, request.max_values) = (filter.clone(), 10_000);
    let sql = format!("select environment, list(score order by score) as list, coalesce(stddev_samp(score), 0) as std, quantile_cont(score, 0.5) as median
        from {rows} where score is not null group by 1 order by 1 nulls last");
    let theirs = ask(engine, &sql).await;
    let ours = monitoring::classes(&monitoring, &request).await.unwrap();
    assert_eq!(ours.data.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.data.iter().zip(&theirs) {
        assert_eq!(ours.group.as_deref(), theirs["environment"].as_str(), "{what}");
        let list: Vec<f64> = theirs["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect();
        assert_eq!(ours.values, list, "{what}");
        close(what, ours.stats.std, &theirs["std"]);
        close(what, ours.stats.median, &theirs["median"]);
    }

    let names = ["a", "b", "C"].map(str::to_owned);
    let mut wanted = filter.clone();
    (wanted.metric_name, wanted.metrics) = (None, Vec::new());
    let (_, kept): (Vec<&str>, Vec<&str>) = condition
        .split(" and ")
        .partition(|term| term.starts_with("metric_name"));
    let pivot = format!(
        "(select dataset_id, metric_name, avg(try_cast(metric_score as double)) as score from monitoring_data
        where isfinite(try_cast(metric_score as double)) and {} group by 1, 2)",
        kept.join(" and ")
    );
    let ours = monitoring::correlation(&monitoring, &wanted, &names).await.unwrap();
    for (a, row) in ours.metrics.iter().zip(&ours.matrix) {
        for (b, coefficient) in ours.metrics.iter().zip(row) {
            let sql = format!(
                "select corr(x.score, y.score) as corr from {pivot} x join {pivot} y using (dataset_id) where x.metric_name = '{a}' and y.metric_name = '{b}'"
            );
            close(what, *coefficient, &ask(engine, &sql).await[0]["corr"]);
        }
    }

    let mut request = InsightsRequest::default();
    (request.filter, request.limit, request.page) = (filter.clone(), 7, page);
    request.filter.metric_category = None;
    let condition = condition
        .split(" and ")
        .filter(|term| !term.contains("metric_category"))
        .collect::<Vec<_>>()
        .join(" and ");
    let sql = format!("select explanation, count(*) over () as total from monitoring_data where upper(metric_category) = 'ANALYSIS' and {condition}
        order by timestamp desc nulls last, dataset_id, metric_name, explanation limit 7 offset {}", (page - 1) * 7);
    let theirs = ask(engine, &sql).await;
    let ours = monitoring::insights(&monitoring, &request).await.unwrap();
    let explanations: Vec<&str> = ours
        .records
        .iter()
        .map(|record| record.explanation.as_deref().unwrap())
        .collect();
    assert_eq!(
        explanations,
        theirs
            .iter()
            .map(|row| row["explanation"].as_str().unwrap())
            .collect::<Vec<_>>(),
        "{what}"
    );
    if let Some(row) = theirs.first() {
        assert_eq!(ours.total_count, row["total"].as_u64().unwrap(), "{what}");
    }
}
