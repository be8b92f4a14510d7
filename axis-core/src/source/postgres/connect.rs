//! Opens connections to a PostgreSQL server, encrypted as much as the configuration demands.

mod tls;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::{CancelToken, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use crate::config::{PostgresConnection, TlsMode};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{Snapshot, Source};

use super::address::{Address, Socket};
use super::driver::Driver;
use super::idle::Idle;
use super::server::Server;
use super::session::PostgresSnapshot;
use super::sqlstate;
use super::tap::{Tap, Tapped, TappedTls};

/// How long a polite goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// A PostgreSQL server that can be connected to.
#[derive(Clone, Debug)]
pub struct PostgresSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: PostgresConnection,
    /// Where the server is; `None` looks its host up at every connection.
    places: Option<Vec<Address>>,
    /// Made by the first connection: reading the system's authorities takes a while.
    tls: OnceLock<Tls>,
    idle: Idle,
}

#[derive(Clone)]
struct Tls {
    connectors: MakeRustlsConnect,
    /// The name that a certificate must be for.
    host: String,
}

impl Tls {
    fn connector(&self) -> Result<impl TlsConnect<Socket, Future: Send + 'static, Stream: Send + 'static> + use<>> {
        let mut connectors = self.connectors.clone();
        MakeTlsConnect::<Socket>::make_tls_connect(&mut connectors, &self.host)
            .map_err(|error| Error::new(ErrorKind::Internal, "preparing TLS failed").because(error))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl PostgresSource {
    /// Creates the source; nothing is connected before the first snapshot.
    #[must_use]
    pub fn new(settings: PostgresConnection) -> Self {
        Self::create(settings, None)
    }

    /// Creates a source that connects to these addresses, whatever its host's name leads to later.
    pub(crate) fn at(settings: PostgresConnection, places: Vec<Address>) -> Self {
        Self::create(settings, Some(places))
    }

    fn create(settings: PostgresConnection, places: Option<Vec<Address>>) -> Self {
        Self(Arc::new(Inner {
            settings,
            places,
            tls: OnceLock::new(),
            idle: Idle::default(),
        }))
    }

    /// Returns the place where a connection waits for the next snapshot.
    pub(super) fn idle(&self) -> &Idle {
        &self.0.idle
    }

    /// Returns the longest time that connecting may take.
    pub(crate) fn connect_timeout(&self) -> Duration {
        self.0.settings.connect_timeout
    }

    /// Connects within the configured time, and lets `prepare` do the session's first work within it too.
    pub(super) async fn connect<T>(&self, prepare: impl AsyncFnOnce(&Link) -> Result<T>) -> Result<(Link, T)> {
        let settings = &self.0.settings;
        let work = async {
            let link = self.link().await?;
            let value = prepare(&link).await?;
            Ok((link, value))
        };
        let result = tokio::time::timeout(settings.connect_timeout, work)
            .await
            .unwrap_or_else(|_| {
                let seconds = settings.connect_timeout.as_secs_f64();
                Err(Error::new(
                    ErrorKind::SourceUnavailable,
                    format!("the server did not answer within {seconds} s"),
                ))
            });
        result.map_err(|error| {
            error
                .during("source.connect")
                .with("host", &settings.host)
                .with("port", settings.port)
        })
    }

    async fn link(&self) -> Result<Link> {
        let settings = &self.0.settings;
        let tls = self.tls().await?;
        let places = match &self.0.places {
            Some(places) => places.clone(),
            None => Address::resolve(&settings.host, settings.port)
                .await
                .map_err(unreachable)?,
        };
        let mut failure = None;
        for address in places {
            match self.link_to(address, &tls).await {
                Ok(link) => return Ok(link),
                Err(error) => failure = Some(error),
            }
        }
        Err(failure.expect("a host has at least one address"))
    }

    async fn link_to(&self, address: Address, tls: &Tls) -> Result<Link> {
        let settings = &self.0.settings;
        let mode = match address {
            // It does not leave the machine, and servers do not encrypt it.
            Address::Unix(_) => TlsMode::Disable,
            Address::Tcp(_) => settings.tls,
        };
        let socket = address.connect().await.map_err(unreachable)?;
        let opened = match self.open(socket, mode, tls.connector()?).await {
            // Some servers offer encryption and then refuse encrypted sessions.
            Err(error) if mode == TlsMode::Prefer && error.code().is_some_and(|code| code.code() == "28000") => {
                let socket = address.connect().await.map_err(unreachable)?;
                self.open(socket, TlsMode::Disable, tls.connector()?).await
            }
            result => result,
        };
        let (client, driver, tap) =
            opened.map_err(|error| sqlstate::explain_connect(error, &settings.user, &settings.database))?;
        let task = AbortOnDrop(tokio::spawn(driver.clone().run()));
        let server = Server::ask(&client).await?;
        let canceller = Canceller {
            token: client.cancel_token(),
            address,
            tls: tls.clone(),
            timeout: settings.connect_timeout,
        };
        Ok(Link {
            client,
            canceller,
            driver,
            tap,
            server,
            task,
        })
    }

    async fn open(
        &self,
        socket: Socket,
        mode: TlsMode,
        tls: impl TlsConnect<Socket, Future: Send + 'static, Stream: Send + 'static>,
    ) -> Result<(Client, Driver, Tap), tokio_postgres::Error> {
        let settings = &self.0.settings;
        let mut config = Config::new();
        config
            .dbname(&settings.database)
            .user(&settings.user)
            .application_name("axis");
        if let Some(password) = &settings.password {
            config.password(password.expose());
        }
        config.ssl_mode(match mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        let tap = Tap::new();
        let stream = Tapped::new(socket, tap.clone(), mode != TlsMode::Disable);
        let (client, connection) = config.connect_raw(stream, TappedTls(tls)).await?;
        Ok((client, Driver::new(connection), tap))
    }

    async fn tls(&self) -> Result<Tls> {
        if let Some(tls) = self.0.tls.get() {
            return Ok(tls.clone());
        }
        let settings = &self.0.settings;
        let (mode, file) = (settings.tls, settings.root_certificate.clone());
        let config = tokio::task::spawn_blocking(move || tls::client_config(mode, file.as_deref()))
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, "preparing TLS failed").because(error))??;
        let tls = Tls {
            host: settings.host.clone(),
            connectors: MakeRustlsConnect::new(config),
        };
        Ok(self.0.tls.get_or_init(|| tls).clone())
    }
}

#[async_trait]
impl Source for PostgresSource {
    async fn snapshot(&self, cancel: &CancellationToken) -> Result<Box<dyn Snapshot>> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Error::new(ErrorKind::Cancelled, "connecting was cancelled")),
            snapshot = PostgresSnapshot::open(self) => Ok(Box::new(snapshot?)),
        }
    }
}

