//! Options of backups, and of work on a store that nobody has open.

use serde_json::Value;

use super::configured::Configured;
use super::members::Members;
use crate::backup::{BackupFormat, BackupOptions, CompactOptions, RestoreOptions};
use crate::config::{Config, Env};
use crate::error::Result;

/// Reads `{format: "duckdb" | "parquet"}`.
///
/// # Errors
/// `InvalidArgument`.
pub fn backup_options(options: Value) -> Result<BackupOptions> {
    let members = Members::of("the backup options", options)?;
    let formats = [("duckdb", BackupFormat::Duckdb), ("parquet", BackupFormat::Parquet)];
    let format = members.choice("format", &formats, BackupFormat::Duckdb)?;
    members.finish()?;
    Ok(BackupOptions::default().format(format))
}

/// Reads `{store, config, env, force: bool}`; all but `force` are those of [`Opening::from_json`](super::Opening::from_json).
///
/// # Errors
/// `InvalidArgument` for the options, `Config` for what the configuration says.
pub fn restore_options(options: Value, env: &Env) -> Result<(Config, RestoreOptions)> {
    let members = Members::of("the restore options", options)?;
    let configured = Configured::take(&members)?;
    let force = members.take_or("force", false)?;
    members.finish()?;
    Ok((configured.config(env)?, RestoreOptions::default().force(force)))
}

/// Reads `{store, config, env}`, which are those of [`Opening::from_json`](super::Opening::from_json).
///
/// # Errors
/// `InvalidArgument` for the options, `Config` for what the configuration says.
pub fn compact_options(options: Value, env: &Env) -> Result<(Config, CompactOptions)> {
    let members = Members::of("the compact options", options)?;
    let configured = Configured::take(&members)?;
    members.finish()?;
    Ok((configured.config(env)?, CompactOptions::default()))
}
