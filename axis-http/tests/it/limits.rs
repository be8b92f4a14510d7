//! How often one client may ask, over a real connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{DEADLINE, Project, Server};

const KEYS: &str = "server:
  api_keys:
  - {name: a, key: reading-key-a-0123456789, role: read}
  - {name: b, key: reading-key-b-0123456789, role: read}
  rate_limit: {requests_per_minute: 1, burst: 3}
";
const A: (&str, &str) = ("x-api-key", "reading-key-a-0123456789");
const B: (&str, &str) = ("x-api-key", "reading-key-b-0123456789");

fn limited(more: &str) -> (Project, Server) {
    let project = Project::new();
    project.config("server.yaml", &format!("{KEYS}{more}"));
    let server = project.server();
    (project, server)
}

fn statuses(server: &Server, headers: &[(&str, &str)], times: usize) -> Vec<u16> {
    let ask = |_| server.request("GET", "/api/store/status", headers).status;
    (0..times).map(ask).collect()
}

#[test]
fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let (_project, server) = limited("");
    let first = server.request("GET", "/api/store/status", &[A]);
    assert_eq!(
        (first.header("ratelimit-limit"), first.header("ratelimit-remaining")),
        ("1", "2")
    );
    assert_eq!(statuses(&server, &[A], 3), [200, 200, 429]);
    let refused = server.request("GET", "/api/store/status", &[A]);
    assert_eq!(refused.json()["code"], "AXIS_RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let seconds: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{refused:?}");
    // Neither others nor probes suffer.
    assert_eq!(statuses(&server, &[B], 1), [200]);
    for _ in 0..5 {
        assert_eq!(server.get("/health").status, 200);
    }
    let metrics = server.request("GET", "/metrics", &[B]).text;
    assert!(metrics.contains("\naxis_http_rate_limited_total 2\n"), "{metrics}");
}

#[test]
fn who_has_no_key_is_counted_by_address_and_cannot_make_one_up() {
    let (_project, server) = limited("");
    let wrong = [("x-api-key", "guessed-key-0123456789")];
    assert_eq!(statuses(&server, &wrong, 3), [401, 401, 401]);
    let elsewhere = [wrong[0], ("x-forwarded-for", "198.51.100.7")];
    assert_eq!(statuses(&server, &elsewhere, 1), [429]);
    assert_eq!(statuses(&server, &[A], 1), [200], "a key counts by its name");
}

#[test]
fn a_trusted_proxy_tells_clients_apart() {
    let (_project, server) = limited("  trusted_proxies: [127.0.0.0/8]\n");
    for address in ["198.51.100.7", "198.51.100.8"] {
        let forwarded = [("x-forwarded-for", address)];
        assert_eq!(statuses(&server, &forwarded, 4), [401, 401, 401, 429], "{address}");
    }
    let forged = [("x-forwarded-for", "203.0.113.1, 198.51.100.7")];
    assert_eq!(
        statuses(&server, &forged, 1),
        [429],
        "what the client wrote itself does not count"
    );
}

/// Reads one answer of a connection that stays open; returns its status and its body.
fn answer(stream: &mut BufReader<TcpStream>) -> (u16, String) {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        assert_ne!(
            stream.read_line(&mut line).unwrap(),
            0,
            "the connection was closed behind {head:?}"
        );
        if line == "\r\n" {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).unwrap();
    let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
    (status, String::from_utf8(body).unwrap())
}

#[test]
fn who_is_refused_while_still_sending_gets_the_answer_and_keeps_the_connection() {
    let (_project, server) = limited("");
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let mut stream = BufReader::new(stream);
    let head = |path: &str, header: &str| format!("POST {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n");
    for (header, body) in [
        ("Content-Length: 200000", "x".repeat(200_000)),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n".to_owned()),
    ] {
        sending.write_all(head("/api/query", header).as_bytes()).unwrap();
        let (status, text) = answer(&mut stream);
        assert_eq!(status, 401, "{text}");
        sending.write_all(body.as_bytes()).unwrap();
        sending.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!(answer(&mut stream).0, 200);
    }
}
