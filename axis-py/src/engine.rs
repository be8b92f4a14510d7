//! The handle of an engine: each method describes one operation of the core.

use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axis_core::{Dataset, Env, Result, wire};
use pyo3::prelude::*;
use pyo3::types::PyString;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use crate::call::{Answer, Call};
use crate::error::{cancelled, closed, invalid, read, written};
use crate::events::Events;
use crate::gate;
use crate::job::Job;
use crate::listener::Listener;
use crate::stream::Stream;

/// Returns the variables of the process. Names and values that are no text cannot be meant.
pub(crate) fn environment() -> Env {
    let variables = std::env::vars_os();
    Env::new(variables.filter_map(|(name, value)| name.into_string().ok().zip(value.into_string().ok())))
}

/// An open engine. Dropping it closes it, in the background; once more does no harm.
#[pyclass(frozen, module = "axis._axis")]
pub(crate) struct Engine {
    core: Option<axis_core::Engine>,
    number: u64,
    closed: Arc<AtomicBool>,
}

impl Engine {
    fn new(core: axis_core::Engine) -> Self {
        Self {
            number: gate::register(core.clone()),
            core: Some(core),
            closed: Arc::default(),
        }
    }

    fn held(&self) -> &axis_core::Engine {
        self.core.as_ref().expect("only dropping takes it")
    }

    /// Returns the engine, unless it was closed or belongs to another process.
    fn core(&self) -> Result<&axis_core::Engine> {
        gate::runtime()?;
        let core = self.held();
        if core.is_closed() {
            return Err(closed());
        }
        Ok(core)
    }

    fn dataset(&self, name: &str) -> Result<Dataset> {
        self.core()?.dataset(name)
    }

    /// Listens to one dataset or to all, from now on. A closed engine has nothing to tell.
    fn listen(&self, dataset: Option<&str>, callback: Option<Py<PyAny>>) -> Option<Listener> {
        let core = self.core().ok()?;
        callback.map(|callback| Listener::of_sync(core.events(), dataset, callback))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let core = self.core.take();
        if gate::is_forked() {
            // The store belongs to the process that opened it; closing it here would write it.
            mem::forget(core);
            return;
        }
        gate::unregister(self.number);
        if let Some(core) = core {
            gate::in_background(async move {
                // It cannot fail.
                let _ = core.close().await;
            });
        }
    }
}

#[pymethods]
impl Engine {
    #[staticmethod]
    fn open(options: &str) -> Call {
        let (options, env) = (read(options), environment());
        let cancel = gate::token();
        let token = cancel.clone();
        Call::cancelled_by(cancel, None, async move {
            let mut open = pin!(wire::Opening::from_json(options?, &env)?.open());
            tokio::select! {
                opened = &mut open => Ok(Answer::Engine(Self::new(opened?))),
                () = token.cancelled() => {
                    // A thread goes on with it. Whoever hears that it was cancelled shall find the store free.
                    if let Ok(Ok(core)) = timeout(gate::ROLLBACK, open).await {
                        // It cannot fail.
                        let _ = core.close().await;
                    }
                    Err(cancelled())
                }
            }
        })
    }

    fn close(&self) -> Call {
        let (core, closed) = (self.held().clone(), Arc::clone(&self.closed));
        Call::new(async move {
            closed.store(true, Ordering::Release);
            core.close().await?;
            Ok(Answer::Nothing)
        })
    }

    #[getter]
    fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn datasets(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        gate::at_once(py, || {
            let datasets = self.core()?.datasets();
            Ok(datasets.map(|dataset| dataset.name().to_owned()).collect())
        })
    }

