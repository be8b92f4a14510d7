//! Opens connections to a PostgreSQL server, encrypted as much as the configuration demands.

mod tls;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::JoinHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{CancelToken, Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

use crate::config::{PostgresConnection, TlsMode};
use crate::error::{Error, ErrorKind, Result};
use crate::source::{Snapshot, Source};

use super::driver::Driver;
use super::idle::Idle;
use super::session::PostgresSnapshot;
use super::sqlstate;

/// How long a polite goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_secs(1);

/// A PostgreSQL server that can be connected to.
#[derive(Clone, Debug)]
pub struct PostgresSource(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: PostgresConnection,
    /// Made by the first connection: reading the system's authorities takes a while.
    tls: OnceLock<Tls>,
    idle: Idle,
}

#[derive(Clone)]
struct Tls(MakeRustlsConnect);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

impl PostgresSource {
    /// Creates the source; nothing is connected before the first snapshot.
    #[must_use]
    pub fn new(settings: PostgresConnection) -> Self {
        Self(Arc::new(Inner {
            settings,
            tls: OnceLock::new(),
            idle: Idle::default(),
        }))
    }

    /// Returns the place where a connection waits for the next snapshot.
    pub(super) fn idle(&self) -> &Idle {
        &self.0.idle
    }

    /// Returns the longest time that connecting may take.
    pub(super) fn connect_timeout(&self) -> Duration {
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
        let tls = self.tls().await?;
        let socket = self.0.settings.host.starts_with('/');
        // A Unix socket does not leave the machine, and servers do not encrypt it.
        let mode = if socket { TlsMode::Disable } else { self.0.settings.tls };
        match self.open(mode, &tls).await {
            // Some servers offer encryption and then refuse encrypted sessions.
            Err(error) if mode == TlsMode::Prefer && error.code().is_some_and(|code| code.code() == "28000") => {
                self.open(TlsMode::Disable, &tls).await
            }
            result => result,
        }
        .map_err(|error| sqlstate::explain_connect(error, &self.0.settings.user, &self.0.settings.database))
    }

    async fn open(&self, mode: TlsMode, tls: &Tls) -> Result<Link, tokio_postgres::Error> {
        let settings = &self.0.settings;
        let mut config = Config::new();
        config
            .host(&settings.host)
            .port(settings.port)
            .dbname(&settings.database)
            .user(&settings.user);
        config
            .application_name("axis")
            .connect_timeout(settings.connect_timeout);
        if let Some(password) = &settings.password {
            config.password(password.expose());
        }
        config.ssl_mode(match mode {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer => SslMode::Prefer,
            TlsMode::Require | TlsMode::VerifyCa | TlsMode::VerifyFull => SslMode::Require,
        });
        let (client, connection) = config.connect(tls.0.clone()).await?;
        let driver = Driver::new(connection);
        let task = tokio::spawn(driver.clone().run());
        let canceller = Canceller {
            token: client.cancel_token(),
            tls: tls.clone(),
        };
        Ok(Link {
            client,
            canceller,
            driver,
            task: AbortOnDrop(task),
        })
    }

    async fn tls(&self) -> Result<Tls> {
        if let Some(tls) = self.0.tls.get() {
            return Ok(tls.clone());
        }
        let (mode, file) = (self.0.settings.tls, self.0.settings.root_certificate.clone());
        let config = tokio::task::spawn_blocking(move || tls::client_config(mode, file.as_deref()))
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, "preparing TLS failed").because(error))??;
        Ok(self.0.tls.get_or_init(|| Tls(MakeRustlsConnect::new(config))).clone())
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
    task: AbortOnDrop,
}

impl Link {
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
    tls: Tls,
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Canceller")
    }
}

impl Canceller {
    /// Sends the request; failures are only logged, because the connection is given up anyway.
    pub(super) async fn cancel(self) {
        if let Err(error) = self.token.cancel_query(self.tls.0).await {
            tracing::debug!(error = %error, "a request to cancel did not reach PostgreSQL");
        }
    }
}

#[derive(Debug)]
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
