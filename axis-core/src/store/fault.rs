//! Turns DuckDB's errors into ours; the driver's text goes to the cause, never into the message.

use crate::error::{Error, ErrorKind};

/// What DuckDB says of an interrupt, in our words.
pub(crate) const INTERRUPTED: &str = "the work was interrupted";

/// An error of our own SQL: the store is at fault, or an interrupt.
pub(crate) fn store(operation: &'static str) -> impl Fn(duckdb::Error) -> Error {
    move |error| {
        let text = error.to_string();
        // A full disk may come first: DuckDB's text may go on to say that it gave up.
        let message = if is_full(&text) {
            "the disk that holds the store is full"
        } else if is_interrupt(&text) {
            return Error::new(ErrorKind::Cancelled, INTERRUPTED)
                .during(operation)
                .because(error);
        } else if text.contains("Out of Memory") {
            "the store needs more memory than `memory_limit` allows"
        } else if text.contains(INVALIDATED) {
            "the store was invalidated by a fatal error; it is opened again before its next use"
        } else {
            "the store refused the operation"
        };
        Error::new(ErrorKind::Store, message).during(operation).because(error)
    }
}

/// How DuckDB says that it refuses everything from now on.
const INVALIDATED: &str = "has been invalidated";

/// Tells whether an error of a statement without values is DuckDB's refusal of everything.
pub(crate) fn is_invalidation(error: &duckdb::Error) -> bool {
    error.to_string().contains(INVALIDATED)
}

/// Tells whether the error of a commit says that the commit itself was made.
pub(crate) fn is_durable(error: &duckdb::Error) -> bool {
    error
        .to_string()
        .starts_with("FATAL Error: Transaction COMMIT succeeded and is durable")
}

fn is_full(text: &str) -> bool {
    text.contains("No space left on device") || text.contains("could not write all bytes")
}

/// An error of the caller's SQL: DuckDB's own words are about that SQL, and help; paths and values in them are cut.
pub(crate) fn query(error: duckdb::Error) -> Error {
    let text = error.to_string();
    if is_interrupt(&text) {
        return Error::new(ErrorKind::Cancelled, "the query was interrupted")
            .during("query")
            .because(error);
    }
    if text.contains("Out of Memory") {
        return Error::new(
            ErrorKind::Query,
            "the query needs more memory than `memory_limit` allows",
        )
        .during("query")
        .because(error);
    }
    let message = describe(&text);
    Error::new(ErrorKind::Query, message).during("query").because(error)
}

/// The kind of DuckDB's error and, for errors that are about the words of the SQL, the first line of the text.
fn describe(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    for (prefix, ours) in [("Parser Error: ", ""), ("Catalog Error: ", ""), ("Binder Error: ", "")] {
        if let Some(rest) = first.strip_prefix(prefix) {
            return format!("{ours}{}", lower_first(rest));
        }
    }
    if first.starts_with("Conversion Error") {
        "a value cannot be converted to the type that the query asks for".to_owned()
    } else if first.starts_with("Permission Error") {
        "queries may not reach files, the network or the settings".to_owned()
    } else if first.starts_with("Out of Range Error") {
        "a value is out of range".to_owned()
    } else {
        "the query cannot be run".to_owned()
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn is_interrupt(text: &str) -> bool {
    text.contains("INTERRUPT") || text.contains("Interrupted")
}
