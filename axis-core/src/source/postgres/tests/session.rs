//! Snapshots, forks, windows, limits, horizons and cancelling.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axis_testkit::postgres::TestDatabase;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::{Batch, Bench, Value, request, text};
use crate::column::{BATCH_ROWS, ColumnType};
use crate::config::Secret;
use crate::error::ErrorKind;
use crate::source::{CursorValue, Source as _, Window};

const COUNT: &str = "select count(*) as n from t";

#[test]
fn a_fork_sees_the_same_rows_whatever_is_committed_meanwhile() {
    let database = TestDatabase::create("fork");
    database.execute("create table t (a int); insert into t values (1)");
    let bench = Bench::on(&database);
    let mut leader = bench.snapshot().unwrap();
    database.execute("insert into t values (2)");
    let mut fork = bench
        .runtime
        .block_on(leader.fork())
        .unwrap()
        .expect("the server can share snapshots");
    database.execute("insert into t values (3)");
    let mut other = bench.runtime.block_on(leader.fork()).unwrap().unwrap();
    for snapshot in [&mut leader, &mut fork, &mut other] {
        let columns = bench.describe(snapshot, COUNT).unwrap();
        let count = request(COUNT, columns);
        assert_eq!(bench.read(snapshot, &count), Ok(vec![vec![Value::Integer(1)]]));
        // A session is free again after a read that came to its end.
        assert_eq!(bench.read(snapshot, &count), Ok(vec![vec![Value::Integer(1)]]));
    }
    assert_eq!(fork.horizon(), leader.horizon());
    for snapshot in [fork, other, leader] {
        bench.runtime.block_on(snapshot.close());
    }
    assert_eq!(bench.all(COUNT, &[]), Ok(vec![vec![Value::Integer(3)]]));
}

#[test]
fn a_closed_session_serves_the_next_snapshot_and_a_cut_one_is_replaced() {
    let database = TestDatabase::create("idle");
    let bench = Bench::on(&database);
    let pid = |bench: &Bench| bench.all("select pg_backend_pid() as pid, 1 as one", &[]).unwrap()[0][0].clone();
    let first = pid(&bench);
    assert_eq!(pid(&bench), first, "the connection is used again");
    let waiting =
        "select count(*) from pg_stat_activity where application_name = 'axis' and datname = current_database()
                   and state = 'idle'";
    assert_eq!(
        database.query_text(waiting),
        [[Some("1".to_owned())]],
        "one connection waits, outside of a transaction"
    );
    database.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'axis' and datname = current_database()",
    );
    assert_ne!(pid(&bench), first, "a cut connection is replaced");
}

#[test]
fn a_snapshot_that_cannot_be_shared_is_not_forked() {
    let postgres = axis_testkit::postgres::Postgres::start();
    let database = postgres.create_database("nofork");
    let bench = Bench::new(super::connection(&postgres, &database.name));
    let mut leader = bench.snapshot().unwrap();
    database.execute(&format!(
        "alter database {} connection limit 0; alter role axis nosuperuser",
        database.name
    ));
    assert!(bench.runtime.block_on(leader.fork()).unwrap().is_none());
    // The leader goes on alone.
    assert_eq!(bench.describe(&mut leader, "select 1 as a").unwrap().len(), 1);
}

#[test]
fn the_session_cannot_write_and_its_settings_end_with_it() {
    let database = TestDatabase::create("settings");
    database.execute(&format!(
        "create table t (a int); alter database {} set timezone = 'Asia/Tokyo'; alter database {} set statement_timeout = '1h';
         alter database {} set standard_conforming_strings = off; alter database {} set bytea_output = 'escape'",
        database.name, database.name, database.name, database.name
    ));
    let bench = Bench::on(&database);
    let query = "select current_setting('TimeZone') || current_setting('statement_timeout')
        || current_setting('standard_conforming_strings') || current_setting('application_name')
        || current_setting('transaction_isolation') || current_setting('transaction_read_only') as s";
    assert_eq!(
        bench.all(query, &[]),
        Ok(vec![vec![text("UTC0onaxisrepeatable readon")]])
    );
    let error = bench
        .all("with x as (insert into t values (1) returning a) select * from x", &[])
        .unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::SourceRejected, "the query would write, and it may only read")
    );
}

