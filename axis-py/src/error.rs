//! Core errors become instances of the classes in `axis.exceptions`.

use axis_core::{Error, ErrorKind, Result, wire};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde::Serialize;
use serde_json::Value;

/// Makes the exception of an error. What a driver said stays in the core: a traceback prints causes, and they may hold values of rows.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    build(py, error).unwrap_or_else(|failure| failure)
}

fn build(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let context = PyDict::new(py);
    for (key, value) in error.context() {
        context.set_item(key, value)?;
    }
    let told = (error.code(), error.message(), error.operation(), context);
    let made = py.import("axis.exceptions")?.getattr("_restore")?.call1(told)?;
    Ok(PyErr::from_value(made))
}

/// An argument that cannot be right.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// The answer to whoever's work was cancelled.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled")
}

/// The answer of an engine that was closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the engine is closed")
}

/// Reads what Python wrote.
pub(crate) fn read(json: &str) -> Result<Value> {
    wire::json(json, "argument")
}

/// Writes what Python reads.
pub(crate) fn written(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|cause| Error::new(ErrorKind::Internal, "an answer cannot be written as JSON").because(cause))
}
