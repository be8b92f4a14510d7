//! Refreshes that read only a window, and come out equal to the source nevertheless.

use axis_core::config::{Connection, DatasetConfig, SchemaPolicy, TableConfig};
use axis_core::{Engine, ErrorKind, FullReason, Strategy, SyncReport, SyncState};

use super::support::{Shop, open, shop, sync, text};

const EVENTS: &str = "
create table events (id bigserial, happened timestamptz, note text);
insert into events (happened, note) select timestamptz '2026-01-01' + make_interval(secs => i / 10), 'n' || i from generate_series(1, 2000) i;
";
const ALL_EVENTS: &str = "select id::varchar, happened::varchar, note from events";

fn events(cursor: &str) -> TableConfig {
    TableConfig::new("events", "select * from events").with_incremental_column(cursor)
}

/// Checks that a sync was incremental and read few rows.
fn assert_small(report: &SyncReport) {
    assert_eq!(report.strategy, Strategy::Incremental);
    assert!(report.rows_read < 100, "{report:?}");
}

fn full(because: FullReason) -> Strategy {
    Strategy::Full { because }
}

#[tokio::test]
async fn rows_that_tie_with_the_watermark_are_neither_lost_nor_doubled() {
    let shop = Shop::open("ties", EVENTS, vec![events("happened")]).await;
    shop.sync().await;
    for _ in 0..3 {
        shop.database
            .execute("insert into events (happened, note) select max(happened), 'tie' from events");
        assert_small(&shop.sync().await);
        shop.assert_same(ALL_EVENTS).await;
    }
    assert_eq!(shop.number("select count(*) from events where note = 'tie'").await, 3);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn rows_without_a_cursor_are_always_in_the_window() {
    let shop = Shop::open("nulls", EVENTS, vec![events("happened")]).await;
    shop.database
        .execute("insert into events (happened, note) values (null, 'a'), (null, 'b')");
    shop.sync().await;
    shop.database.execute(
        "update events set note = 'changed' where note = 'a'; delete from events where note = 'b';
         insert into events (happened, note) values (null, 'c')",
    );
    assert_small(&shop.sync().await);
    shop.assert_same(ALL_EVENTS).await;
    // A row whose cursor is filled in later moves from one half of the window to the other.
    shop.database
        .execute("update events set happened = now() where note = 'c'");
    assert_small(&shop.sync().await);
    shop.assert_same(ALL_EVENTS).await;
    let report = shop.sync().await;
    assert!(!report.changed, "{report:?}");
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn updates_and_deletes_inside_the_window_come_out_right() {
    let mut table = events("happened");
    table.lookback = Some(std::time::Duration::from_secs(5));
    let shop = Shop::open("window", EVENTS, vec![table]).await;
    shop.sync().await;
    shop.database.execute(
        "delete from events where id = 1990; update events set note = 'changed' where id = 1985;
         insert into events (happened, note) select max(happened) - interval '2 s', 'behind' from events",
    );
    let report = shop.sync().await;
    assert_small(&report);
    assert!(report.tables[0].rows_deleted > 0 && report.changed);
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_late_commit_is_found_by_time() {
    let shop = Shop::open("late_time", EVENTS, vec![events("happened")]).await;
    let slow = shop.session().await;
    slow.batch_execute("begin; insert into events (happened, note) values (now(), 'late')")
        .await
        .unwrap();
    shop.database
        .execute("insert into events (happened, note) values (now(), 'early')");
    shop.sync().await;
    assert_eq!(shop.number("select count(*) from events where note = 'late'").await, 0);
    // The watermark now lies behind the row that is not committed yet.
    assert_small(&shop.sync().await);
    slow.batch_execute("commit").await.unwrap();
    assert_small(&shop.sync().await);
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_late_commit_is_found_by_sequence() {
    let shop = Shop::open("late_sequence", EVENTS, vec![events("id")]).await;
    shop.settle().await;
    let slow = shop.session().await;
    slow.batch_execute("begin; insert into events (note) values ('late')")
        .await
        .unwrap();
    for _ in 0..3 {
        shop.database.execute("insert into events (note) values ('early')");
        assert_small(&shop.sync().await);
    }
    assert_eq!(shop.number("select count(*) from events where note = 'late'").await, 0);
    slow.batch_execute("commit").await.unwrap();
    assert_small(&shop.sync().await);
    shop.assert_same(ALL_EVENTS).await;
    assert!(!shop.sync().await.changed);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_sequence_without_a_safe_window_is_read_whole() {
    let shop = Shop::open("no_window", EVENTS, vec![events("id")]).await;
    let slow = shop.session().await;
    slow.batch_execute("begin; insert into events (note) values ('late')")
        .await
        .unwrap();
    shop.database.execute("insert into events (note) values ('early')");
    shop.sync().await;
    slow.batch_execute("commit").await.unwrap();
    // The transaction is older than every snapshot that is known, so its values may lie anywhere.
    let report = shop.sync().await;
    assert_eq!(report.strategy, full(FullReason::NoSafeWindow));
    shop.assert_same(ALL_EVENTS).await;
    assert_small(&shop.sync().await);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_row_with_a_key_is_replaced_wherever_it_was() {
    let shop = Shop::open(
        "merge",
        "create table orders (id bigint primary key, updated timestamptz, state text);
         insert into orders select i, timestamptz '2026-01-01' + make_interval(secs => i), 'new' from generate_series(1, 1000) i;
         create table lines (o bigint, n int, updated timestamptz, state text, primary key (o, n));
         insert into lines select i, n, timestamptz '2026-01-01' + make_interval(secs => i), 'new' from generate_series(1, 500) i, generate_series(1, 3) n",
        vec![
            TableConfig::new("orders", "select * from orders")
                .with_primary_key(["id"])
                .with_incremental_column("updated"),
            TableConfig::new("lines", "select * from lines")
                .with_primary_key(["o", "n"])
                .with_incremental_column("updated"),
        ],
    )
    .await;
    let all = [
        "select id::varchar, updated::varchar, state from orders",
        "select o::varchar, n::varchar, updated::varchar, state from lines",
    ];
    shop.sync().await;
    for round in 0..3 {
        shop.database.execute(&format!(
            "update orders set updated = now(), state = 'r{round}' where id in (1, 500, 1000);
             update lines set updated = now(), state = 'r{round}' where (o, n) in ((1, 2), (250, 1), (500, 3));
             insert into orders values ({round} + 5000, now(), 'came')"
        ));
        let report = shop.sync().await;
        assert_small(&report);
        assert_eq!(report.tables[1].rows_total, 1500);
        for sql in all {
            shop.assert_same(sql).await;
        }
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn dates_texts_numbers_and_uuids_serve_as_cursors() {
    let types = ["date", "text", "numeric(30,4)", "real", "uuid", "timestamp", "smallint"];
    let value = |ty: &str, i: &str| match ty {
        "date" => format!("date '2026-01-01' + ({i})::int"),
        "text" => format!("'Äé' || lpad(({i})::text, 6, '0')"),
        "uuid" => format!("lpad(to_hex(({i})::int), 32, '0')::uuid"),
        "timestamp" => format!("timestamp '2026-01-01' + make_interval(secs => {i} / 10.0)"),
        _ => format!("({i})::{ty}"),
    };
    let mut statements = String::new();
    let mut tables = Vec::new();
    for (index, ty) in types.iter().enumerate() {
        let table = format!("t{index}");
        statements.push_str(&format!(
            "create table {table} (c {ty}, n bigint); insert into {table} select {}, i from generate_series(1, 300) i;",
            value(ty, "i")
        ));
        tables.push(TableConfig::new(&table, format!("select * from {table}")).with_incremental_column("c"));
    }
    let shop = Shop::open("cursors", &statements, tables).await;
    shop.settle().await;
    for round in 301..304 {
        for (index, ty) in types.iter().enumerate() {
            let (same, next) = (value(ty, &(round - 1).to_string()), value(ty, &round.to_string()));
            shop.database.execute(&format!(
                "insert into t{index} values ({same}, -{round}), ({next}, {round}), (null, {round})"
            ));
        }
        let report = shop.sync().await;
        assert_eq!(report.strategy, Strategy::Incremental);
        for (index, ty) in types.iter().enumerate() {
            // The horizon of a date is today, before which the dates of this test lie in part.
            let read = report.tables[index].rows_read;
            assert!(read < 400, "{ty}: {read}");
            let c = if *ty == "real" { "c::bigint" } else { "c" };
            shop.assert_same(&format!("select {c}::varchar, n::varchar from t{index}"))
                .await;
        }
    }
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_sqlite_file_is_refreshed_incrementally() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("source.db");
    let source = rusqlite::Connection::open(&path).unwrap();
    source
        .execute_batch(
            "create table events (id integer primary key, happened timestamp, note text);
             with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
             insert into events select i, datetime('2026-01-01', '+' || i || ' seconds'), 'n' || i from n",
        )
        .unwrap();
    let dataset = DatasetConfig::custom(
        "shop",
        Connection::Sqlite { path },
        vec![events("happened").with_primary_key(["id"])],
    );
    let config = axis_core::config::Config::for_store(directory.path().join("s.duckdb")).with_dataset(dataset);
    let engine = open(config).await;
    let shop = engine.dataset("shop").unwrap();
    let rows = |engine: Engine| async move {
        text(
            &engine,
            "select id::varchar, happened::varchar, note from events order by id",
        )
        .await
    };
    let expected = || {
        let mut statement = source
            .prepare("select id, happened, note from events order by id")
            .unwrap();
        let rows = statement.query_map([], |row| {
            let id: i64 = row.get(0)?;
            Ok(vec![Some(id.to_string()), row.get(1)?, row.get(2)?])
        });
        rows.unwrap().collect::<rusqlite::Result<Vec<_>>>().unwrap()
    };
    let report = sync(&shop, axis_core::SyncOptions::default()).await;
    assert_eq!(report.rows_read, 5000);
    assert_eq!(rows(engine.clone()).await, expected());
    let report = sync(&shop, axis_core::SyncOptions::default()).await;
    assert_eq!((report.strategy, report.changed), (Strategy::Incremental, false));
    source
        .execute_batch(
            "insert into events values (6000, datetime('2026-01-02'), 'new'), (6001, null, 'none');
             update events set note = 'moved', happened = datetime('2026-01-02') where id = 7",
        )
        .unwrap();
    let report = sync(&shop, axis_core::SyncOptions::default()).await;
    assert_eq!((report.strategy, report.changed), (Strategy::Incremental, true));
    assert!(report.rows_read < 1000, "{report:?}");
    assert_eq!(rows(engine.clone()).await, expected());
    engine.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_schema_rebuilds_by_default() {
    let shop = Shop::open("recreate", EVENTS, vec![events("happened")]).await;
    shop.sync().await;
    shop.database
        .execute("alter table events add extra int default 7, alter note type varchar(50), drop id");
    let report = shop.sync().await;
    assert_eq!(report.strategy, full(FullReason::SchemaChanged));
    assert_eq!(
        report.tables[0].schema_change.as_deref(),
        Some("`note` went from text to varchar, `extra` was added, `id` was removed")
    );
    shop.assert_same("select happened::varchar, note, extra::varchar from events")
        .await;
    let report = shop.sync().await;
    assert_eq!(
        (report.strategy, &report.tables[0].schema_change),
        (Strategy::Incremental, &None)
    );
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_new_column_can_be_added_without_a_rebuild() {
    let shop = Shop::open_with("add", EVENTS, vec![events("happened")], |config| {
        shop(config).on_schema_change = SchemaPolicy::Add;
    })
    .await;
    shop.sync().await;
    shop.database.execute(
        "alter table events add extra int, add tags text[]; insert into events (happened, extra, tags) values (now(), 9, '{a,null}')",
    );
    let report = shop.sync().await;
    assert_small(&report);
    assert_eq!(
        report.tables[0].schema_change.as_deref(),
        Some("`extra` was added, `tags` was added")
    );
    shop.assert_same("select id::varchar, happened::varchar, note, extra::varchar, tags[1]::varchar from events")
        .await;
    // Anything else than a new column rebuilds.
    shop.database.execute("alter table events drop extra");
    assert_eq!(shop.sync().await.strategy, full(FullReason::SchemaChanged));
    shop.assert_same(ALL_EVENTS).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_schema_can_be_blocked() {
    let shop = Shop::open_with("block", EVENTS, vec![events("happened")], |config| {
        shop(config).on_schema_change = SchemaPolicy::Block;
    })
    .await;
    shop.sync().await;
    shop.database
        .execute("alter table events rename note to remark; delete from events where id > 10");
    let error = shop.try_sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(
        error.message().contains("`remark` was added, `note` was removed"),
        "{error}"
    );
    assert_eq!(shop.number("select count(note) from events").await, 2000);
    let status = shop.dataset().status();
    assert_eq!((status.state, status.generation), (SyncState::Error, 1));
    assert_eq!(status.last_failure.unwrap().code, "AXIS_SCHEMA_MISMATCH");
    shop.database.execute("alter table events rename remark to note");
    shop.sync().await;
    assert_eq!(shop.dataset().status().state, SyncState::Ready);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_changed_definition_rebuilds() {
    let mut shop = Shop::open("definition", EVENTS, vec![events("happened")]).await;
    shop.sync().await;
    let other = |query: &str| TableConfig::new("events", query).with_incremental_column("happened");
    shop = shop
        .reopen(vec![other("select * from events where id % 2 = 0")], |_| {})
        .await;
    let report = shop.sync().await;
    assert_eq!(report.strategy, full(FullReason::DefinitionChanged));
    assert_eq!(shop.number("select count(*) from events").await, 1000);
    assert_small(&shop.sync().await);
    // Another cursor is another definition, too; a comment behind the query is not.
    shop = shop
        .reopen(vec![other("select * from events where id % 2 = 0; -- even")], |_| {})
        .await;
    assert_small(&shop.sync().await);
    let by_id = TableConfig::new("events", "select * from events where id % 2 = 0").with_incremental_column("id");
    shop = shop.reopen(vec![by_id], |_| {}).await;
    assert_eq!(shop.sync().await.strategy, full(FullReason::DefinitionChanged));
    shop.sync().await;
    assert_small(&shop.sync().await);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_refresh_that_remembers_what_it_read_still_sees_every_change() {
    let shop = Shop::open(
        "remember",
        "create table t (id int, at timestamptz, note text, tags text[]);
         insert into t select i, timestamptz '2026-01-01' + i * interval '1 hour', 'n' || i, array[i::text, null]
         from generate_series(1, 3000) i;
         insert into t values (9001, null, 'unknown', null)",
        vec![TableConfig::new("t", "select * from t").with_incremental_column("at")],
    )
    .await;
    shop.sync().await;
    let rows = "select id::varchar, \"at\"::varchar, note, array_to_string(tags, ',') from t";
    for statement in [
        "select 1",
        "update t set note = 'changed' where id = 3000",
        "update t set tags = array['x'] where id = 9001",
        "delete from t where id = 9001",
        "delete from t where id = 3000",
        "insert into t values (3000, timestamptz '2026-01-01' + 3000 * interval '1 hour', 'again', '{}')",
    ] {
        shop.database.execute(statement);
        let changed = shop.sync().await.changed;
        assert_eq!(changed, statement != "select 1", "{statement}");
        // Twice nothing new: the second refresh knows the rows of the first.
        for _ in 0..2 {
            let report = shop.sync().await;
            assert!(
                !report.changed && report.strategy == Strategy::Incremental,
                "{statement}: {report:?}"
            );
            assert_eq!(
                report.tables[0].rows_total,
                shop.number("select count(*) from t").await.cast_unsigned()
            );
        }
        shop.assert_same(rows).await;
    }
}

#[tokio::test]
async fn a_key_that_does_not_tell_rows_apart_is_refused() {
    let table = || {
        TableConfig::new("t", "select * from t")
            .with_incremental_column("at")
            .with_primary_key(["k"])
    };
    let shop = Shop::open(
        "dup_key",
        "create table t (k int, at timestamptz); insert into t values (1, '2026-01-01'), (1, '2026-01-02')",
        vec![table()],
    )
    .await;
    let error = shop.try_sync().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SchemaMismatch);
    assert!(
        error.message().contains("primary_key `k`") && error.message().contains("1 keys"),
        "{error}"
    );
    shop.database.execute("delete from t where at = '2026-01-01'");
    shop.sync().await;
    shop.database
        .execute("insert into t values (2, '2026-01-03'), (2, '2026-01-04')");
    assert_eq!(shop.try_sync().await.unwrap_err().kind(), ErrorKind::SchemaMismatch);
    assert_eq!(
        shop.number("select count(*) from t").await,
        1,
        "what there was is served"
    );
    shop.database.execute("update t set k = 3 where at = '2026-01-04'");
    shop.sync().await;
    assert_eq!(shop.number("select count(*) from t").await, 3);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_sequence_that_was_reset_is_read_from_its_new_values() {
    let table = || TableConfig::new("t", "select * from t").with_incremental_column("id");
    let shop = Shop::open(
        "reset_seq",
        "create table t (id bigint); insert into t values (1000000)",
        vec![table()],
    )
    .await;
    shop.sync().await;
    shop.sync().await;
    shop.database
        .execute("truncate t; insert into t select generate_series(1, 500)");
    // Somebody is at work when the rebuild takes its snapshot, so the next window goes back to a mark.
    let writer = shop.session().await;
    writer.batch_execute("begin; insert into t values (501)").await.unwrap();
    sync(&shop.dataset(), axis_core::SyncOptions::full()).await;
    writer.batch_execute("commit").await.unwrap();
    shop.database.execute("insert into t values (502)");
    shop.sync().await;
    shop.sync().await;
    assert_eq!(shop.number("select count(*) from t").await, 502);
    shop.engine.close().await.unwrap();
}