#[test]
fn a_window_holds_its_lower_bound_and_the_rows_without_a_cursor() {
    let database = TestDatabase::create("window");
    let bench = Bench::on(&database);
    let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap().timestamp_micros();
    let cases = [
        ("int", "1, 2, 3", ColumnType::Integer, CursorValue::Integer(2)),
        ("oid", "1, 2, 4000000000", ColumnType::BigInt, CursorValue::Integer(2)),
        (
            "numeric(6,2)",
            "1.99, 2, 3",
            ColumnType::Decimal { precision: 6, scale: 2 },
            CursorValue::Decimal {
                unscaled: 200,
                scale: 2,
            },
        ),
        ("numeric", "0.1, 0.3, 0.4", ColumnType::Double, CursorValue::Double(0.3)),
        (
            "float4",
            "0.1, 0.3, 0.4",
            ColumnType::Float,
            CursorValue::Double(0.3_f32.into()),
        ),
        (
            "timestamp",
            "'2024-01-01', '2024-01-01 00:00:00.000001', 'infinity'",
            ColumnType::Timestamp,
            CursorValue::Timestamp {
                micros: utc("2024-01-01T00:00:00.000001Z"),
                utc: false,
            },
        ),
        (
            "timestamptz",
            "'2024-01-01 0:00+02', '2024-01-01 0:00+00', '2024-01-01 0:00-02'",
            ColumnType::TimestampTz,
            CursorValue::Timestamp {
                micros: utc("2024-01-01T00:00:00Z"),
                utc: true,
            },
        ),
        (
            "timestamp",
            "'-infinity', '0044-03-15 BC', '2024-01-01'",
            ColumnType::Timestamp,
            CursorValue::Timestamp {
                micros: utc("-0043-03-15T00:00:00Z"),
                utc: false,
            },
        ),
        (
            "date",
            "'2023-12-31', '2024-01-01', 'infinity'",
            ColumnType::Date,
            CursorValue::Date(19_723),
        ),
        (
            "date",
            "'2023-12-31', 'infinity', 'infinity'",
            ColumnType::Date,
            CursorValue::Date(i32::MAX),
        ),
        (
            "uuid",
            "'00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000ff', 'ff000000-0000-0000-0000-000000000000'",
            ColumnType::Uuid,
            CursorValue::Uuid(uuid::Uuid::from_u128(0xff)),
        ),
        (
            "text collate \"en-x-icu\"",
            "'B', 'a', 'é'",
            ColumnType::Varchar,
            CursorValue::Text("a".to_owned()),
        ),
        (
            "char(3)",
            "'a', 'b', 'ba'",
            ColumnType::Varchar,
            CursorValue::Text("b  ".to_owned()),
        ),
        (
            "text",
            "'a', 'it''s \\', 'z'",
            ColumnType::Varchar,
            CursorValue::Text("it's \\".to_owned()),
        ),
    ];
    for (index, (ty, values, stored, from)) in cases.into_iter().enumerate() {
        let values: Vec<_> = values.split(", ").map(|value| format!("({value})")).collect();
        database.execute(&format!(
            "create table w{index} (n serial, \"C\" {ty}); insert into w{index} (\"C\") values {}, (null)",
            values.join(", ")
        ));
        let mut snapshot = bench.snapshot().unwrap();
        let query = format!("select n, \"C\" from w{index} -- the end");
        let mut request = request(&query, bench.describe(&mut snapshot, &query).unwrap());
        assert_eq!(request.columns[1].column.ty, stored);
        request.window = Some(Window {
            column: "C".to_owned(),
            ty: stored,
            from,
        });
        let mut found: Vec<_> = bench
            .read(&mut snapshot, &request)
            .unwrap()
            .into_iter()
            .map(|mut row| row.remove(0))
            .collect();
        found.sort_by_key(|value| format!("{value:?}"));
        assert_eq!(found, [Value::Integer(2), Value::Integer(3), Value::Integer(4)], "{ty}");
    }
}

