//! Keys, tokens and roles.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::support::{Answer, Project, Running, Server, dataset_yaml, get, wait_until};

const READ: &str = "reading-key-0123456789";
const SYNC: &str = "syncing-key-0123456789";
const ADMIN: &str = "s3ntinel-admin-key-0123456789";
const SECRET: &str = "s3ntinel-secret-of-more-than-32-bytes";

/// A public key, and a token that its private key has signed: subject `ci`, role `sync`, valid until 2100.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAw9nWJKVbB1qUvTTHO3rJ\n\
SPjW9FrS7MCaF1c1k1G8Wkfs9xMA4oS46Vy5a645M+6F/kdEDHjmWUMpusUqEBoZ\n\
WdhjtOguS/bj+stJ5D8ssbm2+H/9YwiTRf2UJfP55SY/YyR6vwcwTW2w0mq9P+6H\n\
xOSD9bPcvaH2+TFRLab8oMmOzjachTHahlf5c0C+6jpM6XbbzrA6c66nDY+HgMFq\n\
OHYXE97rySLG04wLD52iQ76/nyoAz9oBSp+yKW0R32iSMNdWLtuyKtFmVumvQEXv\n\
QOdPr6KANf+Yli+pv4kGrarVxo/IqMXaEinWGV+d/voVsVWrjEAO3ix+Q5QoxHZ+\n\
FQIDAQAB\n\
-----END PUBLIC KEY-----\n";
const RS256_TOKEN: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJjaSIsInJvbGUiOiJzeW5jIiwiZXhwIjo0MTAyNDQ0ODAwfQ.lxFPZ7qOIhMJBDN1pEytTeb-jEIA9VGG9ad2fzcAAXs7bpOHvm0orvXPqgZfyiMr8KOTmivKdev2cRbWtYXn8ZIzxBeSAM6_jlACVdDMKkY93NwblaoZL--cK-LRGz5jC_Toyz-d5_fpvObjzo0o87BgNFyLc1BmWvb5heA4NhXBlola98s5rgtwnzeoOyiDfJGIo5dRh0kfbNKD_HjMANqW6uOX5iBdSHe9QjgceEF4m8NqY5EzaGneuKdcsXYYpZg5uO5uGjGg7EoLC_JhOTxQdINDmth7aRSysG3P76x7aHGSZmBtXqqAMfdFiyAGzELbXmwBdzpk8SCSsV-GXA";

const KEYS: &str = "server:
  api_keys:
  - {name: dashboard, key: reading-key-0123456789, role: read}
  - {name: nightly, key: syncing-key-0123456789, role: sync}
  - {name: boss, key: s3ntinel-admin-key-0123456789, role: admin}
";

fn protected(yaml: &str) -> (Project, Server) {
    let (project, _source) = Project::demo(20);
    project.config("server.yaml", yaml);
    let server = project.server();
    (project, server)
}

/// Asks with a key or token as a bearer.
fn ask(server: &Server, method: &str, path: &str, credential: &str) -> (u16, Value) {
    let bearer = format!("Bearer {credential}");
    let answer = server.request(method, path, &[("authorization", &bearer)]);
    (answer.status, serde_json::from_str(&answer.text).unwrap_or_default())
}

