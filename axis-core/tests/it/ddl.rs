//! Tables that change while a sync reads them: the store ends equal to the source, or an error names the change.

use std::time::Duration;

use axis_core::config::{SchemaPolicy, TableConfig};
use axis_core::{ErrorKind, Result, SyncOptions, SyncReport};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::support::{DEADLINE, Shop, assert_equal, shop, sync, text};

const TABLE: &str = "
create table t (id bigint, at timestamptz, note text, label varchar(50));
insert into t select i, timestamptz '2026-01-01' + make_interval(secs => i), 'n' || i, 'l' || i from generate_series(1, 3000) i;
create table other as select id + 10000 as id, at, note, label from t;
";

fn t() -> TableConfig {
    TableConfig::new("t", "select * from t").with_incremental_column("at")
}

async fn opened(prefix: &str, policy: SchemaPolicy) -> Shop {
    let shop = Shop::open_with(prefix, TABLE, vec![t()], |config| {
        shop(config).on_schema_change = policy;
    })
    .await;
    shop.sync().await;
    shop.database
        .execute("insert into t values (5000, now(), 'new', 'new')");
    shop
}

fn start(shop: &Shop) -> JoinHandle<Result<SyncReport>> {
    let dataset = shop.dataset();
    tokio::spawn(async move { dataset.sync(SyncOptions::default()).await })
}

/// Waits until a session of the engine, or another one, waits for a lock.
async fn until_waiting(shop: &Shop, engine: bool) {
    let name = if engine { "= 'axis'" } else { "<> 'axis'" };
    let sql = format!(
        "select exists (select from pg_stat_activity where application_name {name} and wait_event_type = 'Lock'
         and datname = current_database())"
    );
    let ask = async {
        while shop.database.query_text(&sql) != [[Some("t".to_owned())]] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, ask)
        .await
        .expect("somebody waits for a lock");
}

/// Changes the table between the snapshot of a sync and its look at the columns.
async fn sync_across(shop: &Shop, statements: &str) -> Result<SyncReport> {
    let session = shop.session().await;
    run(&session, "begin; lock table t in access exclusive mode").await;
    let running = start(shop);
    until_waiting(shop, true).await;
    run(&session, &format!("{statements}; commit")).await;
    running.await.unwrap()
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
}

/// Compares all columns that the source has now.
async fn assert_equal_tables(shop: &Shop, what: &str) {
    let columns = shop.database.query_text(
        "select string_agg(format('\"%s\"::varchar', column_name), ', ' order by ordinal_position) from information_schema.columns
         where table_name = 't' and table_schema = 'public'",
    );
    let sql = format!("select {} from t", columns[0][0].as_ref().unwrap());
    assert_equal(what, text(&shop.engine, &sql).await, shop.database.query_text(&sql));
}

/// Changes that leave the rows where they are, and how they are told.
const CHANGES: [(&str, &str); 5] = [
    ("alter table t add extra int default 7", "`extra` was added"),
    (
        "alter table t add extra int; alter table t add more text",
        "`extra` was added, `more` was added",
    ),
    ("alter table t drop note", "`note` was removed"),
    (
        "alter table t rename note to remark",
        "`remark` was added, `note` was removed",
    ),
    (
        "alter table t alter label type text",
        "`label` went from varchar to text",
    ),
];

