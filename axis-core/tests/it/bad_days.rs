//! What a server does on a bad day: a clear error that tells whether to try again, the old data meanwhile, and a right sync after.

use std::time::Duration;

use axis_core::config::{Config, Connection, PostgresConnection, TableConfig};
use axis_core::{Error, ErrorKind, Result, SyncReport, SyncState};
use axis_testkit::postgres::{Postgres, TestDatabase, execute, query_text, shared};
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use super::proxy::Proxy;
use super::support::{DEADLINE, Shop, session, shop};

/// A table whose last row waits for a lock that somebody may hold.
const GATED: &str = "
create table t as select i as id, 1 as version, repeat('x', 200) as pad from generate_series(1, 20000) i;
";

fn gated() -> Vec<TableConfig> {
    let gate = "case when id = 20000 then pg_advisory_xact_lock_shared(7)::text end";
    vec![TableConfig::new(
        "t",
        format!("select id, version, pad, {gate} as gate from t order by id"),
    )]
}

fn plain() -> Vec<TableConfig> {
    vec![TableConfig::new("t", "select id, version, pad from t")]
}

/// Closes the gate until the session ends.
async fn close_gate(shop: &Shop) -> Client {
    let keeper = shop.session().await;
    keeper.batch_execute("select pg_advisory_lock(7)").await.unwrap();
    keeper
}

/// Changes every row, so that old and new data can be told apart.
fn change(shop: &Shop) {
    shop.database.execute("update t set version = version + 1");
}

fn start(shop: &Shop) -> JoinHandle<Result<SyncReport>> {
    let dataset = shop.dataset();
    tokio::spawn(async move { dataset.sync(axis_core::SyncOptions::default()).await })
}

/// Waits until the database says yes.
async fn until(database: &TestDatabase, condition: &str) {
    let ask = async {
        while database.query_text(&format!("select {condition}")) != [[Some("t".to_owned())]] {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(DEADLINE, ask)
        .await
        .unwrap_or_else(|_| panic!("{condition} must become true"));
}

/// Waits until the sync waits at the gate, with most of the rows read.
async fn until_gated(shop: &Shop) {
    until(
        &shop.database,
        "exists (select from pg_stat_activity where application_name = 'axis' and wait_event_type = 'Lock'
           and datname = current_database())",
    )
    .await;
}

const OURS: &str = "application_name = 'axis' and datname = current_database()";

/// Checks the error, and that the old data is served.
async fn check_failure(shop: &Shop, error: &Error, kind: ErrorKind, sqlstate: Option<&str>) {
    let found = error
        .context()
        .find(|(key, _)| *key == "sqlstate")
        .map(|(_, value)| value);
    assert_eq!((error.kind(), found), (kind, sqlstate), "{}", error.chain());
    let retryable = matches!(kind, ErrorKind::SourceUnavailable | ErrorKind::Timeout);
    assert_eq!(error.is_retryable(), retryable, "{error}");
    assert_eq!(
        shop.number("select sum(version) from t").await,
        20_000,
        "the old data is served"
    );
    let status = shop.dataset().status();
    assert_eq!((status.state, status.generation), (SyncState::Error, 1));
    assert_eq!(status.last_failure.unwrap().code, kind.code());
}

async fn check_recovery(shop: Shop) {
    shop.sync().await;
    shop.assert_same("select id::varchar, version::varchar, md5(pad) from t")
        .await;
    assert_eq!(shop.number("select sum(version) from t").await, 40_000);
    assert_eq!(shop.dataset().status().state, SyncState::Ready);
    shop.engine.close().await.unwrap();
}

#[tokio::test]
async fn a_server_that_restarts_in_the_middle_of_a_read_is_unavailable() {
    let postgres = Postgres::start();
    let shop = Shop::over(postgres.create_database("restart"), GATED, gated(), |_| {}).await;
    shop.sync().await;
    change(&shop);
    let keeper = close_gate(&shop).await;
    let running = start(&shop);
    until_gated(&shop).await;
    postgres.restart();
    let error = running.await.unwrap().unwrap_err();
    // It may still say goodbye, or be gone at once.
    let told = error
        .context()
        .find(|(key, _)| *key == "sqlstate")
        .map(|(_, value)| value.to_owned());
    assert!(told.as_deref().is_none_or(|code| code.starts_with("57P0")), "{error}");
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, told.as_deref()).await;
    drop(keeper);
    check_recovery(shop).await;
}

