//! Where the feedback comes from, without secrets.

use serde::Serialize;

use super::Signals;
use crate::config::{Connection, Origin, Setting, TlsMode};

/// Where the feedback comes from.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DatabaseAnswer {
    /// True.
    pub success: bool,
    /// Whether a connection is configured.
    pub configured: bool,
    /// `auto_connect`, when a connection is configured.
    pub auto_connect: bool,
    /// Whether it is synced at startup.
    pub auto_load: bool,
    /// Whether both queries are configured.
    pub has_query: bool,
    /// `row_limit`.
    pub row_limit: u64,
    /// `query_timeout`, in seconds.
    pub query_timeout: u64,
    /// The connection, when one is configured.
    pub connection: Option<DatabaseConnection>,
}

/// A connection without its secrets.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DatabaseConnection {
    /// Host; null for a file.
    pub host: Option<String>,
    /// Port; null for a file.
    pub port: Option<u16>,
    /// Database, or the name of the file.
    pub database: String,
    /// `schema`.
    pub schema: String,
    /// `table`.
    pub table: Option<String>,
    /// How much of TLS is demanded; null for a file.
    pub ssl_mode: Option<String>,
    /// Whether it is configured by a URL.
    pub has_url: bool,
}

impl DatabaseConnection {
    /// Describes the connection of a block.
    pub(crate) fn of(
        connection: &Connection,
        settings: &[Setting],
        block: &str,
        schema: String,
        table: Option<String>,
    ) -> Self {
        let url = format!("{block}.url");
        let (host, port, database, ssl_mode) = match connection {
            Connection::Postgres(server) => (
                Some(server.host.clone()),
                Some(server.port),
                server.database.clone(),
                Some(tls(server.tls).to_owned()),
            ),
            Connection::Sqlite { path } => {
                let name = path.file_name().unwrap_or_default();
                (None, None, name.to_string_lossy().into_owned(), None)
            }
        };
        Self {
            host,
            port,
            database,
            schema,
            table,
            ssl_mode,
            has_url: settings
                .iter()
                .any(|setting| setting.key == url && setting.origin != Origin::Default),
        }
    }
}

impl Signals {
    /// Tells where the feedback comes from.
    #[must_use]
    pub fn database(&self) -> DatabaseAnswer {
        let config = self.dataset.config();
        let configured = config.connection.is_some();
        let settings = &self.engine.config().settings;
        let options = self.options();
        let describe = |connection: &Connection| {
            let schema = options.map_or_else(String::new, |options| options.schema.clone());
            let table = options.and_then(|options| options.table.clone());
            DatabaseConnection::of(connection, settings, "human_signals_db", schema, table)
        };
        DatabaseAnswer {
            success: true,
            configured,
            auto_connect: configured && options.is_some_and(|options| options.auto_connect),
            auto_load: configured && config.auto_load,
            has_query: !config.tables.is_empty(),
            row_limit: config.row_limit,
            query_timeout: config.query_timeout.as_secs(),
            connection: config.connection.as_ref().map(describe),
        }
    }
}

fn tls(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}
