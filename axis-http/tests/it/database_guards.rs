//! What the database wizard keeps from happening: strangers' hosts, lost passwords, queries that never end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use axis_testkit::postgres::PASSWORD;
use serde_json::{Value, json};

use crate::database::{Site, post, with};
use crate::support::{Running, wait_until};

#[test]
fn hosts_and_the_stored_password_are_guarded() {
    let site = Site::new("wizard_guard", "");
    let server = site.project.server();
    for host in [
        "evil.example",
        "localhost",
        "169.254.169.254",
        "[::1]",
        "2130706433",
        "/var/run/postgresql",
        "127.0.0.1?sslmode=disable",
    ] {
        let answer = post(
            &server,
            "/api/database/connect",
            &with(&site.connection(), "host", json!(host)),
        );
        assert_eq!(answer.status, 403, "{host}: {answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("wizard_hosts"));
    }
    let answer = post(
        &server,
        "/api/database/connect",
        &with(&site.connection(), "port", json!(22)),
    );
    assert_eq!(answer.status, 403, "{answer:?}");
    for (member, value) in [("username", "other"), ("database", "postgres")] {
        let answer = post(
            &server,
            "/api/database/connect",
            &with(&site.connection(), member, json!(value)),
        );
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.json()["detail"].as_str().unwrap().contains("stored password"));
    }
    let answer = post(
        &server,
        "/api/database/connect",
        &with(&site.connection(), "password", json!("s3ntinel")),
    );
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (400, json!("AXIS_SOURCE_REJECTED"))
    );
    assert!(
        !answer.text.contains("s3ntinel") && !answer.text.contains("SCRAM"),
        "{answer:?}"
    );
    let with_tls = with(&site.connection(), "ssl_mode", json!("require"));
    assert_eq!(post(&server, "/api/database/connect", &with_tls).status, 400);
}

#[test]
fn a_query_that_takes_too_long_ends_and_so_does_one_whose_client_goes_away() {
    let site = Site::new("wizard_time", "  query_timeout: 1\n");
    let server = site.project.server();
    let path = site.connect(&server);
    let answer = post(
        &server,
        &format!("{path}/query"),
        &json!({ "query": "select pg_sleep(60)" }),
    );
    assert_eq!(
        (answer.status, answer.json()["code"].clone()),
        (408, json!("AXIS_TIMEOUT")),
        "{answer:?}"
    );
    drop(server);

    let site = Site::new("wizard_gone", "");
    let server = site.project.server();
    let path = site.connect(&server);
    let running = "select 1 from pg_stat_activity where query like '%pg_sleep(88)%' and state = 'active'
        and pid <> pg_backend_pid()";
    let body = json!({ "query": "select pg_sleep(88)" }).to_string();
    let mut client = TcpStream::connect(server.address()).unwrap();
    write!(
        client,
        "POST {path}/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    wait_until("the query runs", || {
        (!site.database.query_text(running).is_empty()).then_some(())
    });
    drop(client);
    wait_until("the query has stopped", || {
        site.database.query_text(running).is_empty().then_some(())
    });
    // The connection to the server works on.
    assert_eq!(server.get(&format!("{path}/tables")).status, 200);
}

#[test]
fn no_secret_gets_into_the_log() {
    let site = Site::new("wizard_log", "");
    let mut command = site.project.command(&["serve", "--port", "0"]);
    command.env("AXIS_LOG", "trace");
    let mut server = Running::start(command);
    let line = server.wait_for("listening on http://127.0.0.1:");
    let address = line.rsplit("http://").next().unwrap().trim().to_owned();
    let ask = |method: &str, path: &str, body: &Value| {
        let body = body.to_string();
        let mut client = TcpStream::connect(&address).unwrap();
        write!(
            client,
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        text
    };
    let connection = site.connection();
    let answer = ask("POST", "/api/database/connect", &connection);
    let handle = answer
        .split("\"handle\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    ask(
        "POST",
        "/api/database/connect",
        &with(&connection, "password", json!("s3ntinel-pass")),
    );
    let query = json!({ "query": "select 's3ntinel-sql'::integer" });
    assert!(ask("POST", &format!("/api/database/{handle}/query"), &query).contains("400"));
    ask("DELETE", &format!("/api/database/{handle}"), &json!({}));
    server.signal("-TERM");
    let (_, _, log) = server.end();
    assert!(log.contains("answered"), "{log}");
    for secret in ["s3ntinel", PASSWORD, "invalid input syntax", handle.as_str()] {
        let found = log.lines().find(|line| line.contains(secret));
        assert_eq!(found, None, "{secret}");
    }
}
