//! The one error type, and the one table of kinds that every adapter is built from.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// A [`Result`](std::result::Result) whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $code:literal, $http:literal, $retry:literal, $python:literal, [$($base:literal),*];)*) => {
        /// What the caller should do next. Adding a kind is a design decision, not an implementation detail.
        ///
        /// Families: 1xx the call, 2xx the state, 3xx the source, 4xx the store, 9xx a defect of ours. Numbers are never reused.
        #[non_exhaustive]
        #[repr(i32)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorKind { $($(#[$doc])* $name = $number,)* }

        impl ErrorKind {
            /// Every kind, in ascending order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the code that is the same in every language and on the wire, such as `AXIS_BUSY`.
            #[must_use]
            pub const fn code(self) -> &'static str { match self { $(Self::$name => $code,)* } }

            /// Returns the number that the C interface uses as its status; 0 means success and is no kind.
            #[must_use]
            pub const fn number(self) -> i32 { self as i32 }

            /// Returns the HTTP status that the server answers with.
            #[must_use]
            pub const fn http_status(self) -> u16 { match self { $(Self::$name => $http,)* } }

            /// Tells whether the same call, unchanged, may succeed later.
            #[must_use]
            pub const fn is_retryable(self) -> bool { match self { $(Self::$name => $retry,)* } }

            /// Returns the name of the Python exception class.
            #[must_use]
            pub const fn python_class(self) -> &'static str { match self { $(Self::$name => $python,)* } }

            /// Returns the built-in Python classes that the exception also derives from.
            #[must_use]
            pub const fn python_bases(self) -> &'static [&'static str] { match self { $(Self::$name => &[$($base),*],)* } }
        }
    };
}

kinds! {
    /// A configuration file, or an environment variable that stands in for one, is wrong.
    Config = 100, "AXIS_CONFIG", 500, false, "ConfigError", ["ValueError"];
    /// An argument of the call is wrong.
    InvalidArgument = 101, "AXIS_INVALID_ARGUMENT", 400, false, "InvalidArgumentError", ["ValueError"];
    /// The thing that the call names does not exist.
    NotFound = 102, "AXIS_NOT_FOUND", 404, false, "NotFoundError", ["LookupError"];
    /// The dataset exists but was never synced.
    NotSynced = 200, "AXIS_NOT_SYNCED", 409, false, "NotSyncedError", [];
    /// The dataset is being synced already.
    Busy = 201, "AXIS_BUSY", 409, true, "BusyError", [];
    /// Another process, or another engine of this process, holds the store.
    Locked = 202, "AXIS_LOCKED", 503, true, "LockedError", [];
    /// The engine was closed.
    Closed = 203, "AXIS_CLOSED", 503, false, "ClosedError", [];
    /// The work was cancelled by somebody.
    Cancelled = 204, "AXIS_CANCELLED", 503, false, "CancelledError", [];
    /// The work took longer than it was allowed to.
    Timeout = 205, "AXIS_TIMEOUT", 504, true, "TimeoutError", ["TimeoutError"];
    /// The source cannot be reached, or the connection to it was lost.
    SourceUnavailable = 300, "AXIS_SOURCE_UNAVAILABLE", 503, true, "SourceUnavailableError", ["ConnectionError"];
    /// The source was reached and refused: credentials, permissions, or the query itself.
    SourceRejected = 301, "AXIS_SOURCE_REJECTED", 502, false, "SourceRejectedError", [];
    /// The source answers with columns or values that the store cannot take as configured.
    SchemaMismatch = 302, "AXIS_SCHEMA_MISMATCH", 502, false, "SchemaMismatchError", [];
    /// The SQL that the caller sent to the store is wrong.
    Query = 400, "AXIS_QUERY", 400, false, "QueryError", ["ValueError"];
    /// The store cannot be opened, read or written.
    Store = 401, "AXIS_STORE", 500, false, "StoreError", ["OSError"];
    /// A defect of AXIS.
    Internal = 900, "AXIS_INTERNAL", 500, false, "InternalError", ["RuntimeError"];
}

