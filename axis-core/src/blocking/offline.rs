//! Work on a store that nobody has open, waiting.

use std::path::PathBuf;

use super::runtime::Runtime;
use crate::backup::{CompactOptions, CompactReport, RestoreOptions, RestoreReport};
use crate::config::Config;
use crate::error::Result;

/// Makes the store of a configuration from a backup, as [`crate::backup::restore`] does.
///
/// # Errors
/// As there; `InvalidArgument` on a thread of an async runtime.
pub fn restore(path: impl Into<PathBuf>, config: &Config, options: RestoreOptions) -> Result<RestoreReport> {
    let (path, config) = (path.into(), config.clone());
    Runtime::own()?.run(async move { crate::backup::restore(path, &config, options).await })
}

/// Writes the store of a configuration into a new file, as [`crate::backup::compact`] does.
///
/// # Errors
/// As there; `InvalidArgument` on a thread of an async runtime.
pub fn compact(config: &Config, options: CompactOptions) -> Result<CompactReport> {
    let config = config.clone();
    Runtime::own()?.run(async move { crate::backup::compact(&config, options).await })
}
