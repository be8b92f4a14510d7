//! Work on a store that nobody has open.

use axis_core::{backup, wire};
use pyo3::prelude::*;

use crate::call::{Answer, Call};
use crate::engine::environment;
use crate::error::read;
use crate::gate;
use crate::listener::Listener;

/// Makes a store from a backup.
#[pyfunction]
#[pyo3(signature = (path, options, listener=None))]
pub(crate) fn restore(path: String, options: &str, listener: Option<Py<PyAny>>) -> Call {
    let cancel = gate::token();
    let (listener, tell) = Listener::of_backup(listener);
    let (options, env, token) = (read(options), environment(), cancel.clone());
    Call::cancelled_by(cancel, listener, async move {
        let (config, options) = wire::restore_options(options?, &env)?;
        let options = options.cancel(token).progress(tell);
        Answer::of(&backup::restore(path, &config, options).await?)
    })
}

/// Writes a store into a new file.
#[pyfunction]
#[pyo3(signature = (options, listener=None))]
pub(crate) fn compact(options: &str, listener: Option<Py<PyAny>>) -> Call {
    let cancel = gate::token();
    let (listener, tell) = Listener::of_backup(listener);
    let (options, env, token) = (read(options), environment(), cancel.clone());
    Call::cancelled_by(cancel, listener, async move {
        let (config, options) = wire::compact_options(options?, &env)?;
        Answer::of(&backup::compact(&config, options.cancel(token).progress(tell)).await?)
    })
}
