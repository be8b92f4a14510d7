//! One dataset.

use std::sync::Arc;

use axis_core::{Dataset, Result, wire};
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw};
use napi_derive::napi;

use crate::gate::{NativeCancel, Opened, begin, here, settle};
use crate::progress::{Listener, Runs, follow};
use crate::text;

/// A dataset of an open engine.
#[napi]
#[derive(Debug)]
pub struct NativeDataset {
    pub(crate) dataset: Dataset,
    /// The engine stays in the care of its thread as long as somebody holds one of its datasets.
    pub(crate) engine: Arc<Opened>,
}

impl NativeDataset {
    /// Returns the dataset unless its engine is closed.
    fn open(&self) -> Result<Dataset> {
        self.engine.engine().map(|_| self.dataset.clone())
    }
}

#[napi]
impl NativeDataset {
    /// Syncs; `listener` gets the events.
    #[napi]
    pub fn sync<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: &NativeCancel,
        listener: Option<Function<'_, String, ()>>,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let listener = Listener::new(listener)?;
        // Whoever calls twice in a row gets `Busy` the second time, not sometimes the first.
        let started = begin(move || {
            let engine = self.engine.engine()?;
            let options = wire::sync_options(text::read(&options)?)?.cancel(cancel.token());
            let events = engine.events();
            Ok((events, self.dataset.start_sync(options)?))
        });
        let work = async move {
            let (events, run) = started?;
            let ids = vec![run.run_id().to_owned()];
            text::answer(&follow(listener, Runs { events, ids }, run.wait()).await?)
        };
        settle(env, None, work, |report| report)
    }

    /// Compares with the source.
    #[napi]
    pub fn verify<'env>(
        &self,
        env: &'env Env,
        options: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let (dataset, cancel) = (self.open(), cancel.token());
        let work = async move {
            let options = wire::verify_options(text::read(&options)?)?.cancel(cancel);
            text::answer(&dataset?.verify(options).await?)
        };
        settle(env, None, work, |report| report)
    }

    /// Cancels the running sync or verification; tells whether there was one.
    #[napi]
    pub fn cancel_sync(&self, env: &Env) -> napi::Result<bool> {
        here(env, || Ok(self.open()?.cancel_sync()))
    }

    /// Returns what is known without I/O.
    #[napi]
    pub fn status(&self, env: &Env) -> napi::Result<String> {
        here(env, || text::answer(&self.open()?.status()))
    }

    /// Returns the watermarks.
    #[napi]
    pub fn watermarks(&self, env: &Env) -> napi::Result<String> {
        here(env, || text::answer(&self.open()?.watermarks()))
    }

    /// Forgets the watermarks; returns how many there were.
    #[napi]
    pub fn reset_watermarks<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, u32>> {
        let dataset = self.open();
        let work = async move { dataset?.reset_watermarks().await };
        settle(env, None, work, |count| u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Returns a page of rows.
    #[napi]
    pub fn page<'env>(
        &self,
        env: &'env Env,
        request: String,
        cancel: &NativeCancel,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let dataset = self.open();
        let work = async move {
            let request = wire::page_request(text::read(&request)?)?;
            text::answer(&wire::page(&dataset?.page(request).await?))
        };
        settle(env, Some(cancel.token()), work, |page| page)
    }

    /// Returns what the relation holds; `null` before the first sync.
    #[napi]
    pub fn metadata<'env>(&self, env: &'env Env, cancel: &NativeCancel) -> napi::Result<PromiseRaw<'env, String>> {
        let dataset = self.open();
        let work = async move { text::answer(&dataset?.metadata().await?.as_deref()) };
        settle(env, Some(cancel.token()), work, |metadata| metadata)
    }
}
