//! Asking the store: what SQL may do, and how values look as JSON.

use std::time::Duration;

use axis_core::arrow::array::AsArray;
use axis_core::arrow::datatypes::Int64Type;
use axis_core::config::TableConfig;
use axis_core::{Engine, ErrorKind, Query, Value};
use serde_json::json;

use super::support::{Shop, ask};

async fn shop() -> Shop {
    let shop = Shop::open(
        "query",
        "create table t as select i as id, 'x' || i as t from generate_series(1, 10) i",
        vec![TableConfig::new("t", "select * from t")],
    )
    .await;
    shop.sync().await;
    shop
}

async fn refusal(engine: &Engine, sql: &str) -> axis_core::Error {
    let outcome = match engine.query(Query::sql(sql)).await {
        Ok(stream) => stream.collect().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(batches) => panic!("{sql} was answered: {:?}", axis_core::rows_to_json(&batches)),
        Err(error) => error,
    }
}

#[tokio::test]
async fn only_one_select_is_run() {
    let shop = shop().await;
    for sql in [
        "insert into t values (11, 'x')",
        "update t set t = 'y'",
        "delete from t",
        "drop table t",
        "create table u as select 1",
        "create temp table u as select 1",
        "alter table t add column y int",
        "copy t to '/tmp/axis-test.csv'",
        "copy (select 1) to '/tmp/axis-test.csv'",
        "export database '/tmp/axis-test'",
        "pragma database_list",
        "pragma table_info('t')",
        "attach ':memory:' as other",
        "set threads = 1",
        "reset threads",
        "call pragma_version()",
        "install httpfs",
        "load icu",
        "checkpoint",
        "vacuum",
        "begin",
        "explain analyze delete from t",
        "prepare p as select 1",
        "with gone as (delete from t returning *) select * from gone",
        "select 1; delete from t",
        "select 1; select 2",
        "",
        "-- nothing",
        "selec 1",
        "select * from no_such_table",
        "select no_such_column from t",
        "select 'a'::integer",
    ] {
        assert_eq!(refusal(&shop.engine, sql).await.kind(), ErrorKind::Query, "{sql}");
    }
    assert_eq!(shop.number("select count(*) from t").await, 10);
    assert_eq!(shop.number("from t select count(*)").await, 10);
    assert_eq!(
        shop.number("with x as (select 1 as a) select a from x; -- done").await,
        1
    );
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn sql_reaches_no_files_settings_or_feeds() {
    let shop = shop().await;
    let store = shop.store().display().to_string();
    for sql in [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/etc/passwd')",
        "select * from read_json('/etc/passwd')",
        "select * from read_parquet('/etc/passwd')",
        "select * from glob('/etc/*')",
        "select * from '/etc/passwd'",
        "select * from 'https://example.com/x.csv'",
        &format!("select * from read_blob('{store}.lock')"),
        "select getenv('HOME')",
        "select * from axis_feed('guess')",
        "select * from axis_feed('00000000000000000000000000000000')",
        "select * from axis_feed(null)",
        "select * from query('delete from t')",
    ] {
        let error = refusal(&shop.engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {}", error.chain());
        assert!(!error.to_string().contains("root:"), "{sql}: {error}");
    }
    assert_eq!(shop.number("select count(*) from t").await, 10);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn parameters_are_bound() {
    let shop = shop().await;
    let query = Query::sql("select count(*) as n from t where id > $1 and t <> ?2".replace("?2", "$2"))
        .bind(3_i64)
        .bind(Value::Text("x4' or true".into()));
    let batches = shop.engine.query(query).await.unwrap().collect().await.unwrap();
    assert_eq!(axis_core::rows_to_json(&batches), [json!({"n": 7})]);
    let error = match shop.engine.query(Query::sql("select $1")).await {
        Ok(stream) => stream.collect().await.unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Query);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn many_queries_one_after_the_other_do_not_disturb_each_other() {
    let shop = shop().await;
    for round in 0..500 {
        // Streams that end, are dropped in the middle, and time out, each followed by one that must not notice.
        let mut stream = shop
            .engine
            .query(Query::sql("select * from range(20000)"))
            .await
            .unwrap();
        if round % 2 == 0 {
            assert!(stream.next().await.unwrap().is_ok());
        }
        drop(stream);
        if round % 50 == 0 {
            let query =
                Query::sql("select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = 3");
            assert!(
                shop.engine
                    .query(query.timeout(Duration::from_millis(5)))
                    .await
                    .is_err()
            );
        }
        assert_eq!(
            shop.number("select sum(range)::bigint from range(3000)").await,
            4_498_500
        );
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn every_type_has_its_form_in_json() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path().join("s.duckdb")).await.unwrap();
    for (sql, value) in [
        ("null", json!(null)),
        ("true", json!(true)),
        ("(-128)::tinyint", json!(-128)),
        ("(-32768)::smallint", json!(-32768)),
        ("2147483647::integer", json!(2_147_483_647)),
        ("9223372036854775807::bigint", json!(9_223_372_036_854_775_807_i64)),
        ("255::utinyint", json!(255)),
        ("65535::usmallint", json!(65535)),
        ("4294967295::uinteger", json!(4_294_967_295_u32)),
        ("18446744073709551615::ubigint", json!(18_446_744_073_709_551_615_u64)),
        ("42::hugeint", json!(42)),
        (
            "170141183460469231731687303715884105727::hugeint",
            json!("170141183460469231731687303715884105727"),
        ),
        ("1.5::float", json!(1.5)),
        ("0.1::double", json!(0.1)),
        ("'nan'::double", json!(null)),
        ("'-inf'::float", json!(null)),
        ("12.50::decimal(12,2)", json!(12.5)),
        ("12::decimal(12,0)", json!(12)),
        ("12345678901234567.89::decimal(20,2)", json!("12345678901234567.89")),
        ("(-0.05)::decimal(4,2)", json!(-0.05)),
        (
            "99999999999999999999999999999999999999::decimal(38,0)",
            json!("99999999999999999999999999999999999999"),
        ),
        ("''", json!("")),
        ("'é\"\\🙂'", json!("é\"\\🙂")),
        ("'\\x00\\xFF'::blob", json!("\\x00ff")),
        (
            "'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'::uuid",
            json!("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ),
        ("date '2026-01-31'", json!("2026-01-31")),
        ("'infinity'::date", json!("infinity")),
        ("'-infinity'::date", json!("-infinity")),
        ("'5874897-12-31'::date", json!("+5874897-12-31")),
        ("'4713-01-01 (BC)'::date", json!("-4712-01-01")),
        ("'-infinity'::timestamp", json!("-infinity")),
        (
            "timestamp '294246-12-31 23:59:59.25'",
            json!("+294246-12-31T23:59:59.250"),
        ),
        ("time '12:30:00.5'", json!("12:30:00.500")),
        ("time '24:00:00'", json!("24:00:00")),
        ("timestamp '2026-01-31 12:30:00'", json!("2026-01-31T12:30:00")),
        (
            "timestamp '2026-01-31 12:30:00.123456'",
            json!("2026-01-31T12:30:00.123456"),
        ),
        ("timestamptz '2026-01-31 14:30:00+02'", json!("2026-01-31T12:30:00Z")),
        ("'infinity'::timestamptz", json!("infinity")),
        ("[1, null, 3]", json!([1, null, 3])),
        ("[]::integer[]", json!([])),
        ("[['a'], null]", json!([["a"], null])),
        ("array[1, 2]::integer[2]", json!([1, 2])),
        ("{'a': 1, 'b': [1.5::double]}", json!({"a": 1, "b": [1.5]})),
        ("'sad'::enum('sad', 'happy')", json!("sad")),
        ("json('{\"a\": 1}')", json!("{\"a\":1}")),
    ] {
        let rows = ask(&engine, &format!("select {sql} as v")).await;
        assert_eq!(rows, [json!({"v": value})], "{sql}");
    }
    for sql in [
        "interval '1 month 2 days'",
        "map {'a': 1}",
        "timestamp_s '2026-01-01 00:00:00'",
        "timestamp_ns '2026-01-01 00:00:00'",
    ] {
        let rows = ask(&engine, &format!("select {sql} as v")).await;
        assert!(!rows[0]["v"].is_null(), "{sql} is {}", rows[0]);
    }
    let keys: Vec<_> = ask(&engine, "select 1 as z, 2 as a, 3 as \"M m\"").await[0]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(keys, ["z", "a", "M m"]);
    engine.close().await.unwrap();
}

#[tokio::test]
async fn what_arrow_cannot_carry_comes_as_text() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path().join("s.duckdb")).await.unwrap();
    let most = "340282366920938463463374607431768211455";
    let odd = format!(
        "select {most}::uhugeint as a, 7 as \"a\", '12:30:00-05:30'::timetz as \"t \"\"z\", '00101'::bit as b, null::bit as n, \
         ('-' || repeat('9', 50))::bignum as v; "
    );
    let expected = json!({
        "a": most, "a_1": 7, "t \"z": "12:30:00-05:30", "b": "00101", "n": null, "v": format!("-{}", "9".repeat(50)),
    });
    assert_eq!(ask(&engine, &odd).await, [expected]);
    // The order is that of the query, and parameters are where they were.
    let sql = "select (range % 2)::int::bit as b, range as i from range($1) order by i desc limit $2";
    let query = Query::sql(sql).bind(50_000_i64).bind(30_000_i64);
    let batches = engine.query(query).await.unwrap().collect().await.unwrap();
    let rows = axis_core::rows_to_json(&batches);
    assert_eq!(rows.len(), 30_000);
    for (row, i) in rows.iter().zip((20_000..50_000).rev()) {
        assert_eq!((&row["i"], row["b"].as_str().map(str::len)), (&json!(i), Some(32)));
    }
    for sql in [
        "select [1::uhugeint] as deep",
        "select {'a': ['1'::bit]} as deep",
        "select map {'12:00:00+01'::timetz: 1} as deep",
    ] {
        let error = refusal(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}");
        assert!(
            error.message().contains("`deep`") && error.message().contains("cast them"),
            "{error}"
        );
    }
    let error = refusal(&engine, "select '1'::bit as b; -- done").await;
    assert!(error.message().contains("cast them to text"), "{error}");
    engine.close().await.unwrap();
}

#[tokio::test]
async fn hostile_sql_fails_without_harm() {
    let shop = shop().await;
    let deep = 3_000;
    for sql in [
        format!("select {}1{}", "(".repeat(deep), ")".repeat(deep)),
        format!("select {}1", "- ".repeat(deep)),
        format!("select {}true", "not ".repeat(deep)),
        format!("select 1{}", " + 1".repeat(deep)),
        format!("select {}1{}", "[".repeat(deep), "]".repeat(deep)),
        format!("select {}1{}", "abs(".repeat(deep), ")".repeat(deep)),
        format!("{}select 1{}", "select * from (".repeat(deep), ")".repeat(deep)),
        format!("select 1{}", " union all select 1".repeat(deep)),
        format!("select '{}'", "x".repeat(1000) + "\0"),
    ] {
        let outcome = match shop
            .engine
            .query(Query::sql(sql.clone()).timeout(Duration::from_secs(5)))
            .await
        {
            Ok(stream) => stream.collect().await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let kind = error.kind();
            assert!(
                matches!(kind, ErrorKind::Query | ErrorKind::Timeout),
                "{}: {}",
                &sql[..40],
                error.chain()
            );
        }
    }
    // A value that fails in the middle of an answer ends the stream with an error.
    let sql = "select case when range = 500000 then error('row value') else range end as a from range(1000000)";
    let error = refusal(&shop.engine, sql).await;
    assert_eq!(error.kind(), ErrorKind::Query);
    assert!(!error.to_string().contains("row value"), "{error}");
    assert_eq!(shop.number("select count(*) from t").await, 10);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn batches_are_joined_up_to_a_number_of_rows() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path().join("a.duckdb")).await.unwrap();
    let sql = "select range as n, 'row ' || range as t from range(100000) order by n";
    let mut stream = engine.query(Query::sql(sql)).await.unwrap();
    let mut sizes = Vec::new();
    let mut next = 0;
    while let Some(batch) = stream.next_many(30_000).await {
        let batch = batch.unwrap();
        let numbers = batch.column(0).as_primitive::<Int64Type>();
        for number in numbers.values() {
            assert_eq!(*number, next);
            next += 1;
        }
        sizes.push(batch.num_rows());
    }
    assert_eq!(next, 100_000);
    let (last, whole) = sizes.split_last().unwrap();
    assert!(
        *last > 0 && !whole.is_empty() && whole.iter().all(|rows| *rows >= 30_000),
        "{sizes:?}"
    );
    let failing = "select case when range = 900000 then error('sorry') else range end as n from range(1000000)";
    let mut stream = engine.query(Query::sql(failing)).await.unwrap();
    let failed = loop {
        match stream.next_many(30_000).await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(failed.kind(), ErrorKind::Query);
    engine.close().await.unwrap();
}
