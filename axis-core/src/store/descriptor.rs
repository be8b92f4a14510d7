//! Read descriptors of stores that are open. Closing any descriptor of a file drops the POSIX locks that the process has on it,
//! DuckDB's among them, so one that was opened stays open as long as any store of the process has the file open.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::identity::FileId;

/// A descriptor that several may have; whoever reads holds it, because there is one position.
pub(super) type Shared = Arc<Mutex<File>>;

static OPEN: Mutex<Option<Open>> = Mutex::new(None);

#[derive(Default)]
struct Open {
    /// Stores that are being opened: their files are locked and not known here yet.
    opening: usize,
    stores: HashMap<FileId, usize>,
    files: HashMap<FileId, Shared>,
}

impl Open {
    fn close_unused(&mut self) {
        if self.opening == 0 {
            let stores = &self.stores;
            self.files.retain(|file, _| stores.contains_key(file));
        }
    }
}

/// Keeps descriptors open while a store is being opened.
#[derive(Debug)]
pub(super) struct Opening(());

impl Opening {
    pub(super) fn begin() -> Self {
        change(|open| open.opening += 1);
        Self(())
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        change(|open| {
            open.opening -= 1;
            open.close_unused();
        });
    }
}

/// Says that an open store has this file open; dropped after DuckDB has closed it.
#[derive(Debug)]
pub(super) struct InUse(FileId);

impl InUse {
    pub(super) fn new(file: FileId) -> Self {
        change(|open| *open.stores.entry(file).or_default() += 1);
        Self(file)
    }

    /// Opens the file for reading, or returns the descriptor that there is.
    ///
    /// # Errors
    /// Those of opening it; `NotFound` when the path leads to another file.
    pub(super) fn reader(&self, path: &Path) -> io::Result<Shared> {
        change(|open| {
            if let Some(file) = open.files.get(&self.0) {
                return Ok(Arc::clone(file));
            }
            // Looked at first: a file that is not ours must not be opened and closed either.
            if FileId::at(path) != Some(self.0) {
                return Err(io::ErrorKind::NotFound.into());
            }
            let file = File::open(path)?;
            let id = FileId::of(&file.metadata()?);
            let shared = Arc::new(Mutex::new(file));
            open.files.insert(id, Arc::clone(&shared));
            if id == self.0 {
                Ok(shared)
            } else {
                Err(io::ErrorKind::NotFound.into())
            }
        })
    }
}

/// Tells whether a store of this process has the file at a path open.
pub(crate) fn is_open_here(path: &Path) -> bool {
    FileId::at(path).is_some_and(|file| change(|open| open.stores.contains_key(&file)))
}

impl Drop for InUse {
    fn drop(&mut self) {
        change(|open| {
            if let Some(count) = open.stores.get_mut(&self.0) {
                *count -= 1;
                if *count == 0 {
                    open.stores.remove(&self.0);
                }
            }
            open.close_unused();
        });
    }
}

fn change<T>(change: impl FnOnce(&mut Open) -> T) -> T {
    let mut open: MutexGuard<'_, Option<Open>> = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
    change(open.get_or_insert_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_descriptor_is_one_and_stays_open_until_the_last_store_of_the_file_has_gone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.duckdb");
        std::fs::write(&path, "x").unwrap();
        let id = FileId::at(&path).unwrap();
        let known = || change(|open| open.files.contains_key(&id));
        let first = InUse::new(id);
        let reader = first.reader(&path).unwrap();
        assert!(Arc::ptr_eq(&reader, &first.reader(&path).unwrap()));
        let second = InUse::new(id);
        drop(first);
        assert!(known());
        let opening = Opening::begin();
        drop(second);
        assert!(known(), "a store that is being opened may have it locked");
        drop(opening);
        // Other tests of this process open stores as well, and as long as one does, nothing is closed.
        let end = Instant::now() + Duration::from_secs(60);
        while known() {
            assert!(Instant::now() < end, "it stays open");
            std::thread::yield_now();
            drop(Opening::begin());
        }
    }

    #[test]
    fn another_file_at_the_path_is_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.duckdb");
        std::fs::write(&path, "old").unwrap();
        let store = InUse::new(FileId::at(&path).unwrap());
        std::fs::write(directory.path().join("new"), "new").unwrap();
        std::fs::rename(directory.path().join("new"), &path).unwrap();
        assert_eq!(store.reader(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
