//! Values at the edges of their types: carried exactly, or refused by the column's name, as the policy says.

use std::collections::BTreeMap;

use axis_core::ErrorKind;
use axis_core::column::ColumnType;
use axis_core::config::{TableConfig, TypePolicy};
use axis_testkit::postgres::{TestDatabase, execute, shared};

use super::spelled::{same, selected, stored_types};
use super::support::{Shop, config, open, text};

const OWN: &str = "create domain steps as int[]; create type pair as (a int, b text);";

#[tokio::test]
async fn values_at_the_edges_are_stored_exactly() {
    let cases = [
        ("'12345678'::numeric(8,-2)", "DECIMAL(10,0)"),
        ("'-99999'::numeric(5,-3)", "DECIMAL(8,0)"),
        ("'0.00999'::numeric(3,5)", "DECIMAL(5,5)"),
        ("repeat('9', 38)::numeric(38,0)", "DECIMAL(38,0)"),
        ("('-0.' || repeat('9', 38))::numeric(38,38)", "DECIMAL(38,38)"),
        ("repeat('9', 39)::numeric(39,0)::text", "VARCHAR"),
        ("1e308::numeric", "DOUBLE"),
        ("repeat('é', 1500000)", "VARCHAR"),
        ("decode(repeat('00ff', 1500000), 'hex')", "BLOB"),
        ("(repeat('[', 1000) || '1' || repeat(']', 1000))::jsonb", "VARCHAR"),
        (
            "(repeat('{\"a\": ', 1000) || 'null' || repeat('}', 1000))::json",
            "VARCHAR",
        ),
        ("'{}'::int[]", "INTEGER[]"),
        ("'{NULL}'::text[]", "VARCHAR[]"),
        ("'{NULL,\"NULL\",\"\",\"a,b\"}'::text[]", "VARCHAR[]"),
        ("array_fill(7, array[100000])", "INTEGER[]"),
        ("'{1,NULL}'::steps", "INTEGER[]"),
        ("array['{1,2}'::steps::text]", "VARCHAR[]"),
        ("'{\"{1,2}\",\"{}\"}'::steps[]", "VARCHAR"),
        ("'{{\"(1,x)\"},{NULL}}'::pair[]", "VARCHAR"),
        ("'[0:1]={10.0.0.1,::1}'::inet[]", "VARCHAR"),
        ("'{-infinity,\"0044-03-15 BC\"}'::date[]", "DATE[]"),
        ("'{1 mon -1 day 00:00:00.000001}'::interval[]", "INTERVAL[]"),
        ("'{NaN,-Infinity,-0}'::float4[]", "FLOAT[]"),
        ("'5874897-12-31'::date", "DATE"),
        ("'24:00:00-15:59:59'::timetz", "TIME WITH TIME ZONE"),
        ("'-92233720368547758.08'::money", "VARCHAR"),
        ("row(1, null, 'a \"b\"')", "VARCHAR"),
    ];
    let tables = cases.iter().enumerate();
    let tables = tables.map(|(index, (sql, _))| TableConfig::new(format!("t{index}"), format!("select {sql} as v")));
    let shop = Shop::open("edges", OWN, tables.collect()).await;
    shop.sync().await;
    for (index, (sql, expected)) in cases.iter().enumerate() {
        let (_, ty) = stored_types(&shop.engine, &format!("t{index}")).await.remove(0);
        assert_eq!(ty, *expected, "{sql}");
        let stored = text(
            &shop.engine,
            &format!("select {} as v from t{index}", selected(&ty, "v")),
        )
        .await;
        let source = shop.database.query_text(&format!("select {sql}"));
        let (stored, source) = (stored[0][0].as_ref().unwrap(), source[0][0].as_ref().unwrap());
        assert!(
            same(&ty, stored, source),
            "{sql}: {stored:.100} is stored for {source:.100}"
        );
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn the_last_microsecond_of_an_instant_is_stored() {
    let table = TableConfig::new("t", "select '294246-12-31 23:59:59.999999+00'::timestamptz as v");
    let shop = Shop::open("last_micro", "", vec![table]).await;
    shop.sync().await;
    // DuckDB prints so late an instant wrongly, but holds it.
    let source = shop
        .database
        .query_text("select (extract(epoch from '294246-12-31 23:59:59.999999+00'::timestamptz) * 1000000)::bigint");
    assert_eq!(
        text(&shop.engine, "select epoch_us(v)::varchar as v from t").await,
        source
    );
    shop.engine.close().await.unwrap();
}

/// What no natural type can hold, its text, and what stays of it under the policy `null`.
const REFUSED: &[(&str, &str, Option<&str>)] = &[
    ("'{{1,2},{3,4}}'::int[]", "{{1,2},{3,4}}", None),
    ("'{{a}}'::text[]", "{{a}}", None),
    ("'[5:6]={7,8}'::int[]", "[5:6]={7,8}", None),
    ("'[0:0]={x}'::text[]", "[0:0]={x}", None),
    ("'{{1},{2}}'::steps", "{{1},{2}}", None),
    ("'NaN'::numeric(10,2)", "NaN", None),
    ("'{1.5,NaN}'::numeric(4,1)[]", "{1.5,NaN}", Some("[1.5, NULL]")),
    ("'294276-12-31'::timestamp", "294276-12-31 00:00:00", None),
    ("'294276-12-31 00:00+00'::timestamptz", "294276-12-31 00:00:00+00", None),
    (
        "'{294276-12-31,2024-01-01}'::timestamp[]",
        "{\"294276-12-31 00:00:00\",\"2024-01-01 00:00:00\"}",
        Some("[NULL, '2024-01-01 00:00:00']"),
    ),
    ("('1' || repeat('0', 309))::numeric", "1e309", None),
];

fn odd(sql: &str, policy: Option<TypePolicy>) -> TableConfig {
    let mut table = TableConfig::new("odd", format!("select 1 as n, {sql} as v"));
    table.types = policy
        .map(|policy| ("v".to_owned(), policy))
        .into_iter()
        .collect::<BTreeMap<_, _>>();
    table
}

#[tokio::test]
async fn values_beyond_the_edges_are_refused_by_name_or_follow_their_policy() {
    let mut shop = Shop::open("beyond", OWN, vec![odd("1", None)]).await;
    for (sql, as_text, under_null) in REFUSED {
        shop = shop.reopen(vec![odd(sql, None)], |_| {}).await;
        let error = shop.try_sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{sql}: {error}");
        assert!(
            error.message().contains("column `v`") && error.message().contains("null"),
            "{sql}: {error}"
        );
        shop = shop.reopen(vec![odd(sql, Some(TypePolicy::Null))], |_| {}).await;
        shop.sync().await;
        let stored = text(&shop.engine, "select v::varchar as v from odd where n = 1").await;
        assert_eq!(stored, [[under_null.map(str::to_owned)]], "{sql}");
        shop = shop.reopen(vec![odd(sql, Some(TypePolicy::Varchar))], |_| {}).await;
        shop.sync().await;
        let stored = text(&shop.engine, "select v from odd").await[0][0].clone().unwrap();
        let expected = if *as_text == "1e309" {
            format!("1{}", "0".repeat(309))
        } else {
            (*as_text).to_owned()
        };
        assert_eq!(stored, expected, "{sql}");
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_number_that_the_asked_decimal_cannot_hold_is_refused_by_name() {
    let decimal = |precision, scale| Some(TypePolicy::Type(ColumnType::Decimal { precision, scale }));
    let mut shop = Shop::open("digits", "", vec![odd("1", None)]).await;
    for (sql, policy) in [
        ("repeat('9', 39)::numeric", decimal(38, 0)),
        ("repeat('9', 39)::numeric(39,0)", decimal(38, 0)),
        ("99.996::numeric", decimal(4, 2)),
        ("'NaN'::numeric", decimal(4, 2)),
        ("1e20::float8", decimal(18, 2)),
    ] {
        shop = shop.reopen(vec![odd(sql, policy)], |_| {}).await;
        let error = shop.try_sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{sql}: {error}");
        assert!(
            error.message().contains("column `v`") && error.message().contains("DECIMAL("),
            "{error}"
        );
    }
    // What the server refuses to cast it does not name; the casts are named instead.
    for (sql, policy, cast) in [
        ("'Infinity'::numeric", decimal(4, 2), "`v` to DECIMAL(4,2)"),
        ("'x'::text", Some(TypePolicy::Type(ColumnType::BigInt)), "`v` to BIGINT"),
    ] {
        // Constants would be cast before the first row.
        let sql = format!("(select max(t.v) from (values ({sql})) as t (v))");
        shop = shop.reopen(vec![odd(&sql, policy)], |_| {}).await;
        let error = shop.try_sync().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceRejected, "{sql}: {error}");
        assert!(error.context().any(|pair| pair == ("casts", cast)), "{error}");
    }
    for (sql, policy, stored) in [
        ("repeat('9', 38)::numeric", decimal(38, 0), "9".repeat(38)),
        ("99.985::numeric", decimal(4, 2), "99.99".to_owned()),
        ("repeat('9', 39)::numeric", Some(TypePolicy::Varchar), "9".repeat(39)),
        (
            "repeat('9', 39)::numeric",
            Some(TypePolicy::Type(ColumnType::Double)),
            "1e+39".to_owned(),
        ),
    ] {
        shop = shop.reopen(vec![odd(sql, policy)], |_| {}).await;
        shop.sync().await;
        assert_eq!(
            text(&shop.engine, "select v::varchar as v from odd").await,
            [[Some(stored)]],
            "{sql}"
        );
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn bytes_that_are_no_utf_8_are_refused_by_name_or_become_null() {
    let name = "axis_no_encoding";
    execute(
        &shared().url("postgres"),
        &format!("create database {name} encoding 'SQL_ASCII' locale 'C' template template0"),
    );
    let database = TestDatabase {
        name: name.to_owned(),
        url: shared().url(name),
    };
    database.execute(
        "create table odd (n int, v text); insert into odd values (1, 'fine'), (2, E'\\377\\300'), (3, E'\\303\\251')",
    );
    let directory = tempfile::tempdir().unwrap();
    let store = |name: &str| directory.path().join(name);
    for (policy, fails) in [
        (None, true),
        (Some(TypePolicy::Varchar), true),
        (Some(TypePolicy::Null), false),
    ] {
        let mut table = TableConfig::new("odd", "select * from odd");
        table.types = policy.map(|policy| ("v".to_owned(), policy)).into_iter().collect();
        let engine = open(config(&store(&format!("{fails}.duckdb")), &database.url, vec![table])).await;
        let outcome = engine
            .dataset("shop")
            .unwrap()
            .sync(axis_core::SyncOptions::default())
            .await;
        if fails {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{error}");
            assert!(
                error.message().contains("column `v`") && error.message().contains("UTF-8"),
                "{error}"
            );
        } else {
            outcome.unwrap();
            let stored = text(&engine, "select v from odd order by n").await;
            assert_eq!(stored, [[Some("fine".to_owned())], [None], [Some("é".to_owned())]]);
        }
        engine.close().await.unwrap();
    }
}
