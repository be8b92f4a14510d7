//! Backups, restoring them, and compacting a store.

use std::ffi::{c_char, c_void};
use std::panic::resume_unwind;
use std::sync::mpsc::channel;
use std::thread::{self, Builder};

use axis_core::backup::BackupProgress;
use axis_core::{CancellationToken, Error, ErrorKind, Result, blocking, wire};

use crate::engine::{axis_engine, environment};
use crate::error::{axis_error, axis_status};
use crate::gate::{Gate, c_text, enter};
use crate::options::axis_backup_options;

/// Hears how far a backup, a restore or a compaction is: what is being done (`copying`, `writing`, `checking` or `loading`), and how
/// much of how much of that is done, in bytes or tables. Returns whether to go on: false cancels the work, unless it ends sooner.
///
/// Called on the thread that waits for the work, which goes on meanwhile; `stage` lives for the call. It may call other functions of the
/// engine, but must not throw.
pub type axis_backup_callback =
    Option<unsafe extern "C" fn(userdata: *mut c_void, stage: *const c_char, done: u64, total: u64) -> bool>;

/// What work tells how far it is.
type Tell = Box<dyn Fn(BackupProgress) + Send + Sync>;

/// Does work, and tells on this thread how far it is.
fn watched<T: Send>(
    callback: axis_backup_callback,
    userdata: *mut c_void,
    cancel: &CancellationToken,
    work: impl FnOnce(Tell) -> Result<T> + Send,
) -> Result<T> {
    let Some(callback) = callback else {
        return work(Box::new(|_| {}));
    };
    thread::scope(|scope| {
        let (tell, told) = channel();
        let worker = Builder::new().name("axis-backup".to_owned());
        let tell = move |progress| {
            // Somebody listens as long as there is something to tell.
            let _ = tell.send(progress);
        };
        let work = move || work(Box::new(tell));
        let worker = worker.spawn_scoped(scope, work).map_err(|error| {
            Error::new(ErrorKind::Store, "there is no thread for the work; try again")
                .during("backup")
                .because(error)
        })?;
        // It ends with the work, which holds the other side.
        for BackupProgress { stage, done, total, .. } in told {
            let stage = c_text(stage.as_str());
            // SAFETY: it is the caller's own function and data, which live until this call has returned.
            if !unsafe { callback(userdata, stage.as_ptr(), done, total) } {
                cancel.cancel();
            }
        }
        worker.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// Writes how the backups go that `duckdb.backup` asks for, which the scheduler makes, as a JSON object: directory, last_success (a time or
/// null) and last_failure (null, or at, code and message); or null when it asks for none. Never waits.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_backup_status(
    engine: *const axis_engine,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        out.json(&open.engine.backup_status())
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes a backup of everything that is committed now, while syncs and queries go on, and writes its report as a JSON object: path,
/// bytes, elapsed_ms, manifest. NULL for the options is their defaults, NULL for the callback no progress.
///
/// A file takes the place of another backup; a folder must not exist yet, or be empty. It appears under its name once it is whole;
/// its directory has room for twice the store meanwhile. Whatever the error, nothing is left behind.
///
/// Errors: AXIS_INVALID_ARGUMENT when something else is there, AXIS_BUSY while another backup is made, AXIS_STORE, AXIS_LOCKED,
/// AXIS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_engine_backup(
    engine: *const axis_engine,
    path: *const c_char,
    options: *const axis_backup_options,
    on_progress: axis_backup_callback,
    userdata: *mut c_void,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let (open, out) = (gate.open(engine)?, gate.out(json_out, "json_out")?);
        let path = gate.text(path, "path")?.to_owned();
        let options = wire::backup_options(gate.backup_options(options)?)?;
        let cancel = options.cancel.clone();
        let backup = |tell| open.engine.backup(path, options.progress(tell));
        out.json(&watched(on_progress, userdata, &cancel, backup)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Makes a store from a backup, a file or a folder, and writes its report as a JSON object: store, replaced, bytes, elapsed_ms, manifest.
/// Nobody may have the store open. NULL for the callback is no progress.
///
/// The options are a JSON object, or NULL: `store`, `config` and `env` as for axis_engine_open, and `force` (boolean), without which
/// a store that is there already is not replaced. All checksums are compared before anything is written to where the store is, and it
/// takes its place at once. Whatever the error, what was there is left as it was.
///
/// Errors: AXIS_INVALID_ARGUMENT when there is a store already, AXIS_NOT_FOUND, AXIS_STORE when the backup is damaged or of a newer
/// version, AXIS_LOCKED, AXIS_CONFIG, AXIS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_restore(
    path: *const c_char,
    options_json: *const c_char,
    on_progress: axis_backup_callback,
    userdata: *mut c_void,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let out = gate.out(json_out, "json_out")?;
        let path = gate.text(path, "path")?.to_owned();
        let options = gate.json(options_json, "options_json")?;
        let (config, options) = wire::restore_options(options, &environment())?;
        let cancel = options.cancel.clone();
        let restore = |tell| blocking::restore(path, &config, options.progress(tell));
        out.json(&watched(on_progress, userdata, &cancel, restore)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}

/// Writes a store anew, without the room that is free in its file, and writes a report as a JSON object: store, bytes_before,
/// bytes_after, tables, rows, elapsed_ms. Nobody may have the store open. NULL for the callback is no progress.
///
/// The options are a JSON object, or NULL: `store`, `config` and `env` as for axis_engine_open. Whatever the error, the store is
/// left as it was.
///
/// Errors: AXIS_NOT_FOUND when there is no store, AXIS_LOCKED, AXIS_STORE, AXIS_CONFIG, AXIS_INVALID_ARGUMENT, AXIS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_compact(
    options_json: *const c_char,
    on_progress: axis_backup_callback,
    userdata: *mut c_void,
    json_out: *mut *mut c_char,
    error_out: *mut *mut axis_error,
) -> axis_status {
    let call = |gate: &Gate| {
        let out = gate.out(json_out, "json_out")?;
        let options = gate.json(options_json, "options_json")?;
        let (config, options) = wire::compact_options(options, &environment())?;
        let cancel = options.cancel.clone();
        let compact = |tell| blocking::compact(&config, options.progress(tell));
        out.json(&watched(on_progress, userdata, &cancel, compact)?)
    };
    // SAFETY: the header asks for what `enter` does.
    unsafe { enter(error_out, call) }
}
