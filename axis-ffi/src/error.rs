//! Statuses, and the errors behind them.

use std::ffi::{CString, c_char};
use std::ptr::null;

use axis_core::{Error, wire};
use serde_json::json;

use crate::gate::{c_text, enter_or, free, to_text};
use crate::handle::{self, Handle};

/// What became of a call: `AXIS_OK`, or the number of an error kind. Numbers are never reused.
pub type axis_status = i32;

/// The call succeeded.
pub const AXIS_OK: axis_status = 0;
/// A configuration file, or a variable that stands in for one, is wrong.
pub const AXIS_CONFIG: axis_status = 100;
/// An argument of the call is wrong.
pub const AXIS_INVALID_ARGUMENT: axis_status = 101;
/// The thing that the call names does not exist.
pub const AXIS_NOT_FOUND: axis_status = 102;
/// The dataset exists but was never synced.
pub const AXIS_NOT_SYNCED: axis_status = 200;
/// The dataset is being synced already; may be tried again.
pub const AXIS_BUSY: axis_status = 201;
/// Another process, or another engine of this process, holds the store; may be tried again.
pub const AXIS_LOCKED: axis_status = 202;
/// The engine was closed.
pub const AXIS_CLOSED: axis_status = 203;
/// The work was cancelled by somebody.
pub const AXIS_CANCELLED: axis_status = 204;
/// The work took longer than it was allowed to; may be tried again.
pub const AXIS_TIMEOUT: axis_status = 205;
/// The source cannot be reached; may be tried again.
pub const AXIS_SOURCE_UNAVAILABLE: axis_status = 300;
/// The source was reached and refused.
pub const AXIS_SOURCE_REJECTED: axis_status = 301;
/// The source answers with columns or values that the store cannot take as configured.
pub const AXIS_SCHEMA_MISMATCH: axis_status = 302;
/// The SQL that was sent to the store is wrong.
pub const AXIS_QUERY: axis_status = 400;
/// The store cannot be opened, read or written.
pub const AXIS_STORE: axis_status = 401;
/// A defect of AXIS.
pub const AXIS_INTERNAL: axis_status = 900;

/// An error. Immutable; may be read from any thread.
#[derive(Debug)]
pub struct axis_error {
    _opaque: (),
}

/// The texts are made when it is, so that they can be borrowed.
pub(crate) struct Failure {
    status: axis_status,
    retryable: bool,
    code: CString,
    message: CString,
    operation: CString,
    context: CString,
    json: CString,
}

impl Failure {
    pub(crate) fn new(error: &Error) -> Self {
        let told = wire::error(error);
        Self {
            status: error.kind().number(),
            retryable: error.is_retryable(),
            code: c_text(error.code()),
            message: c_text(error.message()),
            operation: c_text(error.operation()),
            context: to_text(&told["context"]).unwrap_or_default(),
            json: to_text(&told).unwrap_or_else(|_| c_text(json!({ "code": error.code() }).to_string())),
        }
    }
}

impl Handle for Failure {
    type Opaque = axis_error;
    const TAG: u64 = u64::from_be_bytes(*b"axis err");
    const KIND: &'static str = "an error";
}

/// Looks into an error; what is none has `otherwise`.
fn read<T>(error: *const axis_error, otherwise: T, read: impl FnOnce(&Failure) -> T) -> T {
    enter_or(None, || {
        // SAFETY: the header asks for an error that was not freed, or NULL.
        unsafe { handle::lend::<Failure>(error, "error") }.ok().map(read)
    })
    .unwrap_or(otherwise)
}

/// Returns the status that the call returned; AXIS_OK for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_status(error: *const axis_error) -> axis_status {
    read(error, AXIS_OK, |failure| failure.status)
}

/// Returns the code that is the same in every language, such as `AXIS_BUSY`. Borrowed from the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_code(error: *const axis_error) -> *const c_char {
    read(error, null(), |failure| failure.code.as_ptr())
}

/// Returns what was wrong, in one line without secrets. Borrowed from the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_message(error: *const axis_error) -> *const c_char {
    read(error, null(), |failure| failure.message.as_ptr())
}

/// Returns what was being done, such as `sync.read`, or an empty text. Borrowed from the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_operation(error: *const axis_error) -> *const c_char {
    read(error, null(), |failure| failure.operation.as_ptr())
}

/// Tells whether the same call, unchanged, may succeed later.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_is_retryable(error: *const axis_error) -> bool {
    read(error, false, |failure| failure.retryable)
}

/// Returns the dataset, the table and other facts as a JSON object of texts. Borrowed from the error; NULL for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_context_json(error: *const axis_error) -> *const c_char {
    read(error, null(), |failure| failure.context.as_ptr())
}

/// Returns everything as one JSON object: code, number, message, operation, retryable, context. Borrowed from the error; NULL for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_json(error: *const axis_error) -> *const c_char {
    read(error, null(), |failure| failure.json.as_ptr())
}

/// Frees an error. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn axis_error_free(error: *mut axis_error) {
    // SAFETY: the header asks for an error that is used no more, or NULL.
    unsafe { free::<Failure>(error) };
}

#[cfg(test)]
mod tests {
    use axis_core::ErrorKind;

    #[test]
    fn the_statuses_are_those_of_the_table_of_errors() {
        let source = include_str!("error.rs");
        let constants: Vec<(&str, i32)> = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub const AXIS_")?.strip_suffix(';'))
            .map(|line| line.split_once(": axis_status = ").unwrap())
            .map(|(name, number)| (name, number.parse().unwrap()))
            .filter(|(name, _)| *name != "OK")
            .collect();
        let kinds = ErrorKind::ALL.iter();
        let table: Vec<(&str, i32)> = kinds.map(|kind| (&kind.code()[5..], kind.number())).collect();
        assert_eq!(constants, table);
    }
}
