//! The driver of Rust: `axis_core`, by the JSON that every adapter uses.

mod queries;

use std::collections::BTreeMap;

use axis_conformance::{Call, Driver, Reply};
use axis_core::{CancellationToken, Dataset, Engine, Env, Error, ErrorKind, Events, Result, SyncHandle, wire};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// Engines, jobs and queries by the names that scenarios give them.
pub(crate) struct Rust {
    pub(crate) runtime: Runtime,
    pub(crate) scene: Scene,
}

#[derive(Default)]
pub(crate) struct Scene {
    engines: BTreeMap<String, Engine>,
    jobs: BTreeMap<String, (SyncHandle, CancellationToken)>,
    queries: BTreeMap<String, JoinHandle<Result<Value>>>,
}

impl Default for Rust {
    fn default() -> Self {
        Self {
            runtime: Runtime::new().unwrap(),
            scene: Scene::default(),
        }
    }
}

impl Driver for Rust {
    fn call(&mut self, call: &Call) -> std::result::Result<Reply, String> {
        let outcome = self.runtime.block_on(self.scene.call(call));
        Ok(outcome.map_or_else(|error| Reply::error(wire::error(&error)), Reply::ok))
    }

    fn finish(&mut self) -> std::result::Result<(), String> {
        let closed = self.runtime.block_on(self.scene.close());
        closed.map_err(|error| error.to_string())
    }
}

/// Writes what an operation answers.
fn told(answer: impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(answer).expect("answers can be written as JSON"))
}

impl Scene {
    pub(crate) fn keep(&mut self, name: &str, engine: Engine) {
        self.engines.insert(name.to_owned(), engine);
    }

    pub(crate) fn engine(&self, name: &str) -> Result<&Engine> {
        let unknown = || Error::new(ErrorKind::NotFound, format!("no engine `{name}` was opened"));
        self.engines.get(name).ok_or_else(unknown)
    }

    /// The same for what is a plain value in Rust: the other languages refuse it once the engine is closed.
    fn open_engine(&self, name: &str) -> Result<&Engine> {
        let engine = self.engine(name)?;
        if engine.is_closed() {
            return Err(Error::new(ErrorKind::Closed, "the engine is closed"));
        }
        Ok(engine)
    }

    fn dataset(&self, call: &Call) -> Result<Dataset> {
        self.engine(&call.word(0))?.dataset(&call.word(1))
    }

    fn all(&self, call: &Call) -> Result<Vec<Dataset>> {
        Ok(self.open_engine(&call.word(0))?.syncable().collect())
    }

    pub(crate) async fn close(&mut self) -> Result<()> {
        for engine in self.engines.values() {
            engine.close().await?;
        }
        Ok(())
    }

    pub(crate) async fn call(&mut self, call: &Call) -> Result<Value> {
        match call.name() {
            "open" => {
                let opening = wire::Opening::from_json(call.json(1), &Env::new(std::env::vars()))?;
                self.keep(&call.word(0), opening.open().await?);
                told(())
            }
            "close" => told(self.engine(&call.word(0))?.close().await?),
            "version" => told(env!("CARGO_PKG_VERSION")),
            "questions" => told(wire::QUESTIONS),
            "ask" => wire::ask(self.engine(&call.word(0))?, &call.word(1), call.json(2)).await,
            "runs" => {
                let limit = call.json(1).as_u64().and_then(|limit| limit.try_into().ok());
                told(self.engine(&call.word(0))?.runs(limit.unwrap_or(u32::MAX)).await?)
            }
            name if name.contains("query") || name == "queries" => self.of_queries(call).await,
            name if name.contains("sync") || name == "progress" => self.of_syncs(call).await,
            _ => self.of_datasets(call).await,
        }
    }

    async fn of_syncs(&mut self, call: &Call) -> Result<Value> {
        match call.name() {
            "sync" => {
                let options = wire::sync_options(call.json(2))?;
                told(self.dataset(call)?.sync(options).await?)
            }
            "sync_all" => {
                let options = wire::sync_options(call.json(1))?;
                let all = self.all(call)?;
                wire::outcomes(self.engine(&call.word(0))?.sync(&all, &options).await)
            }
            "sync_start" => {
                let cancel = CancellationToken::new();
                let options = wire::sync_options(call.json(3))?.cancel(cancel.clone());
                let dataset = self.engine(&call.word(1))?.dataset(&call.word(2))?;
                let handle = dataset.start_sync(options)?;
                self.jobs.insert(call.word(0), (handle, cancel));
                told(())
            }
            "sync_cancel" => {
                let (_, cancel) = self.jobs.get(&call.word(0)).ok_or_else(no_job)?;
                cancel.cancel();
                told(())
            }
            "sync_wait" => {
                let (handle, _) = self.jobs.remove(&call.word(0)).ok_or_else(no_job)?;
                told(handle.wait().await?)
            }
            "cancel_sync" => told(self.dataset(call)?.cancel_sync()),
            _ => {
                let options = wire::sync_options(call.json(2))?;
                let dataset = self.dataset(call)?;
                let events = self.engine(&call.word(0))?.events();
                dataset.sync(options).await?;
                told(names(events, dataset.name()).await)
            }
        }
    }

    async fn of_datasets(&self, call: &Call) -> Result<Value> {
        match call.name() {
            "datasets" => {
                let datasets = self.open_engine(&call.word(0))?.datasets();
                told(datasets.map(|dataset| dataset.name().to_owned()).collect::<Vec<_>>())
            }
            "status" => told(self.dataset(call)?.status()),
            "watermarks" => told(self.dataset(call)?.watermarks()),
            "reset_watermarks" => told(self.dataset(call)?.reset_watermarks().await?),
            "verify" => {
                let options = wire::verify_options(call.json(2))?;
                told(self.dataset(call)?.verify(options).await?)
            }
            "verify_all" => {
                let options = wire::verify_options(call.json(1))?;
                let all = self.all(call)?;
                wire::outcomes(self.engine(&call.word(0))?.verify(&all, &options).await)
            }
            "page" => {
                let request = wire::page_request(call.json(2))?;
                told(wire::page(&self.dataset(call)?.page(request).await?))
            }
            "metadata" => told(self.dataset(call)?.metadata().await?.as_deref()),
            name => unreachable!("`{name}` has no arm"),
        }
    }
}

fn no_job() -> Error {
    Error::new(ErrorKind::NotFound, "no job of this name was started")
}

/// Returns the names of the events of a sync that has ended, each once, in the order in which they came first.
async fn names(mut events: Events, dataset: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    while let Some(event) = events.next().await {
        if event.what.dataset() != Some(dataset) {
            continue;
        }
        let name = event.what.name().to_owned();
        let is_last = name == "committed" || name == "failed";
        if !seen.contains(&name) {
            seen.push(name);
        }
        if is_last {
            break;
        }
    }
    seen
}
