//! What a form about a connection is filled with.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::{Connection, DatasetConfig, KindOptions, TlsMode, ViewConfig};

/// The configured connection of a dataset without its password, and what helps to choose tables and rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Defaults {
    /// Always null: a URL may hold a password.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub url: (),
    /// The host; null when no PostgreSQL server is configured.
    pub host: Option<String>,
    /// The port.
    pub port: u16,
    /// The database.
    pub database: Option<String>,
    /// The user.
    pub username: Option<String>,
    /// Whether a password is stored that eight asterisks stand for.
    pub has_password: bool,
    /// `disable`, `prefer`, `require`, `verify-ca` or `verify-full`.
    pub ssl_mode: &'static str,
    /// Always null: nothing is read by a single table's name.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub table: (),
    /// Whether a PostgreSQL server is configured.
    pub has_defaults: bool,
    /// The tables that may be read; all when empty.
    pub tables: Vec<String>,
    /// Columns that are offered as filters.
    pub filters: Vec<DefaultFilter>,
    /// Source column -> the name that it gets.
    pub column_rename_map: BTreeMap<String, String>,
    /// The configured query of the records.
    pub query: Option<String>,
    /// Seconds that a SELECT may take.
    pub query_timeout: u64,
    /// Rows of an import that does not say how many.
    pub row_limit: u64,
}

/// A column that is offered as a filter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct DefaultFilter {
    /// The column.
    pub column: String,
    /// What to call it.
    pub label: String,
}

impl Defaults {
    pub(super) fn of(dataset: &DatasetConfig) -> Self {
        let settings = match &dataset.connection {
            Some(Connection::Postgres(settings)) => Some(settings),
            _ => None,
        };
        let (tables, filters) = match &dataset.options {
            KindOptions::Monitoring(options) => (options.tables.clone(), options.filters.clone()),
            KindOptions::HumanSignals(options) => (options.tables.clone(), options.filters.clone()),
            KindOptions::Eval(options) => (options.tables.clone(), options.filters.clone()),
            KindOptions::Kpi(_) | KindOptions::Custom => Default::default(),
        };
        let records = match &dataset.view {
            ViewConfig::Join { dataset: records, .. } => dataset.tables.iter().find(|table| table.name == *records),
            _ => dataset.tables.first(),
        };
        Self {
            url: (),
            host: settings.map(|settings| settings.host.clone()),
            port: settings.map_or(5432, |settings| settings.port),
            database: settings.map(|settings| settings.database.clone()),
            username: settings.map(|settings| settings.user.clone()),
            has_password: settings.is_some_and(|settings| settings.password.is_some()),
            ssl_mode: word(settings.map(|settings| settings.tls).unwrap_or_default()),
            table: (),
            has_defaults: settings.is_some(),
            tables,
            filters: filters
                .into_iter()
                .map(|hint| DefaultFilter {
                    column: hint.column,
                    label: hint.label,
                })
                .collect(),
            column_rename_map: dataset.columns.clone(),
            query: records.map(|table| table.query.clone()),
            query_timeout: dataset.query_timeout.as_secs(),
            row_limit: dataset.row_limit,
        }
    }
}

fn word(mode: TlsMode) -> &'static str {
    match mode {
        TlsMode::Disable => "disable",
        TlsMode::Prefer => "prefer",
        TlsMode::Require => "require",
        TlsMode::VerifyCa => "verify-ca",
        TlsMode::VerifyFull => "verify-full",
    }
}
