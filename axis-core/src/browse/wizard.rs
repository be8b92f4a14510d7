//! Connections that clients have opened, by handle.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use uuid::Uuid;

use super::browser::Browser;
use super::defaults::Defaults;
use super::hosts::{self, Hosts};
use super::scope::Scope;
use crate::config::{Config, Connection, DatasetConfig, PostgresConnection, Secret, TlsMode};
use crate::error::{Error, ErrorKind, Result};

/// How long a handle lives after its last use.
const LIFETIME: Duration = Duration::from_secs(15 * 60);
/// Handles at once.
const MOST: usize = 100;
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What a form sends in place of the stored password, which it was never given.
const PLACEHOLDER: &str = "********";

/// Connects to servers for clients. Cheap to clone; clones share their handles.
#[derive(Clone, Debug)]
pub struct Wizard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: Config,
    hosts: Hosts,
    lifetime: Duration,
    places: Arc<Semaphore>,
    handles: Mutex<HashMap<Uuid, Entry>>,
}

#[derive(Debug)]
struct Entry {
    browser: Arc<Browser>,
    dataset: String,
    used: Instant,
    _place: OwnedSemaphorePermit,
}

/// What a client connects to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// The dataset whose configuration fills in: `eval`, `monitoring` or `human_signals`; see [`dataset_of`](super::dataset_of).
    pub dataset: String,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// User.
    pub user: String,
    /// Password; eight asterisks stand for the configured one.
    pub password: Secret<String>,
    /// How much of TLS is demanded; the configuration of that server may demand more.
    pub tls: TlsMode,
}

impl ConnectRequest {
    /// Creates a request with port 5432, an empty password and TLS.
    pub fn new(
        dataset: impl Into<String>,
        host: impl Into<String>,
        database: impl Into<String>,
        user: impl Into<String>,
    ) -> Self {
        Self {
            dataset: dataset.into(),
            host: host.into(),
            port: 5432,
            database: database.into(),
            user: user.into(),
            password: Secret::new(String::new()),
            tls: TlsMode::Require,
        }
    }

    /// Sets the port.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Secret::new(password.into());
        self
    }

    /// Sets how much of TLS is demanded.
    #[must_use]
    pub fn tls(mut self, tls: TlsMode) -> Self {
        self.tls = tls;
        self
    }
}

/// A connection that was opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct Connected {
    /// Whoever has it may read what the connection may read.
    pub handle: Uuid,
    /// The server's description of itself.
    pub version: String,
}

impl fmt::Debug for Connected {
    /// Leaves the handle out: it is as good as a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// How many handles there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct WizardStats {
    /// Handles that are open.
    pub active_handles: usize,
    /// Handles that may be open at once.
    pub max_handles: usize,
}

