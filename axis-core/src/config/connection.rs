//! The connection keys of a block, and the URL that may stand for them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::ledger::{REDACTED, config_error};
use super::node::{Block, Text};
use super::url::{self, ParsedUrl, PostgresUrl, TLS_MODES};
use super::yaml::Place;
use super::{Connection, PostgresConnection, Secret, TlsMode};
use crate::error::Result;

/// How long connecting may take unless configured.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_PORT: u16 = 5432;
const DEFAULT_USER: &str = "postgres";

impl Connection {
    /// Reads `postgresql://`, `postgres://` or `sqlite:` URLs; a relative SQLite path stays relative.
    ///
    /// # Errors
    /// `Config` when the URL is malformed or lacks the host or the database; nothing of the URL is repeated in the message.
    pub fn from_url(url: &str) -> Result<Self> {
        match url::parse(url).map_err(|what| config_error(format!("the url {what}")))? {
            ParsedUrl::Sqlite { path, .. } => Ok(Self::Sqlite {
                path: PathBuf::from(path),
            }),
            ParsedUrl::Postgres(url) => {
                let lacks = |what: &str| config_error(format!("the url names no {what}"));
                let mut out = PostgresConnection::new(
                    url.host.ok_or_else(|| lacks("host"))?,
                    url.database.ok_or_else(|| lacks("database"))?,
                );
                out.port = url.port.unwrap_or(out.port);
                out.user = url.user.unwrap_or(out.user);
                out.password = url.password.map(Secret::new);
                out.tls = url.tls.unwrap_or_default();
                out.root_certificate = url.root_certificate.map(PathBuf::from);
                out.connect_timeout = url.connect_timeout.unwrap_or(out.connect_timeout);
                Ok(Self::Postgres(out))
            }
        }
    }
}

impl PostgresConnection {
    /// Creates a connection with the defaults: port 5432, user `postgres`, no password, TLS preferred, 10 s to connect.
    #[must_use]
    pub fn new(host: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: DEFAULT_PORT,
            database: database.into(),
            user: DEFAULT_USER.to_owned(),
            password: None,
            tls: TlsMode::default(),
            root_certificate: None,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }

    /// Reads a `postgresql://` or `postgres://` URL.
    ///
    /// # Errors
    /// As [`Connection::from_url`], and `Config` for the URL of another kind of source.
    pub fn from_url(url: &str) -> Result<Self> {
        match Connection::from_url(url)? {
            Connection::Postgres(connection) => Ok(connection),
            Connection::Sqlite { .. } => Err(config_error("the url is not one of PostgreSQL")),
        }
    }

