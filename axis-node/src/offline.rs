//! Work on a store that nobody has open.

use axis_core::{backup, wire};
use napi::Env;
use napi::bindgen_prelude::{Function, PromiseRaw};
use napi_derive::napi;

use crate::engine::variables;
use crate::gate::{NativeCancel, settle, to_its_end};
use crate::progress::{Listener, follow, steps};
use crate::text;

/// Makes a store from a backup; `listener` hears how far it is.
#[napi]
pub fn restore<'env>(
    env: &'env Env,
    path: String,
    options: String,
    environment: String,
    cancel: &NativeCancel,
    listener: Option<Function<'_, String, ()>>,
) -> napi::Result<PromiseRaw<'env, String>> {
    let listener = Listener::new(listener)?;
    let ((steps, tell), token) = (steps(), cancel.token());
    let restoring = to_its_end(cancel.token(), async move {
        let (config, options) = wire::restore_options(text::read(&options)?, &variables(&environment)?)?;
        backup::restore(path, &config, options.cancel(token).progress(tell)).await
    });
    let work = async move { text::answer(&follow(listener, steps, restoring).await?) };
    settle(env, None, work, |report| report)
}

/// Writes a store into a new file; `listener` hears how far it is.
#[napi]
pub fn compact<'env>(
    env: &'env Env,
    options: String,
    environment: String,
    cancel: &NativeCancel,
    listener: Option<Function<'_, String, ()>>,
) -> napi::Result<PromiseRaw<'env, String>> {
    let listener = Listener::new(listener)?;
    let ((steps, tell), token) = (steps(), cancel.token());
    let compacting = to_its_end(cancel.token(), async move {
        let (config, options) = wire::compact_options(text::read(&options)?, &variables(&environment)?)?;
        backup::compact(&config, options.cancel(token).progress(tell)).await
    });
    let work = async move { text::answer(&follow(listener, steps, compacting).await?) };
    settle(env, None, work, |report| report)
}
