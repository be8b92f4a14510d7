//! Tables that are truncated, rewritten or replaced after the snapshot and before they are read: PostgreSQL then shows an
//! older snapshot an empty or another table, which must not reach the store.

use std::time::Duration;

use axis_core::config::TableConfig;
use axis_core::{ErrorKind, SyncOptions, SyncReport};

use super::support::Shop;

const SOURCE: &str = "
create table t (id int primary key, at_ timestamptz default now(), b text);
insert into t (id, b) select i, i from generate_series(1, 100) i;
create table p (id int, b text) partition by range (id);
create table p1 partition of p for values from (1) to (51);
create table p2 partition of p for values from (51) to (101);
create table waiting (id int, b text);
insert into p select i, i from generate_series(1, 100) i;
create table par (id int, b text);
create table c1 () inherits (par);
create table c2 () inherits (c1);
create table other (id int, b text);
insert into par values (1, 'x');
insert into c1 values (2, 'x');
insert into c2 values (3, 'x');
insert into other values (4, 'x');
create materialized view m as select * from t;
create view v as select * from t;
";

/// Runs DDL in a transaction that a sync has to wait for *after* it has taken its snapshot, then lets the sync go on.
async fn sync_during(shop: &Shop, ddl: &str) -> axis_core::Result<SyncReport> {
    let keeper = shop.session().await;
    // The last table of the dataset is locked first of all, so that the sync stops at its description.
    keeper
        .batch_execute(&format!("begin; {ddl}; lock table gate in access exclusive mode"))
        .await
        .unwrap();
    let dataset = shop.dataset();
    let sync = tokio::spawn(async move { dataset.sync(SyncOptions::default()).await });
    let waiting = "select count(*) from pg_stat_activity where application_name = 'axis' and wait_event_type = 'Lock' and datname = current_database()";
    let watcher = shop.session().await;
    tokio::time::timeout(Duration::from_secs(60), async {
        while watcher.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the sync waits for the lock");
    keeper.batch_execute("commit").await.unwrap();
    sync.await.unwrap()
}

#[tokio::test]
async fn a_table_that_does_not_respect_the_snapshot_fails_the_sync_and_harms_nothing() {
    for (name, query, ddl, relation) in [
        ("truncate", "select * from t", "truncate t", "t"),
        (
            "rewrite",
            "select id, b from t",
            "drop view v; drop materialized view m; alter table t alter id type bigint",
            "t",
        ),
        (
            "volatile",
            "select id, b from t",
            "alter table t add c timestamptz default clock_timestamp()",
            "t",
        ),
        ("view", "select * from v", "truncate t", "t"),
        ("leaf", "select * from p", "truncate p2", "p2"),
        ("drop_leaf", "select * from p", "drop table p2", "p"),
        ("detach", "select * from p", "alter table p detach partition p1", "p"),
        (
            "attach",
            "select * from p",
            "alter table p detach partition p2; insert into waiting values (60, 'x'); alter table p attach partition waiting for values from (51) to (101)",
            "p",
        ),
        (
            "replace",
            "select * from t",
            "alter table t rename to old_t; create table t (like old_t); insert into t select * from old_t where id < 50",
            "t",
        ),
        (
            "disinherit",
            "select * from par",
            "alter table c1 no inherit par",
            "par",
        ),
        ("drop_child", "select * from par", "drop table c2", "par"),
        ("inherit", "select * from par", "alter table other inherit c2", "par"),
        (
            "first_child",
            "select * from waiting",
            "alter table other inherit waiting",
            "waiting",
        ),
        (
            "swap",
            "select id, b from waiting",
            "insert into waiting select i, 'new' from generate_series(1, 7) i; alter table waiting rename to x; alter table p2 rename to waiting",
            "waiting",
        ),
        (
            "refresh",
            "select * from m",
            "delete from t; refresh materialized view m",
            "m",
        ),
    ] {
        let tables = vec![
            TableConfig::new("stored", query),
            TableConfig::new("gate", "select * from gate"),
        ];
        let source = format!("{SOURCE} create table gate (a int)");
        let shop = Shop::open(&format!("rewrites_{name}"), &source, tables).await;
        shop.sync().await;
        let before = shop.number("select count(*) from stored").await;
        let error = sync_during(&shop, ddl).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{name}: {}", error.chain());
        assert!(error.is_retryable());
        let told = error
            .context()
            .find(|(key, _)| *key == "relation")
            .map(|(_, value)| value.to_owned());
        assert_eq!(told.as_deref(), Some(relation), "{name}: {error}");
        assert_eq!(
            shop.number("select count(*) from stored").await,
            before,
            "{name}: the old data is served"
        );
        shop.sync().await;
        let now = shop
            .database
            .query_text(&format!("select count(*)::text from ({query}) q"));
        let stored = shop.number("select count(*) from stored").await;
        assert_eq!(Some(stored.to_string()), now[0][0], "{name}: the next sync is right");
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn what_changes_no_rows_does_not_fail_a_sync() {
    for (name, ddl) in [
        ("index", "create index on t (b); drop view v"),
        ("column", "alter table t add c int default 5"),
        ("view", "drop view v; create view v as select id, b from t"),
        (
            "rows",
            "insert into t select i, now(), 'late' from generate_series(1000, 1100) i; delete from t where id = 1",
        ),
        (
            "partition",
            "create table p3 (like p); alter table t alter b set storage external",
        ),
    ] {
        let tables = vec![
            TableConfig::new("stored", "select id, b from t"),
            TableConfig::new("p", "select * from p"),
            TableConfig::new("par", "select * from par"),
            TableConfig::new("alone", "select * from only c1"),
            TableConfig::new("gate", "select * from gate"),
        ];
        let source = format!("{SOURCE} drop materialized view m; create table gate (a int)");
        let shop = Shop::open(&format!("unharmed_{name}"), &source, tables).await;
        shop.sync().await;
        sync_during(&shop, ddl)
            .await
            .unwrap_or_else(|error| panic!("{name}: {}", error.chain()));
        assert_eq!(
            shop.number("select count(*) from stored").await,
            100,
            "{name}: as of the snapshot"
        );
        shop.sync().await;
        shop.assert_same("select id::varchar, b::varchar from p").await;
        shop.engine.close().await.unwrap();
    }
}
