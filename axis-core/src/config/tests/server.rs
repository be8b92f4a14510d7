//! `server.yaml`: whom the server lets in, what it bears, and where its settings come from.

use std::path::PathBuf;
use std::time::Duration;

use super::{SENTINEL, from_file, indented, resolve, setting, try_resolve, warned};
use crate::config::{AuditLog, JwtKey, KeyText, Network, Origin, RateLimit, Role, ServerConfig};

/// Long enough for a key and for HS256.
const SECRET: &str = "s3ntinel-Pa55-of-more-than-32-bytes";

const FULL: &str = "
host: 0.0.0.0
port: 9000
app_name: Ours
origins: [https://a.example/, https://b.example]
api_keys:
  - {name: grafana, key: '${KEY}', role: read}
  - name: nightly
    key_sha256: 2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b
    role: sync
jwt:
  algorithm: HS256
  secret: '${KEY}'
  issuer: https://id.example
  audience: axis
  role_claim: roles
  leeway_seconds: 5
rate_limit: {requests_per_minute: 600, burst: 50}
max_body_bytes: 1_000_000
request_timeout_seconds: 7
max_concurrent_requests: 9
cache_bytes: 0
audit_log: logs/audit.jsonl
trusted_proxies: [10.0.0.0/8, '::1']
drain_seconds: 3
wizard_hosts: [db.example, '*.corp.example', 'other.example:6000']
";

fn server(lines: &str, variables: &[(&str, &str)]) -> ServerConfig {
    resolve(&[("server.yaml", &indented("server", lines))], variables).server
}

#[test]
fn every_key_is_read() {
    let config = resolve(&[("server.yaml", &indented("server", FULL))], &[("KEY", SECRET)]);
    assert_eq!(warned(&config), Vec::<String>::new());
    let server = &config.server;
    assert_eq!((server.host.as_str(), server.port), ("0.0.0.0", 9000));
    assert_eq!(server.app_name, "Ours");
    assert_eq!(server.origins, ["https://a.example", "https://b.example"]);
    let [first, second] = server.api_keys.as_slice() else {
        panic!("{:?}", server.api_keys)
    };
    assert_eq!((first.name.as_str(), first.role), ("grafana", Role::Read));
    assert!(matches!(&first.key, KeyText::Plain(key) if key.expose() == SECRET));
    assert_eq!((second.name.as_str(), second.role), ("nightly", Role::Sync));
    assert!(matches!(&second.key, KeyText::Sha256(digest) if digest[..2] == [0x2b, 0xb8] && digest[31] == 0x5b));
    let jwt = server.jwt.as_ref().unwrap();
    assert!(matches!(&jwt.key, JwtKey::Hs256(secret) if secret.expose() == SECRET));
    assert_eq!(jwt.issuer.as_deref(), Some("https://id.example"));
    assert_eq!(
        (jwt.audience.as_deref(), jwt.role_claim.as_str()),
        (Some("axis"), "roles")
    );
    assert_eq!(jwt.leeway, Duration::from_secs(5));
    let limit = server.rate_limit.unwrap();
    assert_eq!((limit.requests_per_minute, limit.burst), (600, 50));
    assert_eq!((server.max_body_bytes, server.max_concurrent_requests), (1_000_000, 9));
    assert_eq!(
        (server.request_timeout, server.drain),
        (Duration::from_secs(7), Duration::from_secs(3))
    );
    assert_eq!(server.cache_bytes, 0);
    assert_eq!(
        server.audit_log,
        AuditLog::File(PathBuf::from("/srv/axis/logs/audit.jsonl"))
    );
    assert_eq!(
        server.trusted_proxies,
        ["10.0.0.0/8", "::1"].map(|text| Network::parse(text).unwrap())
    );
    assert_eq!(
        server.wizard_hosts,
        ["db.example", "*.corp.example", "other.example:6000"]
    );
    assert!(server.authenticates());
    for key in [
        "server.api_keys[0].key",
        "server.api_keys[1].key_sha256",
        "server.jwt.secret",
    ] {
        assert_eq!(setting(&config, key).value, "[redacted]", "{key}");
    }
    assert!(!format!("{config:?}").contains(SENTINEL));
}

#[test]
fn nothing_is_protected_and_nothing_limited_by_default() {
    let server = server("", &[]);
    assert!(!server.authenticates());
    assert_eq!((server.rate_limit, &server.audit_log), (None, &AuditLog::Off));
    assert_eq!((server.host.as_str(), server.port), ("127.0.0.1", 8500));
    assert_eq!(server.origins, ["http://localhost:3500", "http://127.0.0.1:3500"]);
}

#[test]
fn the_file_wins_and_the_environment_fills_what_is_missing() {
    let variables = [
        ("HOST", "0.0.0.0"),
        ("PORT", "9000"),
        ("FRONTEND_URL", "https://env.example"),
        ("AXIS_WIZARD_HOSTS", "a.example, b.example:1"),
    ];
    let file = [("server.yaml", "server:\n  port: 7000\n")];
    let config = resolve(&file, &variables);
    assert_eq!((config.server.host.as_str(), config.server.port), ("0.0.0.0", 7000));
    assert_eq!(setting(&config, "server.port").origin, from_file("server.yaml", 2));
    assert_eq!(setting(&config, "server.host").origin, Origin::Env("HOST".to_owned()));
    assert!(config.server.origins.contains(&"https://env.example".to_owned()));
    assert_eq!(config.server.wizard_hosts, ["a.example", "b.example:1"]);
    assert_eq!(server("origins: []", &variables).origins, Vec::<String>::new());
    assert_eq!(
        server("wizard_hosts: []", &variables).wizard_hosts,
        Vec::<String>::new()
    );
}

#[test]
fn a_key_and_a_secret_may_come_from_the_environment_alone() {
    let variables = [("AXIS_API_KEY", SECRET), ("AXIS_JWT_SECRET", SECRET)];
    let config = resolve(&[], &variables);
    let [key] = config.server.api_keys.as_slice() else {
        panic!()
    };
    assert_eq!((key.name.as_str(), key.role), ("AXIS_API_KEY", Role::Admin));
    let jwt = config.server.jwt.as_ref().unwrap();
    assert!(matches!(&jwt.key, JwtKey::Hs256(secret) if secret.expose() == SECRET));
    assert_eq!(setting(&config, "server.api_keys").value, "[redacted]");
    assert_eq!(
        setting(&config, "server.jwt.secret").origin,
        Origin::Env("AXIS_JWT_SECRET".to_owned())
    );
    assert!(!format!("{config:?}").contains(SENTINEL));

    let keys = "server:\n  api_keys:\n  - {name: a, key: another-long-one-here, role: read}\n";
    let config = resolve(&[("server.yaml", keys)], &[("AXIS_API_KEY", SECRET)]);
    assert_eq!(config.server.api_keys.len(), 1);
    assert_eq!(
        warned(&config),
        ["environment: `AXIS_API_KEY` has no effect beside `server.api_keys`"]
    );
}

#[test]
fn a_public_key_is_a_path_or_the_key_itself() {
    let of = |line: &str| {
        server(&format!("jwt:\n  algorithm: RS256\n  public_key: {line}"), &[])
            .jwt
            .unwrap()
            .key
    };
    assert!(
        matches!(of("keys/id.pem"), JwtKey::Rs256File(path) if path == std::path::Path::new("/srv/axis/keys/id.pem"))
    );
    assert!(matches!(of("\"-----BEGIN PUBLIC KEY-----\\nx\""), JwtKey::Rs256(pem) if pem.ends_with("\nx")));
}

#[test]
fn a_rate_without_a_burst_allows_a_minute_at_once() {
    let limit = server("rate_limit: {requests_per_minute: 60}", &[]).rate_limit;
    assert_eq!(
        limit,
        Some(RateLimit {
            requests_per_minute: 60,
            burst: 60
        })
    );
}

#[test]
fn what_is_wrong_is_an_error_with_its_line_and_never_quotes_a_secret() {
    let key = |rest: &str| format!("api_keys:\n- {{name: a, {rest}}}");
    let cases = [
        (
            "port: 70000".to_owned(),
            "2: `server.port` is 70000, allowed is an integer from 0 to 65535",
        ),
        (
            key("key: s3ntinel-Pa55, role: read"),
            "3: `server.api_keys[0].key` is too short, allowed are at least 16 characters",
        ),
        (
            key("key: s3ntinel-Pa55-and-more, role: root"),
            "3: `server.api_keys[0].role` is \"root\", allowed is read, sync or admin",
        ),
        (
            key("key: s3ntinel-Pa55-and-more"),
            "3: `server.api_keys[0].role` is missing, allowed is read, sync or admin",
        ),
        (
            key("role: read"),
            "3: `server.api_keys[0].key` is missing; give `key`, or `key_sha256`",
        ),
        (
            key("key: s3ntinel-Pa55-and-more, key_sha256: 00, role: read"),
            "3: `server.api_keys[0].key` stands beside `key_sha256`, allowed is one of them",
        ),
        (
            key("key_sha256: s3ntinel-Pa55, role: read"),
            "3: `server.api_keys[0].key_sha256` is not a SHA-256, which has 64 hexadecimal digits",
        ),
        (
            "api_keys:\n- {key: s3ntinel-Pa55-and-more, role: read}".to_owned(),
            "3: `server.api_keys[0].name` is missing; logs call the client by it",
        ),
        (
            format!(
                "{}\n- {{name: a, key: s3ntinel-Pa55-and-else, role: read}}",
                key("key: s3ntinel-Pa55-and-more, role: read")
            ),
            "4: `server.api_keys[1].name` is \"a\", as that of another key",
        ),
        (
            "jwt: {issuer: a}".to_owned(),
            "2: `server.jwt.secret` and no `public_key` is what HS256 needs",
        ),
        (
            "jwt: {algorithm: none}".to_owned(),
            "2: `server.jwt.algorithm` is \"none\", allowed is HS256 or RS256",
        ),
        (
            "jwt: {algorithm: RS256, secret: s3ntinel-Pa55}".to_owned(),
            "2: `server.jwt.public_key` and no `secret` is what RS256 needs",
        ),
        (
            "jwt: {secret: s3ntinel-Pa55}".to_owned(),
            "2: `server.jwt.secret` is too short, allowed are at least 32 characters",
        ),
        (
            "trusted_proxies: [proxy.example]".to_owned(),
            "2: `server.trusted_proxies` is \"proxy.example\", allowed is an address, or a network such as 10.0.0.0/8",
        ),
        (
            "rate_limit: {requests_per_minute: 0}".to_owned(),
            "2: `server.rate_limit.requests_per_minute` is 0, allowed is an integer from 1 to 4294967295",
        ),
        (
            "wizard_hosts: ['postgresql://db.example']".to_owned(),
            "2: `server.wizard_hosts` names no host; allowed are `host`, `host:port`, `*.suffix` and `*`",
        ),
        (
            "rate_limit: {burst: 3}".to_owned(),
            "2: `server.rate_limit.requests_per_minute` is missing",
        ),
    ];
    for (lines, expected) in cases {
        let error = try_resolve(&[("server.yaml", &indented("server", &lines))], &[]).unwrap_err();
        assert_eq!(error.message(), format!("config/server.yaml:{expected}"));
        assert!(!error.message().contains(SENTINEL));
    }
}

#[test]
fn an_unknown_key_gets_a_suggestion() {
    let config = resolve(&[("server.yaml", "server:\n  api_key: []\n  rate_limits: {}\n")], &[]);
    let expected = [
        "config/server.yaml:2: `server.api_key` is not a known key, did you mean `api_keys`?",
        "config/server.yaml:3: `server.rate_limits` is not a known key, did you mean `rate_limit`?",
    ];
    assert_eq!(warned(&config), expected);
}

#[test]
fn an_origin_names_a_scheme_and_a_host() {
    for (name, value) in [
        ("FRONTEND_URL", "*"),
        ("FRONTEND_URLS", "https://b.example, *"),
        ("FRONTEND_URL", "a.example"),
        ("FRONTEND_URL", "https://a.example/path"),
    ] {
        let config = resolve(&[], &[(name, value)]);
        let warned = warned(&config).join("; ");
        assert!(warned.contains(name) && warned.contains("scheme://host"), "{warned}");
        let origins = &config.server.origins;
        assert_eq!(
            origins.contains(&"https://b.example".to_owned()),
            value.contains("b.example")
        );
        assert!(
            !origins
                .iter()
                .any(|origin| origin.contains('*') || origin.contains("a.example")),
            "{origins:?}"
        );
    }
    for lines in [
        "['*']",
        "['https://*.example']",
        "['https://a.example/path']",
        "['null']",
        "['://a']",
    ] {
        let yaml = format!("server:\n  origins: {lines}\n");
        let message = try_resolve(&[("server.yaml", &yaml)], &[]).unwrap_err().to_string();
        assert!(message.contains("server.origins"), "{message}");
    }
    let many = "https://a.example, http://[::1]:3500/ ,";
    let origins = server("", &[("FRONTEND_URLS", many)]).origins;
    assert!(origins.ends_with(&["https://a.example".to_owned(), "http://[::1]:3500".to_owned()]));
}
