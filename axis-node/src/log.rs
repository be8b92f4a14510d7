//! The log, for whoever sets `AXIS_LOG`.

use std::io::stderr;

use axis_core::{Error, ErrorKind};
use napi::Env;
use napi_derive::napi;
use tracing_subscriber::EnvFilter;

use crate::gate::here;

/// Writes what happens to stderr, as far as a filter lets it; whatever was asked for first in this process holds.
#[napi]
pub fn log(env: &Env, filter: String) -> napi::Result<()> {
    here(env, move || {
        let filter = EnvFilter::try_new(&filter).map_err(|error| {
            let message = format!("`{filter}` is no filter; allowed are a level, or targets with levels");
            Error::new(ErrorKind::InvalidArgument, message).because(error)
        })?;
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(stderr)
            .with_ansi(false);
        // Another worker thread may have begun.
        let _ = log.try_init();
        Ok(())
    })
}
