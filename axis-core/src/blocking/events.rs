//! What happens, one event after the other.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;

use super::runtime::Runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Event;

/// [`crate::Events`] for threads that wait. It ends when the engine has closed or its last handle is dropped, and at once on
/// a thread of an async runtime.
///
/// ```no_run
/// # fn example(engine: axis_core::blocking::Engine) {
/// let events = engine.events();
/// std::thread::spawn(move || events.for_each(|event| println!("{event:?}")));
/// # }
/// ```
pub struct Events {
    events: crate::Events,
    runtime: Runtime,
}

impl Events {
    pub(super) fn new(events: crate::Events, runtime: Runtime) -> Self {
        Self { events, runtime }
    }

    /// Waits for the next event no longer than this; `None` at the end.
    ///
    /// # Errors
    /// `Timeout` when nothing has happened meanwhile; `InvalidArgument` on a thread of an async runtime.
    pub fn next_timeout(&mut self, timeout: Duration) -> Result<Option<Arc<Event>>> {
        let Self { events, runtime } = self;
        // After the end there may be no runtime any more, and no clock.
        if let Some(known) = events.next().now_or_never() {
            return Ok(known);
        }
        // The limit must be made where the runtime's clock is.
        let next = runtime.wait(async { tokio::time::timeout(timeout, events.next()).await })?;
        next.map_err(|_| Error::new(ErrorKind::Timeout, "nothing has happened").during("events.next"))
    }
}

impl Iterator for Events {
    type Item = Arc<Event>;

    fn next(&mut self) -> Option<Arc<Event>> {
        let Self { events, runtime } = self;
        runtime.wait(events.next()).ok().flatten()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
