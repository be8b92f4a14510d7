//! Pages of a dataset, and the relations behind them.

use axis_core::config::Config;
use axis_core::{Engine, ErrorKind, Filters, PageRequest, SortDirection, SyncOptions};
use serde_json::json;

use super::support::{Project, Shop, sync};

/// An engine whose `monitoring` has 500 rows: many ties, special characters, and times one minute apart.
async fn pages() -> (Shop, Engine) {
    let shop = Shop::open(
        "pages",
        "create table traces as select 't' || lpad(i::text, 4, '0') as id, timestamptz '2026-01-31 12:00' + make_interval(mins => i) as created_at,
           case i when 7 then '100% of_it' when 8 then '100x ofxit' else 'question ' || i end as input,
           case when i % 2 = 0 then 'prod' else 'test' end as env from generate_series(0, 249) i;
         create table scores as select id as trace_id, m as metric_name, 1.0::float8 as metric_score,
           case when id = 't0001' then 'classification' when id = 't0002' then 'Score' end as metric_category
         from traces, unnest(array['a', 'b']) m",
        Vec::new(),
    )
    .await;
    let project = Project::new();
    project.file(
        "monitoring_db.yaml",
        "monitoring_db:\n  enabled: true\n  url: ${URL}\n  dataset_query: select * from traces
  results_query: select trace_id as dataset_id, metric_name, metric_score, metric_category from scores\n",
    );
    let mut config = project.load(&[("URL", &shop.database.url)]);
    config.store.path = shop.directory.path().join("pages.duckdb");
    let engine = Engine::builder(config).open().await.unwrap();
    sync(&engine.dataset("monitoring").unwrap(), SyncOptions::default()).await;
    (shop, engine)
}

fn filtered(adjust: impl FnOnce(&mut Filters)) -> PageRequest {
    let mut request = PageRequest::default();
    adjust(&mut request.filters);
    request
}

