//! Which file a path leads to, without opening it: closing a descriptor of the store would drop DuckDB's lock on it.

use std::fs::Metadata;
use std::path::Path;

/// Tells files apart for as long as somebody has them open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    number: u64,
}

impl FileId {
    /// Returns the file that the path leads to; `None` when there is none.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }

    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }

    /// Elsewhere a file that is open cannot be replaced, so every file at the path is the same one.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Self {
        Self { device: 0, number: 0 }
    }
}
