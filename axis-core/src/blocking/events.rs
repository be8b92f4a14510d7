//! What happens to datasets, one after the other.

use std::fmt;
use std::pin::Pin;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use super::runtime::Runtime;
use crate::sync::SyncEvent;

/// Everything that happens to datasets since it was asked for, waiting for the next. It ends when the engine has closed or its
/// last handle is dropped, and at once on a thread of an async runtime. Who is more than 1,024 events behind loses the oldest.
///
/// ```no_run
/// # fn example(engine: axis_core::blocking::Engine) {
/// let events = engine.events();
/// std::thread::spawn(move || events.for_each(|event| println!("{event:?}")));
/// # }
/// ```
pub struct Events {
    receiver: Receiver<SyncEvent>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
    runtime: Runtime,
}

impl Events {
    pub(super) fn new(engine: &crate::Engine, runtime: Runtime) -> Self {
        Self {
            receiver: engine.events(),
            ended: Box::pin(engine.ended()),
            has_ended: false,
            runtime,
        }
    }
}

impl Iterator for Events {
    type Item = SyncEvent;

    fn next(&mut self) -> Option<SyncEvent> {
        let Self {
            receiver,
            ended,
            has_ended,
            runtime,
        } = self;
        let next = async {
            loop {
                if *has_ended {
                    // What was told before the end is still told.
                    match receiver.try_recv() {
                        Ok(event) => return Some(event),
                        Err(TryRecvError::Lagged(_)) => continue,
                        Err(TryRecvError::Empty | TryRecvError::Closed) => return None,
                    }
                }
                tokio::select! {
                    biased;
                    received = receiver.recv() => match received {
                        Ok(event) => return Some(event),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return None,
                    },
                    () = ended.as_mut() => *has_ended = true,
                }
            }
        };
        runtime.wait(next).ok().flatten()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
