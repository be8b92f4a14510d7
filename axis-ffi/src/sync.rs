//! Syncs and verifications that the caller waits for.

use std::ffi::c_char;

use axis_core::wire;

use crate::engine::axis_engine;
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, enter};
use crate::handle::give;
use crate::options::{axis_sync_options, axis_verify_options};
use crate::report::{SyncHandle, VerifyHandle, axis_sync_report, axis_verify_report};

/// Syncs a dataset and waits for the report. NULL for the options is their defaults.
///
/// Errors: AXIS_BUSY, AXIS_CONFIG, AXIS_SOURCE_UNAVAILABLE, AXIS_SOURCE_REJECTED, AXIS_SCHEMA_MISMATCH, AXIS_STORE, AXIS_LOCKED,
/// AXIS_TIMEOUT, AXIS_CANCELLED. Whatever the error, the data of before is served and the next sync is exact.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_sync(
    engine: *const axis_engine,
    dataset: *const c_char,
    options: *const axis_sync_options,
    report_out: *mut *mut axis_sync_report,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(report_out, "report_out")?);
        let options = wire::sync_options(gate.sync_options(options)?)?;
        out.write(give(SyncHandle::new(dataset.sync(options)?)?))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Syncs every dataset that can be synced, and writes what became of each as JSON: {"monitoring": {"ok": report}, "eval": {"error":
/// error}}. The call succeeds when datasets fail. NULL for the options is their defaults.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_sync_all(
    engine: *const axis_engine,
    options: *const axis_sync_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let options = wire::sync_options(gate.sync_options(options)?)?;
        let datasets: Vec<_> = open.engine.syncable().collect();
        out.json(&wire::outcomes(open.engine.sync(&datasets, &options)?)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Cancels the running sync or verification of a dataset, whoever started it, and writes whether there was one. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_cancel_sync(
    engine: *const axis_engine,
    dataset: *const c_char,
    cancelled_out: *mut bool,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let dataset = gate.dataset(engine, dataset)?;
        let out = gate.out(cancelled_out, "cancelled_out")?;
        out.write(dataset.cancel_sync())
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Compares a dataset with its source, row by row in sums, and waits for the report. NULL for the options is their defaults.
///
/// Errors: those of axis_engine_sync, and AXIS_NOT_SYNCED. A difference is no error.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_verify(
    engine: *const axis_engine,
    dataset: *const c_char,
    options: *const axis_verify_options,
    report_out: *mut *mut axis_verify_report,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (dataset, out) = (gate.dataset(engine, dataset)?, gate.out(report_out, "report_out")?);
        let options = wire::verify_options(gate.verify_options(options)?)?;
        out.write(give(VerifyHandle::new(dataset.verify(options)?)?))
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Verifies every dataset that can be synced, and writes what became of each as axis_engine_sync_all does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_verify_all(
    engine: *const axis_engine,
    options: *const axis_verify_options,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let options = wire::verify_options(gate.verify_options(options)?)?;
        let datasets: Vec<_> = open.engine.syncable().collect();
        out.json(&wire::outcomes(open.engine.verify(&datasets, &options)?)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}
