//! Windows and the transactions that were open when the last one was read.

use axis_core::config::{Config, Connection, TableConfig};
use axis_core::{FullReason, Strategy, SyncReport};
use tokio_postgres::Client;

use super::support::{Shop, shop};

const EVENTS: &str = "
create table events (id bigserial, created timestamptz, day date, note text);
insert into events (created, day, note)
  select timestamptz '2026-01-01' + make_interval(secs => i), date '2026-01-01', 'n' || i from generate_series(1, 2000) i;
";
const ALL: &str = "select id::varchar, created::varchar, day::varchar, note from events";

fn events(cursor: &str) -> TableConfig {
    TableConfig::new("events", "select * from events").with_incremental_column(cursor)
}

fn assert_small(report: &SyncReport) {
    assert_eq!(report.strategy, Strategy::Incremental, "{report:?}");
    assert!(report.rows_read < 100, "{report:?}");
}

async fn run(client: &Client, sql: &str) {
    client.batch_execute(sql).await.unwrap();
}

/// An early row of another session, so that the watermark lies behind whatever is open.
fn early(shop: &Shop) {
    shop.database
        .execute("insert into events (created, day, note) values (clock_timestamp(), now(), 'early')");
}

#[tokio::test]
async fn a_row_that_is_stamped_with_the_begin_of_its_transaction_is_found_after_a_late_commit() {
    for cursor in ["created", "day"] {
        let shop = Shop::open("stamped", EVENTS, vec![events(cursor)]).await;
        let slow = shop.session().await;
        run(&slow, "begin; select now()").await;
        early(&shop);
        shop.sync().await;
        // Only now does it write, with the time of its begin.
        run(
            &slow,
            "insert into events (created, day, note) values (now(), now(), 'late')",
        )
        .await;
        early(&shop);
        assert_small(&shop.sync().await);
        run(&slow, "commit").await;
        assert_small(&shop.sync().await);
        shop.assert_same(ALL).await;
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn several_long_transactions_that_overlap_are_each_found() {
    for cursor in ["created", "id"] {
        let shop = Shop::open("overlap", EVENTS, vec![events(cursor)]).await;
        shop.settle().await;
        let mut open = Vec::new();
        for round in 0..6 {
            let client = shop.session().await;
            run(
                &client,
                &format!("begin; insert into events (created, note) values (now(), 'slow {round}')"),
            )
            .await;
            open.push(client);
            early(&shop);
            shop.sync().await;
            // The second and the fourth that began end first.
            if round % 2 == 1 {
                run(&open.remove(round / 2), "commit").await;
                shop.sync().await;
                shop.assert_same(ALL).await;
            }
        }
        for client in open {
            run(&client, "commit").await;
            shop.sync().await;
            shop.assert_same(ALL).await;
        }
        assert_eq!(
            shop.number("select count(*) from events where note like 'slow%'").await,
            6
        );
        assert!(!shop.sync().await.changed);
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn savepoints_and_rollbacks_leave_gaps_and_no_wrong_rows() {
    for cursor in ["created", "id"] {
        let shop = Shop::open("savepoints", EVENTS, vec![events(cursor)]).await;
        shop.settle().await;
        let slow = shop.session().await;
        run(
            &slow,
            "begin; insert into events (created, note) values (now(), 'kept')",
        )
        .await;
        run(
            &slow,
            "savepoint a; insert into events (created, note) values (now(), 'undone')",
        )
        .await;
        early(&shop);
        shop.sync().await;
        run(
            &slow,
            "rollback to a; savepoint b; insert into events (created, note) values (now(), 'kept too')",
        )
        .await;
        run(&slow, "release b").await;
        let other = shop.session().await;
        run(
            &other,
            "begin; insert into events (created, note) values (now(), 'rolled back')",
        )
        .await;
        early(&shop);
        shop.sync().await;
        run(&other, "rollback").await;
        early(&shop);
        shop.sync().await;
        run(&slow, "commit").await;
        shop.sync().await;
        shop.assert_same(ALL).await;
        assert_eq!(
            shop.number("select count(*) from events where note like 'kept%'").await,
            2
        );
        assert_eq!(
            shop.number("select count(*) from events where note in ('undone', 'rolled back')")
                .await,
            0
        );
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_prepared_transaction_is_found_however_long_ago_it_began() {
    for cursor in ["created", "id"] {
        let shop = Shop::open("prepared", EVENTS, vec![events(cursor)]).await;
        shop.settle().await;
        let gid = format!("axis {}", shop.database.name);
        let slow = shop.session().await;
        run(
            &slow,
            "begin; insert into events (created, note) values (now(), 'prepared')",
        )
        .await;
        early(&shop);
        assert_small(&shop.sync().await);
        run(&slow, &format!("prepare transaction '{gid}'")).await;
        for _ in 0..3 {
            early(&shop);
            // What was open at the last run bounds it.
            assert_small(&shop.sync().await);
        }
        shop.database.execute(&format!("commit prepared '{gid}'"));
        assert_small(&shop.sync().await);
        shop.assert_same(ALL).await;
        assert_eq!(
            shop.number("select count(*) from events where note = 'prepared'").await,
            1
        );
        shop.engine.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_transaction_that_was_prepared_before_the_first_sync_leaves_no_safe_window() {
    let shop = Shop::open("prepared_first", EVENTS, vec![events("created")]).await;
    let gid = format!("axis {}", shop.database.name);
    // Its row looks older than everything: nobody tells when such a transaction began.
    shop.database.execute(&format!(
        "begin; insert into events (created, note) values ('2025-12-31', 'prepared'); prepare transaction '{gid}'"
    ));
    shop.sync().await;
    let rebuilt = Strategy::Full {
        because: FullReason::NoSafeWindow,
    };
    assert_eq!(shop.sync().await.strategy, rebuilt);
    shop.database.execute(&format!("commit prepared '{gid}'"));
    assert_eq!(shop.sync().await.strategy, rebuilt);
    shop.assert_same(ALL).await;
    assert_small(&shop.sync().await);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_cursor_that_is_filled_in_later_keeps_its_row() {
    let shop = Shop::open("filled", EVENTS, vec![events("created").with_primary_key(["id"])]).await;
    shop.database
        .execute("insert into events (created, note) select null, 'unknown ' || i from generate_series(1, 5) i");
    shop.sync().await;
    // One becomes new, one ties with the watermark, one stays behind, one goes.
    shop.database.execute(
        "update events set created = now() where note = 'unknown 1';
         update events set created = (select max(created) from events where note like 'n%') where note = 'unknown 2';
         delete from events where note = 'unknown 4'",
    );
    assert_small(&shop.sync().await);
    shop.assert_same(ALL).await;
    assert!(!shop.sync().await.changed);
    shop.engine.close().await.unwrap();
}

/// Lets the dataset connect as another role.
fn as_role(config: &mut Config, role: &str) {
    if let Some(Connection::Postgres(connection)) = &mut shop(config).connection {
        connection.user = role.to_owned();
    }
}

#[tokio::test]
async fn a_role_that_may_not_see_sessions_reads_five_minutes_back() {
    let role = format!("blind_{}", std::process::id());
    let statements = format!("{EVENTS} create role {role} login password 'secret'; grant select on events to {role}");
    let shop = Shop::open_with("blind", &statements, vec![events("created")], |config| {
        as_role(config, &role);
    })
    .await;
    let slow = shop.session().await;
    run(
        &slow,
        "begin; insert into events (created, note) values (now() - interval '4 minutes', 'late')",
    )
    .await;
    early(&shop);
    shop.sync().await;
    run(&slow, "commit").await;
    assert_small(&shop.sync().await);
    shop.assert_same(ALL).await;
    // Allowed to see them, the role is as exact as any.
    shop.database.execute(&format!("grant pg_read_all_stats to {role}"));
    shop.sync().await;
    run(
        &slow,
        "begin; insert into events (created, note) values (now(), 'late again')",
    )
    .await;
    early(&shop);
    shop.sync().await;
    run(&slow, "commit").await;
    let report = shop.sync().await;
    assert!(report.rows_read < 10, "{report:?}");
    shop.assert_same(ALL).await;
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_session_that_does_not_tell_what_it_does_counts_as_hidden() {
    for cursor in ["created", "id"] {
        let shop = Shop::open("untold", EVENTS, vec![events(cursor)]).await;
        shop.settle().await;
        let slow = shop.session().await;
        run(&slow, "set track_activities = off").await;
        run(
            &slow,
            "begin; insert into events (created, note) values (now(), 'late')",
        )
        .await;
        for _ in 0..2 {
            early(&shop);
            shop.sync().await;
        }
        run(&slow, "commit").await;
        let report = shop.sync().await;
        shop.assert_same(ALL).await;
        // A sequence has no window of minutes: its rows may lie anywhere.
        let expected = if cursor == "id" {
            Strategy::Full {
                because: FullReason::NoSafeWindow,
            }
        } else {
            Strategy::Incremental
        };
        assert_eq!(report.strategy, expected, "{cursor}");
        shop.engine.close().await.unwrap();
    }
}