#[tokio::test]
async fn a_session_or_query_that_somebody_ends_is_unavailable() {
    for (function, sqlstate) in [("pg_terminate_backend", "57P01"), ("pg_cancel_backend", "57014")] {
        let shop = Shop::open("ended", GATED, gated()).await;
        shop.sync().await;
        change(&shop);
        let keeper = close_gate(&shop).await;
        let running = start(&shop);
        until_gated(&shop).await;
        shop.database
            .execute(&format!("select {function}(pid) from pg_stat_activity where {OURS}"));
        let error = running.await.unwrap().unwrap_err();
        check_failure(&shop, &error, ErrorKind::SourceUnavailable, Some(sqlstate)).await;
        drop(keeper);
        check_recovery(shop).await;
    }
}

/// Leads the dataset's connection somewhere else.
fn through(config: &mut Config, change: impl FnOnce(&mut PostgresConnection)) {
    if let Some(Connection::Postgres(connection)) = &mut shop(config).connection {
        change(connection);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_is_lost_and_one_that_waits_is_replaced() {
    let proxy = Proxy::to(shared().port()).await;
    let shop = Shop::open_with("cut", GATED, gated(), |config| {
        through(config, |to| to.port = proxy.port);
    })
    .await;
    shop.sync().await;
    change(&shop);
    let keeper = close_gate(&shop).await;
    let running = start(&shop);
    until_gated(&shop).await;
    proxy.cut();
    let error = running.await.unwrap().unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, None).await;
    drop(keeper);
    shop.sync().await;
    // The connection that is kept for the next sync.
    proxy.cut();
    check_recovery(shop).await;
}

#[tokio::test]
async fn a_silent_network_ends_at_the_limit_of_the_sync() {
    let proxy = Proxy::to(shared().port()).await;
    let shop = Shop::open_with("silent", GATED, gated(), |config| {
        through(config, |to| {
            to.port = proxy.port;
            to.connect_timeout = Duration::from_secs(2);
        });
        shop(config).sync_timeout = Some(Duration::from_secs(8));
    })
    .await;
    shop.sync().await;
    change(&shop);
    let keeper = close_gate(&shop).await;
    let running = start(&shop);
    until_gated(&shop).await;
    proxy.fall_silent();
    drop(keeper);
    let error = running.await.unwrap().unwrap_err();
    check_failure(&shop, &error, ErrorKind::Timeout, None).await;
    // Connecting has a limit of its own.
    let error = shop.try_sync().await.unwrap_err();
    assert!(error.message().contains("did not answer within 2 s"), "{error}");
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, None).await;
    // The session behind the silence holds nothing that matters; the way around it is fine.
    let shop = shop.reopen(gated(), |_| {}).await;
    check_recovery(shop).await;
}

/// Creates a role for the database that may read its table.
fn role(database: &TestDatabase, options: &str) -> String {
    let name = format!("reader_of_{}", database.name);
    database.execute(&format!(
        "create role {name} login password 'secret' {options}; grant select on t to {name}"
    ));
    name
}

async fn as_role(prefix: &str, options: &str) -> (Shop, String) {
    let shop = Shop::open(prefix, GATED, plain()).await;
    let name = role(&shop.database, options);
    let user = name.clone();
    let shop = shop
        .reopen(plain(), |config| through(config, |to| to.user = user))
        .await;
    shop.sync().await;
    (shop, name)
}

#[tokio::test]
async fn limits_that_are_set_for_the_role_do_not_stop_a_sync() {
    let (shop, role) = as_role("role_limits", "").await;
    shop.database.execute(&format!(
        "alter role {role} set statement_timeout = '100ms'; alter role {role} set idle_in_transaction_session_timeout = '1ms';
         select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
    ));
    change(&shop);
    let slow = vec![TableConfig::new(
        "t",
        "select id, version, pad, case when id = 1 then pg_sleep(0.5)::text end as slept from t",
    )];
    let user = role.clone();
    let shop = shop.reopen(slow, |config| through(config, |to| to.user = user)).await;
    check_recovery(shop).await;
}

#[tokio::test]
async fn an_idle_session_that_the_server_ends_is_replaced_silently() {
    let (shop, role) = as_role("idle", "").await;
    let ends = shop
        .database
        .query_text("select exists (select from pg_settings where name = 'idle_session_timeout')");
    if ends == [[Some("t".to_owned())]] {
        // Longer than a busy machine takes between connecting and the first statement.
        shop.database.execute(&format!(
            "alter role {role} set idle_session_timeout = '2s'; select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
        ));
    }
    for _ in 0..2 {
        until(
            &shop.database,
            &format!("not exists (select from pg_stat_activity where {OURS})"),
        )
        .await;
        shop.sync().await;
        if ends != [[Some("t".to_owned())]] {
            shop.database.execute(&format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
            ));
        }
    }
    change(&shop);
    check_recovery(shop).await;
}

