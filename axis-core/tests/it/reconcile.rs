//! Rows that were deleted or inserted below the window of a refresh: a comparison of all keys finds them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axis_core::config::{Config, TableConfig};
use axis_core::{Clock, Engine, ErrorKind, FullReason, Strategy, SyncMode, SyncOptions, SyncReport, VerifyOptions};
use chrono::{DateTime, TimeDelta, Utc};

use super::support::{DEADLINE, Shop, config, shop, sync};

const EVENTS: &str = "
create table events (id bigserial primary key, happened timestamptz, note text);
insert into events (happened, note) select timestamptz '2026-01-01' + make_interval(secs => i), 'n' || i from generate_series(1, 5000) i;
";
const ALL_EVENTS: &str = "select id::varchar, happened::varchar, note from events";

fn events() -> TableConfig {
    TableConfig::new("events", "select * from events")
        .with_incremental_column("happened")
        .with_primary_key(["id"])
}

async fn reconcile(shop: &Shop) -> SyncReport {
    sync(&shop.dataset(), SyncOptions::default().mode(SyncMode::Reconcile)).await
}

/// What a sync says of the first table: keys, deleted, missing.
fn found(report: &SyncReport) -> Option<(u64, u64, u64)> {
    let found = report.tables[0].reconciled?;
    Some((found.keys, found.deleted, found.missing))
}

async fn assert_equal_to_source(shop: &Shop) {
    let report = shop.dataset().verify(VerifyOptions::default()).await.unwrap();
    assert!(report.equal, "{report:?}");
}

