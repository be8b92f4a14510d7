//! What happens in an engine, one event after the other.

use std::sync::Arc;

use axis_core::Events;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;
use tokio::sync::Mutex;

use crate::gate::{NativeCancel, settle};
use crate::text;

/// Somebody who listens. It holds nothing of the engine.
#[napi]
#[derive(Debug)]
pub struct NativeEvents {
    events: Arc<Mutex<Events>>,
}

impl NativeEvents {
    pub(crate) fn new(events: Events) -> Self {
        Self {
            events: Arc::new(Mutex::new(events)),
        }
    }
}

#[napi]
impl NativeEvents {
    /// Returns the next event, also when it has happened before; `null` when the engine is closed and all was told.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, cancel: &NativeCancel) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        let events = Arc::clone(&self.events);
        let work = async move {
            let event = events.lock().await.next().await;
            event.map(|event| text::answer(&*event)).transpose()
        };
        settle(env, Some(cancel.token()), work, |event| event)
    }
}
