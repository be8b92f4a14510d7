//! Pages in the order of time, which are found by columns in memory, against plain SQL.

use axis_core::analytics::monitoring::{self, Filter};
use axis_core::{Engine, Filters, PageRequest, Query, SortDirection, SyncOptions};
use serde_json::Value;

use super::support::{Project, Shop, sync};

/// Results ten of one time, some without a time; records that are minutes, days or nothing older, and some without a time.
async fn shop() -> (Shop, Engine) {
    let shop = Shop::open(
        "by_time",
        "create table traces as select 't' || lpad((i * 37 % 400)::text, 3, '0') as dataset_id,
           case when i % 50 = 0 then null else timestamptz '2026-01-31 12:00' + make_interval(mins => i / 10)
             - make_interval(mins => case when i % 7 = 0 then 14400 else 2 end) end as created_at,
           'Question ' || i || case when i % 90 = 0 then ' 100%' else '' end as query, 'Ärger und İ ' || i % 5 as actual_output,
           case when i % 3 = 0 then 'prod' end as environment from generate_series(1, 399) i;
         create table scores as select 't' || lpad((i * 37 % 400)::text, 3, '0') as dataset_id,
           case when i % 41 = 0 then null else timestamptz '2026-01-31 12:00' + make_interval(mins => i / 10) end as created_at,
           m as metric_name, 0.5::float8 as metric_score, case when i % 4 = 0 then 'ANALYSIS' end as metric_category
         from generate_series(1, 399) i, unnest(array['b', 'a', 'c']) m",
        Vec::new(),
    )
    .await;
    let project = Project::new();
    project.file(
        "monitoring_db.yaml",
        "monitoring_db:\n  enabled: true\n  url: ${URL}\n  dataset_query: select * from traces
  results_query: select * from scores\n",
    );
    let mut config = project.load(&[("URL", &shop.database.url)]);
    config.store.path = shop.directory.path().join("by_time.duckdb");
    let engine = Engine::builder(config).open().await.unwrap();
    sync(&engine.dataset("monitoring").unwrap(), SyncOptions::default()).await;
    (shop, engine)
}

async fn keys(engine: &Engine, condition: &str, direction: &str) -> Vec<(Value, Value)> {
    let sql = format!(
        "select dataset_id, metric_name from monitoring_data where {condition}
         order by \"timestamp\" {direction} nulls last, dataset_id, metric_name"
    );
    let batches = engine.query(Query::sql(sql)).await.unwrap().collect().await.unwrap();
    let rows = axis_core::rows_to_json(&batches);
    rows.iter()
        .map(|row| (row["dataset_id"].clone(), row["metric_name"].clone()))
        .collect()
}

#[tokio::test]
async fn they_are_those_of_plain_sql_whatever_is_asked() {
    let (_shop, engine) = shop().await;
    let monitoring = engine.dataset("monitoring").unwrap();
    // Puts the columns into memory; before that pages come from plain SQL.
    monitoring::summary(&monitoring, &Filter::default()).await.unwrap();
    let filters = |adjust: &dyn Fn(&mut Filters)| {
        let mut filters = Filters::default();
        adjust(&mut filters);
        filters
    };
    let search = |text: &'static str| filters(&|filters| filters.search = Some(text.to_owned()));
    let cases = [
        (filters(&|_| {}), "true"),
        (
            filters(&|filters| {
                filters.equal = vec![("environment".into(), "prod".into()), ("nothing".into(), "x".into())];
            }),
            "environment = 'prod'",
        ),
        (
            filters(&|filters| {
                filters.metric_category = Some("score".into());
                filters.time_start = Some("2026-01-31 12:10".into());
                filters.time_end = Some("2026-01-31T12:20:00Z".into());
            }),
            "metric_category is null and \"timestamp\" between '2026-01-31 12:10:00+00' and '2026-01-31 12:20:00+00'",
        ),
        (search("question 2"), "contains(lower(query), 'question 2')"),
        (search("100%"), "contains(query, '100%')"),
        (
            search("ÄRGER und i\u{307} 3"),
            "contains(lower(actual_output), lower('ÄRGER und i\u{307} 3'))",
        ),
        (search("ärger"), "true"),
        (search("nothing at all"), "false"),
        (
            filters(&|filters| {
                filters.search = Some("question 3".into());
                filters.equal = vec![("metric_name".into(), "a".into())];
            }),
            "contains(lower(query), 'question 3') and metric_name = 'a'",
        ),
    ];
    for (filters, condition) in &cases {
        for (direction, sql) in [(SortDirection::Descending, "desc"), (SortDirection::Ascending, "asc")] {
            let expected = keys(&engine, condition, sql).await;
            for page_size in [7, 50, 500] {
                let mut found = Vec::new();
                let mut request = PageRequest::default();
                request.direction = direction;
                request.page_size = page_size;
                request.filters = filters.clone();
                loop {
                    let page = monitoring.page(request.clone()).await.unwrap();
                    assert_eq!(page.total, expected.len() as u64, "{condition}");
                    if page.rows.is_empty() {
                        break;
                    }
                    let all = ["dataset_id", "dataset_timestamp", "query", "timestamp"];
                    assert!(
                        all.iter().all(|name| page.rows[0].contains_key(*name)),
                        "{:?}",
                        page.rows[0]
                    );
                    assert!(!page.rows[0].keys().any(|name| name.starts_with("_axis")));
                    let rows = page.rows.iter();
                    found.extend(rows.map(|row| (row["dataset_id"].clone(), row["metric_name"].clone())));
                    request.page += 1;
                }
                assert_eq!(found, expected, "{condition} {sql} {page_size}");
            }
        }
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn they_follow_the_next_sync() {
    let (shop, engine) = shop().await;
    let monitoring = engine.dataset("monitoring").unwrap();
    let newest = async || {
        let page = monitoring.page(PageRequest::default()).await.unwrap();
        (page.total, page.rows[0]["metric_name"].clone())
    };
    assert_eq!(newest().await.0, 1_197);
    monitoring::summary(&monitoring, &Filter::default()).await.unwrap();
    assert_eq!(newest().await.0, 1_197);
    let searched = async || {
        let mut request = PageRequest::default();
        request.filters.search = Some("late".into());
        monitoring.page(request).await.unwrap().total
    };
    assert_eq!(searched().await, 0);
    shop.database.execute(
        "insert into traces values ('new', timestamptz '2026-02-01', 'a late question', '', null);
         insert into scores values ('new', timestamptz '2026-02-01', 'z', 1, null)",
    );
    sync(&monitoring, SyncOptions::default()).await;
    for _ in 0..2 {
        assert_eq!(newest().await, (1_198, "z".into()));
        assert_eq!(searched().await, 1);
        monitoring::summary(&monitoring, &Filter::default()).await.unwrap();
    }
    engine.close().await.unwrap();
}
