//! What the SQL of strangers gets at: the relations, and nothing else.

use std::time::{Duration, Instant};

use axis_core::config::TableConfig;
use axis_core::{CancellationToken, ErrorKind, Query, Value};
use serde_json::json;
use uuid::Uuid;

use super::support::{DEADLINE, Shop};

async fn shop() -> Shop {
    let shop = Shop::open(
        "confined",
        "create table t as select i as id, 'x' || i as t from generate_series(1, 10) i",
        vec![TableConfig::new("t", "select * from t")],
    )
    .await;
    shop.sync().await;
    shop
}

/// Asks as a stranger.
async fn ask(shop: &Shop, sql: &str) -> axis_core::Result<Vec<serde_json::Value>> {
    let query = Query::sql(sql).confined().timeout(Duration::from_secs(30));
    let batches = shop.engine.query(query).await?.collect().await?;
    Ok(axis_core::rows_to_json(&batches))
}

/// Looks again and again until it is so.
async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Attempts to reach files, settings, the process or other people's queries, or to change anything.
const ESCAPES: &[&str] = &[
    // Statements that are no SELECT.
    "insert into t values (11, 'x')",
    "update t set t = 'y'",
    "delete from t",
    "truncate t",
    "drop table t",
    "drop view if exists t",
    "alter table t add column y int",
    "create table u as select 1",
    "create temp table u as select 1",
    "create or replace view v as select 1",
    "create macro m() as 1",
    "create schema s",
    "create sequence s",
    "create secret (type s3)",
    "create function f(a) as a",
    "copy t to 'escape.csv'",
    "copy (select 1) to 'escape.parquet' (format parquet)",
    "copy t from '/etc/passwd'",
    "export database 'escape'",
    "import database 'escape'",
    "attach 'escape.duckdb' as other",
    "attach ':memory:' as other",
    "detach memory",
    "use memory",
    "install httpfs",
    "load httpfs",
    "load '/tmp/x.duckdb_extension'",
    "pragma database_list",
    "pragma enable_profiling",
    "pragma disable_checkpoint_on_shutdown",
    "set threads = 1",
    "set enable_external_access = true",
    "set memory_limit = '100GB'",
    "set lock_configuration = false",
    "reset threads",
    "call pragma_version()",
    "call enable_logging()",
    "checkpoint",
    "force checkpoint",
    "vacuum",
    "analyze",
    "begin",
    "rollback",
    "explain analyze delete from t",
    "explain select 1",
    "prepare p as select 1",
    "execute p",
    "with gone as (delete from t returning *) select * from gone",
    "select 1; delete from t",
    "select 1;; select 2",
    "/* select 1 */ drop table t -- select 1",
    "set variable x = 1",
    // Files and the network.
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('/etc/passwd')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from read_json('/etc/passwd')",
    "select * from read_parquet('/etc/passwd')",
    "select * from parquet_schema('/etc/passwd')",
    "select * from read_duckdb('escape.duckdb')",
    "select * from sniff_csv('/etc/passwd')",
    "select * from glob('/etc/*')",
    "select * from '/etc/passwd'",
    "select * from \"/etc/passwd\"",
    "from 'escape.csv'",
    "select * from 'https://example.com/x.csv'",
    "select * from 's3://bucket/x.parquet'",
    "with a as (select * from read_text('/etc/passwd')) select * from a",
    "select (select content from read_text('/etc/passwd'))",
    "select 1 where exists (select * from glob('/*'))",
    "select * from t, lateral (select * from read_text(t.t))",
    "select 1 union all select count(*) from system.main.read_text('/etc/passwd')",
    "SELECT * FROM ReAd_TeXt('/etc/passwd')",
    "select * from\u{a0}read_text('/etc/passwd')",
    "select * from rea\u{200b}d_text('/etc/passwd')",
    // SQL that nobody has checked.
    "select * from query('select 1')",
    "select * from query_table('t')",
    "select * from json_execute_serialized_sql(json_serialize_sql('select 1'))",
    "select json_serialize_plan('select current_setting(''temp_directory'')')",
    "select * from histogram('t', 'id')",
    // Settings, paths, secrets, the process.
    "select current_setting('temp_directory')",
    "select list_transform(['temp_directory'], lambda x: current_setting(x))",
    "select 'temp_directory'.current_setting()",
    "select getenv('HOME')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from duckdb_databases()",
    "select * from duckdb_databases",
    "select * from pg_catalog.pg_settings",
    "select * from pragma_database_list",
    "select * from (show databases)",
    "describe select * from duckdb_settings()",
    "select * from duckdb_temporary_files()",
    "select * from duckdb_logs",
    "select * from which_secret('s3://x', 's3')",
    "select * from checkpoint()",
    "select * from arrow_scan(1, 2, 3)",
    "select setseed(0.5)",
    "select nextval('s')",
    "select sleep_ms(10)",
    // Our own.
    "select * from _axis.datasets",
    "select * from s.\"_AXIS\".runs",
    "select * from axis_feed('00000000000000000000000000000000')",
    "with x as not materialized (select 1) select * from x",
    // What no interrupt stops.
    "select t like '%x%_%' from t",
    "select t not like '%_%_%' from t",
    "select t like t from t",
    "select t like '%' || t from t",
    "select t ilike '%a%b%' from t",
    "select t not ilike '%a%b' from t",
    "select t like '%$%%a%b' escape '$' from t",
    "select t glob '*a*b' from t",
    "select \"~~\"(t, lower('%')) from t",
    "select count(*) filter (where t like (select max(t) from t)) from t",
    "select levenshtein(t, t), jaro_similarity(t, t) from t",
];

