//! What is known and stored of one dataset, as JSON.

use std::ffi::c_char;

use axis_core::wire;

use crate::engine::axis_engine;
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, enter};

/// Writes what is known about a dataset as a JSON object, without I/O.
///
/// Errors: AXIS_NOT_FOUND, AXIS_CLOSED, as of every function that names a dataset.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_status(
    engine: *const axis_engine,
    dataset: *const c_char,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(json_out, "json_out")?);
        out.text(&dataset.status_json()?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes the watermarks that the last commit stored as a JSON list, one for each table that has one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_watermarks(
    engine: *const axis_engine,
    dataset: *const c_char,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(json_out, "json_out")?);
        out.json(&dataset.watermarks())
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Forgets the watermarks of a dataset, so that the next sync is a full rebuild, and writes how many there were. Data stays.
///
/// Errors: AXIS_BUSY, AXIS_INVALID_ARGUMENT when no table has an `incremental_column`, AXIS_STORE, AXIS_LOCKED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_reset_watermarks(
    engine: *const axis_engine,
    dataset: *const c_char,
    count_out: *mut usize,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(count_out, "count_out")?);
        out.write(dataset.reset_watermarks()?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes what a dataset holds as a JSON object: columns, filter values, time range; `null` when it was never synced.
///
/// Errors: AXIS_STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_metadata(
    engine: *const axis_engine,
    dataset: *const c_char,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(json_out, "json_out")?);
        out.json(&dataset.metadata()?.as_deref())
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes one page of a dataset as a JSON object: rows, total, page, page_size.
///
/// The request is a JSON object, or NULL: page, page_size, sort_by, direction ("asc", "desc"), columns, and filters.
///
/// Errors: AXIS_INVALID_ARGUMENT, AXIS_STORE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_page(
    engine: *const axis_engine,
    dataset: *const c_char,
    request_json: *const c_char,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(json_out, "json_out")?);
        let request = wire::page_request(gate.json(request_json, "request_json")?)?;
        out.json(&wire::page(&dataset.page(request)?))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}
