//! The life of a server: it starts, accepts connections, and stops without cutting anybody off who can still be answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axis_core::config::SyncMode;
use axis_core::{CancellationToken, Engine, Error, ErrorKind, Result, SyncOptions};
use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::Service as _;

use crate::edge::{Cut, Edge, Peer, wrap};
use crate::routes;

/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that may be open; others wait until one ends.
const CONNECTIONS: usize = 4096;
/// How long to wait before accepting again when there are no more file handles.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);
/// How long streams that were told that the engine closes may take to pass it on.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a server is run, beyond its configuration.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ServeOptions {
    insecure: bool,
}

impl ServeOptions {
    /// Serves other machines without asking who they are.
    #[must_use]
    pub fn insecure(mut self, insecure: bool) -> Self {
        self.insecure = insecure;
        self
    }

    /// Decides whether one may listen there.
    ///
    /// # Errors
    /// `Config` when other machines can reach the address and no key or token would be asked for.
    pub fn check(self, engine_authenticates: bool, address: SocketAddr) -> Result<()> {
        if engine_authenticates || self.insecure || address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        let message = format!(
            "other machines can reach {address}, and nobody would be asked for a key: configure `server.api_keys`, \
             `server.jwt` or AXIS_API_KEY, listen on 127.0.0.1, or serve everybody with --insecure"
        );
        Err(Error::new(ErrorKind::Config, message).during("server.start"))
    }
}

/// Creates the routes over an engine, with everything that the configuration says about keys, limits and logs.
///
/// # Errors
/// `Config` when the audit log or the public key for tokens cannot be opened.
pub fn router(engine: Engine) -> Result<Router> {
    let edge = Edge::new(&engine, CancellationToken::new())?;
    Ok(build(engine, &edge))
}

fn build(engine: Engine, edge: &Arc<Edge>) -> Router {
    wrap(routes::all(engine, Arc::clone(edge)), edge)
}

/// Serves as [`serve_with`] does by default.
///
/// # Errors
/// As [`serve_with`].
pub async fn serve(engine: Engine, listener: TcpListener, shutdown: CancellationToken) -> Result<()> {
    serve_with(engine, listener, shutdown, ServeOptions::default()).await
}

/// Serves until `shutdown` is cancelled: syncs what has `auto_load` at startup, runs the schedule, and answers.
///
/// Then running requests get `server.drain_seconds`, and the engine is closed: a commit that has begun is finished, everything
/// else is rolled back, and streams that are still running end with the reason.
///
/// # Errors
/// `Config` when other machines can reach the address and no key or token is configured, or when the audit log or the public
/// key for tokens cannot be opened; as [`Engine::close`].
pub async fn serve_with(
    engine: Engine,
    listener: TcpListener,
    shutdown: CancellationToken,
    options: ServeOptions,
) -> Result<()> {
    let started = start(&engine, &listener, options, &shutdown);
    let edge = match started {
        Ok(edge) => edge,
        Err(error) => {
            engine.close().await?;
            return Err(error);
        }
    };
    let drain = engine.config().server.drain;
    let app = build(engine.clone(), &edge);
    start_work(&engine);
    let ended = CancellationToken::new();
    let mut serving = tokio::spawn(accept(listener, app, shutdown.clone(), ended.clone()));
    tokio::select! {
        _ = &mut serving => {}
        () = async {
            shutdown.cancelled().await;
            sleep(drain).await;
        } => tracing::warn!("requests are still running; they end now"),
    }
    tracing::info!("stopping");
    let closed = engine.close().await;
    if !serving.is_finished() {
        // Whoever streams has been told by the engine; what does not end by then is cut off.
        let _ = timeout(LAST_WORDS, &mut serving).await;
    }
    ended.cancel();
    edge.audit.flush().await;
    closed
}

fn start(
    engine: &Engine,
    listener: &TcpListener,
    options: ServeOptions,
    shutdown: &CancellationToken,
) -> Result<Arc<Edge>> {
    if let Ok(address) = listener.local_addr() {
        let authenticates = engine.config().server.authenticates();
        options.check(authenticates, address)?;
        tracing::info!(%address, authenticates, "listening");
        if !authenticates && !address.ip().to_canonical().is_loopback() {
            tracing::warn!(
                "there is no authentication: whoever reaches {address} can read the store, start syncs and use the wizard"
            );
        }
    }
    for error in &engine.config().dashboard.broken {
        tracing::warn!(code = error.code(), error = %error, "the dashboard has a default instead");
    }
    Edge::new(engine, shutdown.clone())
}

/// Starts the syncs of startup and the schedule, as far as the configuration wants them.
fn start_work(engine: &Engine) {
    let store = &engine.config().store;
    if !store.enabled {
        tracing::warn!("the store is disabled by `duckdb.enabled: false`; nothing is synced");
        return;
    }
    if store.sync_mode == SyncMode::Startup {
        let datasets: Vec<_> = engine.syncable().filter(|dataset| dataset.config().auto_load).collect();
        for (dataset, started) in engine.start_sync(&datasets, &SyncOptions::default()) {
            match started {
                Ok(handle) => handle.detach(),
                Err(error) => {
                    tracing::warn!(dataset, code = error.code(), error = %error, "not synced at startup");
                }
            }
        }
    }
    if store.scheduler {
        engine.start_scheduler();
    }
}

/// Accepts until it is told to stop, and then waits until the last request was answered. `ended` cuts off what is left.
async fn accept(listener: TcpListener, app: Router, stop: CancellationToken, ended: CancellationToken) {
    let graceful = GracefulShutdown::new();
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = next(&listener, &connections) => accepted,
        };
        let Some((stream, address, permit)) = accepted else {
            continue;
        };
        // Answers are written whole; waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let app = app.clone();
        let ended = ended.child_token();
        let cut = Cut(ended.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            request.extensions_mut().insert(cut.clone());
            app.clone().call(request)
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                served = connection => {
                    if let Err(error) = served {
                        tracing::debug!(%error, "a connection ended early");
                    }
                }
                () = ended.cancelled() => {}
            }
        });
    }
    drop(listener);
    graceful.shutdown().await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

/// Accepts one connection, once there is room for it.
async fn next(listener: &TcpListener, connections: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, address)) => Some((stream, address, permit)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_AGAIN).await;
            None
        }
    }
}
