//! What the library logs, handed to a callback.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::fmt::{self, Write as _};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use axis_core::{Error, ErrorKind, Result};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

use crate::error::{axis_error, axis_status};
use crate::gate::{c_text, enter};
use crate::handle::wrong;

/// Nothing is logged.
pub const AXIS_LOG_OFF: u32 = 0;
/// What went wrong.
pub const AXIS_LOG_ERROR: u32 = 1;
/// And what may go wrong.
pub const AXIS_LOG_WARN: u32 = 2;
/// And what was done.
pub const AXIS_LOG_INFO: u32 = 3;
/// And why.
pub const AXIS_LOG_DEBUG: u32 = 4;
/// And everything else.
pub const AXIS_LOG_TRACE: u32 = 5;

/// Hears of what the library logs. Called on any thread, by several at once; the texts live for the call. It must not throw.
pub type axis_log_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, level: u32, target: *const c_char, message: *const c_char)>;

/// How long setting a callback waits for the one of before to return.
const LEAVE: Duration = Duration::from_secs(2);

struct Listener {
    callback: unsafe extern "C" fn(*mut c_void, u32, *const c_char, *const c_char),
    userdata: *mut c_void,
    level: u32,
    /// How many calls are inside of it.
    inside: Mutex<usize>,
    left: Condvar,
}

// SAFETY: the header says that the callback is called on any thread, and the caller has agreed.
unsafe impl Send for Listener {}
// SAFETY: the same.
unsafe impl Sync for Listener {}

impl Listener {
    fn inside(&self) -> MutexGuard<'_, usize> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self, level: u32, target: &CStr, message: &CStr) {
        INSIDE.set(true);
        // SAFETY: it is the caller's own function and data, which live until another callback is set, and that waits for this.
        unsafe { (self.callback)(self.userdata, level, target.as_ptr(), message.as_ptr()) };
        INSIDE.set(false);
        *self.inside() -= 1;
        self.left.notify_all();
    }

    /// Waits until nobody is inside any more; false when somebody stays.
    fn leave(&self) -> bool {
        let waited = self.left.wait_timeout_while(self.inside(), LEAVE, |inside| *inside > 0);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }
}

/// Never locked while a callback runs: whatever that does, others get on.
static LISTENER: RwLock<Option<Arc<Listener>>> = RwLock::new(None);

thread_local! {
    /// Whether this thread is inside the callback: what it does there is not logged, and cannot replace the callback.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Sets the callback that hears of what all engines of this process log, up to a level; NULL for none. When it has returned with
/// AXIS_OK, the callback of before is not called any more.
///
/// Errors: AXIS_INVALID_ARGUMENT for an unknown level, inside of the callback, and when the program, being Rust, listens itself.
/// AXIS_TIMEOUT when the callback of before does not return within two seconds: the new one is set, and what the one of before uses
/// must live until it returns. So it is when it waits for this call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_log_set(
    callback: axis_log_callback,
    userdata: *mut c_void,
    level: u32,
    error_out: *mut *mut axis_error,
) -> axis_status {
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, |_| set(callback, userdata, level)) }
}

fn set(callback: axis_log_callback, userdata: *mut c_void, level: u32) -> Result<()> {
    static LISTENS: OnceLock<bool> = OnceLock::new();
    if level > AXIS_LOG_TRACE {
        let message = format!("`level` is {level}; allowed is AXIS_LOG_OFF (0) to AXIS_LOG_TRACE (5)");
        return Err(wrong(message));
    }
    if INSIDE.get() {
        return Err(wrong(
            "the callback of the log cannot be set inside of itself".to_owned(),
        ));
    }
    let listens = || tracing::subscriber::set_global_default(Registry::default().with(Forward)).is_ok();
    if callback.is_some() && !*LISTENS.get_or_init(listens) {
        let message = "the log of this process goes to somebody else already";
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    let next = callback.map(|callback| {
        Arc::new(Listener {
            callback,
            userdata,
            level,
            inside: Mutex::default(),
            left: Condvar::new(),
        })
    });
    let before = mem::replace(&mut *LISTENER.write().unwrap_or_else(PoisonError::into_inner), next);
    if before.is_none_or(|before| before.leave()) {
        return Ok(());
    }
    let message = "the callback of before has not returned within 2 s; what it uses must live until it does";
    Err(Error::new(ErrorKind::Timeout, message).during("log.set"))
}

/// Returns who hears of a level, entered.
fn enter_listener(level: u32) -> Option<Arc<Listener>> {
    let listener = LISTENER.read().unwrap_or_else(PoisonError::into_inner);
    let listener = listener.as_ref().filter(|listener| level <= listener.level)?;
    // As long as it is set: whoever replaces it then waits for this.
    *listener.inside() += 1;
    Some(Arc::clone(listener))
}

struct Forward;

impl<S: Subscriber> Layer<S> for Forward {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let (level, target) = (number(event.metadata()), event.metadata().target());
        if INSIDE.get() || !target.starts_with("axis") {
            return;
        }
        let Some(listener) = enter_listener(level) else {
            return;
        };
        let mut message = Message::default();
        event.record(&mut message);
        listener.call(level, &c_text(target), &c_text(message.0));
    }
}

fn number(metadata: &Metadata<'_>) -> u32 {
    match *metadata.level() {
        Level::ERROR => AXIS_LOG_ERROR,
        Level::WARN => AXIS_LOG_WARN,
        Level::INFO => AXIS_LOG_INFO,
        Level::DEBUG => AXIS_LOG_DEBUG,
        Level::TRACE => AXIS_LOG_TRACE,
    }
}

/// The message first, then the fields as name=value.
#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a text does not fail.
        if field.name() == "message" {
            self.0.insert_str(0, &format!("{value:?}"));
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}
