//! A sync that goes on in the background.

use axis_core::{Result, SyncHandle};
use pyo3::prelude::*;
use tokio::sync::watch::{self, Receiver};
use tokio_util::sync::CancellationToken;

use crate::call::{Answer, Call};
use crate::error::{cancelled, written};
use crate::gate;

/// A sync that was started. Dropping this lets it go on.
#[pyclass(frozen, module = "axis._axis")]
pub(crate) struct Job {
    run_id: String,
    cancel: CancellationToken,
    ended: Receiver<Option<Result<String>>>,
}

impl Job {
    pub(crate) fn new(handle: SyncHandle, cancel: CancellationToken) -> Self {
        let run_id = handle.run_id().to_owned();
        let (end, ended) = watch::channel(None);
        gate::in_background(async move {
            let report = handle.wait().await;
            end.send_replace(Some(report.and_then(|report| written(&report))));
        });
        Self { run_id, cancel, ended }
    }
}

#[pymethods]
impl Job {
    #[getter]
    fn run_id(&self) -> &str {
        &self.run_id
    }

    #[getter]
    fn done(&self) -> bool {
        self.ended.borrow().is_some()
    }

    fn wait(&self) -> Call {
        let mut ended = self.ended.clone();
        Call::new(async move {
            let end = ended.wait_for(Option::is_some).await.map_err(|_| cancelled())?;
            end.clone().unwrap_or_else(|| Err(cancelled())).map(Answer::Json)
        })
    }

    fn cancel(&self) {
        self.cancel.cancel();
    }
}
