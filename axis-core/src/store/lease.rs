//! The right to write a store: a locked file whose place nobody else has taken, and signs of life for those who wait.
//!
//! A holder that was stopped and wakes up again finds another file in the place of its own. It finds that out by two looks
//! at the path, before and after each commit, and never writes by path what a successor could read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::claim::{Claim, Names};
use super::identity::FileId;
use super::lock::{self, Held};
use super::takeover;
use crate::error::{Error, ErrorKind, Result};

/// How often a holder gives a sign of life.
pub(super) const BEAT: Duration = Duration::from_secs(1);

/// Holds a store until released or dropped, unless somebody takes it over.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(super) names: Names,
    id: FileId,
    claim: Mutex<Claim>,
    holding: Mutex<Option<Holding>>,
}

/// What keeps others out.
#[derive(Debug)]
struct Holding {
    file: Arc<File>,
    beat: Option<(Sender<()>, JoinHandle<()>)>,
    held: Arc<Held>,
}

impl Lease {
    /// Takes the lease of a store whose directory exists. With `take_over`, also from a holder that has given no sign of
    /// life for that long.
    ///
    /// # Errors
    /// `Locked` names the holder; `Store` when there can be no lock file.
    pub(crate) fn take(store: &Path, take_over: Option<Duration>) -> Result<Self> {
        let held = Arc::new(Held::take(store)?);
        let names = Names::of(held.path().to_owned());
        let (file, claim) = match (lock::claim(&names), take_over) {
            (Err(error), Some(after)) if error.kind() == ErrorKind::Locked => takeover::force(&names, after)?,
            (taken, _) => taken?,
        };
        Self::begin(names, held, file, claim)
    }

    /// Takes the lease anew after the lock file was removed.
    ///
    /// # Errors
    /// As [`take`](Self::take): somebody may have been quicker.
    pub(super) fn again(&self) -> Result<Self> {
        let (file, found) = lock::claim(&self.names)?;
        let held = self.holding().as_ref().map(|holding| Arc::clone(&holding.held));
        let lease = Self::begin(self.names.clone(), held.ok_or_else(closed)?, file, Claim::default())?;
        let mut claim = self.claim().clone().next(std::process::id());
        claim.epoch = claim.epoch.max(found.epoch);
        lease.change(|next| *next = claim)?;
        Ok(lease)
    }

    fn begin(names: Names, held: Arc<Held>, file: File, claim: Claim) -> Result<Self> {
        let unusable = |error| lock::unusable(&names.store, error);
        let id = FileId::of(&file.metadata().map_err(unusable)?);
        let file = Arc::new(file);
        let beat = Some(beat(Arc::clone(&file)).map_err(unusable)?);
        Ok(Self {
            names,
            id,
            claim: Mutex::new(claim),
            holding: Mutex::new(Some(Holding { file, beat, held })),
        })
    }

    /// Lets others have the store. What still knows this lease finds it lost.
    pub(super) fn release(&self) {
        self.holding().take();
    }

    /// Tells whether the store is still ours to write.
    ///
    /// # Errors
    /// `Locked` names the process that took the store over, or says that the lock file has gone.
    pub(crate) fn check(&self) -> Result<()> {
        if self.holding().is_none() {
            return Err(closed());
        }
        match FileId::at(&self.names.lock) {
            Some(id) if id == self.id => Ok(()),
            _ if self.is_unlinked() => {
                Err(self.error("the lock file of the store was removed while the store was open"))
            }
            _ => Err(self.lost()),
        }
    }

    /// Tells whether the lock file has gone: whoever removed it took nothing over. A process that was refused or killed since
    /// then may have left another one.
    pub(super) fn is_unlinked(&self) -> bool {
        FileId::at(&self.names.lock) != Some(self.id) && lock::is_nobodys(&self.names.lock)
    }

    fn lost(&self) -> Error {
        let successor = File::open(&self.names.lock).map(|file| lock::read(&file));
        let Claim { pid, epoch, .. } = successor.unwrap_or_default();
        let ours = self.claim().epoch;
        self.error(format!(
            "process {pid} took the store over in epoch {epoch}; this engine has it since epoch {ours} and can no longer write it"
        ))
        .with("pid", pid)
        .with("epoch", epoch)
    }

