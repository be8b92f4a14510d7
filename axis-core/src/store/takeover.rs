//! Taking a store over from a process that gives no sign of life but may wake up again.
//!
//! The lock file is replaced, which fences the old holder: it looks before and after each commit. The store is copied to a
//! file that the old holder does not have open, and opened by a private name as long as the old holder lives, because
//! DuckDB finds its write-ahead log by path: what a process that wakes up appends to or deletes there is nobody's.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::claim::{Claim, Names, logs};
use super::identity::FileId;
use super::lease::{BEAT, Lease};
use super::lock::{self, Attempt, attempt};
use super::swap;
use crate::error::{Error, ErrorKind, Result};

/// The shortest silence that says anything: a busy machine delays signs of life.
const SHORTEST: Duration = Duration::from_secs(3);
/// How long the holder is watched before it is believed: the clock may have jumped since its last sign of life.
const WATCHED: Duration = BEAT.saturating_mul(2);
/// How long a copy waits for a holder that was taken over to stop writing, which it does at its next commit.
const RESTLESS: Duration = Duration::from_secs(60);
/// A file that was written so recently may be written again without a later time.
const COARSE: Duration = Duration::from_millis(50);

/// Takes the lock of a holder that has given no sign of life for so long.
///
/// # Errors
/// `Locked` when the holder lives, or when another process is taking the store over; `Store` when files cannot be written.
pub(super) fn force(names: &Names, after: Duration) -> Result<(File, Claim)> {
    let unusable = |error| lock::unusable(&names.store, error);
    let guard = Guard::take(names)?;
    let old = match attempt(&names.lock).map_err(unusable)? {
        Attempt::Held(old) => old,
        // It has ended by itself.
        Attempt::Locked(file) => return lock::claim_locked(names, file),
    };
    let after = after.max(SHORTEST);
    let seen = old
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map_err(unusable)?;
    if lock::silence(&old) >= after {
        std::thread::sleep(WATCHED);
    }
    if lock::silence(&old) < after
        || old
            .metadata()
            .and_then(|metadata| metadata.modified())
            .map_err(unusable)?
            != seen
    {
        return Err(lock::held(&names.store, &old).with("reason", "it gives signs of life, so it cannot be taken over"));
    }
    let before = lock::read(&old);
    tracing::warn!(
        pid = before.pid,
        epoch = before.epoch,
        "taking the store over from a process that gives no sign of life"
    );
    let taken = replace(names, before).map_err(unusable)?;
    drop(guard);
    Ok(taken)
}

/// Puts a locked file of ours in the place of the holder's, which stays under another name.
fn replace(names: &Names, before: Claim) -> io::Result<(File, Claim)> {
    let next = names.next_lock();
    remove(&next)?;
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(&next)?;
    file.try_lock().map_err(io::Error::from)?;
    let stale = names.stale_lock(before.epoch);
    remove(&stale)?;
    std::fs::hard_link(&names.lock, &stale)?;
    let claim = before.usurped(std::process::id());
    lock::write(&file, &claim)?;
    file.sync_all()?;
    std::fs::rename(&next, &names.lock)?;
    sync_directory(&names.lock)?;
    Ok((file, claim))
}

/// What is to be done before DuckDB opens a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: the store is opened by its own name.
    Plain,
    /// The valid file is copied to a private name.
    Copy,
    /// The store gets a private name, which nobody but its last holder has known.
    Private(u64),
    /// The store goes back to its own name.
    GoHome(u64),
}

/// Decides by what the lock file says, without ended holders.
fn decide(claim: &Claim) -> Step {
    match claim.private {
        _ if claim.is_plain() => Step::Plain,
        Some(private) if !claim.shared && claim.stale.is_empty() => Step::GoHome(private),
        Some(private) if !claim.shared => Step::Private(private),
        _ => Step::Copy,
    }
}

/// Prepares the file that DuckDB is to open, and opens it. `open` recovers what the write-ahead log holds.
///
/// # Errors
/// Those of `open`; `Locked` when somebody else takes the store over; `Store` when files cannot be written.
pub(super) fn open<T>(lease: &Lease, open: impl Fn(&Path) -> Result<T>) -> Result<T> {
    swap::settle(lease)?;
    let names = &lease.names;
    let step = decide(&lease.claim());
    match step {
        Step::Plain => {}
        Step::Copy => {
            let epoch = lease.epoch();
            let private = names.private(epoch);
            remove_attempts(lease);
            let copied = copy(lease, &private).and_then(|()| open(&private));
            // Until here the file of before counts. It counts no more once this one is known to be whole.
            let opened = copied.inspect_err(|_| discard(&private))?;
            let before = lease.claim().private;
            lease.change(|claim| {
                claim.private = Some(epoch);
                claim.published = false;
                claim.shared = false;
            })?;
            publish(lease, epoch)?;
            if let Some(before) = before.filter(|before| *before != epoch) {
                discard(&names.private(before));
            }
            return Ok(opened);
        }
        Step::Private(epoch) => {
            settle(lease, epoch)?;
            let private = names.private(epoch);
            if !private.exists() && names.store.exists() {
                std::fs::hard_link(&names.store, &private).map_err(|error| failed(names, error))?;
            }
            let opened = open(&private)?;
            publish(lease, epoch)?;
            return Ok(opened);
        }
        Step::GoHome(epoch) => {
            settle(lease, epoch)?;
            let private = names.private(epoch);
            if private.exists() && has_log(&private) {
                // DuckDB knows the log by this name only.
                drop(open(&private)?);
            }
            if has_log(&private) {
                // It could not be written into the file, for want of space perhaps.
                return open(&private);
            }
            go_home(lease, epoch)?;
        }
    }
    open(&lease.path())
}

