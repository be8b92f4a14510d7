//! What happens to running syncs, told to a function of JavaScript while it happens.

use std::pin::pin;

use axis_core::{Events, SyncEvent};
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunction;

use crate::text;

/// A function that takes an event as JSON text and never throws.
pub(crate) struct Listener(ThreadsafeFunction<String, (), String, Status, false>);

impl Listener {
    pub(crate) fn new(function: Option<Function<'_, String, ()>>) -> napi::Result<Option<Self>> {
        function
            .map(|function| function.build_threadsafe_function().build().map(Self))
            .transpose()
    }

    /// Returns when the function has returned, so that a slow one gets fewer events instead of a queue of them.
    async fn tell(&self, event: &SyncEvent) {
        if let Ok(text) = text::answer(event) {
            // It fails only when the thread ends.
            let _ = self.0.call_async(text).await;
        }
    }
}

/// Awaits work, telling the events of its runs; all of them are told before this returns.
pub(crate) async fn follow<T>(
    listener: Option<Listener>,
    mut events: Events,
    runs: Vec<String>,
    work: impl Future<Output = T>,
) -> T {
    let Some(listener) = listener else {
        return work.await;
    };
    let mut work = pin!(work);
    let ours = |event: &SyncEvent| event.run_id().is_some_and(|id| runs.iter().any(|run| run == id));
    let outcome = loop {
        tokio::select! {
            biased;
            event = events.next() => match event {
                Some(event) if ours(&event.what) => listener.tell(&event.what).await,
                Some(_) => {}
                None => break work.await,
            },
            outcome = &mut work => break outcome,
        }
    };
    while let Some(event) = events.try_next() {
        if ours(&event.what) {
            listener.tell(&event.what).await;
        }
    }
    outcome
}