#[test]
fn nothing_but_the_probes_answers_without_a_key() {
    let (_project, server) = protected(KEYS);
    let (status, document) = ask(&server, "GET", "/openapi.json", READ);
    assert_eq!(status, 200);
    let mut asked = vec![
        ("GET", "/docs".to_owned()),
        ("GET", "/docs/".to_owned()),
        ("GET", "/docs/index.css".to_owned()),
        ("GET", "/openapi.json".to_owned()),
        ("GET", "/nothing".to_owned()),
        ("GET", "/nothing/".to_owned()),
        ("GET", "//ready".to_owned()),
        ("GET", "/ready/".to_owned()),
        ("GET", "/%72eady".to_owned()),
        ("DELETE", "/ready".to_owned()),
        ("POST", "/".to_owned()),
        ("PURGE", "/api/store/status".to_owned()),
    ];
    for (path, operations) in document["paths"].as_object().unwrap() {
        // A value that names nothing: should a request get through, it does no harm.
        let parts = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for method in operations.as_object().unwrap().keys() {
            let method = ["get", "post", "delete", "put", "patch"]
                .into_iter()
                .find(|known| known == method)
                .unwrap();
            asked.push((method, path.clone()));
        }
    }
    assert!(asked.len() > 20);
    for (method, path) in asked {
        let method = method.to_uppercase();
        let answer = server.request(&method, &path, &[]);
        if method == "GET" && ["/", "/health", "/ready"].contains(&path.as_str()) {
            assert_ne!(answer.status, 401, "{path}");
            continue;
        }
        assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
        assert_eq!(answer.json()["code"], "AXIS_UNAUTHENTICATED");
        assert!(
            answer.header("www-authenticate").starts_with("Bearer realm=\"axis\""),
            "{answer:?}"
        );
    }
}

#[test]
fn a_role_may_do_what_it_is_for() {
    let (_project, server) = protected(KEYS);
    for (key, method, path, expected) in [
        (READ, "GET", "/api/store/status", 200),
        (READ, "HEAD", "/api/store/status", 200),
        (READ, "GET", "/metrics", 200),
        (READ, "GET", "/docs/", 200),
        (READ, "GET", "/nothing", 404),
        (READ, "POST", "/api/store/sync/kpi", 403),
        (READ, "POST", "/api/store/sync", 403),
        (READ, "POST", "/api/store/sync/kpi/reset-watermark", 403),
        (READ, "POST", "/api/store/verify/kpi", 403),
        // No line of the table allows it, so it is not known to be harmless.
        (READ, "PUT", "/api/store/status", 403),
        (ADMIN, "PUT", "/api/store/status", 405),
        (SYNC, "GET", "/api/store/data/kpi", 200),
        (SYNC, "POST", "/api/store/sync/nothing", 404),
        (ADMIN, "POST", "/api/store/sync/nothing", 404),
    ] {
        let (status, body) = ask(&server, method, path, key);
        assert_eq!(status, expected, "{key} {method} {path}: {body}");
        if status == 403 {
            assert_eq!(body["code"], "AXIS_FORBIDDEN");
            let detail = body["detail"].as_str().unwrap();
            let needed = if method == "PUT" { "`admin`" } else { "`sync`" };
            assert!(detail.contains(needed) && detail.contains("`read`"), "{detail}");
        }
    }
    let by_header = server.request("GET", "/api/store/status", &[("x-api-key", READ)]);
    assert_eq!(by_header.status, 200);
    assert_eq!(
        server
            .request("GET", "/api/store/status", &[("x-api-key", "reading-key-012345678")])
            .status,
        401
    );
    assert_eq!(server.get(&format!("/api/store/status?api_key={READ}")).status, 401);
}

#[test]
fn what_a_parameter_asks_for_counts_too() {
    let (_project, server) = protected(KEYS);
    let upload = "/api/monitoring/upload";
    for query in [
        "store=true",
        "store=1",
        "store=%74rue",
        "name=x&store=yes",
        "store=0&store=on",
        "store=perhaps",
    ] {
        let (status, body) = ask(&server, "POST", &format!("{upload}?{query}"), READ);
        assert_eq!(status, 403, "{query}: {body}");
        assert_ne!(
            ask(&server, "POST", &format!("{upload}?{query}"), SYNC).0,
            403,
            "{query}"
        );
    }
    for query in ["", "store=false", "store=", "STORE=true", "restore=true"] {
        assert_ne!(
            ask(&server, "POST", &format!("{upload}?{query}"), READ).0,
            403,
            "{query}"
        );
    }
}

