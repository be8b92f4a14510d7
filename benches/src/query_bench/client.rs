//! An HTTP client that keeps one connection, and the server that it asks.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axis_core::Engine;
use axum::serve::ListenerExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::endpoints::Endpoint;

/// The routes over an engine, served until [`stop`](Self::stop).
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    engine: Engine,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(engine: Engine) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        // As the real server does.
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("a socket option"));
        let service = axis_http::router(engine.clone()).expect("the configuration needs no files");
        let task = tokio::spawn(async move {
            axum::serve(listener, service).await.expect("connections are accepted");
        });
        Self { address, engine, task }
    }

    pub(crate) async fn stop(self) {
        self.task.abort();
        let _ = self.task.await;
        self.engine.close().await.expect("the store closes");
    }
}

/// How an answer may be reused.
#[derive(Clone, Debug)]
pub(crate) enum Reuse {
    /// It must be computed.
    Never,
    /// A stored one will do.
    Stored,
    /// None is needed when this tag still holds.
    Tag(String),
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) tag: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) elapsed: Duration,
}

/// One connection.
pub(crate) struct Client {
    address: SocketAddr,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server accepts");
        stream.set_nodelay(true).expect("a socket option");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
        tokio::spawn(async move {
            // It ends with the server, as a rule.
            let _ = connection.await;
        });
        Self { address, sender }
    }

    /// Asks once, and reads the whole answer.
    pub(crate) async fn ask(&mut self, endpoint: &Endpoint, reuse: &Reuse) -> Answer {
        let mut request = hyper::Request::builder()
            .method(endpoint.method())
            .uri(&endpoint.path)
            .header(HOST, self.address.to_string());
        request = match reuse {
            Reuse::Never => request.header(CACHE_CONTROL, "no-cache"),
            Reuse::Stored => request,
            Reuse::Tag(tag) => request.header(IF_NONE_MATCH, tag),
        };
        if endpoint.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = endpoint.body.clone().unwrap_or_default();
        let request = request.body(Full::new(Bytes::from(body))).expect("a valid request");
        let begun = Instant::now();
        self.sender.ready().await.expect("the connection is open");
        let response = self.sender.send_request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a whole answer").to_bytes();
        let tag = parts.headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        Answer {
            status: parts.status.as_u16(),
            tag: tag.map(str::to_owned),
            body,
            elapsed: begun.elapsed(),
        }
    }
}
