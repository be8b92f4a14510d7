//! What the configuration says, once resolved: plain data that the engine, the adapters and the analytics read.

mod dashboard;
mod kinds;
mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

pub use dashboard::*;
pub use kinds::*;
pub use server::*;

use super::Secret;
use crate::backup::BackupFormat;
use crate::column::ColumnType;

/// The resolved configuration of one engine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The store and how it is kept up to date (`duckdb.yaml`).
    pub store: StoreConfig,
    /// The server (`server.yaml`, and the environment for what is missing there).
    pub server: ServerConfig,
    /// What the web dashboard is told about itself.
    pub dashboard: DashboardConfig,
    /// The custom directory, when the configuration was read from one.
    pub custom_dir: Option<PathBuf>,
    /// Every dataset: the built-in four in the order `monitoring`, `eval`, `human_signals`, `kpi`, then the user's own by name.
    pub datasets: Vec<DatasetConfig>,
    /// What is odd but not wrong, such as unknown keys.
    pub warnings: Vec<Warning>,
    /// Every setting with its value (secrets redacted) and origin, ordered by key.
    pub settings: Vec<Setting>,
}

/// The store: where it is, and the limits under which it works.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StoreConfig {
    /// `enabled`: false refuses every sync and every read (default true).
    pub enabled: bool,
    /// `path`: the DuckDB file; a relative one is resolved against the parent of the custom directory.
    pub path: PathBuf,
    /// `sync_mode`: whether datasets with `auto_load` are synced at startup (default startup).
    pub sync_mode: SyncMode,
    /// `scheduler`: whether intervals run. Default: true with `sync_mode: startup`, false with `manual`.
    pub scheduler: bool,
    /// `max_sync_rows`: the most rows one table may take in one sync; none by default.
    pub max_sync_rows: Option<u64>,
    /// `query_concurrency`: how many queries run at once (default 8).
    pub query_concurrency: usize,
    /// `sync_workers`: connections to one source that may read at once (default 2).
    pub sync_workers: usize,
    /// `memory_limit` of DuckDB in bytes; a quarter of the machine's memory by default (`None`).
    pub memory_limit: Option<u64>,
    /// `frame_memory_limit`: bytes that one frame of the analytics may take; as much as DuckDB's memory limit by default (`None`).
    /// A relation that would take more is read anew for each question.
    pub frame_memory_limit: Option<u64>,
    /// `threads` of DuckDB; the machine's processors by default (`None`).
    pub threads: Option<usize>,
    /// `temp_directory`: where DuckDB spills; beside the store by default (`None`).
    pub temp_directory: Option<PathBuf>,
    /// `max_temp_directory_size`: the most bytes that DuckDB spills there (default 10 GB).
    pub max_temp_directory_size: u64,
    /// `query_timeout_seconds`: how long a query over HTTP may take unless it says otherwise, up to ten minutes (default 30).
    pub query_timeout: Duration,
    /// `query_max_rows`: the most rows that a query over HTTP may ask for (default 1,000,000).
    pub query_max_rows: u64,
    /// `backup`: backups at an interval; none by default.
    pub backup: Option<BackupConfig>,
}

/// Backups at an interval, made where intervals run at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupConfig {
    /// `directory`: the folder that they are made in, of this store alone; resolved like `path`.
    pub directory: PathBuf,
    /// `interval_minutes`: the time between two (default a day).
    pub interval: Duration,
    /// `keep`: how many of them are kept (default 7).
    pub keep: usize,
    /// `format`: one file or a folder of Parquet files (default `duckdb`).
    pub format: BackupFormat,
}

impl BackupConfig {
    /// Begins with every setting at its default.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            interval: Duration::from_secs(24 * 60 * 60),
            keep: 7,
            format: BackupFormat::default(),
        }
    }
}

/// Whether datasets are synced when the server starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// Sync what has `auto_load` at startup.
    Startup,
    /// Sync only when asked.
    Manual,
}

/// One dataset: tables that are synced together in one snapshot and one commit, and the relation that readers see.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DatasetConfig {
    /// The name: `monitoring`, `eval`, `human_signals`, `kpi`, or the user's own.
    pub name: String,
    /// Which column rules apply.
    pub kind: DatasetKind,
    /// `enabled`.
    pub enabled: bool,
    /// Whether startup syncs it: `auto_load` or, for the datasets that have it, the legacy `auto_connect`.
    pub auto_load: bool,
    /// Where its rows come from; `None` when nothing is configured.
    pub connection: Option<Connection>,
    /// The tables that hold its rows; empty when the queries are missing.
    pub tables: Vec<TableConfig>,
    /// The relation that readers see.
    pub view: ViewConfig,
    /// `columns`: exact source name -> final name; wins over the built-in aliases.
    pub columns: BTreeMap<String, String>,
    /// `refresh_interval_minutes`; `None` (0) means no schedule.
    pub refresh_interval: Option<Duration>,
    /// `reconcile_interval_minutes`; `None` means never.
    pub reconcile_interval: Option<Duration>,
    /// `full_refresh_interval_minutes`; `None` means never.
    pub full_refresh_interval: Option<Duration>,
    /// `query_timeout` of interactive queries on the source (default 60 s, at most 120 s).
    pub query_timeout: Duration,
    /// `sync_timeout` of a whole sync; none by default.
    pub sync_timeout: Option<Duration>,
    /// `row_limit` of direct imports.
    pub row_limit: u64,
    /// `on_schema_change`.
    pub on_schema_change: SchemaPolicy,
    /// Settings that only this kind of dataset has.
    pub options: KindOptions,
    /// Why the block is unusable; the dataset is then listed, refuses to sync with this error, and the rest runs.
    pub broken: Option<crate::error::Error>,
}

