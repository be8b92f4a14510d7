//! What goes wrong, and what we make of it.

use std::time::{Duration, Instant};

use axis_testkit::postgres::{Postgres, TestDatabase, shared};

use super::{Batch, Bench, connection, drain, request};
use crate::config::Secret;
use crate::error::{Error, ErrorKind};

fn context<'a>(error: &'a Error, key: &str) -> Option<&'a str> {
    error.context().find(|(name, _)| *name == key).map(|(_, value)| value)
}

#[test]
fn what_the_server_refuses_at_the_door_is_told_apart() {
    let database = TestDatabase::create("door");
    let good = connection(shared(), &database.name);
    let fail = |change: fn(&mut crate::config::PostgresConnection)| {
        let mut settings = good.clone();
        change(&mut settings);
        Bench::new(settings).snapshot().err().expect("the connection must fail")
    };
    let error = fail(|settings| settings.password = Some(Secret::new("sentinel".to_owned())));
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert_eq!(error.message(), "the server refused the credentials of user `axis`");
    assert_eq!(context(&error, "sqlstate"), Some("28P01"));
    assert!(!format!("{error:?} {}", error.chain()).contains("sentinel"));
    let error = fail(|settings| settings.password = None);
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    assert!(
        error.message().contains("asks for a password of user `axis`"),
        "{error}"
    );
    let error = fail(|settings| settings.user = "nobody_here".to_owned());
    assert_eq!(error.kind(), ErrorKind::SourceRejected);
    let error = fail(|settings| settings.database = "missing".to_owned());
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::SourceRejected, "database `missing` does not exist")
    );
    let error = fail(|settings| settings.host = "host.invalid".to_owned());
    assert_eq!(
        (error.kind(), context(&error, "host")),
        (ErrorKind::SourceUnavailable, Some("host.invalid"))
    );
    let error = fail(|settings| settings.port = 1);
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::SourceUnavailable, "the server cannot be reached")
    );
    assert_eq!(error.operation(), "source.connect");
}

#[test]
fn a_server_that_never_answers_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = connection(shared(), "postgres");
    settings.port = silent.local_addr().unwrap().port();
    settings.connect_timeout = Duration::from_millis(50);
    let error = Bench::new(settings).snapshot().err().unwrap();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert_eq!(error.message(), "the server did not answer within 0.05 s");
}

#[test]
fn the_unix_socket_needs_no_password() {
    let mut settings = connection(shared(), "postgres");
    settings.host = shared().socket_directory().display().to_string();
    settings.password = None;
    settings.tls = crate::config::TlsMode::VerifyFull;
    settings.root_certificate = None;
    match Bench::new(settings).all("select 1 as a", &[]) {
        Ok(rows) => assert_eq!(rows.len(), 1),
        // Only a machine without authorities may refuse.
        Err(error) => assert!(error.message().contains("lists no certificate authorities"), "{error}"),
    }
}

#[test]
fn a_query_that_is_refused_says_why_in_our_words() {
    let database = TestDatabase::create("refused");
    database.execute("create table secret (a int); create role refused_reader login password 'secret'");
    let bench = Bench::on(&database);
    for (query, kind, message, name) in [
        (
            "select * from missing",
            ErrorKind::SourceRejected,
            "the query names a table that does not exist",
            Some("missing"),
        ),
        (
            "select b from secret",
            ErrorKind::SourceRejected,
            "the query names a column that does not exist",
            Some("b"),
        ),
        (
            "select 1 form x y",
            ErrorKind::SourceRejected,
            "the query has a syntax error at character 15",
            None,
        ),
        (
            "select nope(1)",
            ErrorKind::SourceRejected,
            "the query uses a function or an operator that does not exist",
            None,
        ),
        (
            "select 1 as a, 2 as a",
            ErrorKind::Config,
            "the query returns two columns named `a`; give one another name with `as`",
            None,
        ),
        (
            "select $1::int",
            ErrorKind::Config,
            "the query has parameters such as `$1`; plain SQL is allowed",
            None,
        ),
        (
            "select from secret",
            ErrorKind::Config,
            "the query returns no columns; name at least one",
            None,
        ),
        (
            "delete from secret",
            ErrorKind::Config,
            "query begins with `delete`; select, with, values and table are allowed",
            None,
        ),
        (
            "select pg_sleep(0)",
            ErrorKind::SchemaMismatch,
            "column `pg_sleep` has type void, which holds no value",
            None,
        ),
        (
            "select 1 / a as x from (values (0)) as v (a)",
            ErrorKind::SourceRejected,
            "the query divides by zero",
            None,
        ),
        (
            "select a::int from (values ('sentinel')) as v (a)",
            ErrorKind::SourceRejected,
            "the query casts a text to a type that it does not fit",
            None,
        ),
    ] {
        let error = bench.all(query, &[]).unwrap_err();
        assert_eq!((error.kind(), error.message()), (kind, message), "{query}");
        assert_eq!(context(&error, "name"), name, "{query}");
        assert!(!error.to_string().contains("sentinel"));
    }
    let mut settings = connection(shared(), &database.name);
    settings.user = "refused_reader".to_owned();
    let error = Bench::new(settings).all("select * from secret", &[]).unwrap_err();
    assert_eq!(error.message(), "the user may not read what the query names");
}

