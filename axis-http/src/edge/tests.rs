//! Limits, panics, compression and names, with routes that are made for it.

use std::sync::Arc;
use std::time::Duration;

use axis_core::config::{Config, Files};
use axis_core::{CancellationToken, Engine, Env};
use axum::Json;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, RETRY_AFTER,
};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::{Edge, wrap};

struct Site {
    app: Router,
    edge: Arc<Edge>,
    entered: Arc<Notify>,
    leave: Arc<Notify>,
    _directory: TempDir,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

async fn site(yaml: &str) -> Site {
    let directory = tempfile::tempdir().unwrap();
    let files = [("config/server.yaml", format!("server:\n  origins: [http://ui]\n{yaml}"))];
    let config = Config::resolve(&Files::new(directory.path(), files), &Env::default()).unwrap();
    let engine = Engine::builder(config).open().await.unwrap();
    let edge = Edge::new(&engine, CancellationToken::new()).unwrap();
    let (entered, leave) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (notify, wait) = (Arc::clone(&entered), Arc::clone(&leave));
    let long = "never the same twice? always the same! ".repeat(300);
    let table = long.clone();
    let routes = Router::new()
        .route("/a", get(|| async { "a" }))
        .route("/health", get(|| async { "healthy" }))
        .route("/broken", get(broken))
        .route("/long", get(|| async move { long }))
        .route(
            "/arrow",
            get(|| async move { ([(CONTENT_TYPE, "application/vnd.apache.arrow.stream")], table) }),
        )
        .route(
            "/waits",
            get(|| async move {
                notify.notify_one();
                wait.notified().await;
                "done"
            }),
        )
        .route("/stalls", get(std::future::pending::<()>))
        .route("/drips", get(drips))
        // A path of the table, with no limit for the answer.
        .route(
            "/api/query",
            post(|bytes: Bytes| async move {
                tokio::time::sleep(Duration::from_millis(1300)).await;
                bytes.len().to_string()
            }),
        )
        .route("/bytes", post(|bytes: Bytes| async move { bytes.len().to_string() }))
        .route("/json", post(|Json(value): Json<Value>| async move { Json(value) }));
    Site {
        app: wrap(routes, &edge),
        edge,
        entered,
        leave,
        _directory: directory,
    }
}

async fn broken() -> &'static str {
    panic!("a secret")
}

/// Sends its second part when a request would long have been given up.
async fn drips() -> impl IntoResponse {
    let parts = stream::unfold(0, |part| async move {
        match part {
            0 => Some((Ok::<_, std::io::Error>("first "), 1)),
            1 => {
                tokio::time::sleep(Duration::from_millis(1300)).await;
                Some((Ok("second"), 2))
            }
            _ => None,
        }
    });
    Body::from_stream(parts)
}

impl Site {
    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: to_bytes(body, 1_000_000).await.unwrap(),
        }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = Request::get(path).header(ORIGIN, "http://ui");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, body: Body, length: Option<usize>) -> Answer {
        let mut request = Request::post(path);
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        self.send(request.body(body).unwrap()).await
    }
}

#[tokio::test]
async fn a_panic_is_json_with_cors_and_tells_nothing() {
    let site = site("").await;
    let answer = site.get("/broken", &[]).await;
    assert_eq!(answer.status, 500);
    assert_eq!(answer.headers[ACCESS_CONTROL_ALLOW_ORIGIN], "http://ui");
    assert_eq!(answer.headers[CONTENT_TYPE], "application/json");
    assert_eq!(answer.json(), json!({ "detail": "Internal Server Error" }));
    assert_eq!(
        site.edge.metrics.in_flight.load(std::sync::atomic::Ordering::Relaxed),
        0
    );
}

#[tokio::test]
async fn unknown_paths_and_wrong_methods_are_json() {
    let site = site("").await;
    let answer = site.get("/nothing", &[]).await;
    assert_eq!((answer.status, answer.json()), (404, json!({ "detail": "Not Found" })));
    let answer = site.get("/bytes", &[]).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    assert_eq!(answer.json(), json!({ "detail": "Method Not Allowed" }));
    assert_eq!(site.get("/a/?b=c", &[]).await.header("location"), "/a?b=c");
}

