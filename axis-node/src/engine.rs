//! The engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use axis_core::{Dataset, Env as Variables, Error, ErrorKind, Result, wire};
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw, Uint8Array};
use napi_derive::napi;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::dataset::NativeDataset;
use crate::events::NativeEvents;
use crate::gate::{NativeCancel, Opened, begin, here, host, settle};
use crate::progress::{Listener, Runs, follow, steps};
use crate::query::{NativeStream, encode, start};
use crate::table::{NativeTable, gather};
use crate::text;

/// Returns the version of AXIS.
#[napi]
#[must_use]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// Returns the questions of the analytics.
#[napi]
#[must_use]
pub fn questions() -> Vec<&'static str> {
    wire::QUESTIONS.to_vec()
}

/// An open engine.
#[napi]
#[derive(Debug)]
pub struct NativeEngine {
    engine: Arc<Opened>,
}

/// Opens an engine.
#[napi]
pub fn open<'env>(
    env: &'env Env,
    options: String,
    environment: String,
) -> napi::Result<PromiseRaw<'env, NativeEngine>> {
    let host = host();
    let work = async move {
        let opening = wire::Opening::from_json(text::read(&options)?, &variables(&environment)?)?;
        Ok(host.keep(opening.open().await?))
    };
    settle(env, None, work, |engine| NativeEngine { engine })
}

/// Reads the variables of the process.
pub(crate) fn variables(environment: &str) -> Result<Variables> {
    let variables: BTreeMap<String, String> = serde_json::from_value(text::read(environment)?).map_err(|error| {
        Error::new(ErrorKind::InvalidArgument, "the environment is no object of texts").because(error)
    })?;
    Ok(Variables::new(variables))
}

