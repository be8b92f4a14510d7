//! One operation of the core, described but not begun: Python either waits for it or has itself told of its end.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use axis_core::Result;
use pyo3::prelude::*;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::error::{exception, invalid};
use crate::listener::Listener;
use crate::stream::Stream;
use crate::{error, gate};

/// What is to be done.
pub(crate) type Work = Pin<Box<dyn Future<Output = Result<Answer>> + Send>>;

/// What a call returns.
pub(crate) enum Answer {
    Nothing,
    Json(String),
    Engine(Engine),
    Stream(Stream),
}

impl Answer {
    /// Writes a value as JSON.
    pub(crate) fn of(value: &impl Serialize) -> Result<Self> {
        error::written(value).map(Self::Json)
    }

    pub(crate) fn give(self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        Ok(match self {
            Self::Nothing => py.None(),
            Self::Json(text) => text.into_pyobject(py)?.into_any().unbind(),
            Self::Engine(engine) => Py::new(py, engine)?.into_any(),
            Self::Stream(stream) => Py::new(py, stream)?.into_any(),
        })
    }
}

/// Everything that running a call takes.
pub(crate) struct Prepared {
    pub(crate) work: Work,
    pub(crate) listener: Option<Listener>,
    pub(crate) cancel: CancellationToken,
}

/// An operation, waiting to be run once.
#[pyclass(frozen, module = "axis._axis")]
pub(crate) struct Call {
    prepared: Mutex<Option<Prepared>>,
    cancel: CancellationToken,
}

impl Call {
    /// An operation that is left where it is when it is cancelled: dropping its future does no harm.
    pub(crate) fn new(work: impl Future<Output = Result<Answer>> + Send + 'static) -> Self {
        Self::dropped_by(gate::token(), work)
    }

    /// The same for one that a token of its own cancels.
    pub(crate) fn dropped_by(
        cancel: CancellationToken,
        work: impl Future<Output = Result<Answer>> + Send + 'static,
    ) -> Self {
        let token = cancel.clone();
        Self::cancelled_by(cancel, None, async move {
            tokio::select! {
                answer = work => answer,
                () = token.cancelled() => Err(error::cancelled()),
            }
        })
    }

    /// An operation that ends by itself once its token is cancelled.
    pub(crate) fn cancelled_by(
        cancel: CancellationToken,
        listener: Option<Listener>,
        work: impl Future<Output = Result<Answer>> + Send + 'static,
    ) -> Self {
        let prepared = Prepared {
            work: Box::pin(work),
            listener,
            cancel: cancel.clone(),
        };
        Self {
            prepared: Mutex::new(Some(prepared)),
            cancel,
        }
    }

    fn take(&self, py: Python<'_>) -> PyResult<Prepared> {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared
            .take()
            .ok_or_else(|| exception(py, &invalid("a call can be run once")))
    }
}

#[pymethods]
impl Call {
    /// Runs it and returns its answer; blocks without the GIL.
    pub(crate) fn wait(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        gate::wait(py, self.take(py)?)
    }

    /// Begins it. At its end `done(answer, exception)` is called, on another thread; one of both is None.
    fn start(&self, py: Python<'_>, done: Py<PyAny>) -> PyResult<()> {
        gate::start(py, self.take(py)?, done)
    }

    /// Cancels it; it ends soon.
    fn cancel(&self) {
        self.cancel.cancel();
    }
}
