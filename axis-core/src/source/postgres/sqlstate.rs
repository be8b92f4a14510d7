//! What the driver's errors mean to us.
//!
//! The server's own words never become part of a message, since they may hold values of rows; they stay in the cause.

use std::error::Error as _;
use std::io;

use tokio_postgres::error::{DbError, ErrorPosition};

use crate::error::{Error, ErrorKind};

use ErrorKind::{SourceRejected as Rejected, SourceUnavailable as Unavailable, Timeout};

/// Codes and classes; the longest that fits wins.
const TABLE: &[(&str, ErrorKind, &str)] = &[
    ("08", Unavailable, "the connection to the server was lost"),
    ("0A", Rejected, "the server does not support what the query asks for"),
    ("22", Rejected, "the query computes a value that its type cannot hold"),
    ("22012", Rejected, "the query divides by zero"),
    (
        "22P02",
        Rejected,
        "the query casts a text to a type that it does not fit",
    ),
    ("25", Rejected, "the server refused the query in this transaction"),
    ("25006", Rejected, "the query would write, and it may only read"),
    ("25P03", Unavailable, "the server closed an idle transaction"),
    ("25P04", Timeout, "the server's limit for a transaction has passed"),
    (
        "26",
        Unavailable,
        "the server lost a prepared statement, as some connection poolers do",
    ),
    ("28", Rejected, "the server refused the credentials"),
    ("3B", Unavailable, "the server lost a savepoint"),
    ("3D", Rejected, "the database does not exist"),
    ("3F", Rejected, "a schema of the query does not exist"),
    (
        "40",
        Unavailable,
        "the server ended the transaction because of a conflict with another one",
    ),
    ("42", Rejected, "the server refused the query"),
    ("42501", Rejected, "the user may not read what the query names"),
    ("42601", Rejected, "the query has a syntax error"),
    ("42602", Rejected, "the query has a malformed name"),
    ("42702", Rejected, "the query names a column that is ambiguous"),
    ("42703", Rejected, "the query names a column that does not exist"),
    (
        "42704",
        Rejected,
        "the query names a type or another object that does not exist",
    ),
    ("42803", Rejected, "the query groups its columns wrongly"),
    ("42804", Rejected, "the query mixes types that do not fit"),
    ("42846", Rejected, "the query casts between types that have no cast"),
    (
        "42883",
        Rejected,
        "the query uses a function or an operator that does not exist",
    ),
    ("42P01", Rejected, "the query names a table that does not exist"),
    ("53", Unavailable, "the server is out of resources"),
    ("53300", Unavailable, "the server has too many connections"),
    ("54", Rejected, "the query exceeds a limit of the server"),
    ("55", Rejected, "an object of the query is not ready to be read"),
    ("55P03", Unavailable, "a table of the query is locked"),
    ("57", Unavailable, "an operator of the server intervened"),
    ("57014", Unavailable, "somebody cancelled the query on the server"),
    ("57P01", Unavailable, "the server is shutting down"),
    ("57P02", Unavailable, "the server has crashed and restarts"),
    ("57P03", Unavailable, "the server is starting or shutting down"),
    ("57P04", Unavailable, "the database was dropped"),
    ("57P05", Unavailable, "the server closed an idle session"),
    ("58", Unavailable, "the server has a problem with its files"),
    ("72", Unavailable, "the server's snapshot is too old"),
    ("P0", Rejected, "a function of the query raised an error"),
    ("XX", Rejected, "the server reports a defect of its own or damaged data"),
];

/// Translates an error of a statement.
pub(super) fn explain(error: tokio_postgres::Error) -> Error {
    let translated = match error.as_db_error() {
        Some(db) => explain_db(db),
        None if lost(&error) => Error::new(Unavailable, "the connection to the server was lost"),
        None => Error::new(
            ErrorKind::Internal,
            "the driver and the server do not understand each other",
        ),
    };
    translated.because(error)
}

/// Translates an error of connecting; the caller adds host and user.
pub(super) fn explain_connect(error: tokio_postgres::Error, user: &str, database: &str) -> Error {
    let translated = match error.as_db_error() {
        Some(db) if db.code().code().starts_with("28") => {
            Error::new(Rejected, format!("the server refused the credentials of user `{user}`"))
                .with("sqlstate", db.code().code())
        }
        Some(db) if db.code().code().starts_with("3D") => {
            Error::new(Rejected, format!("database `{database}` does not exist")).with("sqlstate", db.code().code())
        }
        Some(db) => explain_db(db),
        // The driver does not tell its kinds apart but by their text.
        None => match error.to_string().as_str() {
            "error performing TLS handshake" => explain_tls(&error),
            "authentication error" | "invalid configuration" => Error::new(
                Rejected,
                format!("the server asks for a password of user `{user}`, and none that it accepts is configured"),
            ),
            "error connecting to server" => Error::new(Unavailable, "the server cannot be reached"),
            _ if lost(&error) => Error::new(Unavailable, "the server closed the connection at once"),
            _ => Error::new(Unavailable, "what listens there does not speak PostgreSQL's protocol"),
        },
    };
    translated.because(error)
}

fn explain_tls(error: &tokio_postgres::Error) -> Error {
    let Some(io) = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()) else {
        return Error::new(Rejected, "the server does not offer TLS, and the connection demands it");
    };
    match io.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
        )) => Error::new(Rejected, "the server's certificate is for another host"),
        Some(rustls::Error::InvalidCertificate(_)) => Error::new(
            Rejected,
            "the server's certificate does not come from a trusted authority",
        ),
        Some(_) => Error::new(Rejected, "the server and we found no common way to encrypt"),
        None => Error::new(Unavailable, "the connection was lost while it was being encrypted"),
    }
}

fn explain_db(db: &DbError) -> Error {
    let code = db.code().code();
    let row = TABLE
        .iter()
        .filter(|row| code.starts_with(row.0))
        .max_by_key(|row| row.0.len());
    let (mut kind, mut message) = row.map_or((Rejected, "the server reported an error"), |(_, kind, message)| {
        (*kind, *message)
    });
    // One code stands for every cancel; the message tells them apart where the server speaks English.
    if code == "57014" && db.message().contains("timeout") {
        (kind, message) = (Timeout, "the server's limit for a statement has passed");
    }
    let mut message = message.to_owned();
    if let ("42601", Some(ErrorPosition::Original(position))) = (code, db.position()) {
        message.push_str(&format!(" at character {position}"));
    }
    let mut error = Error::new(kind, message).with("sqlstate", code);
    // These messages quote a name that the query itself has spelled.
    if matches!(code, "42P01" | "42703" | "42704" | "3F000")
        && let Some(name) = db.message().split('"').nth(1)
    {
        error = error.with("name", name);
    }
    if let Some(ErrorPosition::Original(position)) = db.position() {
        error = error.with("position", position);
    }
    error
}

/// Tells whether the connection is gone, as opposed to an answer that makes no sense.
fn lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || error
            .source()
            .and_then(|cause| cause.downcast_ref::<io::Error>())
            .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_ordered_and_unique() {
        assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(TABLE.iter().all(|(code, ..)| matches!(code.len(), 2 | 5)));
    }
}
