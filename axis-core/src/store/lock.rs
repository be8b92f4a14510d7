//! One engine per store: an OS lock beside the file, and a registry inside the process.
//!
//! DuckDB's own lock is a POSIX lock, which does not protect against a second open by the same process; the registry does.
//! The lock file is a separate file because closing any descriptor of a POSIX-locked file would drop the lock.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};

/// The stores that engines of this process hold, by canonical path.
static HELD: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// Holds a store until dropped.
#[derive(Debug)]
pub(crate) struct StoreLock {
    _file: File,
    path: PathBuf,
}

impl StoreLock {
    /// Takes the lock of a store whose directory exists, or says who holds it. Never waits.
    pub(crate) fn take(store: &Path) -> Result<Self> {
        let path = canonical(store)?;
        {
            let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            if !held.get_or_insert_default().insert(path.clone()) {
                return Err(locked(store, &std::process::id().to_string())
                    .with("reason", "another engine of this process has it open"));
            }
        }
        match lock_file(store, &path) {
            Ok(file) => Ok(Self { _file: file, path }),
            Err(error) => {
                release(&path);
                Err(error)
            }
        }
    }
}

impl Drop for StoreLock {
    fn drop(&mut self) {
        release(&self.path);
    }
}

fn release(path: &Path) {
    if let Some(held) = HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
        held.remove(path);
    }
}

fn lock_file(store: &Path, canonical: &Path) -> Result<File> {
    let mut name = canonical.as_os_str().to_owned();
    name.push(".lock");
    let unusable = |error: std::io::Error| {
        Error::new(
            ErrorKind::Store,
            "the lock file beside the store cannot be written; the directory must be writable",
        )
        .during("store.open")
        .with("store", store.display())
        .because(error)
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&name)
        .map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Who holds it is a courtesy: an unreadable file must not hide that it is held.
            let _ = file.read_to_string(&mut pid);
            return Err(locked(store, pid.trim()));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(error)),
    }
    file.set_len(0)
        .and_then(|()| file.seek(SeekFrom::Start(0)))
        .and_then(|_| writeln!(file, "{}", std::process::id()))
        .map_err(unusable)?;
    Ok(file)
}

pub(crate) fn locked(store: &Path, pid: &str) -> Error {
    let pid = if pid.is_empty() { "unknown" } else { pid };
    Error::new(ErrorKind::Locked, format!("the store is in use by process {pid}"))
        .during("store.open")
        .with("store", store.display())
        .with("pid", pid)
}

/// Resolves the directory, which must exist; the file itself may not yet.
fn canonical(store: &Path) -> Result<PathBuf> {
    let resolve = || -> std::io::Result<PathBuf> {
        if store.exists() {
            return store.canonicalize();
        }
        let name = store.file_name().ok_or_else(|| std::io::Error::other("no file name"))?;
        let directory = store
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Ok(directory.canonicalize()?.join(name))
    };
    resolve().map_err(|error| {
        Error::new(ErrorKind::Store, "the path of the store cannot be resolved")
            .during("store.open")
            .with("store", store.display())
            .because(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_of_the_process_is_refused_and_told_the_pid() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.duckdb");
        let first = StoreLock::take(&store).unwrap();
        let error = StoreLock::take(&directory.path().join(".").join("a.duckdb")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains(&std::process::id().to_string()));
        drop(first);
        StoreLock::take(&store).unwrap();
    }
}