/// Decides whether the private name counts: a store that was published and replaced since then is somebody's own doing.
fn settle(lease: &Lease, epoch: u64) -> Result<()> {
    let names = &lease.names;
    let private = names.private(epoch);
    if was_replaced(lease, epoch) {
        tracing::warn!("the store was replaced since it was last open");
        discard(&private);
    } else if !private.exists() {
        unlink_logs(&private);
    } else if FileId::at(&private) != FileId::at(&names.store) {
        publish(lease, epoch)?;
    }
    Ok(())
}

fn was_replaced(lease: &Lease, epoch: u64) -> bool {
    let ours = FileId::at(&lease.names.private(epoch));
    ours.is_some() && lease.claim().published && ours != FileId::at(&lease.names.store)
}

/// Lets go of a private name after the store was closed; what nobody needs any more is removed.
pub(super) fn leave(lease: &Lease) -> Result<()> {
    let names = &lease.names;
    let Some(epoch) = lease.claim().private else {
        return Ok(());
    };
    lease.check()?;
    if was_replaced(lease, epoch) {
        tracing::warn!("the store was replaced while it was open");
        discard(&names.private(epoch));
    } else if has_log(&names.private(epoch)) {
        return Ok(());
    }
    let mut claim = lease.claim().clone();
    claim.forget_ended(|epoch| lock::lives(names, epoch));
    if claim.stale.is_empty() {
        return go_home(lease, epoch);
    }
    // The next holder gives it a private name again.
    unlink(&names.private(epoch));
    Ok(())
}

/// Removes the lock file of a store that was not opened, if this lease has made it: whoever has the store open although its
/// lock file was removed would take the new one for a successor's.
pub(super) fn withdraw(lease: &Lease) {
    let is_new = {
        let claim = lease.claim();
        claim.epoch == 1 && claim.is_plain()
    };
    if !is_new {
        return;
    }
    // As for `publish`: nobody replaces the lock file between the look and the removal.
    if let Ok(_guard) = Guard::take(&lease.names)
        && lease.check().is_ok()
    {
        unlink(&lease.names.lock);
    }
}

/// Makes the store's own name the valid one. Its file is whole by itself, and nobody else that lives knows it.
fn go_home(lease: &Lease, epoch: u64) -> Result<()> {
    let names = &lease.names;
    if names.private(epoch).exists() {
        publish(lease, epoch)?;
    }
    // A holder that was taken over may have left it; nothing of ours is in it.
    unlink_logs(&names.store);
    lease.change(|claim| {
        claim.private = None;
        claim.published = false;
        claim.stale.clear();
    })?;
    unlink(&names.private(epoch));
    Ok(())
}

/// Makes the store's own name lead to the file with the private name.
fn publish(lease: &Lease, epoch: u64) -> Result<()> {
    let names = &lease.names;
    let private = names.private(epoch);
    let publish = || -> io::Result<()> {
        if FileId::at(&private) != FileId::at(&names.store) {
            let link = names.next_store();
            remove(&link)?;
            std::fs::hard_link(&private, &link)?;
            std::fs::rename(&link, &names.store)?;
            logs(&names.store).iter().try_for_each(|log| remove(log))?;
            sync_directory(&names.store)?;
        }
        Ok(())
    };
    // Whoever is stopped here keeps others from taking over, and so cannot wake up to replace their store.
    let guard = Guard::take(names)?;
    lease.check()?;
    publish().map_err(|error| failed(names, error))?;
    drop(guard);
    if !lease.claim().published {
        lease.change(|claim| claim.published = true)?;
    }
    Ok(())
}

