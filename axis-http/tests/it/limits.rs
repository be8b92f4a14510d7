//! How often one client may ask, over a real connection.

use crate::support::{Project, Server};

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
