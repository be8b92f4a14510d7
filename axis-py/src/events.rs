//! What happens in an engine, told one event after the other.

use std::sync::Arc;

use pyo3::prelude::*;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::call::{Answer, Call};

/// A listener.
#[pyclass(frozen, module = "axis._axis")]
pub(crate) struct Events(Arc<Mutex<axis_core::Events>>);

impl Events {
    pub(crate) fn new(events: axis_core::Events) -> Self {
        Self(Arc::new(Mutex::new(events)))
    }
}

#[pymethods]
impl Events {
    /// Waits for the next event, as JSON; None when the engine has closed.
    fn next(&self) -> Call {
        let events = Arc::clone(&self.0);
        // The end of the interpreter closes the engine, and that ends this: whoever listens then has heard everything.
        Call::dropped_by(CancellationToken::new(), async move {
            match events.lock().await.next().await {
                Some(event) => Answer::of(event.as_ref()),
                None => Ok(Answer::Nothing),
            }
        })
    }
}
