//! Files that are not whole yet: under another name, and removed unless they get the right one.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use super::digest::unwritable;
use crate::error::{Error, ErrorKind, Result};

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
