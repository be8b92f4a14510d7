//! Asks one document of a server over HTTP, with TLS where the address says so.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, Request, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most bytes of an answer that are read.
const MOST: usize = 1 << 20;

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing listens there.
    Nobody,
    /// Something does, and this went wrong.
    Trouble(String),
}

/// Gets a path from the server at `base`, such as `https://axis.example`.
pub(super) async fn get(base: &Uri, path: &str) -> Result<Answer, Silence> {
    let answered = timeout(PATIENCE, ask(base, path)).await;
    answered.unwrap_or_else(|_| Err(Silence::Trouble(format!("no answer within {} s", PATIENCE.as_secs()))))
}

async fn ask(base: &Uri, path: &str) -> Result<Answer, Silence> {
    let host = base.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let encrypted = base.scheme_str() == Some("https");
    let port = base.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
    let stream = TcpStream::connect((host.as_str(), port))
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => Silence::Nobody,
            kind => Silence::Trouble(kind.to_string()),
        })?;
    let request = Request::builder()
        .method(Method::GET)
        .uri(path)
        .header(
            header::HOST,
            base.authority().map_or("", |authority| authority.as_str()),
        )
        .body(Empty::<Bytes>::new())
        .map_err(|_| Silence::Trouble("the address cannot be asked".to_owned()))?;
    if !encrypted {
        return exchange(stream, request).await;
    }
    let name = ServerName::try_from(host).map_err(|_| Silence::Trouble("the address has no host".to_owned()))?;
    let config = tls().await?;
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let stream = stream.map_err(|error| Silence::Trouble(format!("TLS failed: {error}")))?;
    exchange(stream, request).await
}

/// The system's authorities decide; SSL_CERT_FILE names others.
async fn tls() -> Result<Arc<ClientConfig>, Silence> {
    let trouble = || Silence::Trouble("TLS cannot be set up".to_owned());
    let authorities = tokio::task::spawn_blocking(rustls_native_certs::load_native_certs).await;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.map_err(|_| trouble())?.certs);
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| trouble())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answer, Silence>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let trouble = |_| Silence::Trouble("it does not speak HTTP".to_owned());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(trouble)?;
    let driver = tokio::spawn(connection);
    let answer = sender.send_request(request).await.map_err(trouble)?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), MOST).collect().await;
    driver.abort();
    let body = body
        .map_err(|_| Silence::Trouble("its answer was cut off".to_owned()))?
        .to_bytes();
    Ok(Answer { status, body })
}