#[tokio::test]
async fn pages_hold_every_row_once_in_a_stable_order() {
    let (_shop, engine) = pages().await;
    let monitoring = engine.dataset("monitoring").unwrap();
    for (sort_by, direction) in [
        (None, SortDirection::Descending),
        (Some("environment"), SortDirection::Ascending),
        (Some("metric_category"), SortDirection::Descending),
        (Some("no_such_column"), SortDirection::Ascending),
    ] {
        let mut seen = Vec::new();
        for page in 1.. {
            let mut request = PageRequest::default();
            request.page = page;
            request.page_size = 33;
            request.sort_by = sort_by.map(str::to_owned);
            request.direction = direction;
            let found = monitoring.page(request).await.unwrap();
            assert_eq!((found.total, found.page, found.page_size), (500, page, 33));
            if found.rows.is_empty() {
                break;
            }
            seen.extend(
                found
                    .rows
                    .iter()
                    .map(|row| (row["dataset_id"].clone(), row["metric_name"].clone())),
            );
        }
        assert_eq!(seen.len(), 500, "{sort_by:?}");
        let mut unique: Vec<String> = seen.iter().map(|key| format!("{key:?}")).collect();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), 500, "{sort_by:?}");
        if sort_by.is_none() {
            assert_eq!(seen[0], (json!("t0249"), json!("a")));
        }
    }
    let mut request = PageRequest::default();
    request.columns = ["metric_name", "no_such_column", "DATASET_ID"]
        .map(str::to_owned)
        .to_vec();
    request.page_size = 1;
    let page = monitoring.page(request).await.unwrap();
    assert_eq!(page.rows[0].keys().collect::<Vec<_>>(), ["metric_name", "dataset_id"]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn pages_are_filtered_and_searched() {
    let (_shop, engine) = pages().await;
    let monitoring = engine.dataset("monitoring").unwrap();
    let total = |request| {
        let monitoring = monitoring.clone();
        async move { monitoring.page(request).await.unwrap().total }
    };
    let equal = |pairs: &[(&str, &str)]| {
        filtered(|filters| {
            filters.equal = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        })
    };
    assert_eq!(total(equal(&[("environment", "prod")])).await, 250);
    assert_eq!(
        total(equal(&[("environment", "prod"), ("metric_name", "a")])).await,
        125
    );
    assert_eq!(total(equal(&[("environment", "x' or '1'='1")])).await, 0);
    assert_eq!(total(equal(&[("no_such_column", "x")])).await, 500);
    for (category, expected) in [("score", 498), ("CLASSIFICATION", 2), ("other", 0)] {
        let request = filtered(|filters| filters.metric_category = Some(category.into()));
        assert_eq!(total(request).await, expected, "{category}");
    }
    for (search, expected) in [
        ("100%", 2),
        ("of_it", 2),
        ("OF_IT", 2),
        ("question 24", 22),
        ("%", 2),
        ("_", 2),
        ("'", 0),
        ("", 500),
    ] {
        let request = filtered(|filters| filters.search = Some(search.into()));
        assert_eq!(total(request).await, expected, "{search:?}");
    }
    for (start, end, expected) in [
        ("2026-01-31 12:10:00", "2026-01-31 12:19:00", 20),
        ("2026-01-31T12:10:00", "2026-01-31T12:19:00Z", 20),
        ("2026-01-31T14:10:00+02:00", "2026-01-31 14:19:00 02:00", 20),
        ("2026-01-31", "2026-02-01", 500),
        ("2026-02-01", "2026-02-02", 0),
    ] {
        let request = filtered(|filters| {
            filters.time_start = Some(start.into());
            filters.time_end = Some(end.into());
        });
        assert_eq!(total(request).await, expected, "{start} to {end}");
    }
    engine.close().await.unwrap();
}

#[tokio::test]
async fn wrong_arguments_of_a_page_are_refused() {
    let (_shop, engine) = pages().await;
    let monitoring = engine.dataset("monitoring").unwrap();
    for (page, page_size) in [(0, 50), (1, 0), (1, 501), (u64::MAX, 500)] {
        let mut request = PageRequest::default();
        request.page = page;
        request.page_size = page_size;
        let error = monitoring.page(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{page} {page_size}");
    }
    let error = monitoring
        .page(filtered(|filters| filters.time_start = Some("yesterday".into())))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("time_start"), "{error}");
    let mut far = PageRequest::default();
    far.page = 10_000_000;
    let page = monitoring.page(far).await.unwrap();
    assert_eq!((page.rows.len(), page.total), (0, 500));
    // A dataset that was never synced is empty, and one that does not exist is an error that lists what does.
    let page = engine
        .dataset("eval")
        .unwrap()
        .page(PageRequest::default())
        .await
        .unwrap();
    assert_eq!((page.rows.len(), page.total), (0, 0));
    let error = engine.dataset("evla").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(
        error.message().contains("monitoring, eval, human_signals, kpi"),
        "{error}"
    );
    engine.close().await.unwrap();
    let error = monitoring.page(PageRequest::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_view_of_ones_own_joins_the_tables() {
    let shop = Shop::open(
        "view",
        "create table orders as select i as id, 'o' || i as name from generate_series(1, 5) i;
         create table lines as select i % 5 + 1 as id, i as amount from generate_series(1, 20) i",
        Vec::new(),
    )
    .await;
    let project = Project::new();
    let file = |sql: &str| {
        project.file(
            "datasets/sales.yaml",
            &format!(
                "sales:\n  enabled: true\n  url: ${{URL}}\n  tables:\n    orders: {{query: select * from orders}}
    lines: {{relation: public.lines}}\n  view: {{name: orders_full, sql: \"{sql}\"}}\n"
            ),
        );
    };
    let load = || -> Config {
        let mut config = project.load(&[("URL", &shop.database.url)]);
        config.store.path = shop.directory.path().join("view.duckdb");
        config
    };
    file("select * from orders join lines using (id)");
    let engine = Engine::builder(load()).open().await.unwrap();
    let sales = engine.dataset("sales").unwrap();
    sync(&sales, SyncOptions::default()).await;
    let page = sales.page(PageRequest::default()).await.unwrap();
    assert_eq!(page.total, 20);
    assert_eq!(page.rows[0].keys().collect::<Vec<_>>(), ["id", "name", "amount"]);
    engine.close().await.unwrap();

    file("select * from no_such_table");
    let engine = Engine::builder(load()).open().await.unwrap();
    let sales = engine.dataset("sales").unwrap();
    let error = sales.sync(SyncOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("`orders_full` cannot be created"), "{error}");
    assert_eq!(sales.page(PageRequest::default()).await.unwrap().total, 20);
    engine.close().await.unwrap();
}
