//! What a source tells of a session, and whether queries could be synced, without a store.

use std::time::Duration;

use axis_core::checkup::{SourceCheckup, check_sources};
use axis_core::config::Config;
use axis_core::{Clock, Env, ErrorKind, SystemClock};
use axis_testkit::postgres::{Options, Postgres, TestDatabase, shared};
use chrono::{DateTime, TimeDelta, Utc};

use crate::support::{DEADLINE, session};

/// A clock that is wrong.
#[derive(Debug)]
struct Slow(TimeDelta);

impl Clock for Slow {
    fn now(&self) -> DateTime<Utc> {
        Utc::now() - self.0
    }
}

fn config(datasets: &[(&str, &str, &str)]) -> Config {
    let files: Vec<(String, String)> = datasets
        .iter()
        .map(|(name, url, query)| {
            let text = format!("{name}:\n  url: {url}\n  query: {query}\n  incremental_column: at\n");
            (format!("config/datasets/{name}.yaml"), text)
        })
        .collect();
    let files = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    Config::resolve(&axis_core::config::Files::new("/", files), &Env::default()).unwrap()
}

async fn check(config: &Config, clock: impl Clock) -> Vec<SourceCheckup> {
    check_sources(config, &clock, DEADLINE).await
}

#[tokio::test]
async fn a_role_is_what_it_may_do() {
    let database = TestDatabase::create("checkup_role");
    let name = &database.name;
    database.execute(&format!(
        "create schema other; create table other.\"T\"(a int, b int); create table seen(id int, at timestamptz);
         revoke create on schema public from public;
         create role {name}_r login password 'x'; grant select on seen to {name}_r;
         create role {name}_w login password 'x'; grant update (b) on other.\"T\" to {name}_w;
         create role {name}_c login password 'x'; grant create on schema other to {name}_c;
         create role {name}_s login password 'x'; grant pg_read_all_stats to {name}_s;"
    ));
    let port = shared().port();
    let of = async |role: &str| {
        let url = format!("postgresql://{name}_{role}:x@127.0.0.1:{port}/{name}");
        let found = check(&config(&[("d", &url, "select * from seen")]), SystemClock).await;
        let facts = found[0].session.clone().unwrap();
        assert_eq!(facts.encrypted, Some(false));
        facts.role.unwrap()
    };
    let reader = of("r").await;
    assert_eq!(reader.name, format!("{name}_r"));
    assert!(!reader.superuser && !reader.creates && !reader.sees_transactions);
    assert_eq!((reader.writable_tables, reader.writable_table), (0, None));
    let writer = of("w").await;
    assert_eq!(
        (writer.writable_tables, writer.writable_table.as_deref()),
        (1, Some("other.\"T\""))
    );
    assert!(of("c").await.creates);
    assert!(of("s").await.sees_transactions);
    let all = check(&config(&[("d", &database.url, "select * from seen")]), SystemClock).await;
    assert!(all[0].session.clone().unwrap().role.unwrap().superuser);
}

#[tokio::test]
async fn clocks_are_compared() {
    let database = TestDatabase::create("checkup_clock");
    let config = config(&[("d", &database.url, "select now() as at")]);
    let apart = async |slow: TimeDelta| {
        let found = check(&config, Slow(slow)).await;
        found[0].session.clone().unwrap().clock.unwrap()
    };
    assert_eq!(apart(TimeDelta::zero()).await.at_least(), TimeDelta::zero());
    let ahead = apart(TimeDelta::hours(1)).await;
    assert!(ahead.ahead > TimeDelta::minutes(59), "{ahead:?}");
    assert!(apart(TimeDelta::hours(-1)).await.ahead < TimeDelta::minutes(-59));
}

#[tokio::test]
async fn a_connection_is_encrypted_when_its_bytes_are() {
    let postgres = Postgres::start_with(&Options {
        tls_names: vec!["localhost".to_owned()],
        ..Options::default()
    });
    let url = postgres.url("postgres").replace("127.0.0.1", "localhost");
    let local = format!(
        "postgresql://axis@/postgres?host={}&port={}",
        postgres.socket_directory().display(),
        postgres.port()
    );
    let (plain, preferred) = (format!("{url}?sslmode=disable"), format!("{url}?sslmode=prefer"));
    let query = "select now() as at";
    let config = config(&[("a", &plain, query), ("b", &preferred, query), ("c", &local, query)]);
    let found = check(&config, SystemClock).await;
    let encrypted: Vec<_> = found
        .iter()
        .map(|found| found.session.clone().unwrap().encrypted)
        .collect();
    assert_eq!(encrypted, [Some(false), Some(true), None]);
}

#[tokio::test]
async fn one_bad_query_does_not_hide_the_others() {
    let database = TestDatabase::create("checkup_queries");
    database.execute("create table t(id int, at timestamptz, tags int[])");
    let url = database.url.as_str();
    let mut config = config(&[
        ("a", url, "select * from missing"),
        ("b", url, "select * from t"),
        ("c", url, "select id from t"),
        ("d", url, "select tags as at from t"),
        ("e", url, "select pg_sleep(3600)::text as at"),
        ("f", "postgresql://axis@127.0.0.1:1/d", "select 1"),
    ]);
    let found = check(&config, SystemClock).await;
    assert_eq!(found.len(), 2, "equal connections are looked at once");
    assert_eq!(found[0].datasets, ["a", "b", "c", "d", "e"]);
    let kinds: Vec<_> = found[0]
        .tables
        .iter()
        .map(|table| table.outcome.as_ref().err().map(axis_core::Error::kind))
        .collect();
    // The one that would take an hour is described, not run.
    let wrong = Some(ErrorKind::Config);
    assert_eq!(kinds, [Some(ErrorKind::SourceRejected), None, wrong, wrong, None]);
    assert_eq!(
        found[1].session.as_ref().unwrap_err().kind(),
        ErrorKind::SourceUnavailable
    );
    assert!(found[1].tables.is_empty());

    // A lock is waited for as long as it was said.
    let other = session(url).await;
    other
        .batch_execute("begin; lock table t in access exclusive mode")
        .await
        .unwrap();
    config.datasets.retain(|dataset| dataset.name == "b");
    let Some(axis_core::config::Connection::Postgres(settings)) = &mut config.datasets[0].connection else {
        unreachable!("it is PostgreSQL")
    };
    settings.connect_timeout = Duration::from_secs(2);
    let found = check_sources(&config, &SystemClock, Duration::ZERO).await;
    assert_eq!(
        found[0].tables[0].outcome.as_ref().unwrap_err().kind(),
        ErrorKind::Timeout
    );
}