/// An error: what happened, during which operation, and to which of our own things.
///
/// `Display` is one line without secrets, row values or driver text. The driver's own error is reachable through
/// [`source`](StdError::source) for logs on the machine itself and never leaves the process otherwise.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    operation: &'static str,
    context: Vec<(&'static str, String)>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error; `message` is lower case, has no full stop, no secret and no row value.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            kind,
            message: message.into(),
            operation: "",
            context: Vec::new(),
            source: None,
        }))
    }

    /// Names the operation that failed, such as `sync.read`.
    #[must_use]
    pub fn during(mut self, operation: &'static str) -> Self {
        Arc::make_mut(&mut self.0).operation = operation;
        self
    }

    /// Adds one of our own facts, such as the dataset or the table; a key that is already there keeps its first value.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        if !self.0.context.iter().any(|(k, _)| *k == key) {
            Arc::make_mut(&mut self.0).context.push((key, value.to_string()));
        }
        self
    }

    /// Attaches the cause, which is kept for the log and never shown in the message.
    #[must_use]
    pub fn because(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        Arc::make_mut(&mut self.0).source = Some(Arc::new(cause));
        self
    }

    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the code of the kind.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// Returns the message without the context.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the operation that failed, or an empty text.
    #[must_use]
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Tells whether the same call, unchanged, may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.0.kind.is_retryable()
    }

    /// Returns the facts that were added with [`with`](Self::with), in order.
    pub fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.context.iter().map(|(key, value)| (*key, value.as_str()))
    }

    /// Renders the error together with its chain of causes, for the log of this machine only: of each cause the first line, and
    /// of that so much that an entry stays one.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&first_line(error));
            cause = error.source();
        }
        text
    }
}

/// The most characters of a cause in the log.
const CAUSE: usize = 200;

/// What the log says of a cause. DuckDB's further lines are the SQL and a mark below it.
pub(crate) fn first_line(error: &(impl fmt::Display + ?Sized)) -> String {
    let text = error.to_string();
    let line = text.trim_start().lines().next().unwrap_or_default();
    match line.char_indices().nth(CAUSE) {
        Some((end, _)) => format!("{}...", line[..end].trim_end()),
        None => line.trim_end().to_owned(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        for (index, (key, value)) in self.0.context.iter().enumerate() {
            write!(f, "{}{key}={value}", if index == 0 { " (" } else { ", " })?;
        }
        if self.0.context.is_empty() {
            Ok(())
        } else {
            f.write_str(")")
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.code())?;
        if self.0.operation.is_empty() {
            Ok(())
        } else {
            write!(f, " during {}", self.0.operation)
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|error| error as _)
    }
}

impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        self.0.kind == other.0.kind
            && self.0.message == other.0.message
            && self.0.operation == other.0.operation
            && self.0.context == other.0.context
    }
}

impl serde::Serialize for Error {
    /// Serialises to `{code, message, retryable, operation, context}`: the wire form in every surface.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut out = serializer.serialize_struct("Error", 5)?;
        out.serialize_field("code", self.code())?;
        out.serialize_field("message", &self.0.message)?;
        out.serialize_field("retryable", &self.is_retryable())?;
        out.serialize_field("operation", self.0.operation)?;
        out.serialize_field("context", &self.context().collect::<std::collections::BTreeMap<_, _>>())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_gets_one_line_of_a_cause() {
        let cause = std::io::Error::other(format!(
            "Catalog Error: no table\n\nLINE 1: select secret\n    ^ {}",
            "x".repeat(9)
        ));
        let error = Error::new(ErrorKind::Store, "refused").because(cause);
        assert_eq!(error.chain(), "refused: Catalog Error: no table");
        let long = Error::new(ErrorKind::Store, "refused").because(std::io::Error::other("é".repeat(1_000)));
        assert_eq!(long.chain(), format!("refused: {}...", "é".repeat(CAUSE)));
    }

    #[test]
    fn an_error_is_one_word_and_crosses_threads() {
        fn crosses<T: Send + Sync + 'static>() {}
        crosses::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn numbers_ascend_and_codes_are_unique() {
        assert!(
            ErrorKind::ALL
                .windows(2)
                .all(|pair| pair[0].number() < pair[1].number())
        );
        let codes: std::collections::BTreeSet<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        assert!(codes.iter().all(|code| code.starts_with("AXIS_")));
    }

    #[test]
    fn display_is_one_line_without_the_cause() {
        let error = Error::new(ErrorKind::Busy, "a sync is already running")
            .during("sync.start")
            .with("dataset", "eval")
            .because(std::io::Error::other("driver text"));
        assert_eq!(error.to_string(), "a sync is already running (dataset=eval)");
        assert!(error.chain().ends_with("driver text"));
        assert_eq!(
            format!("{error:?}"),
            "AXIS_BUSY: a sync is already running (dataset=eval) during sync.start"
        );
        let wire = serde_json::to_value(&error).unwrap();
        assert_eq!(wire["code"], "AXIS_BUSY");
        assert_eq!(wire["context"]["dataset"], "eval");
    }
}