    /// Writes the connection as a URL whose password is redacted.
    #[must_use]
    pub fn redacted_url(&self) -> String {
        let password = if self.password.is_some() { ":[redacted]" } else { "" };
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        format!(
            "postgresql://{}{password}@{host}:{}/{}",
            self.user, self.port, self.database
        )
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Engine {
    Postgres,
    Sqlite,
}

/// Reads the connection of a block. `prefix` is that of the variables that may fill a missing URL or password.
pub(super) fn read(block: &Block<'_>, root: &Path, prefix: Option<&str>) -> Option<Connection> {
    let engines = [
        ("postgres", Engine::Postgres),
        ("postgresql", Engine::Postgres),
        ("sqlite", Engine::Sqlite),
    ];
    let engine = block.choice("db_type", &engines, "postgres");
    let keys = Keys {
        block,
        host: block.text("host"),
        port: block.text("port").and(Some(())),
        database: block.text("database"),
        user: block.text("username"),
        url: None,
        literal: false,
    };
    let names_file = engine == Some(Engine::Sqlite) && keys.database.is_some();
    let url = block.text("url").or_else(|| {
        if keys.host.is_some() || names_file {
            None
        } else {
            variable(block, prefix, "URL")
        }
    });
    let parsed = match url.as_ref().map(|url| (url, url::parse(&url.value))) {
        None => None,
        Some((_, Ok(parsed))) => Some(parsed),
        Some((url, Err(what))) => {
            block.wrong("url", &url.place, what);
            return None;
        }
    };
    let written_out = |url: &Text| match &parsed {
        Some(ParsedUrl::Postgres(parsed)) => parsed
            .password_in_place
            .as_ref()
            .is_some_and(|text| url.is_literal(text)),
        _ => false,
    };
    let keys = Keys {
        literal: url.as_ref().is_some_and(written_out),
        url: url.as_ref().map(|url| url.place.clone()),
        ..keys
    };
    match (parsed, engine) {
        (Some(ParsedUrl::Sqlite { path, has_parameters }), None | Some(Engine::Sqlite)) => {
            if has_parameters {
                keys.odd_url("has parameters, which have no effect");
            }
            keys.sqlite(root, &path)
        }
        (Some(ParsedUrl::Postgres(url)), None | Some(Engine::Postgres)) => keys.postgres(*url, root, prefix),
        (Some(_), Some(_)) => {
            if let Some(place) = &keys.url {
                block.wrong(
                    "url",
                    place,
                    format!("is of another kind than `{}` says", block.key("db_type")),
                );
            }
            None
        }
        (None, Some(Engine::Sqlite)) => {
            let file = keys.database.as_ref().map(|text| text.value.clone());
            file.and_then(|file| keys.sqlite(root, &file))
        }
        (None, None | Some(Engine::Postgres)) => keys.postgres(PostgresUrl::default(), root, prefix),
    }
}

/// Reads a variable that stands in for a key.
fn variable(block: &Block<'_>, prefix: Option<&str>, suffix: &str) -> Option<Text> {
    let name = format!("{}{suffix}", prefix?);
    let (value, place) = block.ledger.variable(&name)?;
    Some(Text::from_variable(value, place))
}

/// The keys of one block.
struct Keys<'b, 'a> {
    block: &'b Block<'a>,
    host: Option<Text>,
    port: Option<()>,
    database: Option<Text>,
    user: Option<Text>,
    url: Option<Place>,
    /// Whether the URL's password is written out in a file.
    literal: bool,
}

impl Keys<'_, '_> {
    fn odd_url(&self, what: &str) {
        if let Some(place) = &self.url {
            self.block.odd("url", place, what);
        }
    }

    fn sqlite(&self, root: &Path, path: &str) -> Option<Connection> {
        let block = self.block;
        let path = root.join(path);
        if self.url.is_some() {
            block.ledger.set(
                block.key("url"),
                format!("sqlite:{}", path.display()),
                self.url.as_ref(),
            );
        }
        block.record("database", self.database.as_ref(), "none");
        let ignored = [
            "host",
            "port",
            "username",
            "password",
            "ssl_mode",
            "ssl_root_cert",
            "connect_timeout",
        ];
        for key in ignored {
            if let Some(entry) = block.entry(key) {
                block.odd(key, &entry.place, "has no effect on a SQLite file");
            }
        }
        Some(Connection::Sqlite { path })
    }

    fn postgres(&self, url: PostgresUrl, root: &Path, prefix: Option<&str>) -> Option<Connection> {
        let block = self.block;
        for name in &url.ignored {
            self.odd_url(&format!("has the parameter `{name}`, which has no effect"));
        }
        let host = self.pick("host", self.host.as_ref(), url.host, "none");
        let port = match url.port {
            Some(port) => {
                if self.port.is_some() && block.integer("port", 1..=65535, "") != Some(u64::from(port)) {
                    self.shadowed("port");
                }
                block.ledger.set(block.key("port"), port.to_string(), self.url.as_ref());
                port
            }
            None => {
                let port = block.integer_or("port", 1..=65535, "", u64::from(DEFAULT_PORT));
                u16::try_from(port).unwrap_or(DEFAULT_PORT)
            }
        };
        let database = self.pick("database", self.database.as_ref(), url.database, "none");
        let user = self.pick("username", self.user.as_ref(), url.user, DEFAULT_USER);
        let password = self.password(url.password, prefix);
        let tls = self.tls(url.tls);
        let root_certificate = self.root_certificate(url.root_certificate, root);
        let connect_timeout = self.connect_timeout(url.connect_timeout);
        let connection = match (host, database) {
            (Some(host), Some(database)) => Some(PostgresConnection {
                host,
                port,
                database,
                user: user.unwrap_or_else(|| DEFAULT_USER.to_owned()),
                password,
                tls,
                root_certificate,
                connect_timeout,
            }),
            (None, database) => {
                if let Some(place) = &self.url {
                    block.wrong("url", place, "names no host");
                } else if database.is_some() {
                    let place = self.database.as_ref().map_or(&block.place, |text| &text.place);
                    block.odd("database", place, "has no effect without a host or a url");
                }
                None
            }
            (Some(_), None) => {
                match (&self.url, &self.host) {
                    (Some(place), _) => block.wrong("url", place, "names no database"),
                    (None, Some(host)) => {
                        let missing = match &host.place {
                            Place::Env { name, .. } => name.replace("HOST", "NAME"),
                            Place::File { .. } => block.key("database"),
                        };
                        block
                            .ledger
                            .fail(&host.place, format!("`{missing}` is missing, a host needs a database"));
                    }
                    (None, None) => {}
                }
                None
            }
        };
        if self.url.is_some() {
            let shown = connection
                .as_ref()
                .map_or_else(|| REDACTED.to_owned(), PostgresConnection::redacted_url);
            block.ledger.set(block.key("url"), shown, self.url.as_ref());
        } else {
            block.default("url", "none");
        }
        connection.map(Connection::Postgres)
    }

    /// Takes a part from the URL, else from its key.
    fn pick(&self, key: &str, text: Option<&Text>, from_url: Option<String>, default: &str) -> Option<String> {
        let block = self.block;
        if let Some(text) = text
            && (text.value.contains("://") || (key == "host" && text.value.contains('@')))
        {
            block.wrong(key, &text.place, "looks like a url, which belongs to the key `url`");
            return None;
        }
        let Some(value) = from_url else {
            block.record(key, text, default);
            return text.map(|text| text.value.trim().to_owned());
        };
        if text.is_some_and(|text| text.value != value) {
            self.shadowed(key);
        }
        block.ledger.set(block.key(key), &value, self.url.as_ref());
        Some(value)
    }

    fn shadowed(&self, key: &str) {
        if let Some(entry) = self.block.entry(key) {
            self.block
                .odd(key, &entry.place, "has no effect, the url says otherwise");
        }
    }

    fn password(&self, from_url: Option<String>, prefix: Option<&str>) -> Option<Secret<String>> {
        let block = self.block;
        let own = block.text("password");
        let literal = |text: &Text| text.is_literal(&text.value);
        let (literal, (value, place)) = match (from_url, own, &self.url) {
            (Some(value), own, Some(place)) => {
                if own.is_some_and(|own| own.value != value) {
                    self.shadowed("password");
                }
                (self.literal, (value, place.clone()))
            }
            (_, Some(own), _) => (literal(&own), own.into_parts()),
            _ => match variable(block, prefix, "PASSWORD") {
                Some(variable) => (false, variable.into_parts()),
                None => {
                    block.default("password", "none");
                    return None;
                }
            },
        };
        block.ledger.set_secret(block.key("password"), &place, literal);
        Some(Secret::new(value))
    }

    /// The stricter of what the URL and the block demand.
    fn tls(&self, from_url: Option<TlsMode>) -> TlsMode {
        let block = self.block;
        let own = block.text("ssl_mode").map(|text| text.place);
        let chosen = if own.is_some() {
            block.choice("ssl_mode", TLS_MODES, "prefer")
        } else {
            None
        };
        match from_url {
            Some(mode) if chosen.is_none_or(|chosen| mode > chosen) => {
                let word = TLS_MODES
                    .iter()
                    .find(|(_, known)| *known == mode)
                    .map_or("", |(word, _)| word);
                block.ledger.set(block.key("ssl_mode"), word, self.url.as_ref());
                mode
            }
            _ => {
                if own.is_none() {
                    block.default("ssl_mode", "prefer");
                }
                chosen.unwrap_or_default()
            }
        }
    }

    fn root_certificate(&self, from_url: Option<String>, root: &Path) -> Option<PathBuf> {
        let own = self.block.text("ssl_root_cert");
        self.pick("ssl_root_cert", own.as_ref(), from_url, "none")
            .map(|path| root.join(path))
    }

    fn connect_timeout(&self, from_url: Option<Duration>) -> Duration {
        let block = self.block;
        if let Some(timeout) = from_url {
            if block.entry("connect_timeout").is_some() {
                self.shadowed("connect_timeout");
            }
            block.ledger.set(
                block.key("connect_timeout"),
                timeout.as_secs().to_string(),
                self.url.as_ref(),
            );
            return timeout;
        }
        Duration::from_secs(block.integer_or("connect_timeout", 1..=120, "seconds", CONNECT_TIMEOUT.as_secs()))
    }
}
