//! Where blocking calls run: on the threads of a runtime, and never in the way of one.

use std::sync::{Arc, OnceLock};

use tokio::runtime::{Builder, EnterGuard, Handle, RuntimeFlavor};

use crate::error::{Error, ErrorKind, Result};

/// A runtime that calls wait for. Its clones share one that is the engine's own, and the last of them closes the engine.
#[derive(Clone, Debug)]
pub(super) struct Runtime {
    handle: Handle,
    owned: Option<Arc<Owned>>,
}

#[derive(Debug)]
struct Owned {
    runtime: Option<tokio::runtime::Runtime>,
    engine: OnceLock<crate::Engine>,
}

impl Drop for Owned {
    fn drop(&mut self) {
        let (runtime, engine) = (self.runtime.take(), self.engine.take());
        let end = move || {
            let Some(runtime) = runtime else { return };
            if let Some(engine) = engine {
                // It never fails, and nobody is left to be told.
                let _ = runtime.block_on(engine.close());
            }
            // A thread that did not come out of the store in time is not waited for again.
            runtime.shutdown_background();
        };
        if Handle::try_current().is_err() {
            end();
        } else {
            // Waiting is not allowed here.
            std::thread::spawn(end);
        }
    }
}

impl Runtime {
    /// Starts a runtime.
    pub(super) fn own() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("axis-worker")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Internal, "the threads of the engine cannot be started")
                    .during("engine.open")
                    .because(error)
            })?;
        Ok(Self {
            handle: runtime.handle().clone(),
            owned: Some(Arc::new(Owned {
                runtime: Some(runtime),
                engine: OnceLock::new(),
            })),
        })
    }

    /// Uses a runtime of somebody else's.
    pub(super) fn of(handle: Handle) -> Result<Self> {
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
            // Its only thread is the one that drives it: nobody would do the work that a call waits for.
            let message = "the runtime has no threads of its own; a multi-threaded one is needed";
            return Err(Error::new(ErrorKind::InvalidArgument, message).during("engine.open"));
        }
        Ok(Self { handle, owned: None })
    }

    /// Makes this the engine that is closed with the runtime.
    pub(super) fn closes(&self, engine: &crate::Engine) {
        if let Some(owned) = &self.owned {
            owned.engine.get_or_init(|| engine.clone());
        }
    }

    /// Returns it for somebody who only listens, and keeps nothing alive.
    pub(super) fn for_listeners(&self) -> Self {
        Self {
            handle: self.handle.clone(),
            owned: None,
        }
    }

    /// Does work on a worker and waits for it. A panic there goes on here.
    pub(super) fn run<T: Send + 'static>(&self, work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
        check()?;
        match self.handle.block_on(self.handle.spawn(Box::pin(work))) {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(ended()),
            },
        }
    }

    /// Waits on this thread, which is for what only waits.
    pub(super) fn wait<T>(&self, waiting: impl Future<Output = T>) -> Result<T> {
        check()?;
        Ok(self.handle.block_on(waiting))
    }

    /// Makes this the runtime that tasks are started on.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }
}

/// Refuses to wait where that would keep a runtime from its work.
pub(super) fn check() -> Result<()> {
    if Handle::try_current().is_err() {
        return Ok(());
    }
    let message =
        "a blocking call was made on a thread of an async runtime; use the async engine there, or a thread of your own";
    Err(Error::new(ErrorKind::InvalidArgument, message))
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the runtime of the engine has ended")
}