#[test]
fn a_query_is_cancelled_by_who_asked_it_or_an_admin() {
    let (_project, server) = protected(KEYS);
    let sql = r#"{"sql": "select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = 7"}"#;
    let listed = || ask(&server, "GET", "/api/query", READ).1["queries"].clone();
    std::thread::scope(|scope| {
        for (id, canceller) in [
            ("5b0c3d2e-0d0f-4c52-8b43-30b4d9a3a001", READ),
            ("5b0c3d2e-0d0f-4c52-8b43-30b4d9a3a002", ADMIN),
        ] {
            let asking = scope.spawn(|| {
                let headers = [("x-api-key", READ), ("x-query-id", id)];
                server.send("POST", "/api/query", &headers, "application/json", sql.as_bytes())
            });
            wait_until("the query is listed", || (listed()[0]["id"] == id).then_some(()));
            assert_eq!(listed()[0]["client"], "dashboard");
            let path = format!("/api/query/{id}");
            let (status, body) = ask(&server, "DELETE", &path, SYNC);
            assert_eq!((status, &body["code"]), (403, &json!("AXIS_FORBIDDEN")), "{body}");
            assert!(body["detail"].as_str().unwrap().contains("`admin`"));
            assert_eq!(ask(&server, "DELETE", &path, canceller).0, 200);
            assert_eq!(asking.join().unwrap().status, 503);
        }
    });
}

#[test]
fn a_browser_may_give_the_key_as_a_password_for_the_pages_only() {
    let (_project, server) = protected(KEYS);
    let asked = server.get("/docs/");
    let challenges: Vec<_> = asked.headers.get_all("www-authenticate").iter().collect();
    assert_eq!((asked.status, challenges.len()), (401, 2), "{asked:?}");
    // anybody:reading-key-0123456789
    let basic = [("authorization", "Basic YW55Ym9keTpyZWFkaW5nLWtleS0wMTIzNDU2Nzg5")];
    assert_eq!(server.request("GET", "/docs/", &basic).status, 200);
    assert_eq!(server.request("GET", "/openapi.json", &basic).status, 200);
    assert_eq!(server.request("GET", "/api/store/status", &basic).status, 401);
}

fn token(claims: &Value, algorithm: Algorithm, secret: &str) -> String {
    encode(
        &Header::new(algorithm),
        claims,
        &EncodingKey::from_secret(secret.as_bytes()),
    )
    .unwrap()
}

#[test]
fn a_token_is_believed_when_everything_about_it_is_right() {
    let yaml = format!(
        "server:\n  jwt: {{secret: {SECRET}, issuer: 'https://id.example', audience: axis, role_claim: roles, leeway_seconds: 10}}\n"
    );
    let (_project, server) = protected(&yaml);
    let now = chrono::Utc::now().timestamp();
    let good = json!({ "sub": "ana", "iss": "https://id.example", "aud": "axis", "exp": now + 600, "roles": ["billing", "sync"] });
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        match value {
            Value::Null => claims.as_object_mut().unwrap().shift_remove(name),
            value => claims.as_object_mut().unwrap().insert(name.to_owned(), value),
        };
        claims
    };
    let status = |claims: &Value| {
        ask(
            &server,
            "GET",
            "/api/store/status",
            &token(claims, Algorithm::HS256, SECRET),
        )
        .0
    };
    for right in [
        good.clone(),
        with("exp", json!(now - 5)),
        with("aud", json!(["other", "axis"])),
        with("roles", Value::Null),
        with("roles", json!("admin")),
        with("sub", Value::Null),
    ] {
        assert_eq!(status(&right), 200, "{right}");
    }
    for wrong in [
        with("exp", json!(now - 60)),
        with("exp", Value::Null),
        with("exp", json!("never")),
        with("nbf", json!(now + 60)),
        with("iss", json!("https://evil.example")),
        with("iss", Value::Null),
        with("aud", json!("other")),
        with("aud", Value::Null),
        with("roles", json!(["billing"])),
        with("roles", json!("root")),
        with("roles", json!({ "admin": true })),
        with("sub", json!(7)),
        with("sub", json!("x".repeat(300))),
    ] {
        assert_eq!(status(&wrong), 401, "{wrong}");
    }
    // The role is that of the token.
    let (refused, body) = ask(
        &server,
        "POST",
        "/api/store/sync/nothing",
        &token(&with("roles", Value::Null), Algorithm::HS256, SECRET),
    );
    assert_eq!(refused, 403, "{body}");
    assert_eq!(
        ask(
            &server,
            "POST",
            "/api/store/sync/nothing",
            &token(&good, Algorithm::HS256, SECRET)
        )
        .0,
        404
    );

    // The signature.
    let signed = token(&good, Algorithm::HS256, SECRET);
    let (head, signature) = signed.rsplit_once('.').unwrap();
    let payload = head.split_once('.').unwrap().1;
    // {"alg":"none","typ":"JWT"}
    let none = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}");
    for forged in [
        token(&good, Algorithm::HS256, "another-secret-of-more-than-32-bytes!"),
        token(&good, Algorithm::HS384, SECRET),
        token(&good, Algorithm::HS512, SECRET),
        format!("{none}."),
        none.clone(),
        format!("{none}.{signature}"),
        format!("{head}."),
        format!("{head}.{}", signature.chars().rev().collect::<String>()),
        RS256_TOKEN.to_owned(),
        SECRET.to_owned(),
    ] {
        let (status, body) = ask(&server, "GET", "/api/store/status", &forged);
        assert_eq!(
            (status, &body["code"]),
            (401, &json!("AXIS_UNAUTHENTICATED")),
            "{forged}"
        );
        assert!(!body.to_string().contains("s3ntinel"));
    }
}

