//! What a stranger's query may take, and how it is listed and stopped.

use std::time::{Duration, Instant};

use axis_core::config::TableConfig;
use axis_core::{CancellationToken, ErrorKind, Query, Value};
use serde_json::json;
use uuid::Uuid;

use super::confined::{ask, shop};
use super::support::{DEADLINE, Shop};

/// Looks again and again until it is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn rows_are_cut_and_the_query_stopped() {
    let shop = shop().await;
    for (rows, max, truncated) in [
        (10, 10, false),
        (10, 9, true),
        (10, 11, false),
        (10_000, 2_048, true),
        (4_096, 4_096, false),
    ] {
        let sql = format!("select * from range({rows})");
        let mut stream = shop.engine.query(Query::sql(sql).max_rows(max)).await.unwrap();
        let mut count = 0;
        while let Some(batch) = stream.next().await {
            count += batch.unwrap().num_rows() as u64;
        }
        assert_eq!((count, stream.truncated()), (max.min(rows), truncated), "{rows} {max}");
    }
    // It would take hours to read on.
    let sql = "select a.range from range(100000000) a, range(100000000) b where b.range % 3 < 9";
    let mut stream = shop.engine.query(Query::sql(sql).max_rows(5)).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap().num_rows(), 5);
    assert!(stream.next().await.is_none() && stream.truncated());
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn parameters_have_names_and_their_number_is_checked() {
    let shop = shop().await;
    let query = Query::sql("select count(*) as n from t where id > $least and t <> $other")
        .bind_as("other", Value::Text("x4".into()))
        .bind_as("least", 3_i64);
    let batches = shop.engine.query(query).await.unwrap().collect().await.unwrap();
    assert_eq!(axis_core::rows_to_json(&batches), [json!({"n": 6})]);
    for (query, word) in [
        (Query::sql("select $a").bind_as("b", 1), "`$a` has no value"),
        (
            Query::sql("select $a").bind_as("a", 1).bind_as("b", 1),
            "no parameter `$b`",
        ),
        (Query::sql("select ?").bind(1).bind(2), "1 parameters, and 2"),
        (Query::sql("select ?"), "1 parameters, and 0"),
    ] {
        let error = shop.engine.query(query).await.unwrap_err();
        assert!(error.message().contains(word), "{error}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_row_has_a_size_that_can_be_answered() {
    let shop = shop().await;
    for (most, too_many) in [
        (
            "select length(t) as n from (select repeat('x', 1000000) as t)",
            "select repeat('x', 70000000)",
        ),
        (
            "select repeat('x', 1000000)",
            "select repeat('x', 70000) from range(2000)",
        ),
        (
            "select list(range) from range(100000)",
            "select list(range) from range(9000000)",
        ),
        (
            "select repeat('x', 20000) from range(2000)",
            "select {'a': [repeat('x', 70000000)]}",
        ),
    ] {
        assert!(ask(&shop, most).await.is_ok(), "{most}");
        let error = ask(&shop, too_many).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Query);
        assert!(error.message().starts_with("a row is too large"), "{too_many}: {error}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_list_is_written_as_it_is_made() {
    let shop = shop().await;
    let sql = "select [1, null, 2.5] as numbers, [[], ['a\"', null], null] as texts, {'a': [{'b': true}], 'c': null} as struct,
               [1.5, 'nan'::double]::double[2] as pair, null::int[] as nothing, [date '2026-01-02'] as days";
    for batch in shop
        .engine
        .query(Query::sql(sql))
        .await
        .unwrap()
        .collect()
        .await
        .unwrap()
    {
        let mut out = Vec::new();
        axis_core::write_json(&batch, &mut out).unwrap();
        let written: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(written, axis_core::rows_to_json(&[batch])[0]);
        assert_eq!(written["texts"], json!([[], ["a\"", null], null]));
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_parameter_may_be_a_pattern_as_far_as_a_text_may() {
    let shop = shop().await;
    async fn count(shop: &Shop, query: Query) -> axis_core::Result<serde_json::Value> {
        let batches = shop.engine.query(query.confined()).await?.collect().await?;
        Ok(axis_core::rows_to_json(&batches)[0]["n"].clone())
    }
    let text = |text: &str| Value::Text(text.to_owned());
    let by_place = Query::sql("select count(*) as n from t where id > ? and t like ?").bind(0);
    let by_name = Query::sql("select count(*) as n from t where t ilike $wanted");
    assert_eq!(count(&shop, by_place.clone().bind(text("%1%"))).await.unwrap(), 2);
    assert_eq!(
        count(&shop, by_name.clone().bind_as("WANTED", text("X1%")))
            .await
            .unwrap(),
        2
    );
    for query in [by_place.bind(text("%_%_%")), by_name.bind_as("wanted", text("%a%a%a%"))] {
        let error = count(&shop, query).await.unwrap_err();
        assert!(error.message().contains("one wildcard"), "{error}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn queries_leave_slots_to_the_engine() {
    let shop = Shop::open_with(
        "reserved",
        "create table t as select 1 as id",
        vec![TableConfig::new("t", "select * from t")],
        |config| config.store.query_concurrency = 2,
    )
    .await;
    shop.sync().await;
    let endless = "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 3";
    let cancel = CancellationToken::new();
    let asked: Vec<_> = (0..2)
        .map(|_| {
            let (engine, query) = (shop.engine.clone(), Query::sql(endless).cancel(cancel.clone()));
            tokio::spawn(async move { engine.query(query).await?.collect().await })
        })
        .collect();
    let states = || {
        let queries = shop.engine.queries();
        ["running", "waiting"].map(|state| queries.iter().filter(|query| query.state == state).count())
    };
    until(|| states() == [1, 1]).await;
    let usage = shop.engine.usage().await;
    let told = (usage.query_slots, usage.queries_running, usage.queries_waiting);
    assert_eq!(told, (1, 1, 1), "what clients can have");
    let dataset = shop.dataset();
    let reading = dataset.metadata();
    let metadata = tokio::time::timeout(DEADLINE, reading)
        .await
        .expect("it has a slot")
        .unwrap();
    assert_eq!(metadata.unwrap().row_count, 1);
    cancel.cancel();
    for asked in asked {
        assert_eq!(asked.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn running_queries_are_listed_and_cancelled() {
    let shop = Shop::open_with("listed", "select 1", Vec::new(), |config| {
        config.store.query_concurrency = 1;
    })
    .await;
    let endless = "select count(*) from range(10000000) a, range(10000000) b where a.range + b.range = 3";
    let ids = [Uuid::new_v4(), Uuid::new_v4()];
    let ask = |id, cancel: &CancellationToken| {
        let engine = shop.engine.clone();
        let query = Query::sql(endless).id(id).client("somebody").cancel(cancel.clone());
        tokio::spawn(async move { engine.query(query).await?.collect().await })
    };
    let cancel = CancellationToken::new();
    let first = ask(ids[0], &cancel);
    let state = |id| {
        shop.engine
            .queries()
            .iter()
            .find(|query| query.id == id)
            .map(|query| query.state)
    };
    until(|| state(ids[0]) == Some("running")).await;
    let second = ask(ids[1], &cancel);
    until(|| state(ids[1]) == Some("waiting")).await;
    let taken = shop.engine.query(Query::sql("select 1").id(ids[0])).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::InvalidArgument);
    assert_eq!(shop.engine.queries()[0].client.as_deref(), Some("somebody"));
    assert!(shop.engine.cancel_query(ids[0]).await.unwrap());
    assert_eq!(first.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    // Its slot is free for the next one.
    until(|| state(ids[1]) == Some("running")).await;
    assert!(shop.engine.cancel_query(ids[1]).await.unwrap());
    assert_eq!(second.await.unwrap().unwrap_err().kind(), ErrorKind::Cancelled);
    assert_eq!(
        shop.engine.cancel_query(ids[1]).await.unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert!(shop.engine.queries().is_empty());
    assert_eq!(shop.number("select 1").await, 1);
    shop.engine.close().await.unwrap();
}
