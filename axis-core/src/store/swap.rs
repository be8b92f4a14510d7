//! Puts another file in the place of a store that nobody has open.

use std::io;
use std::path::{Path, PathBuf};

use super::claim::{Names, logs};
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
        Some(self.0.path()).filter(|file| file.exists())
    }

    /// Makes this file, which lies in the same directory and has no log, the store. The old one is gone afterwards, with its log.
    ///
    /// # Errors
    /// `Store` when files cannot be renamed; the old store is then as it was.
    pub(crate) fn replace(&self, file: &Path) -> Result<()> {
        let names = &self.0.names;
        let old = self.0.path();
        self.0.check()?;
        let aside = set_aside(&old).map_err(|error| failed(names, error))?;
        if let Err(error) = std::fs::rename(file, &names.store) {
            for (log, aside) in aside {
                // Nothing else can be done about it.
                let _ = std::fs::rename(aside, log);
            }
            return Err(failed(names, error));
        }
        sync_directory(&names.store).map_err(|error| failed(names, error))?;
        // The new file is valid by its own name.
        self.0.change(|claim| {
            claim.private = None;
            claim.published = false;
            claim.shared = false;
        })?;
        let private = Some(&old).filter(|old| **old != names.store);
        for gone in aside.iter().map(|(_, aside)| aside).chain(private) {
            if let Err(error) = remove(gone) {
                tracing::debug!(%error, "a file of the store of before stays");
            }
        }
        Ok(())
    }
}

/// Gives the logs of the old file other names first: beside the new one they could be taken for its own.
fn set_aside(file: &Path) -> io::Result<Vec<(PathBuf, PathBuf)>> {
    let mut moved = Vec::new();
    for log in logs(file).into_iter().filter(|log| log.exists()) {
        let mut aside = log.clone().into_os_string();
        aside.push(".replaced");
        std::fs::rename(&log, &aside)?;
        moved.push((log, aside.into()));
    }
    Ok(moved)
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