#[tokio::test]
async fn what_the_framework_refuses_is_json_too() {
    let site = site("").await;
    let answer = site.post("/json", Body::from("{}"), Some(2)).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (415, "application/json")
    );
    assert!(answer.json()["detail"].as_str().unwrap().contains("Content-Type"));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_and_while_it_is_read() {
    let site = site("  max_body_bytes: 3000000\n").await;
    let fits = vec![b'x'; 3_000_000];
    let answer = site.post("/bytes", Body::from(fits), Some(3_000_000)).await;
    assert_eq!((answer.status, answer.body.as_ref()), (200, b"3000000".as_slice()));
    let announced = site.post("/bytes", Body::empty(), Some(3_000_001)).await;
    let parts = stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 100_000]));
    let unannounced = site.post("/bytes", Body::from_stream(parts), None).await;
    for answer in [announced, unannounced] {
        assert_eq!(answer.status, 413);
        assert_eq!(answer.json()["code"], "AXIS_BODY_TOO_LARGE");
        assert!(answer.json()["detail"].as_str().unwrap().contains("3000000"));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_begin_in_time_is_504_and_a_stream_may_go_on() {
    let site = site("  request_timeout_seconds: 1\n").await;
    let (stalled, dripped) = tokio::join!(site.get("/stalls", &[]), site.get("/drips", &[]));
    assert_eq!((stalled.status, &stalled.json()["code"]), (504, &json!("AXIS_TIMEOUT")));
    assert_eq!(
        (dripped.status, dripped.body.as_ref()),
        (200, b"first second".as_slice())
    );
}

#[tokio::test]
async fn a_body_must_come_in_time_even_where_the_answer_may_take_longer() {
    let site = site("  request_timeout_seconds: 1\n  max_concurrent_requests: 2\n").await;
    let stalled = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
    let (stalled, slow) = tokio::join!(
        site.post("/api/query", stalled, Some(100)),
        site.post("/api/query", Body::from("12345"), Some(5))
    );
    assert_eq!((stalled.status, &stalled.json()["code"]), (408, &json!("AXIS_TIMEOUT")));
    assert_eq!((slow.status, slow.body.as_ref()), (200, b"5".as_slice()));
}

#[tokio::test]
async fn requests_beyond_the_limit_are_shed_and_probes_are_not() {
    let site = Arc::new(site("  max_concurrent_requests: 1\n").await);
    let first = Arc::clone(&site);
    let running = tokio::spawn(async move { first.get("/waits", &[]).await });
    site.entered.notified().await;
    let shed = site.get("/a", &[]).await;
    assert_eq!((shed.status, &shed.json()["code"]), (503, &json!("AXIS_OVERLOADED")));
    assert_eq!(shed.headers[RETRY_AFTER], "1");
    assert_eq!(site.get("/health", &[]).await.status, 200);
    site.leave.notify_one();
    assert_eq!(running.await.unwrap().status, 200);
    assert_eq!(site.get("/a", &[]).await.status, 200);
}

#[tokio::test]
async fn large_texts_are_compressed_when_the_client_can_read_that() {
    let site = site("").await;
    let encoding = async |path: &str, accepted: &str| {
        let answer = site.get(path, &[(ACCEPT_ENCODING.as_str(), accepted)]).await;
        assert_eq!(answer.status, 200);
        answer.header(CONTENT_ENCODING.as_str()).to_owned()
    };
    assert_eq!(encoding("/long", "gzip").await, "gzip");
    assert_eq!(encoding("/long", "gzip, zstd").await, "zstd");
    assert_eq!(encoding("/long", "br").await, "");
    assert_eq!(encoding("/a", "gzip").await, "");
    assert_eq!(
        encoding("/arrow", "gzip").await,
        "",
        "Arrow is compressed already, or meant to be fast"
    );
}

#[tokio::test]
async fn every_answer_is_named_and_forbids_what_browsers_would_guess() {
    let site = site("").await;
    for (path, status) in [("/a", 200), ("/nothing", 404), ("/broken", 500), ("/health", 200)] {
        let answer = site.get(path, &[]).await;
        assert_eq!(StatusCode::from_u16(answer.status).unwrap(), status);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; frame-ancestors 'none'"
        );
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("strict-transport-security"), "");
        assert_eq!(answer.header("x-request-id").len(), 36);
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
    }
    let named = async |id: &str| {
        site.get("/a", &[("x-request-id", id)])
            .await
            .header("x-request-id")
            .to_owned()
    };
    assert_eq!(named("job-7.step:3_x").await, "job-7.step:3_x");
    for strange in ["", "a b", "<script>", &"x".repeat(129)] {
        assert_eq!(named(strange).await.len(), 36, "{strange}");
    }
    assert_ne!(named("").await, named("").await);
}