#[napi]
impl NativeEngine {
    /// Cancels what runs and lets go of the store.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let (engine, host) = (Arc::clone(&self.engine), host());
        engine.shut();
        let work = async move {
            engine.shut().close().await?;
            host.release(&engine);
            Ok(())
        };
        settle(env, None, work, |()| ())
    }

    /// Returns the names of the datasets.
    #[napi]
    pub fn datasets(&self, env: &Env) -> napi::Result<Vec<String>> {
        here(env, || {
            Ok(self
                .engine
                .engine()?
                .datasets()
                .map(|dataset| dataset.name().to_owned())
                .collect())
        })
    }

    /// Returns a dataset.
    #[napi]
    pub fn dataset(&self, env: &Env, name: String) -> napi::Result<NativeDataset> {
        here(env, move || {
            Ok(NativeDataset {
                dataset: self.engine.engine()?.dataset(&name)?,
                engine: Arc::clone(&self.engine),
            })
        })
    }

    /// Syncs every dataset that can be; `listener` gets the events.
    #[napi]
    pub fn sync<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: &NativeCancel,
        listener: Option<Function<'_, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let listener = Listener::new(listener)?;
        let started = begin(move || {
            let engine = self.engine.engine()?;
            let options = wire::sync_options(text::read(&options)?)?.cancel(cancel.token());
            let events = engine.events();
            let datasets: Vec<Dataset> = engine.syncable().collect();
            Ok((events, engine.start_sync(&datasets, &options)))
        });
        let work = async move {
            let (events, started) = started?;
            let runs = started.iter().filter_map(|(_, run)| run.as_ref().ok());
            let ids = runs.map(|run| run.run_id().to_owned()).collect();
            let ended = futures::future::join_all(started.into_iter().map(async |(name, started)| match started {
                Ok(run) => (name, run.wait().await),
                Err(error) => (name, Err(error)),
            }));
            text::answer(&wire::outcomes(follow(listener, Runs { events, ids }, ended).await)?)
        };
        settle(env, None, work, |outcomes| outcomes)
    }

    /// Compares every dataset that can be synced with its source.
    #[napi]
    pub fn verify<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (engine, cancel) = (Arc::clone(&self.engine), cancel.token());
        let work = async move {
            let engine = engine.engine()?;
            let options = wire::verify_options(text::read(&options)?)?.cancel(cancel);
            let datasets: Vec<Dataset> = engine.syncable().collect();
            text::answer(&wire::outcomes(engine.verify(&datasets, &options).await)?)
        };
        settle(env, None, work, |outcomes| outcomes)
    }

    /// Writes a backup; `listener` hears how far it is.
    #[napi]
    pub fn backup<'env>(
        &self,
        env: &'env Env,
        path: String,
        options: String,
        cancel: &NativeCancel,
        listener: Option<Function<'_, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let listener = Listener::new(listener)?;
        let (engine, cancel) = (Arc::clone(&self.engine), cancel.token());
        let work = async move {
            let (steps, tell) = steps();
            let options = wire::backup_options(text::read(&options)?)?
                .cancel(cancel)
                .progress(tell);
            let backup = engine.engine()?.backup(path, options);
            text::answer(&follow(listener, steps, backup).await?)
        };
        settle(env, None, work, |report| report)
    }

    /// Starts a query.
    #[napi]
    pub fn query<'env>(
        &self,
        env: &'env Env,
        sql: String,
        params: String,
        options: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, NativeStream>> {
        let (engine, cancel) = (Arc::clone(&self.engine), cancel.token().child_token());
        let token = cancel.clone();
        let work = async move { start(engine.engine()?, &sql, &params, &options, token).await };
        settle(env, None, work, |stream| NativeStream::new(stream, cancel))
    }

    /// Runs a query and returns its whole answer as one Arrow IPC stream.
    #[napi]
    pub fn arrow<'env>(
        &self,
        env: &'env Env,
        sql: String,
        params: String,
        options: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, Uint8Array>> {
        let (engine, cancel) = (Arc::clone(&self.engine), cancel.token());
        let work = async move { encode(start(engine.engine()?, &sql, &params, &options, cancel).await?).await };
        settle(env, None, work, Uint8Array::from)
    }

    /// Runs a query and returns its whole answer in its buffers.
    #[napi]
    pub fn table<'env>(
        &self,
        env: &'env Env,
        sql: String,
        params: String,
        options: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, NativeTable>> {
        let (engine, cancel) = (Arc::clone(&self.engine), cancel.token());
        let work = async move { gather(start(engine.engine()?, &sql, &params, &options, cancel).await?).await };
        settle(env, None, work, |table| table)
    }

    /// Returns how the scheduled backups go.
    #[napi]
    pub fn backup_status(&self, env: &Env) -> napi::Result<String> {
        here(env, || text::answer(&self.engine.engine()?.backup_status()))
    }

    /// Returns the queries that wait or run.
    #[napi]
    pub fn queries(&self, env: &Env) -> napi::Result<String> {
        here(env, || text::answer(&self.engine.engine()?.queries()))
    }

    /// Cancels a query; tells whether it has ended.
    #[napi]
    pub fn cancel_query<'env>(&self, env: &'env Env, id: String) -> napi::Result<PromiseRaw<'env, bool>> {
        let engine = Arc::clone(&self.engine);
        let work = async move {
            let engine = engine.engine()?;
            let id = Uuid::parse_str(&id).map_err(|_| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("`{id}` is no id of a query; allowed is a UUID"),
                )
            })?;
            engine.cancel_query(id).await
        };
        settle(env, None, work, |ended| ended)
    }

    /// Listens to what happens from now on, or has happened after an event.
    #[napi]
    pub fn events(&self, env: &Env, after: Option<String>) -> napi::Result<NativeEvents> {
        here(env, || {
            let engine = self.engine.engine()?;
            Ok(NativeEvents::new(match after {
                Some(id) => engine.events_after(&id),
                None => engine.events(),
            }))
        })
    }

    /// Answers a question of the analytics.
    #[napi]
    pub fn ask<'env>(
        &self,
        env: &'env Env,
        question: String,
        request: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let engine = Arc::clone(&self.engine);
        let work = async move { text::answer(&wire::ask(engine.engine()?, &question, text::read(&request)?).await?) };
        settle(env, Some(cancel.token()), work, |answer| answer)
    }

    /// Returns the newest runs.
    #[napi]
    pub fn runs<'env>(&self, env: &'env Env, limit: u32) -> napi::Result<PromiseRaw<'env, String>> {
        let engine = Arc::clone(&self.engine);
        let work = async move { text::answer(&engine.engine()?.runs(limit).await?) };
        settle(env, None, work, |runs| runs)
    }

    /// Returns how much is in use.
    #[napi]
    pub fn usage<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, String>> {
        let engine = Arc::clone(&self.engine);
        let work = async move {
            let usage = engine.engine()?.usage().await;
            let told: Value = json!({
                "store_bytes": usage.store_bytes,
                "query_slots": usage.query_slots,
                "queries_running": usage.queries_running,
                "queries_waiting": usage.queries_waiting,
            });
            text::answer(&told)
        };
        settle(env, None, work, |usage| usage)
    }
}
