//! The only way from Python into the core: runtime, fork, threads of Python, signals, panics, and the end of the interpreter.

use std::collections::HashMap;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axis_core::{Engine, Error, ErrorKind, Result};
use pyo3::prelude::*;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::call::{Answer, Prepared};
use crate::error::exception;
use crate::listener::Listener;
use crate::log;

/// How often a waiting call looks whether Ctrl-C was typed.
const TICK: Duration = Duration::from_millis(50);
/// How long work that was interrupted may take to roll back; then nobody waits for it any longer.
pub(crate) const ROLLBACK: Duration = Duration::from_secs(2);
/// How long a record of the log waits for a call to take it along.
const GRACE: Duration = Duration::from_millis(100);

static RUNTIME: OnceLock<(u32, Runtime)> = OnceLock::new();
static WORK: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);
static ENDING: LazyLock<CancellationToken> = LazyLock::new(CancellationToken::new);
static OPEN: LazyLock<Mutex<HashMap<u64, Engine>>> = LazyLock::new(Mutex::default);

/// Returns the runtime, which the first call starts.
///
/// # Errors
/// `Closed` in a process that was forked off the one that started it: its threads did not come along. `Internal` where no thread
/// can be started.
pub(crate) fn runtime() -> Result<&'static Runtime> {
    let begin = || {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.thread_name("axis").enable_all().build();
        let runtime = runtime.expect("threads can be started");
        log::listen();
        WORK.spawn_on(relay_log(), runtime.handle());
        (process::id(), runtime)
    };
    let (owner, runtime) = caught(|| Ok(RUNTIME.get_or_init(begin)))?;
    if *owner == process::id() {
        return Ok(runtime);
    }
    let message = "this process was forked off one that uses axis, whose threads did not come along; \
                   use the start method `spawn` of multiprocessing, or begin to use axis after the fork";
    Err(Error::new(ErrorKind::Closed, message).during("fork"))
}

/// Tells whether this process was forked off the one that uses axis.
pub(crate) fn is_forked() -> bool {
    RUNTIME.get().is_some_and(|(owner, _)| *owner != process::id())
}

/// Returns a token for new work, which the end of the interpreter cancels.
pub(crate) fn token() -> CancellationToken {
    ENDING.child_token()
}

/// Runs what neither waits nor reads: inside the runtime, for what it starts there.
pub(crate) fn at_once<T>(py: Python<'_>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    let entered = runtime().and_then(|runtime| {
        let _inside = runtime.enter();
        caught(work)
    });
    entered.map_err(|error| exception(py, &error))
}

/// Runs a call to its end without holding the GIL. Ctrl-C cancels it, waits for the rollback and raises; so does a listener
/// that raises.
pub(crate) fn wait(py: Python<'_>, prepared: Prepared) -> PyResult<Py<PyAny>> {
    let runtime = runtime().map_err(|error| exception(py, &error))?;
    log::ask(py)?;
    let Prepared {
        work,
        mut listener,
        cancel,
    } = prepared;
    let mut task = WORK.spawn_on(work, runtime.handle());
    let mut raised: Option<(PyErr, Instant)> = None;
    loop {
        let step = py.detach(|| runtime.block_on(step(&mut task, listener.as_mut())));
        let trouble = match step {
            Step::Ended(answer) => {
                let heard = listener.as_mut().map_or(Ok(()), |listener| listener.drain(py));
                let heard = heard.and(log::hand_over(py));
                return match (raised, heard) {
                    (Some((raised, _)), _) | (None, Err(raised)) => Err(raised),
                    (None, Ok(())) => answer.map_err(|error| exception(py, &error))?.give(py),
                };
            }
            Step::Heard(event) => listener.as_ref().map_or(Ok(()), |listener| listener.tell(py, &event)),
            Step::Tick => py.check_signals().and_then(|()| log::hand_over(py)),
        };
        match (trouble, raised.take()) {
            (_, Some((first, until))) if Instant::now() >= until => {
                task.abort();
                return Err(first);
            }
            (_, Some(first)) => raised = Some(first),
            (Err(trouble), None) => {
                cancel.cancel();
                // It has raised, or will not be heard.
                listener = None;
                raised = Some((trouble, Instant::now() + ROLLBACK));
            }
            (Ok(()), None) => {}
        }
    }
}