#[tokio::test]
async fn a_table_that_stays_locked_is_told_after_the_time_that_the_role_waits() {
    let (shop, role) = as_role("locked", "").await;
    shop.database.execute(&format!(
        "alter role {role} set lock_timeout = '50ms'; select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
    ));
    change(&shop);
    let keeper = shop.session().await;
    keeper
        .batch_execute("begin; lock table t in access exclusive mode")
        .await
        .unwrap();
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, Some("55P03")).await;
    assert_eq!(error.message(), "a table of the query is locked");
    keeper.batch_execute("commit").await.unwrap();
    check_recovery(shop).await;
}

#[tokio::test]
async fn too_many_connections_are_a_reason_to_try_again() {
    let (shop, role) = as_role("crowded", "connection limit 1").await;
    shop.database.execute(&format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
    ));
    until(
        &shop.database,
        &format!("not exists (select from pg_stat_activity where {OURS})"),
    )
    .await;
    change(&shop);
    let url = shop.database.url.replace("axis:", &format!("{role}:"));
    let keeper = session(&url).await;
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, Some("53300")).await;
    drop(keeper);
    until(
        &shop.database,
        &format!("not exists (select from pg_stat_activity where usename = '{role}')"),
    )
    .await;
    check_recovery(shop).await;
}

#[tokio::test]
async fn rights_that_are_taken_away_are_no_reason_to_try_again() {
    let (shop, role) = as_role("revoked", "").await;
    change(&shop);
    shop.database.execute(&format!("revoke select on t from {role}"));
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceRejected, Some("42501")).await;
    shop.database.execute(&format!(
        "grant select on t to {role}; alter role {role} nologin; select pg_terminate_backend(pid) from pg_stat_activity where {OURS}"
    ));
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceRejected, Some("28000")).await;
    shop.database
        .execute(&format!("alter role {role} login password 'other'"));
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceRejected, Some("28P01")).await;
    shop.database.execute(&format!("alter role {role} password 'secret'"));
    check_recovery(shop).await;
}

#[tokio::test]
async fn a_database_that_was_dropped_is_told_and_its_successor_is_read() {
    let shop = Shop::open("dropped", GATED, plain()).await;
    shop.sync().await;
    let (server, name) = (shared().url("postgres"), shop.database.name.clone());
    execute(&server, &format!("drop database {name} with (force)"));
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceRejected, Some("3D000")).await;
    assert!(error.message().contains(&name), "{error}");
    execute(&server, &format!("create database {name} template template0"));
    let error = shop.try_sync().await.unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceRejected, Some("42P01")).await;
    shop.database.execute(GATED);
    change(&shop);
    check_recovery(shop).await;
}

#[tokio::test]
async fn a_standby_that_needs_the_rows_gone_is_a_reason_to_try_again() {
    let primary = Postgres::start();
    let origin = primary.create_database("standby");
    origin.execute(GATED);
    let standby = primary.standby(&["max_standby_streaming_delay = '100ms'", "hot_standby_feedback = off"]);
    standby.catch_up(&primary);
    let database = TestDatabase {
        name: origin.name.clone(),
        url: standby.url(&origin.name),
    };
    let mut table = gated().remove(0).with_incremental_column("id");
    table.primary_key = vec!["id".to_owned()];
    let shop = Shop::over(database, "select 1", vec![table], |_| {}).await;
    shop.sync().await;
    origin.execute("update t set version = version + 1");
    standby.catch_up(&primary);
    let keeper = close_gate(&shop).await;
    let dataset = shop.dataset();
    let running = tokio::spawn(async move { dataset.sync(axis_core::SyncOptions::full()).await });
    until_gated(&shop).await;
    // Rows that the snapshot of the read needs go away on the primary, and the standby must follow.
    origin.execute("delete from t where id % 2 = 0");
    origin.execute("vacuum t");
    let error = running.await.unwrap().unwrap_err();
    check_failure(&shop, &error, ErrorKind::SourceUnavailable, Some("40001")).await;
    drop(keeper);
    origin.execute("insert into t select i, 2, 'again' from generate_series(2, 20000, 2) i");
    standby.catch_up(&primary);
    // Who writes on the primary is unknown on a standby, so a sequence has no safe window.
    let report = shop.sync().await;
    assert_eq!(report.strategy.as_str(), "full", "{report:?}");
    assert_eq!(
        query_text(&shop.database.url, "select pg_is_in_recovery()"),
        [[Some("t".to_owned())]]
    );
    check_recovery(shop).await;
}
