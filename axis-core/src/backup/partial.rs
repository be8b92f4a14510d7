//! Files that are not whole yet: under another name, and removed unless they get the right one.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::digest::unwritable;
use crate::config::StoreConfig;
use crate::error::{Error, ErrorKind, Result};

/// What the copy of a store that is streamed has behind its name, and behind that something of its own.
pub(super) const STREAMED: &str = ".partial-backup-";
/// What a store that is being restored or compacted has behind its name.
pub(super) const RESTORED: &str = ".partial-restore";
pub(super) const COMPACTED: &str = ".partial-compact";

/// What DuckDB puts beside a file.
const BESIDE: [&str; 4] = [".wal", ".wal.checkpoint", ".wal.recovery", ".tmp"];

/// A file or a folder, and what DuckDB puts beside it. What a killed process has left under the name is removed first.
#[derive(Debug)]
pub(super) struct Partial(PathBuf);

impl Partial {
    /// Begins a file beside another one: its name with this ending. Makes the directory.
    pub(super) fn beside(path: &Path, ending: &str) -> Result<Self> {
        if path.file_name().is_none() {
            let message = format!("{} is no name of a file", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, message).during("backup.write"));
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            std::fs::create_dir_all(directory).map_err(|error| at(path, error))?;
        }
        let partial = Self(with(path, ending));
        partial.remove().map_err(|error| at(&partial.0, error))?;
        Ok(partial)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Gives it its name; it is there after a loss of power, too.
    pub(super) fn keep(self, path: &Path) -> Result<()> {
        let keep = || -> io::Result<()> {
            File::open(&self.0)?.sync_all()?;
            std::fs::rename(&self.0, path)?;
            sync_directory(path)
        };
        keep().map_err(|error| at(path, error))
    }

    fn remove(&self) -> io::Result<()> {
        remove(&self.0)?;
        BESIDE.iter().try_for_each(|ending| remove(&with(&self.0, ending)))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::debug!(%error, "a part of a backup stays");
        }
    }
}

/// Removes what killed processes have left of copies of a store. Whoever calls it holds the store.
pub(crate) async fn sweep(store: &StoreConfig) {
    let beside = store.path.parent().map(Path::to_owned);
    let elsewhere = store.backup.as_ref().map(|backup| backup.directory.clone());
    let name = store
        .path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let swept = tokio::task::spawn_blocking(move || {
        let entries = beside.iter().chain(&elsewhere).flat_map(std::fs::read_dir);
        for entry in entries.flatten().flatten() {
            let found = entry.file_name();
            let ending = found.to_str().and_then(|found| found.strip_prefix(&name));
            let left =
                ending.is_some_and(|ending| [STREAMED, RESTORED, COMPACTED].iter().any(|of| ending.starts_with(of)));
            if left && let Err(error) = remove(&entry.path()) {
                tracing::debug!(%error, "a copy of the store stays");
            }
        }
    });
    // What stays takes room and nothing else.
    let _ = swept.await;
}

/// Removes a file or a folder, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    if cfg!(unix) {
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

fn at(path: &Path, error: io::Error) -> Error {
    unwritable(error).with("file", path.display())
}