#[test]
fn a_limit_ends_the_read_and_progress_counts_it() {
    let database = TestDatabase::create("limit");
    let bench = Bench::on(&database);
    let query = "select n from generate_series(1, 100000) as n";
    let mut snapshot = bench.snapshot().unwrap();
    let mut request = request(query, bench.describe(&mut snapshot, query).unwrap());
    request.limit = Some(5000);
    assert_eq!(bench.read(&mut snapshot, &request).unwrap().len(), 5000);
    assert_eq!(request.progress.rows.load(Ordering::Relaxed), 5000);
    assert_eq!(request.progress.bytes.load(Ordering::Relaxed), 5000 * 10 + 21);
}

/// Waits until the server has ended the sessions of clients that are gone, which takes it a moment.
fn leave(database: &TestDatabase) {
    let elsewhere = TestDatabase::create("elsewhere");
    let sessions = format!(
        "select count(*) from pg_stat_activity where datname = '{}'",
        database.name
    );
    let deadline = Instant::now() + Duration::from_secs(60);
    let is_empty = || elsewhere.query_text(&sessions) == [[Some("0".to_owned())]];
    let left = std::iter::repeat_with(is_empty).find(|empty| *empty || Instant::now() > deadline) == Some(true);
    assert!(left, "nobody is left in the database");
}

#[test]
fn the_horizon_is_the_oldest_open_transaction() {
    let database = TestDatabase::create("horizon");
    database.execute(&format!(
        "create table t (a int); alter database {} set timezone = 'America/New_York'",
        database.name
    ));
    let bench = Bench::on(&database);
    leave(&database);
    let alone = bench.snapshot().unwrap().horizon().clone();
    assert_eq!(alone.oldest_writer, Some(alone.taken_at));
    let offset = alone.taken_at.naive_utc() - alone.local;
    assert!(
        offset == TimeDelta::hours(4) || offset == TimeDelta::hours(5),
        "{offset}"
    );

    leave(&database);
    let writer = bench.runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&database.url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        client.batch_execute("begin; insert into t values (1)").await.unwrap();
        client
    });
    let started = bench.runtime.block_on(async {
        let row = writer.query_one("select now(), now()::timestamp", &[]).await.unwrap();
        (row.get::<_, DateTime<Utc>>(0), row.get::<_, NaiveDateTime>(1))
    });
    let open = bench.snapshot().unwrap().horizon().clone();
    assert_eq!((open.oldest_writer, open.local), (Some(started.0), started.1));
    assert!(open.taken_at > started.0);

    let other = TestDatabase::create("horizon_other");
    let elsewhere = Bench::on(&other).snapshot().unwrap().horizon().clone();
    assert_eq!(elsewhere.oldest_writer, Some(elsewhere.taken_at));
    bench
        .runtime
        .block_on(writer.batch_execute("prepare transaction 'axis'"))
        .unwrap();
    drop(writer);
    leave(&database);
    let prepared = bench.snapshot().unwrap().horizon().clone();
    assert_eq!(
        prepared.oldest_writer,
        Some(prepared.taken_at),
        "it is no session's any more"
    );
    assert!(
        prepared
            .prepared
            .is_some_and(|at| started.0 < at && at < prepared.taken_at)
            && !prepared.quiet
    );
    database.execute("rollback prepared 'axis'");
    leave(&database);
    let after = bench.snapshot().unwrap().horizon().clone();
    assert!(after.prepared.is_none() && after.quiet, "{after:?}");
}

