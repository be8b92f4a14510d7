//! Turns SQLite's errors into ours.

use std::path::Path;

use rusqlite::{Error as SqliteError, ErrorCode};

use crate::error::{Error, ErrorKind};

/// Says what an error of SQLite means for the caller; the driver's own words are kept as the cause only.
pub(super) fn classify(error: SqliteError, path: &Path) -> Error {
    let (kind, message) = judge(&error);
    let ours = Error::new(kind, message).with("file", path.display());
    match &error {
        SqliteError::SqlInputError { msg, offset, .. } if missing(msg).is_none() && *offset >= 0 => {
            let offset = *offset;
            ours.with("offset", offset).because(error)
        }
        _ => ours.because(error),
    }
}

fn judge(error: &SqliteError) -> (ErrorKind, String) {
    use ErrorKind::{Cancelled, SourceRejected, SourceUnavailable};
    let say = |kind, message: &str| (kind, message.to_owned());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed) => {
            say(SourceUnavailable, "the SQLite file is locked by a writer")
        }
        Some(ErrorCode::CannotOpen) => say(
            SourceUnavailable,
            "the SQLite file cannot be opened: it is missing or may not be read",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::DiskFull) => {
            say(SourceUnavailable, "the SQLite file cannot be read")
        }
        Some(ErrorCode::ReadOnly) => say(
            SourceUnavailable,
            "the SQLite file must be recovered by a program that may write it",
        ),
        Some(ErrorCode::SchemaChanged) => say(SourceUnavailable, "the SQLite schema changed during the read"),
        Some(ErrorCode::OperationInterrupted) => say(Cancelled, "the read was cancelled"),
        Some(ErrorCode::NotADatabase) => say(SourceRejected, "the file is not a SQLite database"),
        Some(ErrorCode::DatabaseCorrupt) => say(SourceRejected, "the SQLite file is damaged"),
        Some(ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            say(SourceRejected, "access to the SQLite file is denied")
        }
        _ => (SourceRejected, query_problem(error)),
    }
}

fn query_problem(error: &SqliteError) -> String {
    let text = match error {
        SqliteError::SqlInputError { msg, .. } | SqliteError::SqliteFailure(_, Some(msg)) => msg.as_str(),
        _ => "",
    };
    if let Some((what, name)) = missing(text) {
        return format!("the query names the {what} `{name}`, which does not exist");
    }
    if text.contains("syntax error") || text.contains("incomplete input") {
        return "the query is not a SELECT that SQLite understands".to_owned();
    }
    "SQLite refuses the query".to_owned()
}

/// Finds the name of what is missing in SQLite's message.
fn missing(text: &str) -> Option<(&'static str, &str)> {
    [
        ("no such table: ", "table"),
        ("no such column: ", "column"),
        ("no such function: ", "function"),
    ]
    .into_iter()
    .find_map(|(prefix, what)| {
        text.strip_prefix(prefix)
            .map(|rest| (what, rest.lines().next().unwrap_or(rest)))
    })
}
