//! How much of TLS is demanded, against a server that speaks it and one that does not.

use axis_testkit::postgres::{Options, Postgres, shared};

use super::{Bench, Value, connection};
use crate::config::{PostgresConnection, TlsMode};
use crate::error::ErrorKind;

const ENCRYPTED: &str = "select ssl as s from pg_stat_ssl where pid = pg_backend_pid()";

fn encrypted(settings: PostgresConnection) -> Result<bool, (ErrorKind, String)> {
    let rows = Bench::new(settings)
        .all(ENCRYPTED, &[])
        .map_err(|error| (error.kind(), error.message().to_owned()))?;
    Ok(rows == [[Value::Boolean(true)]])
}

#[test]
fn each_mode_demands_what_it_says() {
    let hba = [
        "local all all trust",
        "hostssl only_tls all all scram-sha-256",
        "hostnossl no_tls all all scram-sha-256",
        "host postgres,template1 all all scram-sha-256",
    ];
    let postgres = Postgres::start_with(&Options {
        tls_names: vec!["localhost".to_owned()],
        hba: Some(hba.iter().map(ToString::to_string).collect()),
        ..Options::default()
    });
    for name in ["only_tls", "no_tls"] {
        axis_testkit::postgres::execute(&postgres.url("postgres"), &format!("create database {name}"));
    }
    let settings = |host: &str, database: &str, tls, root: Option<std::path::PathBuf>| PostgresConnection {
        host: host.to_owned(),
        tls,
        root_certificate: root,
        ..connection(&postgres, database)
    };
    let rejected = |message: &str| Err((ErrorKind::SourceRejected, message.to_owned()));
    let authority = || Some(postgres.authority());
    let untrusted = "the server's certificate does not come from a trusted authority";

    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::Disable, None)),
        Ok(false)
    );
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::Prefer, None)),
        Ok(true)
    );
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::Require, None)),
        Ok(true)
    );
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::VerifyCa, authority())),
        Ok(true)
    );
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::VerifyFull, authority())),
        Ok(true)
    );
    // The certificate names localhost and not its address.
    assert_eq!(
        encrypted(settings("127.0.0.1", "postgres", TlsMode::VerifyCa, authority())),
        Ok(true)
    );
    let other_host = encrypted(settings("127.0.0.1", "postgres", TlsMode::VerifyFull, authority()));
    assert_eq!(other_host, rejected("the server's certificate is for another host"));
    let other = || Some(postgres.other_authority());
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::VerifyCa, other())),
        rejected(untrusted)
    );
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::VerifyFull, other())),
        rejected(untrusted)
    );
    // The server's own certificate may be listed instead of its authority's.
    let own = postgres.data_directory().join("server.crt");
    assert_eq!(
        encrypted(settings("localhost", "postgres", TlsMode::VerifyFull, Some(own))),
        Ok(true)
    );

    let refused = "the server refused the credentials of user `axis`";
    assert_eq!(
        encrypted(settings("localhost", "only_tls", TlsMode::Disable, None)),
        rejected(refused)
    );
    assert_eq!(
        encrypted(settings("localhost", "only_tls", TlsMode::Prefer, None)),
        Ok(true)
    );
    assert_eq!(
        encrypted(settings("localhost", "no_tls", TlsMode::Prefer, None)),
        Ok(false)
    );
    assert_eq!(
        encrypted(settings("localhost", "no_tls", TlsMode::Require, None)),
        rejected(refused)
    );
}

#[test]
fn a_server_without_tls_serves_only_who_does_not_demand_it() {
    let settings = |tls, root_certificate| PostgresConnection {
        tls,
        root_certificate,
        ..connection(shared(), "postgres")
    };
    assert_eq!(encrypted(settings(TlsMode::Prefer, None)), Ok(false));
    let message = "the server does not offer TLS, and the connection demands it".to_owned();
    assert_eq!(
        encrypted(settings(TlsMode::Require, None)),
        Err((ErrorKind::SourceRejected, message))
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let wrong = |path: &std::path::Path| encrypted(settings(TlsMode::VerifyFull, Some(path.to_owned()))).unwrap_err();
    assert_eq!(
        wrong(file.path()),
        (
            ErrorKind::Config,
            "the root certificate file holds no certificate".to_owned()
        )
    );
    std::fs::write(
        file.path(),
        "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    assert_eq!(wrong(file.path()).0, ErrorKind::Config);
    let missing = wrong(std::path::Path::new("/missing/root.pem"));
    assert_eq!(
        missing,
        (ErrorKind::Config, "the root certificate file cannot be read".to_owned())
    );
}
