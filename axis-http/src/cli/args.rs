//! The arguments of the `axis` command.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use super::doctor::Check;

/// Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL.
///
/// Exit codes: 0 done, 1 something failed, 2 wrong usage or configuration, 130 interrupted.
#[derive(Debug, Parser)]
#[command(name = "axis", version, propagate_version = true)]
pub(crate) struct Args {
    /// The directory that holds `config/*.yaml` [default: custom].
    #[arg(long, global = true, env = "AXIS_CUSTOM_DIR", value_name = "DIR")]
    pub(crate) custom_dir: Option<PathBuf>,
    /// The DuckDB file, in place of `duckdb.path`.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) store: Option<PathBuf>,
    /// Takes the store over from a process that has given no sign of life for so many seconds [without a value: 30].
    #[arg(long, global = true, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = "30", value_parser = clap::value_parser!(u64).range(3..=86_400))]
    pub(crate) take_over: Option<u64>,
    /// Prints one JSON document on stdout.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How the log on stderr is written; its level is `AXIS_LOG` or `RUST_LOG`.
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(crate) log_format: LogFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers over HTTP, syncs at startup and on schedule.
    Serve(ServeArgs),
    /// Brings datasets up to date: those named, or all that are enabled.
    Sync(SyncArgs),
    /// Compares datasets with their sources, row by row in checksums: those named, or all that are enabled.
    ///
    /// Exit codes: 0 equal, 1 a difference or a failure, 2 wrong usage or configuration, 130 interrupted.
    Verify(VerifyArgs),
    /// Shows what is stored and how the last syncs went.
    Status,
    /// Works on watermarks.
    #[command(subcommand)]
    Watermarks(WatermarksCommand),
    /// Runs one SELECT on the store.
    Query(QueryArgs),
    /// Writes a backup of the store, which may be in use by this process alone, or by a server with `--from`.
    Backup(BackupArgs),
    /// Makes the store from a backup; compares all checksums first.
    Restore(RestoreArgs),
    /// Writes the store anew, without the room that is free in its file; nobody may have it open.
    Compact,
    /// Looks at the configuration without opening anything.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Looks at an installation, also while its server runs: what is wrong, and how to mend it.
    ///
    /// Exit codes: 0 nothing but warnings, 1 a problem, 2 wrong usage, 130 interrupted.
    Doctor(DoctorArgs),
    /// Shows everything with made-up data, without any server.
    Demo(DemoArgs),
}

impl Command {
    /// The level of the log unless the environment says otherwise.
    pub(crate) fn default_level(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            // A failed sync is printed by the command itself.
            _ => "warn,axis_core::dataset=error",
        }
    }
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// The address to listen on [default: HOST or 127.0.0.1].
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The port to listen on, 0 for a free one [default: PORT or 8500].
    #[arg(long)]
    pub(crate) port: Option<u16>,
    /// Serves other machines without asking for a key or a token.
    #[arg(long)]
    pub(crate) insecure: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct SyncArgs {
    /// The datasets; all that are enabled when none is named.
    #[arg(value_name = "DATASET")]
    pub(crate) datasets: Vec<String>,
    /// Rebuilds every table.
    #[arg(long)]
    pub(crate) full: bool,
    /// Looks for deleted rows, too: compares all keys; tables without a primary_key are rebuilt.
    #[arg(long, conflicts_with = "full")]
    pub(crate) reconcile: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct VerifyArgs {
    /// The datasets; all that are enabled when none is named.
    #[arg(value_name = "DATASET")]
    pub(crate) datasets: Vec<String>,
    /// Syncs first and compares in the same snapshot; without it, rows since the last sync are differences.
    #[arg(long)]
    pub(crate) sync: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WatermarksCommand {
    /// Forgets the watermarks of a dataset, so that its next sync is a full rebuild; data stays.
    Reset {
        /// The dataset.
        dataset: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct QueryArgs {
    /// One SELECT.
    pub(crate) sql: String,
    /// How rows are printed [default: table, or json with --json].
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// The longest time in seconds.
    #[arg(long, value_name = "SECS")]
    pub(crate) timeout: Option<f64>,
    /// The most rows to print [default: 1000 for a table, no limit otherwise].
    #[arg(long, value_name = "N")]
    pub(crate) max_rows: Option<u64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct BackupArgs {
    /// The file, or the folder with `--parquet`. Another backup of this name is replaced, a folder is not.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Writes a folder with a Parquet file a table.
    #[arg(long, conflicts_with = "from")]
    pub(crate) parquet: bool,
    /// Downloads the backup from a running server, such as `http://localhost:8500`; the key is AXIS_API_KEY, of the role `admin`.
    #[arg(long, value_name = "URL")]
    pub(crate) from: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RestoreArgs {
    /// The file or the folder of a backup.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Replaces the store that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// How rows are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people.
    Table,
    /// An array of objects.
    Json,
    /// CSV with a header; lists and structs as JSON.
    Csv,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Names every mistake with file and line; exit code 2 when there is one.
    Check,
    /// Lists every setting with its value and where it comes from; secrets are redacted.
    Explain,
    /// Describes every key and every environment variable there is, as a page in Markdown.
    Reference,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DoctorArgs {
    /// Where the server is reached, directly or through its proxy [default: the configured host and port].
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Looks at these alone; health and ready then need a server that answers.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CHECK")]
    pub(crate) only: Vec<Check>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct DemoArgs {
    /// Ends after the first sync instead of serving.
    #[arg(long)]
    pub(crate) once: bool,
    /// How many traces to make.
    #[arg(long, default_value_t = 5_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub(crate) rows: u64,
    /// The directory of the demonstration; it is made anew at each start.
    #[arg(long, default_value = "axis-demo", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on, 0 for a free one.
    #[arg(long, default_value_t = 8500)]
    pub(crate) port: u16,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Args::command().debug_assert();
    }
}
