//! What happens in an engine, one event after the other.

use std::ffi::c_char;
use std::ptr::null_mut;
use std::time::{Duration, Instant};

use axis_core::{Error, ErrorKind, blocking};
use parking_lot::Mutex;

use crate::engine::axis_engine;
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, enter, free};
use crate::handle::{Handle, give};

/// A listener to everything that happens in an engine. May be used from any thread; several get different events.
#[derive(Debug)]
pub struct axis_events {
    _opaque: (),
}

pub(crate) struct Listener(Mutex<blocking::Events>);

impl Handle for Listener {
    type Opaque = axis_events;
    const TAG: u64 = u64::from_be_bytes(*b"axis evt");
    const KIND: &'static str = "a listener";
}

/// Listens to an engine: from now on, or from after the event whose `id` is given, as far as the events are kept. NULL for the id is
/// from now on.
///
/// The listener keeps neither the engine nor its store open.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_events(
    engine: *const axis_engine,
    after_id: *const c_char,
    events_out: *mut *mut axis_events,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(events_out, "events_out")?);
        let events = match gate.text_or_null(after_id, "after_id")? {
            Some(id) => open.engine.events_after(id),
            None => open.engine.events(),
        };
        out.write(give(Listener(Mutex::new(events))))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Waits for the next event and writes it as a JSON object, to be freed with axis_text_free; NULL when the engine was closed and
/// everything has been told.
///
/// Every event has `id`, `at` and `event`: `started`, `planned`, `progress`, `committed`, `failed`, `verifying`, `verified`,
/// `readiness` (the engine as a whole has become ready, or degraded), or `lost` where events are missing because the listener was
/// more than 1,024 of them behind.
///
/// Errors: AXIS_TIMEOUT when nothing has happened for `timeout_ms`, which may be 0 or AXIS_WAIT_FOREVER.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_events_next(
    events: *const axis_events,
    timeout_ms: u64,
    event_json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let listener = gate.lend::<Listener>(events, "events")?;
        let out = gate.out(event_json_out, "event_json_out")?;
        let (since, timeout) = (Instant::now(), Duration::from_millis(timeout_ms));
        // Another thread may be waiting for the same event.
        let taken = listener.0.try_lock_for(timeout);
        let mut events = taken.ok_or_else(|| Error::new(ErrorKind::Timeout, "nothing has happened"))?;
        match events.next_timeout(timeout.saturating_sub(since.elapsed()))? {
            Some(event) => out.json(&*event),
            None => out.write(null_mut()),
        }
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Frees a listener that nobody waits for. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_events_free(events: *mut axis_events) {
    // SAFETY: the header asks for a listener that is used no more, or NULL.
    unsafe { free::<Listener>(events) };
}
