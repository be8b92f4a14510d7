//! A backup that a running server makes.

use std::path::PathBuf;
use std::time::Duration;

use axis_core::backup::{BackupOptions, BackupReport, receive};
use axis_core::{Env, Error, ErrorKind, Result};
use serde_json::Value;
use ureq::Agent;
use ureq::Body;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

const CONNECT: Duration = Duration::from_secs(10);
/// What is read of an answer that is no backup, in bytes.
const PROBLEM: u64 = 64 << 10;

/// Downloads a backup. The key is that of the environment.
pub(super) async fn backup(server: &str, env: &Env, file: PathBuf, options: BackupOptions) -> Result<BackupReport> {
    if !server.starts_with("http://") && !server.starts_with("https://") {
        let message = format!("`{server}` is no address of a server; allowed is http://HOST:PORT or https://HOST");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let url = format!("{}/api/store/backup", server.trim_end_matches('/'));
    let key = env.get("AXIS_API_KEY").map(str::to_owned);
    let asked = tokio::task::spawn_blocking(move || ask(&url, key.as_deref()));
    let cancel = options.cancel.clone();
    let answer = tokio::select! {
        answer = asked => answer.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "the download panicked")))?,
        () = cancel.cancelled() => return Err(Error::new(ErrorKind::Cancelled, "the download was cancelled")),
    };
    let length = answer.headers().get("content-length");
    let bytes = length.and_then(|length| length.to_str().ok()?.parse().ok());
    receive(file, answer.into_body().into_reader(), bytes, options).await
}

fn ask(url: &str, key: Option<&str>) -> Result<Response<Body>> {
    let mut request = agent().get(url);
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let mut answer = request.call().map_err(|error| {
        Error::new(ErrorKind::SourceUnavailable, "the server cannot be reached")
            .with("url", url)
            .because(error)
    })?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    let body = answer.body_mut().with_config().limit(PROBLEM).read_to_vec();
    let problem: Value = serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default();
    let code = problem["code"].as_str().unwrap_or_default();
    let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == code);
    let detail = problem["detail"].as_str().unwrap_or("no reason is given");
    let message = format!("the server refuses with {}: {detail}", answer.status().as_u16());
    let error = Error::new(kind.copied().unwrap_or(ErrorKind::SourceRejected), message);
    Err(match answer.status().as_u16() {
        401 | 403 => error.with("key", "AXIS_API_KEY, of the role `admin`"),
        _ => error,
    })
}

/// Trusts what the system trusts, so that authorities of one's own are known.
fn agent() -> Agent {
    let found = rustls_native_certs::load_native_certs().certs;
    let known: Vec<_> = found
        .iter()
        .map(|certificate| Certificate::from_der(certificate).to_owned())
        .collect();
    let roots = if known.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::new_with_certs(&known)
    };
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT))
        .tls_config(TlsConfig::builder().root_certs(roots).build());
    config.build().into()
}