/// Copies the valid file and its write-ahead log, as a process that was killed would have left them.
fn copy(lease: &Lease, private: &Path) -> Result<()> {
    let names = &lease.names;
    let before = lease.claim().private;
    let before = before.map(|epoch| (names.private(epoch), was_replaced(lease, epoch)));
    let deadline = Instant::now() + RESTLESS;
    let mut existed = false;
    loop {
        // A process that was taken over while it closed the store may remove the private name at any time.
        let (file, with_logs) = match &before {
            Some((before, false)) if before.exists() => (before, true),
            // It was closed in order, or replaced, and the log beside the store is somebody else's.
            Some(_) => (&names.store, false),
            None => (&names.store, true),
        };
        let mut pairs = vec![(file.clone(), private.to_owned())];
        if with_logs {
            pairs.extend(logs(file).into_iter().zip(logs(private)));
        }
        let look = || pairs.iter().map(|(from, _)| Look::at(from)).collect::<Vec<_>>();
        let begun = SystemTime::now();
        let seen = look();
        let copied = logs(private)
            .iter()
            .try_for_each(|log| remove(log))
            .and_then(|()| pairs.iter().try_for_each(|(from, to)| copy_file(from, to)));
        let is_there = seen[0].0.is_some();
        existed |= is_there || *file != names.store;
        // Without a file DuckDB makes an empty one: right where there was none, and only there.
        let whole = is_there || !existed;
        let quiet = whole && seen.iter().all(|look| look.is_quiet(begun)) && seen == look();
        match copied {
            Ok(()) if quiet => return Ok(()),
            Ok(()) if !whole && *file == names.store => return Err(failed(names, io::ErrorKind::NotFound.into())),
            Err(error) if quiet => return Err(failed(names, error)),
            _ if Instant::now() >= deadline => {
                return Err(Error::new(
                    ErrorKind::Locked,
                    "the process that had the store goes on writing it; try again when it has stopped",
                )
                .during("store.takeover")
                .with("store", names.store.display()));
            }
            // The next copy takes long enough to be no busy loop, except for small files.
            _ => std::thread::sleep(COARSE),
        }
    }
}

/// What tells that a file was written in between.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Look(Option<(FileId, u64, Option<SystemTime>)>);

impl Look {
    fn at(path: &Path) -> Self {
        Self(
            std::fs::metadata(path)
                .ok()
                .map(|metadata| (FileId::of(&metadata), metadata.len(), metadata.modified().ok())),
        )
    }

    /// Tells whether the last write lies far enough before this time for another one to show.
    fn is_quiet(&self, begun: SystemTime) -> bool {
        let written = self.0.as_ref().and_then(|(_, _, modified)| *modified);
        written.is_none_or(|written| begun.duration_since(written).is_ok_and(|age| age >= COARSE))
    }
}

/// Copies a file to a new one that survives a loss of power; where there is none, there is none afterwards.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    remove(to)?;
    match std::fs::copy(from, to) {
        Ok(_) => File::open(to)?.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => remove(to),
        Err(error) => Err(error),
    }
}

/// Held by the one process that replaces the lock file or the store.
#[derive(Debug)]
struct Guard<'a>(
    &'a Names,
    #[expect(dead_code, reason = "it is locked as long as it is open")] File,
);

impl<'a> Guard<'a> {
    fn take(names: &'a Names) -> Result<Self> {
        match attempt(&names.guard()).map_err(|error| lock::unusable(&names.store, error))? {
            Attempt::Locked(file) => Ok(Self(names, file)),
            Attempt::Held(_) => Err(
                Error::new(ErrorKind::Locked, "another process is taking the store over")
                    .during("store.takeover")
                    .with("store", names.store.display()),
            ),
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        unlink(&self.0.guard());
    }
}

fn failed(names: &Names, error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::StorageFull {
        "the disk that holds the store is full; taking it over needs a copy"
    } else {
        "the store cannot be taken over; its directory must be writable and allow hard links"
    };
    Error::new(ErrorKind::Store, message)
        .during("store.takeover")
        .with("store", names.store.display())
        .because(error)
}

/// Removes a file, if there is one.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file that is in nobody's way.
fn unlink(path: &Path) {
    if let Err(error) = remove(path) {
        tracing::debug!(%error, "a file that nobody needs stays");
    }
}

fn has_log(file: &Path) -> bool {
    logs(file).iter().any(|log| log.exists())
}

/// Removes what processes have left that were killed while they copied: all came after the last one that was taken over.
fn remove_attempts(lease: &Lease) {
    let claim = lease.claim().clone();
    let taken_over = claim.stale.iter().max().copied().unwrap_or(claim.epoch);
    (taken_over + 1..claim.epoch)
        .filter(|epoch| claim.private != Some(*epoch))
        .for_each(|epoch| discard(&lease.names.private(epoch)));
}

/// Removes a file that is no store, with its logs.
fn discard(file: &Path) {
    unlink(file);
    unlink_logs(file);
}

fn unlink_logs(file: &Path) {
    logs(file).iter().for_each(|log| unlink(log));
}

/// Makes renamed files survive a loss of power.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) if cfg!(unix) => File::open(directory)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