impl Wizard {
    /// Creates a wizard over a configuration; nothing is connected.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self::with_lifetime(config, LIFETIME)
    }

    /// The same with another time after which an unused handle ends.
    #[must_use]
    pub fn with_lifetime(config: &Config, lifetime: Duration) -> Self {
        Self(Arc::new(Inner {
            hosts: Hosts::of(config),
            config: config.clone(),
            lifetime,
            places: Arc::new(Semaphore::new(MOST)),
            handles: Mutex::default(),
        }))
    }

    /// Returns what the configuration of a dataset offers.
    ///
    /// # Errors
    /// `NotFound` when there is no such dataset.
    pub fn defaults(&self, dataset: &str) -> Result<Defaults> {
        self.0.dataset(dataset).map(Defaults::of)
    }

    /// Connects, and hands out a handle that ends fifteen minutes after its last use.
    ///
    /// # Errors
    /// [`REFUSED`](super::REFUSED) when the host is not allowed; `InvalidArgument` when the placeholder stands for no stored
    /// password; `Busy` when there are too many handles; `SourceUnavailable`, `SourceRejected`, `Config` for a certificate
    /// file that cannot be used.
    pub async fn connect(&self, request: ConnectRequest) -> Result<Connected> {
        let dataset = self.0.dataset(&request.dataset)?;
        // What is not allowed is told before anything else, and costs no place.
        self.0.hosts.check(&request.host, request.port)?;
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| {
            let message = format!("there are {MOST} open connections already; close one or wait until one expires");
            Error::new(ErrorKind::Busy, message)
        })?;
        let (query_timeout, name) = (dataset.query_timeout, dataset.name.clone());
        let settings = self.0.settings(dataset, request)?;
        let scope = Scope::of(&self.0.config, &name, &settings);
        let browser = Arc::new(Browser::connect(settings, &self.0.hosts, scope, query_timeout).await?);
        let version = browser.version().to_owned();
        let handle = Uuid::new_v4();
        let entry = Entry {
            browser,
            dataset: name,
            used: Instant::now(),
            _place: place,
        };
        self.0.handles().insert(handle, entry);
        tokio::spawn(expire(Arc::downgrade(&self.0), handle, self.0.lifetime));
        Ok(Connected { handle, version })
    }

    /// Returns the connection of a handle and the configuration of its dataset, and lets the handle live on; `None` when it is
    /// unknown or has ended.
    #[must_use]
    pub fn browser(&self, handle: Uuid) -> Option<(Arc<Browser>, &DatasetConfig)> {
        let (browser, dataset) = {
            let mut handles = self.0.handles();
            let entry = handles.get_mut(&handle)?;
            if entry.used.elapsed() >= self.0.lifetime {
                return None;
            }
            entry.used = Instant::now();
            (Arc::clone(&entry.browser), entry.dataset.clone())
        };
        Some((browser, self.0.dataset(&dataset).ok()?))
    }

    /// Ends a handle and its connection; false when it is unknown.
    pub async fn close(&self, handle: Uuid) -> bool {
        let entry = self.0.handles().remove(&handle);
        match entry {
            Some(entry) => {
                entry.browser.close().await;
                true
            }
            None => false,
        }
    }

    /// Counts the handles.
    #[must_use]
    pub fn stats(&self) -> WizardStats {
        WizardStats {
            active_handles: self.0.handles().len(),
            max_handles: MOST,
        }
    }
}

impl Inner {
    fn handles(&self) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn dataset(&self, name: &str) -> Result<&DatasetConfig> {
        let found = self.config.datasets.iter().find(|dataset| dataset.name == name);
        found.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such dataset").with("dataset", name))
    }

    /// Turns a request into a connection. Where the server is a configured one, the stricter demand of TLS counts.
    fn settings(&self, dataset: &DatasetConfig, request: ConnectRequest) -> Result<PostgresConnection> {
        let host = request.host.trim().to_owned();
        let mut settings = PostgresConnection::new(host, request.database);
        settings.port = request.port;
        settings.user = request.user;
        settings.tls = request.tls;
        settings.connect_timeout = CONNECT_TIMEOUT;
        let here = (hosts::plain(&settings.host), settings.port);
        let connections = self.config.datasets.iter().filter_map(|dataset| postgres(dataset));
        for known in connections.filter(|known| (hosts::plain(&known.host), known.port) == here) {
            settings.tls = settings.tls.max(known.tls);
        }
        let own = postgres(dataset).filter(|own| (hosts::plain(&own.host), own.port) == here);
        settings.root_certificate = own.and_then(|own| own.root_certificate.clone());
        settings.password = if request.password.expose() == PLACEHOLDER {
            let own = own.filter(|own| own.database == settings.database && own.user == settings.user);
            let Some(password) = own.and_then(|own| own.password.clone()) else {
                let message = "the stored password is only used for the configured host, port, database and user, and \
                               this is another one, or none is stored; give the password";
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            };
            Some(password)
        } else {
            Some(request.password).filter(|password| !password.expose().is_empty())
        };
        Ok(settings)
    }
}

fn postgres(dataset: &DatasetConfig) -> Option<&PostgresConnection> {
    match &dataset.connection {
        Some(Connection::Postgres(settings)) => Some(settings),
        _ => None,
    }
}

/// Ends a handle when it has not been used for its lifetime.
async fn expire(wizard: Weak<Inner>, handle: Uuid, lifetime: Duration) {
    let mut wait = lifetime;
    loop {
        tokio::time::sleep(wait).await;
        let Some(wizard) = wizard.upgrade() else { return };
        let entry = {
            let mut handles = wizard.handles();
            match handles.get(&handle) {
                None => return,
                Some(entry) => match lifetime
                    .checked_sub(entry.used.elapsed())
                    .filter(|left| !left.is_zero())
                {
                    Some(left) => {
                        wait = left;
                        None
                    }
                    None => handles.remove(&handle),
                },
            }
        };
        if let Some(entry) = entry {
            entry.browser.close().await;
            return;
        }
    }
}
