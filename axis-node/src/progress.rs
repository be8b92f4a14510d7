//! What happens to running syncs, told to a function of JavaScript while it happens.

use std::pin::pin;

use axis_core::SyncEvent;
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunction;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

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
    mut events: Receiver<SyncEvent>,
    runs: Vec<String>,
    work: impl Future<Output = T>,
) -> T {
    let Some(listener) = listener else {
        return work.await;
    };
    let mut work = pin!(work);
    let ours = |event: &SyncEvent| run_id(event).is_some_and(|id| runs.iter().any(|run| run == id));
    let outcome = loop {
        tokio::select! {
            biased;
            event = events.recv() => match event {
                Ok(event) if ours(&event) => listener.tell(&event).await,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break work.await,
            },
            outcome = &mut work => break outcome,
        }
    };
    loop {
        match events.try_recv() {
            Ok(event) if ours(&event) => listener.tell(&event).await,
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return outcome,
        }
    }
}

fn run_id(event: &SyncEvent) -> Option<&str> {
    match event {
        SyncEvent::Started { run_id, .. } | SyncEvent::Planned { run_id, .. } | SyncEvent::Progress { run_id, .. } => {
            Some(run_id)
        }
        SyncEvent::Committed { report } => Some(&report.run_id),
        SyncEvent::Failed { failure, .. } => Some(&failure.run_id),
        _ => None,
    }
}
