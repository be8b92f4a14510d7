//! What the core logs, for the `logging` of Python. Threads of the engine leave records in a queue and go on; whoever has the GIL
//! anyway hands them over.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;
use tokio::sync::Notify;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record as Values};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::gate;

/// Records that may wait; those that come then are counted and lost.
const CAPACITY: usize = 4096;
/// What Python has no name for.
const TRACE: u8 = 5;
/// More than any level.
const OFF: u8 = 255;

/// The least level that somebody hears, in the numbers of Python.
static HEARD: AtomicU8 = AtomicU8::new(OFF);
static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    records: VecDeque::new(),
    lost: 0,
});
static WAITING: LazyLock<Notify> = LazyLock::new(Notify::new);
/// Whether somebody hands records over. A handler that calls axis must not wait for itself, so nobody waits for anybody.
static BUSY: AtomicBool = AtomicBool::new(false);

struct Queue {
    records: VecDeque<Record>,
    lost: u64,
}

struct Record {
    level: u8,
    target: &'static str,
    told: Told,
    at: SystemTime,
}

/// Begins to listen to this library.
pub(crate) fn listen() {
    // The library is alone with its copy of `tracing`, and does this once.
    let _ = tracing::subscriber::set_global_default(Listener);
}

/// Asks Python what is heard. A program that has not imported `logging` hears nothing.
pub(crate) fn ask(py: Python<'_>) -> PyResult<()> {
    static LEVEL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if LEVEL.get(py).is_none() && !py.import("sys")?.getattr("modules")?.contains("logging")? {
        return Ok(());
    }
    let level = LEVEL.get_or_try_init(py, || function(py, "level"))?.call0(py)?;
    // A level may be any number.
    let level = level.extract::<i64>(py)?.clamp(0, OFF.into());
    hear(u8::try_from(level).unwrap_or(OFF));
    Ok(())
}

/// Hears nothing any more.
pub(crate) fn end() {
    hear(OFF);
}

/// Waits until there is something to be handed over.
pub(crate) async fn waiting() {
    WAITING.notified().await;
}

/// Hands over what waits, unless somebody else is about it. What a handler raises is reported like an exception of `__del__`;
/// Ctrl-C comes out.
pub(crate) fn hand_over(py: Python<'_>) -> PyResult<()> {
    static HEAR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if queue().records.is_empty() || BUSY.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    let _busy = Busy;
    let hear = HEAR.get_or_try_init(py, || function(py, "hear"))?;
    while let Some(record) = next() {
        if let Err(error) = record.give(py, hear) {
            if !error.is_instance_of::<PyException>(py) {
                return Err(error);
            }
            error.write_unraisable(py, None);
        }
    }
    ask(py)
}

fn function(py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
    Ok(py.import("axis._log")?.getattr(name)?.unbind())
}

fn hear(level: u8) {
    if HEARD.swap(level, Ordering::AcqRel) != level {
        // Where nobody listens a message is not even made.
        tracing::callsite::rebuild_interest_cache();
    }
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn next() -> Option<Record> {
    let mut queue = queue();
    let record = queue.records.pop_front();
    if record.is_some() || queue.lost == 0 {
        return record;
    }
    let message = format!(
        "{} records of the log were lost: nobody took them",
        mem::take(&mut queue.lost)
    );
    Some(Record {
        level: number(Level::WARN),
        target: module_path!(),
        told: Told {
            message,
            fields: Vec::new(),
        },
        at: SystemTime::now(),
    })
}

fn number(level: Level) -> u8 {
    match level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => TRACE,
    }
}

struct Busy;

impl Drop for Busy {
    fn drop(&mut self) {
        BUSY.store(false, Ordering::Release);
    }
}

impl Record {
    fn give(self, py: Python<'_>, hear: &Py<PyAny>) -> PyResult<()> {
        let fields = PyDict::new(py);
        let mut message = self.told.message;
        for (name, value) in self.told.fields {
            // Writing to a text does not fail.
            let _ = write!(message, " {name}={value}");
            fields.set_item(name, value)?;
        }
        let at = self.at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        hear.call1(py, (self.level, self.target, message, fields, at.as_secs_f64()))
            .map(drop)
    }
}

struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && number(*metadata.level()) >= HEARD.load(Ordering::Acquire)
            && metadata.target().starts_with("axis")
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match HEARD.load(Ordering::Acquire) {
            0..=TRACE => LevelFilter::TRACE,
            6..=10 => LevelFilter::DEBUG,
            11..=20 => LevelFilter::INFO,
            21..=30 => LevelFilter::WARN,
            31..=40 => LevelFilter::ERROR,
            _ => LevelFilter::OFF,
        })
    }

    fn event(&self, event: &Event<'_>) {
        // The lock of the queue may have been held when this process was forked off.
        if gate::is_forked() {
            return;
        }
        let mut told = Told::default();
        event.record(&mut told);
        let record = Record {
            level: number(*event.metadata().level()),
            target: event.metadata().target(),
            told,
            at: SystemTime::now(),
        };
        let mut queue = queue();
        if queue.records.len() < CAPACITY {
            queue.records.push_back(record);
        } else {
            queue.lost += 1;
        }
        drop(queue);
        WAITING.notify_one();
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // No span is enabled.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Values<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Told {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let value = format!("{value:?}");
        if field.name() == "message" {
            self.message = value;
        } else {
            self.fields.push((field.name(), value));
        }
    }
}
