//! Puts another file in the place of a store that nobody has open.

use std::io;
use std::path::{Path, PathBuf};

use super::claim::{Names, logs};
use super::identity::FileId;
use super::lease::Lease;
use super::takeover::{remove, sync_directory};
use crate::error::{Error, ErrorKind, Result};

/// A store that is kept from being opened, by this process and by others, until dropped.
#[derive(Debug)]
pub(crate) struct Vacant(Lease);

impl Vacant {
    /// Takes the lease of a store; its directory is made if need be.
    ///
    /// # Errors
    /// `Locked` names who has it open; `Store` when there can be no lock file.
    pub(crate) fn take(store: &Path) -> Result<Self> {
        super::keeper::create_directory(store)?;
        let lease = Lease::take(store, None)?;
        settle(&lease)?;
        if lease.claim().stale.is_empty() {
            return Ok(Self(lease));
        }
        Err(Error::new(
            ErrorKind::Locked,
            "the store was taken over from a process that still lives; end that process first",
        )
        .during("store.replace")
        .with("store", store.display()))
    }

    /// Returns the store's own path.
    pub(crate) fn path(&self) -> &Path {
        &self.0.names.store
    }

    /// Returns the file that holds the store now; `None` when there is none.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        // Of a store that was taken over the private name may be gone.
        [self.0.path(), self.path().to_owned()]
            .into_iter()
            .find(|file| file.exists())
    }

    /// Makes this file, which lies in the same directory and has no log, the store. The old one is gone afterwards, with its log.
    ///
    /// # Errors
    /// `Store` when files cannot be renamed; the old store is then as it was, or the new one is in place and the next open ends the rest.
    pub(crate) fn replace(&self, file: &Path) -> Result<()> {
        let lease = &self.0;
        let names = &lease.names;
        lease.check()?;
        let new = FileId::at(file).ok_or_else(|| failed(names, io::ErrorKind::NotFound.into()))?;
        // Should we be killed, whoever comes next knows by this what has become of it.
        lease.change(|claim| claim.replacing = Some(new.number()))?;
        let replaced = set_aside(lease).and_then(|()| std::fs::rename(file, &names.store));
        let settled = settle(lease);
        replaced.map_err(|error| failed(names, error)).and(settled)
    }
}

/// Ends what was begun when the store was to be replaced, by this process or by one that was killed: either the old file has its logs
/// again, or the new one is the store and nothing of the old one is left.
pub(super) fn settle(lease: &Lease) -> Result<()> {
    let names = &lease.names;
    let Some(new) = lease.claim().replacing else {
        return Ok(());
    };
    if FileId::at(&names.store).map(FileId::number) != Some(new) {
        for (log, aside) in asides(lease).filter(|(_, aside)| aside.exists()) {
            std::fs::rename(aside, log).map_err(|error| failed(names, error))?;
        }
        return lease.change(|claim| claim.replacing = None);
    }
    sync_directory(&names.store).map_err(|error| failed(names, error))?;
    let private = Some(lease.path()).filter(|old| *old != names.store);
    for gone in asides(lease).map(|(_, aside)| aside).chain(private) {
        if let Err(error) = remove(&gone) {
            tracing::debug!(%error, "a file of the store of before stays");
        }
    }
    // The new file is valid by its own name.
    lease.change(|claim| {
        claim.private = None;
        claim.published = false;
        claim.shared = false;
        claim.replacing = None;
    })
}

/// Gives the logs of the old file other names: beside the new one they could be taken for its own.
fn set_aside(lease: &Lease) -> io::Result<()> {
    asides(lease)
        .filter(|(log, _)| log.exists())
        .try_for_each(|(log, aside)| std::fs::rename(log, aside))
}

/// The logs that may belong to the store of before, and what they are called while it is being replaced.
fn asides(lease: &Lease) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    let store = lease.names.store.clone();
    let private = Some(lease.path()).filter(|path| *path != store);
    private
        .into_iter()
        .chain([store])
        .flat_map(|file| logs(&file))
        .map(|log| {
            let mut aside = log.clone().into_os_string();
            aside.push(".replaced");
            (log, aside.into())
        })
}

fn failed(names: &Names, error: io::Error) -> Error {
    Error::new(
        ErrorKind::Store,
        "the store cannot be replaced; its directory must be writable",
    )
    .during("store.replace")
    .with("store", names.store.display())
    .because(error)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A store with a log that was not taken in, and a file that is to take its place.
    fn left() -> (TempDir, PathBuf, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let (store, new) = (directory.path().join("s"), directory.path().join("new"));
        for (name, text) in [("s", "old"), ("s.wal", "log"), ("new", "new")] {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        (directory, store, new)
    }

    fn names(directory: &TempDir) -> Vec<String> {
        let entries = std::fs::read_dir(directory.path()).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_takes_the_place_of_a_store_and_of_its_log() {
        let (directory, store, new) = left();
        Vacant::take(&store).unwrap().replace(&new).unwrap();
        assert_eq!(std::fs::read_to_string(&store).unwrap(), "new");
        assert_eq!(names(&directory), ["s", "s.lock"]);
    }

    #[test]
    fn a_store_that_cannot_be_replaced_keeps_its_log() {
        let (directory, store, new) = left();
        std::fs::remove_file(&new).unwrap();
        Vacant::take(&store).unwrap().replace(&new).unwrap_err();
        assert_eq!(names(&directory), ["s", "s.lock", "s.wal"]);
        assert_eq!(Vacant::take(&store).unwrap().0.claim().replacing, None);
    }

    #[test]
    fn what_was_killed_before_the_new_file_was_in_place_is_undone_and_after_that_is_ended() {
        for in_place in [false, true] {
            let (directory, store, new) = left();
            let vacant = Vacant::take(&store).unwrap();
            let number = FileId::at(&new).map(FileId::number);
            vacant.0.change(|claim| claim.replacing = number).unwrap();
            set_aside(&vacant.0).unwrap();
            if in_place {
                std::fs::rename(&new, &store).unwrap();
            }
            assert!(!names(&directory).contains(&"s.wal".to_owned()));
            drop(vacant);
            let vacant = Vacant::take(&store).unwrap();
            assert_eq!(vacant.0.claim().replacing, None);
            let expected: &[_] = if in_place {
                &["s", "s.lock"]
            } else {
                &["new", "s", "s.lock", "s.wal"]
            };
            assert_eq!(names(&directory), expected);
        }
    }

    #[test]
    fn a_store_without_its_private_name_is_there_all_the_same() {
        let (directory, store, new) = left();
        let vacant = Vacant::take(&store).unwrap();
        let taken_over = |claim: &mut super::super::claim::Claim| {
            claim.private = Some(7);
            claim.published = true;
        };
        vacant.0.change(taken_over).unwrap();
        assert_eq!(vacant.file().unwrap(), vacant.path());
        // The log is that of a holder of before, and nobody's.
        vacant.replace(&new).unwrap();
        assert_eq!(std::fs::read_to_string(&store).unwrap(), "new");
        assert_eq!(names(&directory), ["s", "s.lock"]);
        assert!(vacant.0.claim().is_plain());
    }
}