/// Which column rules a dataset follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatasetKind {
    /// Production traces and their metrics.
    Monitoring,
    /// Evaluation runs and their metrics.
    Eval,
    /// Human feedback.
    HumanSignals,
    /// Key performance indicators.
    Kpi,
    /// A dataset of the user's own.
    Custom,
}

/// One stored table of a dataset.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TableConfig {
    /// The table's name in the store, such as `monitoring_results`.
    pub name: String,
    /// The query whose answer the table equals.
    pub query: String,
    /// Whether the query is `select *` of one table (`relation`), so that it can be read by ranges of blocks.
    pub whole_relation: bool,
    /// `primary_key`: the key columns, by source or final name; empty means none.
    pub primary_key: Vec<String>,
    /// `incremental_column`, by source or final name.
    pub incremental_column: Option<String>,
    /// `partition_column`, by source or final name: a full read that is large enough is split by its values.
    pub partition_column: Option<String>,
    /// `incremental_lookback_seconds`; `None` lets the source decide (0 when it sees running transactions, 300 otherwise).
    pub lookback: Option<Duration>,
    /// `types`: column (source or final name) -> how to carry it.
    pub types: BTreeMap<String, TypePolicy>,
}

/// How one column is carried, when not by its natural type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TypePolicy {
    /// `error`: a value that cannot be carried fails the sync and names the column (the default).
    Error,
    /// `null`: a value that cannot be carried becomes NULL.
    Null,
    /// `varchar`: the column is carried as PostgreSQL's own text.
    Varchar,
    /// `double`, `decimal(p,s)`, `bigint`, ...: the source casts the column to this type. [`ColumnType::List`] is not allowed here.
    Type(ColumnType),
}

/// The relation that readers see.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ViewConfig {
    /// The one table itself, under its own name.
    Table {
        /// The relation: `kpi_data`, or the user's table.
        name: String,
    },
    /// The built-in inner join on `dataset_id`: every results column by name, then every other dataset column by name, prefixed `dataset_` on a clash.
    Join {
        /// The view, such as `monitoring_data`.
        name: String,
        /// The table with one row a record.
        dataset: String,
        /// The table with one row a metric.
        results: String,
    },
    /// The user's own view.
    Sql {
        /// The view.
        name: String,
        /// Its SELECT.
        sql: String,
    },
    /// Several tables, and no view over them.
    None,
}

impl ViewConfig {
    /// Returns the name of the relation, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Table { name } | Self::Join { name, .. } | Self::Sql { name, .. } => Some(name),
            Self::None => None,
        }
    }
}

/// What a change of the source's columns does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaPolicy {
    /// `recreate`: rebuild the table and say so in the report.
    #[default]
    Recreate,
    /// `add`: add new columns, which are NULL in the rows of before; anything else rebuilds.
    Add,
    /// `block`: fail and change nothing.
    Block,
}

/// Where rows come from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connection {
    /// A PostgreSQL server.
    Postgres(PostgresConnection),
    /// A SQLite file (`url: sqlite:path` or `db_type: sqlite` with `database: path`), resolved like every relative path.
    Sqlite {
        /// The file.
        path: PathBuf,
    },
}

/// How to reach a PostgreSQL server.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PostgresConnection {
    /// Host name, address, or the directory of a Unix socket (begins with `/`).
    pub host: String,
    /// Port (default 5432).
    pub port: u16,
    /// Database.
    pub database: String,
    /// User; the server's default is `postgres`.
    pub user: String,
    /// Password, if one is needed.
    pub password: Option<Secret<String>>,
    /// How much of TLS is demanded. The stricter of the URL's `sslmode` and the block's `ssl_mode` wins.
    pub tls: TlsMode,
    /// `ssl_root_cert` or the URL's `sslrootcert`: a PEM file of authorities trusted instead of the system's.
    pub root_certificate: Option<PathBuf>,
    /// `connect_timeout` (default 10 s).
    pub connect_timeout: Duration,
}

/// How much of TLS is demanded, from least to most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TlsMode {
    /// `disable`: never encrypted.
    Disable,
    /// `prefer`: encrypted when the server offers it (the default).
    #[default]
    Prefer,
    /// `require`: always encrypted, the certificate is not checked.
    Require,
    /// `verify-ca`: the certificate must come from a trusted authority.
    VerifyCa,
    /// `verify-full`: and must name the host.
    VerifyFull,
}

/// Something odd that does not stop anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// Where: `file:line`, or `environment`.
    pub place: String,
    /// What, and what to do.
    pub message: String,
}

/// One setting as `explain` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Dotted key, such as `monitoring_db.port`.
    pub key: String,
    /// The value, secrets redacted.
    pub value: String,
    /// Where the value came from.
    pub origin: Origin,
    /// Whether it is a secret that is written out in a file, where a variable such as `${NAME}` should stand.
    pub written_out: bool,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// An environment variable (or `.env`).
    Env(String),
    /// A line of a file; the path is relative to the custom directory.
    File {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
}
