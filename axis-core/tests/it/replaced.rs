//! Names that lead to something else than at the last sync: what is stored below the window is not continued.

use axis_core::config::{Config, TableConfig};
use axis_core::{Engine, ErrorKind, FullReason, Strategy, SyncOptions};
use axis_testkit::postgres::{TestDatabase, execute, shared};

use super::support::{Shop, config, number, open, shop, sync};

fn events() -> Vec<TableConfig> {
    vec![TableConfig::new("events", "select * from events").with_incremental_column("at_")]
}

const EVENTS: &str = "
create table events (id int, at_ timestamptz, b int default 1);
insert into events select i, now() - make_interval(days => 100 - i) from generate_series(1, 100) i;
";

async fn assert_rebuilt(shop: &Shop, because: FullReason) {
    let report = shop.sync().await;
    assert_eq!(report.tables[0].strategy, Strategy::Full { because });
    shop.assert_same("select id::varchar, at_::date::varchar, b::varchar from events")
        .await;
    assert_eq!(shop.sync().await.strategy, Strategy::Incremental);
}

#[tokio::test]
async fn a_column_that_was_dropped_and_added_again_is_another_one() {
    let shop = Shop::open("column_again", EVENTS, events()).await;
    shop.sync().await;
    shop.database
        .execute("alter table events drop b; alter table events add b int default 7");
    assert_rebuilt(&shop, FullReason::SourceReplaced).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_that_was_dropped_and_made_again_is_another_one() {
    let shop = Shop::open("table_again", EVENTS, events()).await;
    shop.sync().await;
    shop.database
        .execute(&format!("drop table events; {EVENTS} update events set b = id"));
    assert_rebuilt(&shop, FullReason::SourceReplaced).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_dropped_and_made_again_is_another_one() {
    let shop = Shop::open("database_again", EVENTS, events()).await;
    shop.sync().await;
    let name = &shop.database.name;
    let admin = shared().url("postgres");
    execute(&admin, &format!("drop database {name} with (force)"));
    execute(&admin, &format!("create database {name}"));
    shop.database.execute(&format!("{EVENTS} update events set b = id"));
    // The numbers of the tables may be the same again.
    assert_rebuilt(&shop, FullReason::SourceReplaced).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn another_user_may_see_other_rows() {
    let shop = Shop::open("another_user", EVENTS, events()).await;
    shop.sync().await;
    shop.database
        .execute("create role another_user login superuser password 'secret'; update events set b = 2");
    let url = shop.database.url.clone();
    let shop = shop
        .reopen(events(), |config| {
            let other = url.replacen(
                url.split("//").nth(1).unwrap().split('@').next().unwrap(),
                "another_user:secret",
                1,
            );
            super::support::shop(config).connection = Some(axis_core::config::Connection::from_url(&other).unwrap());
        })
        .await;
    assert_rebuilt(&shop, FullReason::DefinitionChanged).await;
    shop.engine.close().await.unwrap();
}

/// Opens the store of a shop with its one dataset under another name.
async fn renamed(database: &TestDatabase, shop: &Shop, name: &str, tables: Vec<TableConfig>) -> Engine {
    let mut config: Config = config(&shop.store(), &database.url, tables);
    self::shop(&mut config).name = name.to_owned();
    open(config).await
}

#[tokio::test]
async fn a_table_that_another_dataset_has_made_since_is_not_continued() {
    let shop = Shop::open("owner", EVENTS, events()).await;
    shop.sync().await;
    shop.engine.close().await.unwrap();
    let other = TestDatabase::create("owner_other");
    other.execute(
        "create table events (id int, at_ timestamptz, b int); insert into events values (1, '2001-01-01', 1)",
    );
    let engine = renamed(&other, &shop, "shop_eu", events()).await;
    sync(&engine.dataset("shop_eu").unwrap(), SyncOptions::default()).await;
    assert_eq!(number(&engine, "select count(*) from events").await, 1);
    engine.close().await.unwrap();
    let shop = shop.reopen(events(), |_| {}).await;
    assert_rebuilt(&shop, FullReason::FirstSync).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_key_that_would_be_rounded_is_refused() {
    let source = "create table t (id numeric, at_ timestamptz default now()); insert into t values (10000000000000000), (10000000000000001)";
    let table = |types: Option<&str>| {
        let query = types.map_or("select * from t".to_owned(), |ty| {
            format!("select id::{ty} as id, at_ from t")
        });
        vec![
            TableConfig::new("t", query)
                .with_incremental_column("at_")
                .with_primary_key(["id"]),
        ]
    };
    let shop = Shop::open("rounded_key", source, table(None)).await;
    let error = shop.try_sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.message().contains("`id`") && error.message().contains("decimal"),
        "{error}"
    );
    let shop = shop.reopen(table(Some("numeric(38,0)")), |_| {}).await;
    assert_eq!(shop.sync().await.rows_read, 2);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn texts_are_compared_as_the_store_compares_them_whatever_the_encoding() {
    let database = TestDatabase::create("cyrillic_admin");
    let name = format!("{}_1251", database.name);
    let admin = shared().url("postgres");
    execute(
        &admin,
        &format!("create database {name} encoding 'WIN1251' template template0 lc_collate 'C' lc_ctype 'C'"),
    );
    let url = shared().url(&name);
    // In this encoding the last of them is the least.
    execute(
        &url,
        "create table t (c text); insert into t values ('а'), ('я'), ('ё')",
    );
    let directory = tempfile::tempdir().unwrap();
    let tables = vec![TableConfig::new("t", "select * from t").with_incremental_column("c")];
    let engine = open(config(&directory.path().join("s.duckdb"), &url, tables)).await;
    let dataset = engine.dataset("shop").unwrap();
    sync(&dataset, SyncOptions::default()).await;
    execute(&url, "insert into t values ('ё')");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let mut refreshes = 0;
    while refreshes < 3 {
        match sync(&dataset, SyncOptions::default()).await.strategy {
            Strategy::Incremental => refreshes += 1,
            // Somebody else was at work on the same server, so that nothing but a rebuild was safe.
            Strategy::Full {
                because: FullReason::NoSafeWindow,
            } => assert!(std::time::Instant::now() < deadline, "the server has no quiet moment"),
            strategy => panic!("{strategy:?}"),
        }
        assert_eq!(number(&engine, "select count(*) from t").await, 4);
    }
    engine.close().await.unwrap();
    execute(&admin, &format!("drop database {name} with (force)"));
}

#[tokio::test]
async fn rows_that_differ_only_in_what_duckdb_calls_equal_are_not_the_same() {
    let source = "
create table t (id int, at_ timestamptz, z timetz, i interval, d float8, l float8[]);
insert into t values (1, now(), '10:00+02', '1 month', 0.0, '{0}');
";
    let tables = vec![TableConfig::new("t", "select * from t").with_incremental_column("at_")];
    for rows in [1, 1_000] {
        let shop = Shop::open(&format!("alike_{rows}"), source, tables.clone()).await;
        shop.database.execute(&format!(
            "insert into t select i, (select at_ from t where id = 1) from generate_series(2, {rows}) i"
        ));
        shop.sync().await;
        shop.sync().await;
        for change in ["z = '10:00+01'", "i = '30 days'", "d = '-0.0'", "l = '{-0.0}'"] {
            shop.database.execute(&format!("update t set {change} where id = 1"));
            let report = shop.sync().await;
            assert_eq!(report.strategy, Strategy::Incremental);
            assert!(report.changed, "{change} among {rows} rows");
        }
        shop.engine.close().await.unwrap();
    }
}
