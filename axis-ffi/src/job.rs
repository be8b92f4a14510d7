//! A sync in the background, with progress, that threads wait for or cancel.

use std::ffi::{CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axis_core::{CancellationToken, Error, ErrorKind, Result, SyncEvent, SyncReport, blocking, wire};

use crate::engine::axis_engine;
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, Open, c_text, enter, enter_or, free, is_forked, to_text};
use crate::handle::{self, Handle, give, wrong};
use crate::options::axis_sync_options;
use crate::report::{SyncHandle, axis_sync_report};

/// A sync that was started. May be waited for and cancelled from any thread.
#[derive(Debug)]
pub struct axis_job {
    _opaque: (),
}

/// Hears of each event of a sync: a JSON object whose `event` is `started`, `planned`, `progress`, `committed` or `failed`.
///
/// Called on a thread of the library, one event at a time; `userdata` is what was given to axis_engine_sync_start, and `event_json`
/// lives for the call. A callback that is slow loses the oldest events and does not hold the sync up. It must not throw, and not
/// wait for or free its job.
pub type axis_progress_callback = Option<unsafe extern "C" fn(userdata: *mut c_void, event_json: *const c_char)>;

/// The timeout of axis_job_wait that never ends.
pub const AXIS_WAIT_FOREVER: u64 = u64::MAX;

/// A job. Dropping it cancels the sync and waits until nothing is told any more.
pub(crate) struct Job {
    run_id: CString,
    cancel: CancellationToken,
    outcome: Arc<Outcome>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Outcome {
    outcome: Mutex<Option<Result<SyncReport>>>,
    ended: Condvar,
}

impl Handle for Job {
    type Opaque = axis_job;
    const TAG: u64 = u64::from_be_bytes(*b"axis job");
    const KIND: &'static str = "a job";
    const HAS_THREADS: bool = true;
}

struct Progress {
    callback: axis_progress_callback,
    userdata: *mut c_void,
}

// SAFETY: the header says that the callback is called on another thread, and the caller has agreed.
unsafe impl Send for Progress {}

impl Progress {
    fn tell(&self, event: &SyncEvent) {
        if let (Some(callback), Ok(event)) = (self.callback, to_text(event)) {
            // SAFETY: it is the caller's own function and data, which live until the job has ended.
            unsafe { callback(self.userdata, event.as_ptr()) };
        }
    }
}

impl Job {
    fn start(open: Arc<Open>, handle: blocking::SyncHandle, progress: Progress) -> Result<Self> {
        let run_id = c_text(handle.run_id());
        let cancel = handle.canceller();
        let outcome = Arc::new(Outcome::default());
        let told = Arc::clone(&outcome);
        let work = move || {
            let watching = AssertUnwindSafe(|| handle.watch(|event| progress.tell(event)));
            let outcome = catch_unwind(watching).unwrap_or_else(|panic| Err(open.poison(&*panic)));
            // Whoever has waited may want the store to be free.
            drop(open);
            told.set(outcome);
        };
        let thread = thread::Builder::new().name("axis-job".to_owned()).spawn(work);
        let thread = thread.map_err(|error| {
            Error::new(ErrorKind::Store, "there is no thread for the job; try again")
                .during("sync.start")
                .because(error)
        })?;
        Ok(Self {
            run_id,
            cancel,
            outcome,
            thread: Some(thread),
        })
    }

    fn is_own_thread(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == thread::current().id())
    }

    fn wait(&self, timeout_ms: u64) -> Result<SyncReport> {
        if self.is_own_thread() {
            return Err(wrong("a job cannot be waited for in its own callback".to_owned()));
        }
        // A time that no clock reaches is no limit.
        let deadline = Instant::now().checked_add(Duration::from_millis(timeout_ms));
        self.outcome.wait(deadline).unwrap_or_else(|| {
            let message = "the sync has not ended yet; it goes on";
            Err(Error::new(ErrorKind::Timeout, message).during("job.wait"))
        })
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.cancel.cancel();
        if !self.is_own_thread() {
            // It has caught its panics.
            let _ = self.thread.take().map(JoinHandle::join);
        }
    }
}

impl Outcome {
    fn set(&self, outcome: Result<SyncReport>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
        self.ended.notify_all();
    }

    fn wait(&self, deadline: Option<Instant>) -> Option<Result<SyncReport>> {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if outcome.is_some() {
                return outcome.clone();
            }
            outcome = match deadline {
                None => self.ended.wait(outcome).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.checked_duration_since(Instant::now())?;
                    let waited = self.ended.wait_timeout(outcome, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }
}

/// Starts a sync in the background. NULL for the options is their defaults, NULL for the callback no progress.
///
/// Errors: AXIS_BUSY, AXIS_CONFIG, AXIS_NOT_FOUND; everything else is told by axis_job_wait.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_sync_start(
    engine: *const axis_engine,
    dataset: *const c_char,
    options: *const axis_sync_options,
    on_progress: axis_progress_callback,
    userdata: *mut c_void,
    job_out: *mut *mut axis_job,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(job_out, "job_out")?);
        let options = wire::sync_options(gate.sync_options(options)?)?;
        let progress = Progress {
            callback: on_progress,
            userdata,
        };
        let started = dataset.start_sync(options)?;
        out.write(give(Job::start(gate.open(engine)?, started, progress)?))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Waits for a job and writes the report of its sync. May be called again, and by several threads; each gets a report of its own.
///
/// When it has returned anything but AXIS_TIMEOUT of a job that goes on, the callback is not called any more.
///
/// Errors: those of axis_engine_sync; AXIS_TIMEOUT with the operation `job.wait` when the sync goes on after `timeout_ms`, which may
/// be 0 or AXIS_WAIT_FOREVER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_job_wait(
    job: *const axis_job,
    timeout_ms: u64,
    report_out: *mut *mut axis_sync_report,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (job, out) = (gate.lend::<Job>(job, "job")?, gate.out(report_out, "report_out")?);
        out.write(give(SyncHandle::new(job.wait(timeout_ms)?)?))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Cancels the sync of a job, which then ends with AXIS_CANCELLED unless it has begun to commit. Never waits; any thread, any time.
/// NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_job_cancel(job: *const axis_job) {
    if is_forked() {
        return;
    }
    enter_or((), || {
        // SAFETY: the header asks for a job that was not freed, or NULL.
        if let Ok(job) = unsafe { handle::lend::<Job>(job, "job") } {
            job.cancel.cancel();
        }
    });
}

/// Returns the id of the run, as the report and the events have it. Borrowed from the job; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_job_run_id(job: *const axis_job) -> *const c_char {
    enter_or(null(), || {
        // SAFETY: the header asks for a job that was not freed, or NULL.
        unsafe { handle::lend::<Job>(job, "job") }.map_or(null(), |job| job.run_id.as_ptr())
    })
}

/// Cancels the sync of a job if it still runs, waits until its callback is not called any more, and frees it. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_job_free(job: *mut axis_job) {
    // SAFETY: the header asks for a job that is used no more, or NULL.
    unsafe { free::<Job>(job) };
}
