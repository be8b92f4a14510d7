//! A sync in the background that threads wait for, watch or cancel.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Engine;
use crate::dataset::SyncOptions;
use crate::error::Result;
use crate::events::{Event, Events};
use crate::sync::{SyncEvent, SyncReport};

/// A sync that was started. Dropping the handle cancels the sync; [`detach`](Self::detach) lets it go on.
pub struct SyncHandle {
    run_id: String,
    state: State,
    events: Events,
    cancel: CancellationToken,
    engine: Engine,
}

enum State {
    Running(Pin<Box<dyn Future<Output = Result<SyncReport>> + Send>>),
    Ended(Result<SyncReport>),
}

impl State {
    async fn outcome(&mut self) -> Result<SyncReport> {
        let outcome = match self {
            Self::Running(running) => running.await,
            Self::Ended(outcome) => return outcome.clone(),
        };
        *self = Self::Ended(outcome.clone());
        outcome
    }
}

impl SyncHandle {
    /// Starts a sync in the current runtime.
    pub(super) fn start(dataset: &crate::Dataset, engine: &Engine, mut options: SyncOptions) -> Result<Self> {
        let cancel = options
            .cancel
            .map_or_else(CancellationToken::new, |cancel| cancel.child_token());
        options.cancel = Some(cancel.clone());
        // Listens before there is anything to hear.
        let events = engine.engine().events();
        let started = dataset.start_sync(options)?;
        Ok(Self {
            run_id: started.run_id().to_owned(),
            state: State::Running(Box::pin(started.wait())),
            events,
            cancel,
            engine: engine.clone(),
        })
    }

    /// Returns the run's id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Returns the token that cancels the sync, for other threads.
    #[must_use]
    pub fn canceller(&self) -> CancellationToken {
        self.cancel.clone()
    }

    /// Cancels the sync, unless it has begun to commit. Never waits.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Waits for the report.
    ///
    /// # Errors
    /// As [`super::Dataset::sync`].
    pub fn wait(mut self) -> Result<SyncReport> {
        self.engine.wait(self.state.outcome())?
    }

    /// Waits for the report no longer than this; `None` when the sync goes on.
    ///
    /// # Errors
    /// `InvalidArgument` on a thread of an async runtime; everything else is the outcome of the sync.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Result<Option<Result<SyncReport>>> {
        let Self { engine, state, .. } = self;
        // The limit must be made where the runtime's clock is.
        engine.wait(async { tokio::time::timeout(timeout, state.outcome()).await.ok() })
    }

    /// Tells each event of this sync on this thread while it happens, and returns the report.
    ///
    /// A slow listener does not hold the sync up; it loses the oldest events when it is too far behind. When it has returned
    /// nothing is told any more.
    ///
    /// # Errors
    /// As [`super::Dataset::sync`].
    pub fn watch(mut self, mut tell: impl FnMut(&SyncEvent)) -> Result<SyncReport> {
        loop {
            let Self {
                engine,
                state,
                events,
                run_id,
                ..
            } = &mut self;
            match engine.wait(next(state, events, run_id))? {
                Some(event) => tell(&event.what),
                None => return self.wait(),
            }
        }
    }

    /// Lets the sync go on without anyone waiting.
    pub fn detach(self) {
        if let State::Running(running) = self.state {
            // A task of its own waits; its runtime lives as long as a handle of the engine does.
            let waits = self.engine.start(|| Ok(tokio::spawn(running)));
            drop(waits);
        }
    }
}

/// Waits for the next event of the run; `None` when it has ended and there is none left.
async fn next(state: &mut State, events: &mut Events, run_id: &str) -> Option<Arc<Event>> {
    loop {
        let event = if matches!(state, State::Ended(_)) {
            events.try_next()?
        } else {
            tokio::select! {
                biased;
                event = events.next() => event?,
                _ = state.outcome() => continue,
            }
        };
        if event.what.run_id() == Some(run_id) {
            return Some(event);
        }
    }
}

impl fmt::Debug for SyncHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncHandle")
            .field("run_id", &self.run_id)
            .finish_non_exhaustive()
    }
}