/// Starts a call and returns; `done` is called with the answer or the exception on a thread of ours, and the listener, too.
pub(crate) fn start(py: Python<'_>, prepared: Prepared, done: Py<PyAny>) -> PyResult<()> {
    let runtime = runtime().map_err(|error| exception(py, &error))?;
    log::ask(py)?;
    let Prepared { work, mut listener, .. } = prepared;
    let mut task = WORK.spawn_on(work, runtime.handle());
    let relay = async move {
        let answer = loop {
            match step(&mut task, listener.as_mut()).await {
                Step::Ended(answer) => break answer,
                Step::Heard(event) => {
                    // What its listener raises is Python's to handle: it has been told where to go.
                    with_python(|py| listener.as_ref().map_or(Ok(()), |listener| listener.tell(py, &event)));
                }
                Step::Tick => {}
            }
        };
        with_python(|py| {
            let heard = listener.as_mut().map_or(Ok(()), |listener| listener.drain(py));
            let answer = answer
                .map_err(|error| exception(py, &error))
                .and_then(|answer| answer.give(py));
            let told = match heard.and(answer) {
                Ok(answer) => (Some(answer), None),
                Err(error) => (None, Some(error)),
            };
            done.call1(py, told).map(drop)
        });
    };
    WORK.spawn_on(relay, runtime.handle());
    Ok(())
}

/// Hands over what is logged while nobody waits for a call.
async fn relay_log() {
    loop {
        tokio::select! {
            () = ENDING.cancelled() => return,
            () = async { log::waiting().await; sleep(GRACE).await } => {}
        }
        // Waiting for the GIL, and for handlers, must not hold the engine up.
        let handed = tokio::task::spawn_blocking(|| with_python(log::hand_over));
        // A panic of ours has been told by the panic hook.
        let _ = handed.await;
    }
}

/// Waits on a thread that may or may not hold the GIL, such as that of somebody who reads an Arrow stream. A panic must not reach
/// them: it would end the process.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = runtime()?;
    caught(|| Ok(runtime.block_on(work)))
}

/// Runs work that nobody waits for, but the end of the interpreter for a moment.
pub(crate) fn in_background(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = runtime() {
        WORK.spawn_on(work, runtime.handle());
    }
}

/// Keeps an engine among those that the end of the interpreter closes; returns its number.
pub(crate) fn register(engine: Engine) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    open().insert(number, engine);
    number
}

/// Takes an engine out again.
pub(crate) fn unregister(number: u64) {
    drop(open().remove(&number));
}

/// Cancels what runs, and closes what is open, so that no thread of ours is at work while the process goes down.
pub(crate) fn shutdown(py: Python<'_>) {
    let Some((owner, runtime)) = RUNTIME.get() else { return };
    if *owner != process::id() {
        return;
    }
    py.detach(|| {
        ENDING.cancel();
        WORK.close();
        let engines = mem::take(&mut *open());
        let close = async {
            for engine in engines.values() {
                // It cannot fail, and nobody is left to tell.
                let _ = engine.close().await;
            }
            WORK.wait().await;
        };
        let _ = runtime.block_on(async { timeout(ROLLBACK, close).await });
    });
    log::end();
    log::hand_over(py).unwrap_or_else(|error| error.write_unraisable(py, None));
}

enum Step {
    Ended(Result<Answer>),
    Heard(String),
    Tick,
}

async fn step(task: &mut JoinHandle<Result<Answer>>, listener: Option<&mut Listener>) -> Step {
    let heard = async {
        match listener {
            Some(listener) => listener.next().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        biased;
        event = heard => Step::Heard(event),
        ended = task => Step::Ended(ended.unwrap_or_else(|error| Err(fallen(&error)))),
        () = sleep(TICK) => Step::Tick,
    }
}

/// Runs what may panic, which Python would otherwise get as an exception that `except Exception` does not catch.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked()))
}

/// Says why a task has no answer.
fn fallen(error: &tokio::task::JoinError) -> Error {
    if error.is_panic() {
        panicked()
    } else {
        Error::new(ErrorKind::Cancelled, "the call was cancelled")
    }
}

/// What a panic says may hold anything, and stays with the panic hook.
fn panicked() -> Error {
    Error::new(ErrorKind::Internal, "axis has panicked; this is a defect of axis")
}

/// Calls Python from a thread of ours, unless the interpreter is going down. An exception is reported like one of `__del__`.
fn with_python(call: impl FnOnce(Python<'_>) -> PyResult<()>) {
    Python::try_attach(|py| call(py).unwrap_or_else(|error| error.write_unraisable(py, None)));
}

fn open() -> MutexGuard<'static, HashMap<u64, Engine>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}
