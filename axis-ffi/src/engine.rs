//! The engine: open, close, and what it tells about itself.

use std::env::vars_os;
use std::ffi::c_char;
use std::sync::Arc;

use axis_core::wire::{self, Opening};
use axis_core::{Env, blocking};

use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, Open, enter, enter_or, free, own};
use crate::handle::{self, Handle, give};

/// An open engine. May be used from any thread, by several at once.
#[derive(Debug)]
pub struct axis_engine {
    _opaque: (),
}

pub(crate) struct EngineHandle(pub(crate) Arc<Open>);

impl Handle for EngineHandle {
    type Opaque = axis_engine;
    const TAG: u64 = u64::from_be_bytes(*b"axis eng");
    const KIND: &'static str = "an engine";
    const HAS_THREADS: bool = true;
}

/// Opens an engine.
///
/// The options are a JSON object, or NULL: `store` (path), `config` (a directory, or an object of files), `env` (an object of
/// variables in addition to the environment), `scheduler` (boolean), `take_over_seconds` (3 to 86400). Without store and config the directory is
/// the one that the `axis` command would take.
///
/// Errors: AXIS_CONFIG, AXIS_INVALID_ARGUMENT, AXIS_LOCKED when another engine holds the store, AXIS_STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_open(
    options_json: *const c_char,
    engine_out: *mut *mut axis_engine,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let out = gate.out(engine_out, "engine_out")?;
        let opening = Opening::from_json(gate.json(options_json, "options_json")?, &environment())?;
        own();
        let engine = blocking::Engine::open_by(opening.open())?;
        out.write(give(EngineHandle(Arc::new(Open::new(engine)))))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Returns the variables of the process, but those that are no text: a configuration cannot name them.
pub(crate) fn environment() -> Env {
    Env::new(vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))))
}

/// Closes an engine: cancels what runs, refuses new work, and lets go of the store. Waits until that is done; again is fine.
///
/// Afterwards every other function answers AXIS_CLOSED. The engine is still to be freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_close(engine: *mut axis_engine, error_out: *mut *mut axis_error) -> axis_status {
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, |gate| gate.any(engine)?.engine.close()) }
}

/// Frees an engine, which closes with the last of it, its jobs and its streams. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_free(engine: *mut axis_engine) {
    // SAFETY: the header asks for an engine that is used no more, or NULL.
    unsafe { free::<EngineHandle>(engine) };
}

/// Tells whether an engine was closed; true for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_is_closed(engine: *const axis_engine) -> bool {
    enter_or(true, || {
        // SAFETY: the header asks for an engine that was not freed, or NULL.
        unsafe { handle::lend::<EngineHandle>(engine, "engine") }.map_or(true, |handle| handle.0.engine.is_closed())
    })
}

/// Writes the names of the datasets as a JSON list, in the order of the configuration.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_datasets(
    engine: *const axis_engine,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let names: Vec<String> = open
            .engine
            .datasets()
            .map(|dataset| dataset.name().to_owned())
            .collect();
        out.json(&names)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes the newest runs of all datasets as a JSON list, newest first.
///
/// Errors: AXIS_STORE, AXIS_CLOSED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_runs(
    engine: *const axis_engine,
    limit: u32,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        out.json(&open.engine.runs(limit)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes how much is in use as a JSON object: store_bytes, query_slots (queries that may run at once), queries_running,
/// queries_waiting.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_usage(
    engine: *const axis_engine,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        out.json(&open.engine.usage()?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Asks the analytics a question, such as `monitoring.summary`, and writes the answer as JSON.
///
/// The request is a JSON object of filters and settings, or NULL. axis_questions lists the questions.
///
/// Errors: AXIS_NOT_FOUND for a question that is none, AXIS_INVALID_ARGUMENT for the request, AXIS_NOT_SYNCED, AXIS_STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_ask(
    engine: *const axis_engine,
    question: *const c_char,
    request_json: *const c_char,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let question = gate.text(question, "question")?.to_owned();
        let request = gate.json(request_json, "request_json")?;
        let inner = open.engine.engine().clone();
        let answer = open
            .engine
            .run(async move { wire::ask(&inner, &question, request).await })?;
        out.json(&answer)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes the questions of the analytics as a JSON list.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_questions(json_out: *mut *mut c_char, error_out: *mut *mut axis_error) -> axis_status {
    let call = |gate: &Gate| gate.out(json_out, "json_out")?.json(&wire::QUESTIONS);
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}