#[test]
fn a_role_that_is_shown_nothing_says_so() {
    let database = TestDatabase::create("hidden");
    database.execute("create role hidden_reader login password 'secret'; create role hidden_watcher login password 'secret' in role pg_read_all_stats");
    let bench = |user: &str| {
        let mut connection = super::connection(axis_testkit::postgres::shared(), &database.name);
        connection.user = user.to_owned();
        connection.password = Some(Secret::new("secret".to_owned()));
        Bench::new(connection)
    };
    let reader = bench("hidden_reader");
    leave(&database);
    // Only sessions of this database count, so the role sees everything there is: its own.
    assert!(reader.snapshot().unwrap().horizon().oldest_writer.is_some());
    let owner = Bench::on(&database);
    let _open = owner.snapshot().unwrap();
    assert_eq!(reader.snapshot().unwrap().horizon().oldest_writer, None);
    assert!(
        bench("hidden_watcher")
            .snapshot()
            .unwrap()
            .horizon()
            .oldest_writer
            .is_some()
    );
}

#[test]
fn cancelling_a_large_read_stops_the_server_too() {
    let database = TestDatabase::create("cancel");
    let bench = Bench::on(&database);
    let query = "select n, repeat('x', 100) as t from (select generate_series(1, 1000000000) as n) as endless";
    let mut snapshot = bench.snapshot().unwrap();
    let request = request(query, bench.describe(&mut snapshot, query).unwrap());
    let mut reader = bench.start(&mut snapshot, &request).unwrap();
    assert_eq!(reader.fill(&mut Batch::new(2)), Ok(BATCH_ROWS));
    let busy = bench.describe(&mut snapshot, "select 1 as a").unwrap_err();
    assert_eq!(busy.message(), "the session is busy with a reader");
    request.cancel.cancel();
    assert_eq!(
        reader.fill(&mut Batch::new(2)).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    wait_until_idle(&database);
    let spent = bench.describe(&mut snapshot, "select 1 as a").unwrap_err();
    assert_eq!(spent.message(), "the session ended with a read that was given up");
}

#[test]
fn cancelling_wakes_a_reader_that_waits() {
    let database = TestDatabase::create("wake");
    let bench = Bench::on(&database);
    let query = "select pg_sleep(600)::text as s, 1 as a";
    let mut snapshot = bench.snapshot().unwrap();
    let request = request(query, bench.describe(&mut snapshot, query).unwrap());
    let cancel = request.cancel.clone();
    let url = database.url.clone();
    let other = std::thread::spawn(move || {
        while axis_testkit::postgres::query_text(&url, "select from pg_stat_activity where wait_event = 'PgSleep'")
            .is_empty()
        {}
        cancel.cancel();
    });
    assert_eq!(
        bench.start(&mut snapshot, &request).unwrap_err().kind(),
        ErrorKind::Cancelled
    );
    other.join().unwrap();
    wait_until_idle(&database);
    let cancelled = CancellationToken::new();
    cancelled.cancel();
    assert_eq!(
        bench
            .runtime
            .block_on(bench.source.snapshot(&cancelled))
            .err()
            .unwrap()
            .kind(),
        ErrorKind::Cancelled
    );
}

#[test]
fn dropping_a_reader_stops_the_server() {
    let database = TestDatabase::create("dropped");
    let bench = Bench::on(&database);
    let query = "select n from (select generate_series(1, 1000000000) as n) as endless";
    let mut snapshot = bench.snapshot().unwrap();
    let request = request(query, bench.describe(&mut snapshot, query).unwrap());
    drop(bench.start(&mut snapshot, &request).unwrap());
    wait_until_idle(&database);
}

/// Asks the server until none of the sessions of this database works any more.
fn wait_until_idle(database: &TestDatabase) {
    let active = "select from pg_stat_activity where datname = current_database() and state = 'active' and pid <> pg_backend_pid()";
    for _ in 0..1000 {
        if database.query_text(active).is_empty() {
            return;
        }
    }
    panic!("the server still works");
}