#[tokio::test]
async fn nothing_but_the_relations_is_reached_and_nothing_is_left_behind() {
    let shop = shop().await;
    let settings = "select string_agg(name || '=' || value, ',' order by name) as v from duckdb_settings()
                    where name not in ('profiling_mode')";
    let before = axis_core::rows_to_json(
        &shop
            .engine
            .query(Query::sql(settings))
            .await
            .unwrap()
            .collect()
            .await
            .unwrap(),
    );
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(shop.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let files_before = files();
    for &sql in ESCAPES {
        let error = match ask(&shop, sql).await {
            Ok(rows) => panic!("{sql} was answered: {rows:?}"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {}", error.chain());
        let text = error.to_string();
        let directory = shop.directory.path().display().to_string();
        assert!(!text.contains("root:") && !text.contains(&directory), "{sql}: {text}");
        assert!(!std::path::Path::new("escape.csv").exists(), "{sql}");
    }
    assert_eq!(
        ask(&shop, "select count(*) as n from t").await.unwrap(),
        [json!({"n": 10})]
    );
    let relations = "select count(*) as n from duckdb_tables() where schema_name = 'main'";
    assert_eq!(ask(&shop, relations).await.unwrap(), [json!({"n": 1})]);
    let after = axis_core::rows_to_json(
        &shop
            .engine
            .query(Query::sql(settings))
            .await
            .unwrap()
            .collect()
            .await
            .unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!(files_before, files());
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn what_is_harmless_is_answered() {
    let shop = shop().await;
    for sql in [
        "from t",
        "describe t",
        "summarize t",
        "show tables",
        "select * from duckdb_columns() where table_name = 't'",
        "select * from information_schema.tables",
        "with a as (select * from t), b as materialized (select id from a) select * from a join b using (id)",
        "with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select * from r",
        "select id % 2 as a, a + 1 as b, b + a as c, count(*) from t group by all order by all",
        "select list_transform([1, 2], lambda x: x + 1), [y * 2 for y in [1, 2]], {'a': 1}.a, histogram(id) from t",
        "select * from range(3), generate_series(1, 2), unnest([1, 2]), (values (1)) v(x)",
        "select unnest([1, 2]), row_number() over (partition by id % 2 order by id) from t qualify row_number() over () < 3",
        "select * from t where t like '%1%' and id in (select id from t) -- nothing; drop table t",
        "select * from t where t like '%x%1%' and t not like 'x_' and t ilike '%X%' and t not ilike '_0' and t glob 'x*'",
        "select * from t where t like 'x$_%' escape '$' or t similar to '.*x.*1.*'",
        "pivot (select id % 2 as a, id from t) on a in (0, 1) using sum(id)",
        "select 'select * from read_text(''/etc/passwd'')' as \"duckdb_settings\", 'current_setting(1)' as x",
        "select $$ {\"function_name\": \"getenv\"} $$ as \"function_name\"",
    ] {
        ask(&shop, sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {}", error.chain()));
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn texts_that_are_long_deep_or_grow_do_no_harm() {
    let shop = shop().await;
    let joined = |part: &str, count: usize, between: &str| vec![part; count].join(between);
    let chain = |count: usize| {
        let parts = (1..count).map(|n| format!("a{n} as (select * from a{})", n - 1));
        let parts: Vec<_> = std::iter::once("a0 as (select 1 as x)".to_owned())
            .chain(parts)
            .collect();
        format!("with {} select * from a{}", parts.join(", "), count - 1)
    };
    let doubled = |count: usize| {
        let parts: Vec<_> = (0..count).map(|n| format!("a{n} + a{n} as a{}", n + 1)).collect();
        format!("select 1 as a0, {}", parts.join(", "))
    };
    // As deep as DuckDB's parser lets them be, or far beyond; whatever comes of it, it is an answer.
    for sql in [
        format!("select {}", joined("1", 400, "+")),
        format!("select {}", joined("1", 1_000, "+")),
        format!("select {}", joined("1", 20_000, "+")),
        format!("select {}1{}", "(".repeat(5_000), ")".repeat(5_000)),
        format!("select {}1{}", "abs(".repeat(400), ")".repeat(400)),
        format!("select {}1{}", "[".repeat(200), "]".repeat(200)),
        format!("select {}1{}", "case when true then ".repeat(400), " end".repeat(400)),
        format!("select {}1", "not ".repeat(900)),
        format!("{}select 1{}", "select * from (".repeat(300), ")".repeat(300)),
        joined("select 1 as x", 400, " union all "),
        joined("select 1 as x", 400, " except all "),
        format!("select count(*) from {}", joined("(select 1)", 60, ", ")),
        chain(100),
        chain(5_000),
        doubled(60),
        format!("select '{}'", "x".repeat(1_000_000)),
        "select 1 /*".to_owned(),
        "select '\u{0}'".to_owned(),
    ] {
        match ask(&shop, &sql).await {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::Query, "{:.60}: {}", sql, error.chain()),
        }
    }
    assert!(
        ask(&shop, &format!("select {} as x", joined("1", 400, "+")))
            .await
            .is_ok()
    );
    assert!(ask(&shop, &chain(100)).await.is_ok());
    for sql in [
        chain(101),
        doubled(20),
        format!("select '{}'", "x".repeat(300_000)),
        format!("select {}1{}", "[".repeat(900), "]".repeat(900)),
    ] {
        assert_eq!(ask(&shop, &sql).await.unwrap_err().kind(), ErrorKind::Query);
    }
    shop.engine.close().await.unwrap();
}

/// When DuckDB has new table functions or views, somebody must decide whether strangers may use them.
#[tokio::test]
async fn every_view_of_duckdb_was_looked_at() {
    let shop = shop().await;
    let sql =
        "select view_name as v from duckdb_views() where internal and schema_name <> 'information_schema' order by 1";
    let batches = shop
        .engine
        .query(Query::sql(sql))
        .await
        .unwrap()
        .collect()
        .await
        .unwrap();
    let names: Vec<String> = axis_core::rows_to_json(&batches)
        .iter()
        .map(|row| row["v"].as_str().unwrap().to_owned())
        .collect();
    for name in names {
        let answered = ask(&shop, &format!("select * from {name}")).await.is_ok();
        let secret =
            name.contains("setting") || name.contains("database") || name.contains("log") || name.contains("prepared");
        assert_eq!(answered, !secret, "{name}");
        if answered {
            let rows = format!("{:?}", ask(&shop, &format!("select * from {name}")).await.unwrap());
            assert!(
                !rows.contains(&shop.directory.path().display().to_string()),
                "{name}: {rows}"
            );
        }
    }
    shop.engine.close().await.unwrap();
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