#[test]
fn every_state_has_the_kind_that_tells_what_to_do() {
    let database = TestDatabase::create("states");
    let bench = Bench::on(&database);
    database.execute(
        "create function fail(code text) returns int language plpgsql as
         $$ begin raise exception using errcode = code, message = 'sentinel'; end $$",
    );
    use ErrorKind::{SourceRejected, SourceUnavailable, Timeout};
    for (state, kind) in [
        ("08006", SourceUnavailable),
        ("0A000", SourceRejected),
        ("22003", SourceRejected),
        ("22012", SourceRejected),
        ("22P02", SourceRejected),
        ("25006", SourceRejected),
        ("25P02", SourceRejected),
        ("25P03", SourceUnavailable),
        ("25P04", Timeout),
        ("26000", SourceUnavailable),
        ("28000", SourceRejected),
        ("3B001", SourceUnavailable),
        ("3D000", SourceRejected),
        ("3F000", SourceRejected),
        ("40001", SourceUnavailable),
        ("40P01", SourceUnavailable),
        ("42000", SourceRejected),
        ("42501", SourceRejected),
        ("42601", SourceRejected),
        ("42602", SourceRejected),
        ("42702", SourceRejected),
        ("42703", SourceRejected),
        ("42704", SourceRejected),
        ("42803", SourceRejected),
        ("42804", SourceRejected),
        ("42846", SourceRejected),
        ("42883", SourceRejected),
        ("42P01", SourceRejected),
        ("53100", SourceUnavailable),
        ("53300", SourceUnavailable),
        ("54000", SourceRejected),
        ("55000", SourceRejected),
        ("55P03", SourceUnavailable),
        ("57000", SourceUnavailable),
        ("57014", SourceUnavailable),
        ("57P01", SourceUnavailable),
        ("57P02", SourceUnavailable),
        ("57P03", SourceUnavailable),
        ("57P04", SourceUnavailable),
        ("57P05", SourceUnavailable),
        ("58030", SourceUnavailable),
        ("72000", SourceUnavailable),
        ("P0001", SourceRejected),
        ("XX001", SourceRejected),
        ("99999", SourceRejected),
    ] {
        let error = bench.all(&format!("select fail('{state}') as a"), &[]).unwrap_err();
        assert_eq!((error.kind(), context(&error, "sqlstate")), (kind, Some(state)));
        assert!(
            !error.to_string().contains("sentinel") && error.chain().contains("sentinel"),
            "{}",
            error.chain()
        );
        assert_eq!(error.operation(), "source.read");
    }
}

#[test]
fn a_cancel_by_somebody_else_and_a_timeout_are_told_apart() {
    let database = TestDatabase::create("stopped");
    let bench = Bench::on(&database);
    let run = |query: &str| bench.all(query, &[]).unwrap_err().kind();
    assert_eq!(
        run("select pg_cancel_backend(pg_backend_pid()), pg_sleep(60)::text as s"),
        ErrorKind::SourceUnavailable
    );
    let limited = "select set_config('statement_timeout', '1ms', true) as a";
    let mut snapshot = bench.snapshot().unwrap();
    let columns = bench.describe(&mut snapshot, limited).unwrap();
    bench.read(&mut snapshot, &request(limited, columns)).unwrap();
    let slow = "select pg_sleep(60)::text as s";
    let error = bench
        .describe(&mut snapshot, slow)
        .and_then(|columns| bench.read(&mut snapshot, &request(slow, columns)));
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn why_the_server_ended_a_session_is_told_to_a_slow_reader_too() {
    let database = TestDatabase::create("ended");
    let bench = Bench::on(&database);
    // More than a socket takes that nobody reads from, and less than one takes to send.
    let query =
        "select n, repeat('x', 1000) as t, case when n = 1000 then pg_terminate_backend(pg_backend_pid()) end as ended
                   from generate_series(1, 1000) as n";
    let mut snapshot = bench.snapshot().unwrap();
    let request = request(query, bench.describe(&mut snapshot, query).unwrap());
    let mut reader = bench.start(&mut snapshot, &request).unwrap();
    let at_work = "select pid from pg_stat_activity where application_name = 'axis' and datname = current_database()
                      and wait_event is distinct from 'ClientWrite'";
    let deadline = Instant::now() + Duration::from_secs(60);
    while !database.query_text(at_work).is_empty() {
        assert!(Instant::now() < deadline, "the session must end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let error = drain(&mut reader, 3).unwrap_err();
    assert_eq!(context(&error, "sqlstate"), Some("57P01"), "{}", error.chain());
}

#[test]
fn a_server_that_stops_in_the_middle_of_a_read_is_unavailable() {
    let postgres = Postgres::start();
    let database = postgres.create_database("outage");
    let bench = Bench::new(connection(&postgres, &database.name));
    let query = "select n, repeat('x', 100) as t from (select generate_series(1, 1000000000) as n) as endless";
    let mut snapshot = bench.snapshot().unwrap();
    let request = request(query, bench.describe(&mut snapshot, query).unwrap());
    let mut reader = bench.start(&mut snapshot, &request).unwrap();
    assert!(reader.fill(&mut Batch::new(2)).unwrap() > 0);
    postgres.stop();
    let error = drain(&mut reader, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable, "{}", error.chain());
    assert_eq!(bench.snapshot().err().unwrap().kind(), ErrorKind::SourceUnavailable);
    postgres.restart();
    assert!(bench.snapshot().is_ok());
}
