//! One engine per store: an OS lock beside the file, and a registry inside the process.
//!
//! DuckDB's own lock is a POSIX lock, which does not protect against a second open by the same process; the registry does.
//! The lock file is a separate file because closing any descriptor of a POSIX-locked file would drop the lock.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::claim::{Claim, Names};
use super::identity::FileId;
use crate::error::{Error, ErrorKind, Result};

/// The stores that engines of this process hold, by canonical path.
static HELD: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
/// A holder that has given no sign of life for this long is called unresponsive.
const UNRESPONSIVE: Duration = Duration::from_secs(10);

/// Reserves a store within this process until dropped.
#[derive(Debug)]
pub(super) struct Held(PathBuf);

impl Held {
    pub(super) fn take(store: &Path) -> Result<Self> {
        let path = canonical(store)?;
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        if held.get_or_insert_default().insert(path.clone()) {
            Ok(Self(path))
        } else {
            Err(locked(store, std::process::id()).with("reason", "another engine of this process has it open"))
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(held) = HELD.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            held.remove(&self.0);
        }
    }
}

/// What an attempt to lock a file has found.
#[derive(Debug)]
pub(super) enum Attempt {
    /// The file is locked by this process now.
    Locked(File),
    /// Somebody else holds it.
    Held(File),
}

/// Locks the file at a path, which is created if need be. Never waits.
pub(super) fn attempt(path: &Path) -> io::Result<Attempt> {
    loop {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match file.try_lock() {
            // Somebody may have replaced the file between the two calls; a lock on the old one is worth nothing.
            Ok(()) if FileId::at(path) != Some(FileId::of(&file.metadata()?)) => {}
            Ok(()) => return Ok(Attempt::Locked(file)),
            Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(file)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Locks the lock file of a store and claims the store, or says who holds it.
pub(super) fn claim(names: &Names) -> Result<(File, Claim)> {
    match attempt(&names.lock).map_err(|error| unusable(&names.store, error))? {
        Attempt::Locked(file) => claim_locked(names, file),
        Attempt::Held(file) => Err(held(&names.store, &file)),
    }
}

/// Claims the store with a lock file that is locked already.
pub(super) fn claim_locked(names: &Names, file: File) -> Result<(File, Claim)> {
    let mut claim = read(&file).next(std::process::id());
    claim.forget_ended(|epoch| lives(names, epoch));
    write(&file, &claim).map_err(|error| unusable(&names.store, error))?;
    Ok((file, claim))
}

/// Tells whether there is no lock file, or one that nobody holds and that tells of no takeover.
pub(super) fn is_nobodys(path: &Path) -> bool {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) if file.try_lock().is_ok() => {
            let plain = read(&file).is_plain();
            // Closing it would not unlock it while a process that is just being started has a copy of it.
            let _ = file.unlock();
            plain
        }
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// Tells whether a holder that was taken over still has its lock file locked; removes the file of one that has ended.
pub(super) fn lives(names: &Names, epoch: u64) -> bool {
    let path = names.stale_lock(epoch);
    if !path.exists() {
        return false;
    }
    match attempt(&path) {
        Ok(Attempt::Locked(_)) => {
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(%error, "the lock file of a holder that has ended stays");
            }
            false
        }
        // What cannot be looked at may live.
        Ok(Attempt::Held(_)) | Err(_) => true,
    }
}

/// Reads a lock file. An unreadable one must not hide that it is held, so it says nothing instead of failing.
pub(super) fn read(mut file: &File) -> Claim {
    let mut text = String::new();
    let _ = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut text));
    Claim::parse(&text)
}

/// Writes a lock file in one piece, so that nobody reads half of a claim.
pub(super) fn write(mut file: &File, claim: &Claim) -> io::Result<()> {
    let bytes = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.seek(SeekFrom::Start(0))?;
    file.write_all(claim.render(bytes).as_bytes())
}

/// Returns how long ago the holder of a lock file has last given a sign of life.
pub(super) fn silence(file: &File) -> Duration {
    let modified = file.metadata().and_then(|metadata| metadata.modified());
    modified.map_or(Duration::ZERO, |modified| {
        SystemTime::now().duration_since(modified).unwrap_or_default()
    })
}

/// The error that names the holder of a locked file.
pub(super) fn held(store: &Path, file: &File) -> Error {
    let (pid, silence) = (read(file).pid, silence(file));
    if silence < UNRESPONSIVE {
        return locked(store, pid);
    }
    let seconds = silence.as_secs();
    Error::new(
        ErrorKind::Locked,
        format!(
            "the store is in use by process {pid}, which has given no sign of life for {seconds} s; end that process, or take the store over with `--take-over`"
        ),
    )
    .during("store.open")
    .with("store", store.display())
    .with("pid", pid)
    .with("silent_seconds", seconds)
}

/// The error that names the process which has the store open; 0 when it is unknown.
pub(super) fn locked(store: &Path, pid: u32) -> Error {
    let pid = if pid == 0 {
        "unknown".to_owned()
    } else {
        pid.to_string()
    };
    Error::new(ErrorKind::Locked, format!("the store is in use by process {pid}"))
        .during("store.open")
        .with("store", store.display())
        .with("pid", pid)
}

pub(super) fn unusable(store: &Path, error: io::Error) -> Error {
    Error::new(
        ErrorKind::Store,
        "the lock file beside the store cannot be written; the directory must be writable",
    )
    .during("store.open")
    .with("store", store.display())
    .because(error)
}

/// Resolves the directory, which must exist; the file itself may not yet.
fn canonical(store: &Path) -> Result<PathBuf> {
    let resolve = || -> io::Result<PathBuf> {
        if store.exists() {
            return store.canonicalize();
        }
        let name = store.file_name().ok_or_else(|| io::Error::other("no file name"))?;
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
