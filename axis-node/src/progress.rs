//! What happens to running work, told to a function of JavaScript while it happens.

use std::pin::pin;

use axis_core::Events;
use axis_core::backup::BackupProgress;
use napi::Status;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunction;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::text;

/// A function that takes JSON text and never throws.
pub(crate) struct Listener(ThreadsafeFunction<String, (), String, Status, false>);

impl Listener {
    pub(crate) fn new(function: Option<Function<'_, String, ()>>) -> napi::Result<Option<Self>> {
        function
            .map(|function| function.build_threadsafe_function().build().map(Self))
            .transpose()
    }

    /// Returns when the function has returned, so that a slow one gets fewer events instead of a queue of them.
    async fn tell(&self, text: String) {
        // It fails only when the thread ends.
        let _ = self.0.call_async(text).await;
    }
}

/// What work tells, one after the other.
pub(crate) trait Told: Send {
    /// Waits for the next; `None` when there is nothing more to come. Dropping the future loses nothing.
    fn next(&mut self) -> impl Future<Output = Option<String>> + Send;

    /// Returns the next that is there already.
    fn try_next(&mut self) -> Option<String>;
}

/// The events of these runs.
pub(crate) struct Runs {
    pub(crate) events: Events,
    pub(crate) ids: Vec<String>,
}

impl Told for Runs {
    async fn next(&mut self) -> Option<String> {
        loop {
            let event = self.events.next().await?;
            if event
                .what
                .run_id()
                .is_some_and(|id| self.ids.iter().any(|run| run == id))
            {
                return text::answer(&event.what).ok();
            }
        }
    }

    fn try_next(&mut self) -> Option<String> {
        loop {
            let event = self.events.try_next()?;
            if event
                .what
                .run_id()
                .is_some_and(|id| self.ids.iter().any(|run| run == id))
            {
                return text::answer(&event.what).ok();
            }
        }
    }
}

/// How far work on a backup is.
pub(crate) struct Steps(UnboundedReceiver<BackupProgress>);

/// Returns what work on a backup tells, and the function that it tells it to.
pub(crate) fn steps() -> (Steps, impl Fn(BackupProgress) + Send + Sync) {
    let (tell, told) = unbounded_channel();
    let tell = move |progress| {
        // There may be nobody who listens.
        let _ = tell.send(progress);
    };
    (Steps(told), tell)
}

impl Told for Steps {
    async fn next(&mut self) -> Option<String> {
        text::answer(&self.0.recv().await?).ok()
    }

    fn try_next(&mut self) -> Option<String> {
        text::answer(&self.0.try_recv().ok()?).ok()
    }
}

/// Awaits work, telling what happens to it; all of that is told before this returns.
pub(crate) async fn follow<T>(listener: Option<Listener>, mut told: impl Told, work: impl Future<Output = T>) -> T {
    let Some(listener) = listener else {
        return work.await;
    };
    let mut work = pin!(work);
    let outcome = loop {
        tokio::select! {
            biased;
            next = told.next() => match next {
                Some(text) => listener.tell(text).await,
                None => break work.await,
            },
            outcome = &mut work => break outcome,
        }
    };
    while let Some(text) = told.try_next() {
        listener.tell(text).await;
    }
    outcome
}
