//! What the lock file beside a store says, and the names of the files around a store.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A claim fills at least this many bytes, so that a shorter one never leaves the end of a longer one behind.
const WIDTH: usize = 256;

/// Who holds a store, and where its valid file is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Claim {
    /// The process of the holder.
    pub(super) pid: u32,
    /// Grows by one with every open.
    pub(super) epoch: u64,
    /// The number in the private name under which the store was last opened; `None` when that was its own name.
    pub(super) private: Option<u64>,
    /// Whether the store's own name leads to the file with the private name.
    pub(super) published: bool,
    /// Whether a holder that was taken over has the valid file open, so that it must be copied before anybody writes.
    pub(super) shared: bool,
    /// The epochs of holders that were taken over and may still live.
    pub(super) stale: Vec<u64>,
    /// The number of the file that is taking the place of the store, until all of that is done.
    pub(super) replacing: Option<u64>,
}

impl Claim {
    /// Reads a lock file; one of an unknown form says nothing but, perhaps, a process id.
    pub(super) fn parse(text: &str) -> Self {
        serde_json::from_str(text.trim()).unwrap_or_else(|_| Self {
            pid: text.trim().parse().unwrap_or(0),
            ..Self::default()
        })
    }

    /// Writes a claim for a file of this many bytes: one line that hides everything that was there.
    pub(super) fn render(&self, bytes: usize) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{json:<width$}\n", width = WIDTH.max(bytes.saturating_sub(1)))
    }

    /// The claim of the next holder, who found the lock free.
    pub(super) fn next(self, pid: u32) -> Self {
        Self {
            pid,
            epoch: self.epoch + 1,
            ..self
        }
    }

    /// The claim of a holder who takes the store from one that may wake up again.
    pub(super) fn usurped(mut self, pid: u32) -> Self {
        self.stale.push(self.epoch);
        Self {
            shared: true,
            ..self.next(pid)
        }
    }

    /// Forgets stale holders that have ended. Once none is left, nobody else has the valid file open.
    pub(super) fn forget_ended(&mut self, lives: impl Fn(u64) -> bool) {
        self.stale.retain(|epoch| lives(*epoch));
        self.shared &= !self.stale.is_empty();
    }

    /// Tells whether the store is opened by its own name, with nothing to do before.
    pub(super) fn is_plain(&self) -> bool {
        self.private.is_none() && !self.shared && self.stale.is_empty()
    }
}

/// The names of the files around a store.
#[derive(Clone, Debug)]
pub(super) struct Names {
    /// The store, by its canonical path.
    pub(super) store: PathBuf,
    /// The lock file of the holder.
    pub(super) lock: PathBuf,
}

impl Names {
    pub(super) fn of(store: PathBuf) -> Self {
        Self {
            lock: with(&store, ".lock"),
            store,
        }
    }

    /// The lock file of the next holder, until it takes the place of the last one.
    pub(super) fn next_lock(&self) -> PathBuf {
        with(&self.lock, ".next")
    }

    /// A second name of the file that is about to become the store.
    pub(super) fn next_store(&self) -> PathBuf {
        with(&self.store, ".next")
    }

    /// The lock file of a holder that was taken over.
    pub(super) fn stale_lock(&self, epoch: u64) -> PathBuf {
        with(&self.lock, &format!(".{epoch}"))
    }

    /// Locked by whoever replaces the lock file or the store.
    pub(super) fn guard(&self) -> PathBuf {
        with(&self.store, ".takeover")
    }

    /// A name of the store that no process knows that was taken over.
    pub(super) fn private(&self, epoch: u64) -> PathBuf {
        with(&self.store, &format!(".e{epoch}"))
    }
}

/// DuckDB's write-ahead log of a file; the others are there while a checkpoint is being written, or was when it was killed.
pub(super) fn logs(file: &Path) -> [PathBuf; 3] {
    [".wal", ".wal.checkpoint", ".wal.recovery"].map(|end| with(file, end))
}

fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_read_as_it_was_written_over_a_longer_one() {
        let long = Claim {
            stale: (0..100).collect(),
            ..Claim::default()
        };
        let mut file = long.render(0).into_bytes();
        assert_eq!(Claim::parse(std::str::from_utf8(&file).unwrap()), long);
        let short = Claim {
            pid: 7,
            epoch: 3,
            private: Some(2),
            published: true,
            ..Claim::default()
        };
        let text = short.render(file.len());
        file[..text.len()].copy_from_slice(text.as_bytes());
        assert_eq!(text.len(), file.len());
        assert_eq!(Claim::parse(std::str::from_utf8(&file).unwrap()), short);
    }

    #[test]
    fn an_unknown_form_still_names_the_process() {
        assert_eq!(Claim::parse("4711\n").pid, 4711);
        assert_eq!(Claim::parse(""), Claim::default());
        assert_eq!(Claim::parse("{broken"), Claim::default());
    }

    #[test]
    fn the_file_of_a_holder_that_was_taken_over_is_shared_until_it_has_ended() {
        let held = Claim {
            pid: 1,
            epoch: 5,
            ..Claim::default()
        };
        let mut taken = held.usurped(2);
        assert_eq!((taken.pid, taken.epoch, taken.stale.clone()), (2, 6, vec![5]));
        taken.forget_ended(|_| true);
        assert!(taken.shared && !taken.is_plain());
        taken.forget_ended(|epoch| epoch != 5);
        assert!(taken.is_plain());
        assert_eq!(taken.next(3).epoch, 7);
    }
}
