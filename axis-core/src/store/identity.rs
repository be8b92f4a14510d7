//! Which file a path leads to, without opening it: closing a descriptor of the store would drop DuckDB's lock on it.

use std::fs::Metadata;
use std::path::Path;
use std::time::SystemTime;

/// Tells files apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FileId {
    device: u64,
    number: u64,
    /// When it came into being, where the file system tells: once nobody has a file open, another one may get its number.
    born: Option<SystemTime>,
}

impl FileId {
    /// Returns the file that the path leads to; `None` when there is none.
    pub(super) fn at(path: &Path) -> Option<Self> {
        std::fs::metadata(path).ok().map(|metadata| Self::of(&metadata))
    }

    /// Returns what tells this file from others that are there at the same time.
    pub(super) fn number(self) -> u64 {
        self.number
    }

    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            born: metadata.created().ok(),
        }
    }

    /// Elsewhere a file that is open cannot be replaced, so every file at the path is the same one.
    #[cfg(not(unix))]
    pub(super) fn of(_: &Metadata) -> Self {
        Self {
            device: 0,
            number: 0,
            born: None,
        }
    }
}