    fn error(&self, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Locked, message)
            .during("store.lease")
            .with("store", self.names.store.display())
    }

    /// Returns the epoch that began when this lease was taken.
    pub(crate) fn epoch(&self) -> u64 {
        self.claim().epoch
    }

    /// Makes the epoch greater than one that the store remembers: the lock file was lost in between.
    pub(super) fn exceed(&self, stored: u64) -> Result<()> {
        if stored < self.epoch() {
            return Ok(());
        }
        self.change(|claim| claim.epoch = stored + 1)
    }

    /// Returns what the lock file says.
    pub(super) fn claim(&self) -> MutexGuard<'_, Claim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what the lock file says, and makes sure that it survives.
    pub(super) fn change(&self, change: impl FnOnce(&mut Claim)) -> Result<()> {
        let mut claim = self.claim();
        let mut changed = claim.clone();
        change(&mut changed);
        let holding = self.holding();
        let file = &holding.as_ref().ok_or_else(closed)?.file;
        lock::write(file, &changed)
            .and_then(|()| file.sync_all())
            .map_err(|error| lock::unusable(&self.names.store, error))?;
        *claim = changed;
        Ok(())
    }

    fn holding(&self) -> MutexGuard<'_, Option<Holding>> {
        self.holding.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the path that DuckDB is to open as long as the claim stands as it is.
    pub(super) fn path(&self) -> PathBuf {
        let private = self.claim().private;
        private.map_or_else(|| self.names.store.clone(), |epoch| self.names.private(epoch))
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.beat.take() {
            drop(stop);
            // It has nothing left to do but to let go of the file.
            let _ = thread.join();
        }
        // Closing the file would unlock it, too, but not while a process that is just being started has a copy of it.
        let _ = self.file.unlock();
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the engine is closed")
}

/// Gives signs of life on the open file, never by path: the path may lead to a successor's.
fn beat(file: Arc<File>) -> std::io::Result<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel::<()>();
    let thread = std::thread::Builder::new()
        .name("axis-lease".to_owned())
        .spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = file.set_modified(SystemTime::now()) {
                    tracing::debug!(%error, "no sign of life could be given");
                }
            }
        })?;
    Ok((stop, thread))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_engine_of_the_process_is_refused_and_told_the_pid() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.duckdb");
        let first = Lease::take(&store, None).unwrap();
        let error = Lease::take(&directory.path().join(".").join("a.duckdb"), Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains(&std::process::id().to_string()));
        drop(first);
        Lease::take(&store, None).unwrap();
    }

    #[test]
    fn every_lease_has_a_greater_epoch_than_the_one_before_and_than_the_store_remembers() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.duckdb");
        let first = Lease::take(&store, None).unwrap().epoch();
        let second = Lease::take(&store, None).unwrap();
        assert_eq!(second.epoch(), first + 1);
        second.exceed(40).unwrap();
        drop(second);
        assert_eq!(Lease::take(&store, None).unwrap().epoch(), 42);
    }

    #[test]
    fn a_lease_whose_file_was_replaced_or_removed_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.duckdb");
        let lease = Lease::take(&store, None).unwrap();
        lease.check().unwrap();
        let claim = Claim {
            pid: 4711,
            epoch: 9,
            stale: vec![lease.epoch()],
            ..Claim::default()
        };
        let next = lease.names.next_lock();
        std::fs::write(&next, claim.render(0)).unwrap();
        std::fs::rename(&next, &lease.names.lock).unwrap();
        let error = lease.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(
            error.message().contains("process 4711 took the store over in epoch 9"),
            "{error}"
        );
        std::fs::remove_file(&lease.names.lock).unwrap();
        assert!(lease.check().unwrap_err().message().contains("was removed"));
    }

    #[test]
    fn a_lock_file_that_somebody_left_after_ours_was_removed_is_taken_once_nobody_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let lease = Lease::take(&directory.path().join("a.duckdb"), None).unwrap();
        std::fs::remove_file(&lease.names.lock).unwrap();
        let other = File::create_new(&lease.names.lock).unwrap();
        other.try_lock().unwrap();
        let claim = Claim {
            pid: 4711,
            epoch: 9,
            ..Claim::default()
        };
        lock::write(&other, &claim).unwrap();
        assert!(!lease.is_unlinked());
        drop(other);
        assert!(lease.is_unlinked());
        assert!(lease.check().unwrap_err().message().contains("was removed"));
        let again = lease.again().unwrap();
        again.check().unwrap();
        assert_eq!(again.epoch(), 10);
    }

    #[test]
    fn a_store_that_is_let_go_is_free_even_while_a_new_process_has_a_copy_of_its_lock_file() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("a.duckdb");
        let first = Lease::take(&store, None).unwrap();
        let copy = first.holding().as_ref().unwrap().file.try_clone().unwrap();
        drop(first);
        Lease::take(&store, None).unwrap();
        drop(copy);
    }

    #[test]
    fn a_holder_gives_signs_of_life() {
        let directory = tempfile::tempdir().unwrap();
        let lease = Lease::take(&directory.path().join("a.duckdb"), None).unwrap();
        let file = File::options().write(true).open(&lease.names.lock).unwrap();
        let modified = || file.metadata().unwrap().modified().unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(60);
        while modified() == SystemTime::UNIX_EPOCH {
            assert!(std::time::Instant::now() < deadline, "no sign of life");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