    fn status<'py>(&self, py: Python<'py>, dataset: &str) -> PyResult<Bound<'py, PyString>> {
        let status = gate::at_once(py, || self.dataset(dataset)?.status_json())?;
        Ok(PyString::new(py, &status))
    }

    fn watermarks(&self, py: Python<'_>, dataset: &str) -> PyResult<String> {
        gate::at_once(py, || written(&self.dataset(dataset)?.watermarks()))
    }

    fn cancel_sync(&self, py: Python<'_>, dataset: &str) -> PyResult<bool> {
        gate::at_once(py, || Ok(self.dataset(dataset)?.cancel_sync()))
    }

    fn reset_watermarks(&self, dataset: &str) -> Call {
        let dataset = self.dataset(dataset);
        Call::new(async move { Answer::of(&dataset?.reset_watermarks().await?) })
    }

    #[pyo3(signature = (dataset, options, listener=None))]
    fn sync(&self, dataset: &str, options: &str, listener: Option<Py<PyAny>>) -> Call {
        let cancel = gate::token();
        let listener = self.listen(Some(dataset), listener);
        let (dataset, options, token) = (self.dataset(dataset), read(options), cancel.clone());
        Call::cancelled_by(cancel, listener, async move {
            let options = wire::sync_options(options?)?.cancel(token);
            Answer::of(&dataset?.sync(options).await?)
        })
    }

    #[pyo3(signature = (options, listener=None))]
    fn sync_all(&self, options: &str, listener: Option<Py<PyAny>>) -> Call {
        let cancel = gate::token();
        let listener = self.listen(None, listener);
        let (core, options, token) = (self.core().cloned(), read(options), cancel.clone());
        Call::cancelled_by(cancel, listener, async move {
            let options = wire::sync_options(options?)?.cancel(token);
            let core = core?;
            let datasets: Vec<_> = core.syncable().collect();
            Answer::of(&wire::outcomes(core.sync(&datasets, &options).await)?)
        })
    }

    fn start_sync(&self, py: Python<'_>, dataset: &str, options: &str) -> PyResult<Job> {
        gate::at_once(py, || {
            let dataset = self.dataset(dataset)?;
            let cancel = gate::token();
            let options = wire::sync_options(read(options)?)?.cancel(cancel.clone());
            Ok(Job::new(dataset.start_sync(options)?, cancel))
        })
    }

    fn verify(&self, dataset: &str, options: &str) -> Call {
        let cancel = gate::token();
        let (dataset, options, token) = (self.dataset(dataset), read(options), cancel.clone());
        Call::cancelled_by(cancel, None, async move {
            let options = wire::verify_options(options?)?.cancel(token);
            Answer::of(&dataset?.verify(options).await?)
        })
    }

    fn verify_all(&self, options: &str) -> Call {
        let cancel = gate::token();
        let (core, options, token) = (self.core().cloned(), read(options), cancel.clone());
        Call::cancelled_by(cancel, None, async move {
            let options = wire::verify_options(options?)?.cancel(token);
            let core = core?;
            let datasets: Vec<_> = core.syncable().collect();
            Answer::of(&wire::outcomes(core.verify(&datasets, &options).await)?)
        })
    }

    #[pyo3(signature = (path, options, listener=None))]
    fn backup(&self, path: String, options: &str, listener: Option<Py<PyAny>>) -> Call {
        let cancel = gate::token();
        let (listener, tell) = Listener::of_backup(listener);
        let (core, options, token) = (self.core().cloned(), read(options), cancel.clone());
        Call::cancelled_by(cancel, listener, async move {
            let options = wire::backup_options(options?)?.cancel(token).progress(tell);
            Answer::of(&core?.backup(path, options).await?)
        })
    }

    fn metadata(&self, dataset: &str) -> Call {
        let dataset = self.dataset(dataset);
        Call::new(async move { Answer::of(&dataset?.metadata().await?.as_deref()) })
    }

    fn page(&self, dataset: &str, request: &str) -> Call {
        let (dataset, request) = (self.dataset(dataset), read(request));
        Call::new(async move {
            let page = dataset?.page(wire::page_request(request?)?).await?;
            Answer::of(&wire::page(&page))
        })
    }

    fn query(&self, sql: String, params: &str, options: &str) -> Call {
        let cancel = gate::token();
        let (core, params, options, token) = (self.core().cloned(), read(params), read(options), cancel.clone());
        Call::cancelled_by(cancel, None, async move {
            let query = wire::query(&sql, params?, options?)?.cancel(token);
            Ok(Answer::Stream(Stream::live(core?.query(query).await?)))
        })
    }

    #[pyo3(signature = (after=None))]
    fn events(&self, py: Python<'_>, after: Option<&str>) -> PyResult<Events> {
        gate::at_once(py, || {
            let core = self.core()?;
            Ok(Events::new(
                after.map_or_else(|| core.events(), |id| core.events_after(id)),
            ))
        })
    }

    fn backup_status(&self, py: Python<'_>) -> PyResult<String> {
        gate::at_once(py, || written(&self.core()?.backup_status()))
    }

    fn queries(&self, py: Python<'_>) -> PyResult<String> {
        gate::at_once(py, || written(&self.core()?.queries()))
    }

    fn cancel_query(&self, id: &str) -> Call {
        let (core, id) = (self.core().cloned(), id.parse::<Uuid>());
        Call::new(async move {
            let id = id.map_err(|_| invalid("the id of a query is a UUID"))?;
            Answer::of(&core?.cancel_query(id).await?)
        })
    }

    fn runs(&self, limit: u32) -> Call {
        let core = self.core().cloned();
        Call::new(async move { Answer::of(&core?.runs(limit).await?) })
    }

    fn usage(&self) -> Call {
        let core = self.core().cloned();
        Call::new(async move {
            let usage = core?.usage().await;
            Answer::of(&json!({
                "store_bytes": usage.store_bytes,
                "query_slots": usage.query_slots,
                "queries_running": usage.queries_running,
                "queries_waiting": usage.queries_waiting,
            }))
        })
    }

    fn ask(&self, question: String, request: &str) -> Call {
        let (core, request) = (self.core().cloned(), read(request));
        Call::new(async move { Answer::of(&wire::ask(&core?, &question, request?).await?) })
    }
}
