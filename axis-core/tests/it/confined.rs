//! What the SQL of strangers gets at: the relations, and nothing else.

use std::time::Duration;

use axis_core::config::TableConfig;
use axis_core::{ErrorKind, Query};
use serde_json::json;

use super::support::Shop;

pub(crate) async fn shop() -> Shop {
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
pub(crate) async fn ask(shop: &Shop, sql: &str) -> axis_core::Result<Vec<serde_json::Value>> {
    let query = Query::sql(sql).confined().timeout(Duration::from_secs(30));
    let batches = shop.engine.query(query).await?.collect().await?;
    Ok(axis_core::rows_to_json(&batches))
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