#[tokio::test]
async fn rows_deleted_below_the_window_disappear_and_nothing_else_does() {
    let shop = Shop::open("reconcile_deleted", EVENTS, vec![events()]).await;
    shop.sync().await;
    shop.database
        .execute("delete from events where id % 100 = 7 and id < 4000");
    let refreshed = shop.sync().await;
    assert_eq!((refreshed.changed, found(&refreshed)), (false, None));
    assert_eq!(shop.number("select count(*) from events").await, 5_000);

    let report = reconcile(&shop).await;
    assert_eq!(report.strategy, Strategy::Incremental);
    assert_eq!(found(&report), Some((4_960, 40, 0)));
    assert!(report.changed);
    assert_eq!((report.generation, report.tables[0].rows_total), (2, 4_960));
    assert_eq!((report.tables[0].rows_deleted, report.tables[0].rows_inserted), (40, 0));
    shop.assert_same(ALL_EVENTS).await;
    assert_equal_to_source(&shop).await;
    // The memory of what the last refresh read still tells the truth.
    for _ in 0..2 {
        let report = shop.sync().await;
        assert_eq!(
            (report.changed, report.generation, report.tables[0].rows_total),
            (false, 2, 4_960)
        );
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn without_deletes_neither_the_generation_nor_the_rows_change() {
    let shop = Shop::open("reconcile_quiet", EVENTS, vec![events()]).await;
    shop.sync().await;
    for _ in 0..3 {
        let report = reconcile(&shop).await;
        assert_eq!((report.changed, report.generation), (false, 1));
        assert_eq!(found(&report), Some((5_000, 0, 0)));
    }
    // New rows and deleted ones come in one commit.
    shop.database.execute(
        "insert into events (happened, note) values (now(), 'new'); delete from events where id in (1, 2, 3);
         update events set happened = now(), note = 'moved' where id = 10",
    );
    let report = reconcile(&shop).await;
    assert_eq!((report.changed, report.generation), (true, 2));
    assert_eq!(found(&report), Some((4_998, 3, 0)));
    shop.assert_same(ALL_EVENTS).await;
    // All rows gone is a comparison like any other.
    shop.database.execute("delete from events");
    let report = reconcile(&shop).await;
    assert_eq!(report.tables[0].rows_total, 0, "{report:?}");
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn rows_inserted_below_the_window_make_a_rebuild_of_the_same_snapshot() {
    let shop = Shop::open("reconcile_inserted", EVENTS, vec![events()]).await;
    shop.sync().await;
    shop.database.execute(
        "insert into events (happened, note) values (timestamptz '2025-12-31', 'below'), (now(), 'new'); delete from events where id = 3",
    );
    let report = reconcile(&shop).await;
    let because = FullReason::KeysMissing;
    assert_eq!(report.strategy, Strategy::Full { because });
    assert_eq!(found(&report), Some((5_001, 1, 1)));
    assert_eq!(report.tables[0].rows_read, 5_001);
    shop.assert_same(ALL_EVENTS).await;
    let report = reconcile(&shop).await;
    assert_eq!((report.changed, found(&report)), (false, Some((5_001, 0, 0))));
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_with_more_rows_than_the_cap_is_not_cut_because_rows_were_inserted_below_the_window() {
    let shop = Shop::open("reconcile_cap", EVENTS, vec![events()]).await;
    shop.sync().await;
    let capped = |rows| move |config: &mut Config| config.store.max_sync_rows = Some(rows);
    let shop = shop.reopen(vec![events()], capped(5_000)).await;
    shop.database
        .execute("insert into events (happened, note) values (timestamptz '2025-12-31', 'below')");
    let options = || SyncOptions::default().mode(SyncMode::Reconcile);
    let error = shop.dataset().sync(options()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{}", error.chain());
    assert!(error.message().contains("max_sync_rows = 5000 rows"), "{error}");
    assert_eq!(shop.number("select count(*) from events").await, 5_000);
    let shop = shop.reopen(vec![events()], capped(5_001)).await;
    assert_eq!(found(&reconcile(&shop).await), Some((5_001, 0, 1)));
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn keys_of_several_columns_and_of_every_kind_are_compared_by_value() {
    let keys = [
        ("i::text", "text"),
        ("md5(i::text)::uuid", "uuid"),
        (
            "timestamptz '2020-01-01' + make_interval(secs => i / 7.0)",
            "timestamptz",
        ),
        ("(i / 100.0)::numeric(12,2)", "numeric(12,2)"),
        ("date '2000-01-01' + i", "date"),
        ("array[i, null]", "int[]"),
        ("decode(md5(i::text), 'hex')", "bytea"),
    ];
    for (index, (value, ty)) in keys.into_iter().enumerate() {
        let shop = Shop::open(
            "reconcile_keys",
            &format!(
                "create table t (k {ty}, \"other Key\" int, at timestamp, t text);
                 insert into t select {value}, i % 3, timestamp '2026-01-01' + make_interval(secs => i / 2), 'x' from generate_series(1, 3000) i"
            ),
            vec![
                TableConfig::new("t", "select * from t")
                    .with_incremental_column("at")
                    .with_primary_key(["k", "other Key"]),
            ],
        )
        .await;
        shop.sync().await;
        // One key changes in its second part: the old row is gone, and a new one is there below the window.
        shop.database
            .execute("delete from t where ctid in (select ctid from t order by at limit 5)");
        assert_eq!(found(&reconcile(&shop).await), Some((2_995, 5, 0)), "{ty}");
        assert_equal_to_source(&shop).await;
        if index == 0 {
            shop.database
                .execute("update t set \"other Key\" = \"other Key\" + 10 where ctid in (select ctid from t order by at limit 4)");
            let report = reconcile(&shop).await;
            assert_eq!(found(&report), Some((2_995, 4, 4)));
            assert_equal_to_source(&shop).await;
        }
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn keys_that_do_not_tell_rows_apart_fail_and_leave_everything() {
    let shop = Shop::open(
        "reconcile_twice",
        "create table t as select i as id, i as at from generate_series(1, 2000) i",
        vec![
            TableConfig::new("t", "select * from t")
                .with_incremental_column("at")
                .with_primary_key(["id"]),
        ],
    )
    .await;
    shop.settle().await;
    for wrong in ["insert into t values (7, 8)", "insert into t values (null, 8)"] {
        shop.database.execute(wrong);
        let error = shop
            .dataset()
            .sync(SyncOptions::default().mode(SyncMode::Reconcile))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::SchemaMismatch, "{}", error.chain());
        assert_eq!(shop.number("select count(*) from t").await, 2_000);
        shop.database
            .execute("delete from t where at = 8 and id is distinct from 8");
    }
    shop.database.execute("delete from t where id = 9");
    assert_eq!(found(&reconcile(&shop).await), Some((1_999, 1, 0)));
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_without_a_key_is_rebuilt_when_it_is_asked_for() {
    let keyless = TableConfig::new("events", "select * from events").with_incremental_column("happened");
    let shop = Shop::open("reconcile_keyless", EVENTS, vec![keyless]).await;
    shop.sync().await;
    shop.database.execute("delete from events where id = 3");
    let because = FullReason::NoPrimaryKey;
    assert_eq!(reconcile(&shop).await.strategy, Strategy::Full { because });
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_renamed_key_is_found_under_both_names() {
    let table = TableConfig::new("events", "select id, happened, note from events")
        .with_incremental_column("happened")
        .with_primary_key(["ID"]);
    let shop = Shop::open_with("reconcile_named", EVENTS, vec![table], |config| {
        let columns = &mut shop(config).columns;
        columns.insert("id".to_owned(), "event number".to_owned());
    })
    .await;
    shop.sync().await;
    shop.database.execute("delete from events where id = 3");
    assert_eq!(found(&reconcile(&shop).await), Some((4_999, 1, 0)));
    assert_equal_to_source(&shop).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn many_keys_need_little_memory() {
    let shop = Shop::open_with(
        "reconcile_many",
        "create table t as select md5(i::text) || md5((-i)::text) as id, i as at from generate_series(1, 600000) i",
        vec![
            TableConfig::new("t", "select * from t")
                .with_incremental_column("at")
                .with_primary_key(["id"]),
        ],
        |config| {
            config.store.memory_limit = Some(64 << 20);
            config.store.threads = Some(2);
        },
    )
    .await;
    shop.settle().await;
    // Every bucket differs.
    shop.database.execute("delete from t where at % 2 = 0 and at < 599000");
    let report = reconcile(&shop).await;
    assert_eq!(found(&report), Some((300_501, 299_499, 0)));
    assert_equal_to_source(&shop).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn no_row_that_lives_is_deleted_while_others_write_and_commit_late() {
    let table = TableConfig::new("t", "select * from t")
        .with_incremental_column("at")
        .with_primary_key(["id"]);
    let shop = Shop::open_with(
        "reconcile_busy",
        "create table t (id bigserial primary key, at timestamptz default clock_timestamp(), v int);
         insert into t (at, v) select now() - interval '1 day', i from generate_series(1, 10000) i;
         insert into t (v) values (0)",
        vec![table],
        // Every refresh compares all keys.
        |config| shop(config).reconcile_interval = Some(Duration::ZERO),
    )
    .await;
    shop.sync().await;
    let (writer, slow) = (shop.session().await, shop.session().await);
    let writing = async {
        for turn in 0_u64.. {
            let change = format!(
                "insert into t (v) select i from generate_series(1, 20) i;
                 delete from t where id % 997 = {};
                 update t set v = v + 1, at = clock_timestamp() where id = (select min(id) from t)",
                turn % 997
            );
            writer.batch_execute(&change).await.unwrap();
        }
    };
    let late = async {
        loop {
            let late = "begin; insert into t (v) values (-1); delete from t where id = (select min(id) from t where id % 11 = 5 and v >= 0)";
            // A row that the other has deleted meanwhile is no failure of ours.
            slow.batch_execute(late).await.unwrap();
            slow.batch_execute("select pg_sleep(0.05)").await.unwrap();
            slow.batch_execute("commit").await.unwrap();
        }
    };
    let reconciling = async {
        let (mut rows, mut deleted, mut rounds) = (BTreeSet::new(), 0, 0);
        // On a busy machine the writers may be slow.
        while rounds < 15 || rows.len() < 2 || deleted == 0 {
            let options = VerifyOptions::default().sync(true);
            let report = shop.dataset().verify(options).await.unwrap();
            assert!(report.equal, "{report:?}");
            let synced = report.synced.unwrap();
            assert_eq!(synced.strategy, Strategy::Incremental);
            deleted += synced.tables[0].reconciled.unwrap().deleted;
            rows.insert(report.tables[0].rows.source);
            rounds += 1;
        }
    };
    tokio::time::timeout(DEADLINE, async {
        tokio::select! {
            () = writing => unreachable!("it never ends"),
            () = late => unreachable!("it never ends"),
            () = reconciling => {}
        }
    })
    .await
    .unwrap();
    // The server may still be at work on what the writers sent last, so this is of one snapshot, too.
    drop((writer, slow));
    let options = VerifyOptions::default().sync(true);
    let report = shop.dataset().verify(options).await.unwrap();
    assert!(report.equal, "{report:?}");
    shop.engine.close().await.unwrap();
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
struct Hands(Mutex<DateTime<Utc>>);

impl Hands {
    fn start() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Utc::now())))
    }

    fn advance(&self, minutes: i64) {
        *self.0.lock().unwrap() += TimeDelta::minutes(minutes);
    }
}

impl Clock for Hands {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// Opens another engine over the store of a shop, with a clock that the test moves.
async fn with_clock(shop: &Shop, clock: &Arc<Hands>, adjust: impl FnOnce(&mut Config)) -> Engine {
    shop.engine.close().await.unwrap();
    let mut config = config(&shop.store(), &shop.database.url, vec![events()]);
    adjust(&mut config);
    let clock: Arc<dyn Clock> = Arc::<Hands>::clone(clock);
    Engine::builder(config).clock(clock).open().await.unwrap()
}

#[tokio::test]
async fn keys_are_compared_when_the_interval_has_passed_since_the_last_time_or_rebuild() {
    let source = Shop::open("reconcile_interval", EVENTS, vec![events()]).await;
    let hands = Hands::start();
    let every_hour = |config: &mut Config| shop(config).reconcile_interval = Some(Duration::from_secs(3_600));
    let mut engine = with_clock(&source, &hands, every_hour).await;
    let mut now = async |minutes: i64| {
        hands.advance(minutes);
        // What is due is remembered by the store, not by the engine.
        engine.close().await.unwrap();
        engine = with_clock(&source, &hands, every_hour).await;
        let report = sync(&engine.dataset("shop").unwrap(), SyncOptions::default()).await;
        (report.strategy, report.tables[0].reconciled.map(|found| found.deleted))
    };
    let first = FullReason::FirstSync;
    assert_eq!(now(0).await, (Strategy::Full { because: first }, None));
    source.database.execute("delete from events where id = 3");
    assert_eq!(now(59).await, (Strategy::Incremental, None));
    assert_eq!(now(1).await, (Strategy::Incremental, Some(1)));
    source.database.execute("delete from events where id = 4");
    assert_eq!(now(59).await, (Strategy::Incremental, None));
    assert_eq!(now(1).await, (Strategy::Incremental, Some(1)));
    assert_eq!(now(60).await, (Strategy::Incremental, Some(0)));
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_table_is_rebuilt_when_its_interval_has_passed_since_the_last_rebuild() {
    let source = Shop::open("full_interval", EVENTS, vec![events()]).await;
    let hands = Hands::start();
    let daily = |config: &mut Config| shop(config).full_refresh_interval = Some(Duration::from_secs(86_400));
    let engine = with_clock(&source, &hands, daily).await;
    let now = async |minutes: i64| {
        hands.advance(minutes);
        sync(&engine.dataset("shop").unwrap(), SyncOptions::default())
            .await
            .strategy
    };
    let full = |because| Strategy::Full { because };
    assert_eq!(now(0).await, full(FullReason::FirstSync));
    assert_eq!(now(24 * 60 - 1).await, Strategy::Incremental);
    assert_eq!(now(1).await, full(FullReason::Interval));
    assert_eq!(now(24 * 60 - 1).await, Strategy::Incremental);
    assert_eq!(now(1).await, full(FullReason::Interval));
    engine.close().await.unwrap();
}