/// One connection and the task that drives it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) client: Client,
    pub(super) canceller: Canceller,
    pub(super) driver: Driver,
    pub(super) tap: Tap,
    pub(super) server: Server,
    task: AbortOnDrop,
}

impl Link {
    /// Tells whether the connection is encrypted; `None` when it does not leave the machine.
    pub(super) fn encrypted(&self) -> Option<bool> {
        match self.canceller.address {
            Address::Unix(_) => None,
            Address::Tcp(_) => Some(self.tap.is_encrypted()),
        }
    }

    /// Says goodbye to the server, so that it does not log a lost connection.
    pub(super) async fn close(self) {
        drop(self.client);
        let mut task = self.task;
        // A server that does not react is left alone: the task ends with the value.
        let _ = tokio::time::timeout(GOODBYE, &mut task.0).await;
    }
}

/// Asks the server to stop what a connection is doing.
#[derive(Clone)]
pub(super) struct Canceller {
    token: CancelToken,
    /// Of the server that has the session: other addresses of the host may be other servers.
    address: Address,
    tls: Tls,
    timeout: Duration,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canceller")
    }
}

impl Canceller {
    /// Sends the request; failures are only logged, because the connection is given up anyway.
    pub(super) async fn cancel(self) {
        let request = async {
            let socket = self.address.connect().await.map_err(unreachable)?;
            let sent = self.token.cancel_query_raw(socket, self.tls.connector()?).await;
            sent.map_err(sqlstate::explain)
        };
        match tokio::time::timeout(self.timeout, request).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a request to cancel did not reach PostgreSQL"),
            Err(_) => tracing::debug!("a request to cancel took too long to reach PostgreSQL"),
        }
    }
}

fn unreachable(error: io::Error) -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the server cannot be reached").because(error)
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