#[test]
fn a_public_key_checks_tokens_and_is_no_secret_for_others() {
    let (project, _source) = Project::demo(20);
    std::fs::write(project.path().join("id.pem"), PUBLIC_KEY).unwrap();
    project.config(
        "server.yaml",
        "server:\n  jwt: {algorithm: RS256, public_key: id.pem}\n",
    );
    let server = project.server();
    assert_eq!(ask(&server, "POST", "/api/store/sync/nothing", RS256_TOKEN).0, 404);
    // Whoever knows the public key must not be able to sign with it.
    let claims = json!({ "sub": "eve", "role": "admin", "exp": 4_102_444_800_u64 });
    for key in [PUBLIC_KEY, PUBLIC_KEY.trim()] {
        let confused = token(&claims, Algorithm::HS256, key);
        assert_eq!(ask(&server, "GET", "/api/store/status", &confused).0, 401);
    }
    drop(server);

    std::fs::write(project.path().join("id.pem"), "no key").unwrap();
    let run = project.axis(&["serve", "--port", "0"]);
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(
        run.stderr
            .contains("`server.jwt.public_key` is not the PEM of an RSA public key"),
        "{}",
        run.stderr
    );
}

#[test]
fn other_machines_are_only_served_when_somebody_said_how() {
    let (project, _source) = Project::demo(20);
    let refused = project.axis(&["serve", "--host", "0.0.0.0", "--port", "0"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    for word in ["server.api_keys", "AXIS_API_KEY", "--insecure"] {
        assert!(refused.stderr.contains(word), "{}", refused.stderr);
    }
    // Nothing was opened or written for it.
    assert!(!project.path().join("data").exists());

    let mut insecure = Running::start(project.command(&["serve", "--host", "0.0.0.0", "--port", "0", "--insecure"]));
    insecure.wait_for("warning: INSECURE");
    let port = port(&insecure.wait_for("listening on http://0.0.0.0:"));
    assert_eq!(get(&format!("http://127.0.0.1:{port}/api/store/status")).0, 200);
    drop(insecure);

    let mut command = project.command(&["serve", "--host", "0.0.0.0", "--port", "0"]);
    command.env("AXIS_API_KEY", ADMIN);
    let mut asked = Running::start(command);
    let port = self::port(&asked.wait_for("listening on http://0.0.0.0:"));
    let url = format!("http://127.0.0.1:{port}");
    assert_eq!(get(&format!("{url}/health")).0, 200);
    assert_eq!(get(&format!("{url}/api/store/status")).0, 401);
    assert_eq!(get(&format!("{url}/openapi.json")).0, 401);
    asked.signal("-TERM");
    let (_, _, stderr) = asked.end();
    assert!(!stderr.contains("s3ntinel"), "{stderr}");
}

/// The port at the end of an address.
fn port(line: &str) -> String {
    line.rsplit(':').next().unwrap().trim().to_owned()
}

#[test]
fn without_keys_only_names_of_this_machine_are_answered() {
    let project = Project::new();
    project.config("server.yaml", "server:\n  origins: ['http://ui.example:3500']\n");
    let server = project.server();
    let named = |method: &str, path: &str, host: &str| {
        let origin = format!("http://{host}");
        server.request(method, path, &[("host", host), ("origin", &origin)])
    };
    for (method, path) in [
        ("POST", "/api/store/sync"),
        ("GET", "/api/store/status"),
        ("GET", "/docs/"),
    ] {
        let refused = named(method, path, "evil.example:8500");
        assert_eq!(refused.status, 421, "{method} {path}: {refused:?}");
        assert_eq!(refused.json()["code"], "AXIS_UNKNOWN_HOST");
    }
    for host in ["localhost:8500", "ui.example", "[::1]:8500"] {
        assert_eq!(named("GET", "/api/store/status", host).status, 200, "{host}");
    }
    assert_eq!(named("GET", "/health", "evil.example:8500").status, 200);
    let (_project, server) = protected(KEYS);
    let answer = server.request(
        "GET",
        "/api/store/status",
        &[("host", "axis.example"), ("x-api-key", READ)],
    );
    assert_eq!(answer.status, 200, "a key says enough: {answer:?}");
}

#[test]
fn only_who_is_recognised_reads_why_something_is_not_ready() {
    let (project, _source) = Project::demo(20);
    project.config("server.yaml", KEYS);
    let url = format!("sqlite:{}", project.path().join("source.db").display());
    let yaml = dataset_yaml("own", &url, "select * from no_such_secret_table", "");
    project.config("datasets/own.yaml", &yaml);
    let server = project.server();
    let key = ("x-api-key", "s3ntinel-admin-key-0123456789");
    server.request("POST", "/api/store/sync/own", &[key]);
    let told = wait_until("the sync has failed", || {
        let ready = server.request("GET", "/ready", &[key]);
        ready.text.contains("no_such_secret_table").then_some(ready)
    });
    let stranger = server.get("/ready");
    assert_eq!(stranger.status, told.status);
    assert!(!stranger.text.contains("secret"), "{}", stranger.text);
    let own = |answer: &Answer| answer.json()["datasets"]["own"].clone();
    assert_eq!(own(&stranger)["error"], Value::Null);
    assert!(own(&told)["code"].is_string());
    assert_eq!(own(&stranger)["code"], own(&told)["code"]);
    let guessed = server.request("GET", "/ready", &[("x-api-key", "guessed-key-0123456789")]);
    assert!(!guessed.text.contains("secret"), "{}", guessed.text);
}

#[test]
fn readers_never_start_an_import() {
    let (_project, server) = protected(KEYS);
    let path = "/api/human-signals/db-import";
    let (status, answer) = ask(&server, "POST", path, READ);
    assert_eq!(status, 404, "{answer}");
    assert!(
        answer["detail"].as_str().unwrap().contains("sync them first"),
        "{answer}"
    );
    let (_, status) = ask(&server, "GET", "/api/store/status", READ);
    let signals = &status["datasets"]["human_signals_raw"];
    assert_eq!(
        (&signals["run_id"], &signals["rows"]),
        (&Value::Null, &json!(0)),
        "{signals}"
    );
    let synced = ask(&server, "POST", path, SYNC);
    assert_eq!(synced.0, 200, "{}", synced.1);
    assert_eq!(ask(&server, "POST", path, READ).0, 200);
}