#[tokio::test]
async fn columns_that_change_behind_the_snapshot_follow_the_policy() {
    for policy in [SchemaPolicy::Recreate, SchemaPolicy::Add, SchemaPolicy::Block] {
        for (statements, told) in CHANGES {
            // `add` leaves NULL in the rows of before, as it says, whatever the default.
            if policy == SchemaPolicy::Add && statements.contains("default") {
                continue;
            }
            let what = format!("{policy:?}: {statements}");
            let shop = opened("ddl", policy).await;
            let outcome = sync_across(&shop, statements).await;
            let shop = if policy == SchemaPolicy::Block {
                let error = outcome.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{what}: {error}");
                assert!(error.message().contains(told), "{what}: {error}");
                assert_eq!(
                    shop.number("select count(note) from t").await,
                    3000,
                    "the old data is served"
                );
                let shop = shop.reopen(vec![t()], |_| {}).await;
                shop.sync().await;
                shop
            } else {
                let report = outcome.unwrap();
                assert_eq!(report.tables[0].schema_change.as_deref(), Some(told), "{what}");
                shop
            };
            assert_equal_tables(&shop, &what).await;
            shop.database.execute("insert into t (id, at) values (6000, now())");
            assert_eq!(shop.sync().await.strategy.as_str(), "incremental", "{what}");
            assert_equal_tables(&shop, &what).await;
            shop.engine.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_cursor_that_goes_behind_the_snapshot_is_named() {
    let (statements, back) = ("alter table t rename at to moment", "alter table t rename moment to at");
    let shop = opened("ddl_cursor", SchemaPolicy::Recreate).await;
    let error = sync_across(&shop, statements).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("incremental_column `at`"), "{error}");
    assert_eq!(
        shop.number("select count(*) from t").await,
        3000,
        "the old data is served"
    );
    shop.database.execute(back);
    shop.sync().await;
    assert_equal_tables(&shop, statements).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_that_goes_behind_the_snapshot_is_named() {
    for (statements, back) in [
        ("drop table t", TABLE.split("create table other").next().unwrap()),
        ("alter table t rename to gone", "alter table gone rename to t"),
        (
            "create schema elsewhere; alter table t set schema elsewhere",
            "alter table elsewhere.t set schema public",
        ),
    ] {
        let shop = opened("ddl_gone", SchemaPolicy::Recreate).await;
        let error = sync_across(&shop, statements).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceRejected, "{error}");
        assert!(error.context().any(|pair| pair == ("name", "t")), "{error}");
        assert_eq!(
            shop.number("select count(*) from t").await,
            3000,
            "the old data is served"
        );
        shop.database.execute(back);
        sync(&shop.dataset(), SyncOptions::full()).await;
        assert_equal_tables(&shop, statements).await;
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn rows_that_are_written_anew_behind_the_snapshot_are_refused_and_read_by_the_next_sync() {
    for statements in [
        "alter table t alter id type numeric(20,2)",
        "alter table t add extra float default random()",
        "truncate t; insert into t values (1, now(), 'again')",
        "drop table t; create table t as select * from other",
        "alter table t rename to gone; alter table other rename to t",
    ] {
        let shop = Shop::open("ddl_anew", TABLE, vec![TableConfig::new("t", "select * from t")]).await;
        shop.sync().await;
        let error = sync_across(&shop, statements).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{statements}: {error}");
        assert!(
            error
                .context()
                .any(|(key, name)| key == "relation" && name.contains('t')),
            "{error}"
        );
        assert_eq!(
            shop.number("select count(*) from t").await,
            3000,
            "the old data is served"
        );
        shop.sync().await;
        assert_equal_tables(&shop, statements).await;
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_change_waits_for_a_sync_that_has_described_the_table() {
    let gate = "case when id = 3000 then pg_advisory_xact_lock_shared(7)::text end";
    let tables = || {
        vec![
            TableConfig::new(
                "first",
                format!("select id, {gate} as gate from other where id > 0 or id = 3000 order by id"),
            ),
            t(),
        ]
    };
    for statements in [
        "alter table t add extra int default 7",
        "alter table t drop note",
        "alter table t rename note to remark",
        "alter table t alter id type numeric(20,2)",
        "truncate t",
        "drop table t; create table t (id bigint, at timestamptz, note text, label varchar(50)); insert into t values (1, now(), 'again')",
    ] {
        let statements_of_source = format!("{TABLE} update other set id = id - 10000");
        let shop = Shop::open_with("ddl_waits", &statements_of_source, tables(), |config| {
            config.store.sync_workers = 1;
        })
        .await;
        let keeper = shop.session().await;
        run(&keeper, "select pg_advisory_lock(7)").await;
        let running = start(&shop);
        // The first table is being read, the second is only described.
        until_waiting(&shop, true).await;
        let session = shop.session().await;
        let before = shop.database.query_text("select count(*), sum(id) from t");
        let changing = tokio::spawn(async move { session.batch_execute(statements).await });
        until_waiting(&shop, false).await;
        run(&keeper, "select pg_advisory_unlock(7)").await;
        running.await.unwrap().unwrap();
        let stored = text(
            &shop.engine,
            "select count(*)::varchar as n, sum(id)::varchar as s from t",
        )
        .await;
        assert_eq!(stored, before, "{statements}");
        changing.await.unwrap().unwrap();
        sync(&shop.dataset(), SyncOptions::full()).await;
        assert_equal_tables(&shop, statements).await;
        shop.engine.close().await.unwrap();
    }
}
