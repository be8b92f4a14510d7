//! A backup as one file: a tar archive of the manifest, its checksum, and the DuckDB file.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use tar::{Archive, EntryType, Header};

use super::job::Job;
use super::manifest::{self, damaged};
use super::partial::Partial;
use super::{BackupFormat, BackupManifest, BackupStage, FileBackup, digest, taken};
use crate::error::{Error, ErrorKind, Result};
use crate::store::is_open_here;

/// The name of the DuckDB file in an archive.
const STORE: &str = "store.duckdb";
/// What files of an archive are multiples of.
const BLOCK: usize = 512;

/// A backup as a stream of bytes. What lies on disk for it goes away when it is dropped.
#[derive(Debug)]
pub struct BackupStream {
    manifest: BackupManifest,
    head: Cursor<Vec<u8>>,
    store: io::Take<File>,
    tail: Cursor<Vec<u8>>,
    /// Removed at the end, and at the next backup when the process is killed.
    _copy: Partial,
}

impl BackupStream {
    /// Completes a fresh copy of a store.
    pub(super) fn of(copy: Partial, created_at: DateTime<Utc>, job: &Job) -> Result<Self> {
        let facts = taken::settled(copy.path(), job)?;
        let mut manifest = BackupManifest::new(BackupFormat::Duckdb, created_at, facts);
        let (bytes, sha256) = digest::of_file(copy.path(), job, |_| {})?;
        manifest.files.push(FileBackup {
            name: STORE.to_owned(),
            bytes,
            sha256,
        });
        let (text, sum) = manifest.write()?;
        let mut head = Vec::new();
        for (name, text) in [(manifest::NAME, text), (manifest::SUM, sum)] {
            head.extend_from_slice(header(name, text.len() as u64, created_at)?.as_bytes());
            head.extend_from_slice(text.as_bytes());
            head.resize(head.len().next_multiple_of(BLOCK), 0);
        }
        head.extend_from_slice(header(STORE, bytes, created_at)?.as_bytes());
        let rest = usize::try_from(bytes % BLOCK as u64).unwrap_or_default();
        let fill = (BLOCK - rest) % BLOCK;
        let file = File::open(copy.path()).map_err(digest::unreadable)?;
        Ok(Self {
            manifest,
            head: Cursor::new(head),
            store: file.take(bytes),
            // Two empty blocks are the end.
            tail: Cursor::new(vec![0; fill + 2 * BLOCK]),
            _copy: copy,
        })
    }

    /// Returns what the backup holds.
    #[must_use]
    pub fn manifest(&self) -> &BackupManifest {
        &self.manifest
    }

    /// Returns how many bytes are left.
    #[must_use]
    pub fn remaining(&self) -> u64 {
        let left = |cursor: &Cursor<Vec<u8>>| cursor.get_ref().len() as u64 - cursor.position();
        left(&self.head) + self.store.limit() + left(&self.tail)
    }
}

impl Read for BackupStream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        let read = self.head.read(into)?;
        if read > 0 {
            return Ok(read);
        }
        let left = self.store.limit();
        let read = self.store.read(into)?;
        match read {
            0 if left > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            0 => self.tail.read(into),
            read => Ok(read),
        }
    }
}

fn header(name: &str, bytes: u64, at: DateTime<Utc>) -> Result<Header> {
    let mut header = Header::new_gnu();
    header
        .set_path(name)
        .map_err(|error| Error::new(ErrorKind::Internal, "a name does not fit an archive").because(error))?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(bytes);
    header.set_mode(0o600);
    header.set_mtime(u64::try_from(at.timestamp()).unwrap_or(0));
    header.set_cksum();
    Ok(header)
}

/// Tells whether a file begins as a backup does.
pub(super) fn is_backup(path: &Path) -> bool {
    manifest_of(path).is_ok()
}

/// Reads the manifest alone.
pub(super) fn manifest_of(path: &Path) -> Result<BackupManifest> {
    let mut archive = Archive::new(open(path)?);
    let mut entries = archive.entries().map_err(digest::unreadable)?;
    manifest(&mut entries)
}

/// Reads an archive to its end, compares all checksums, and writes the DuckDB file to `to` if that is wanted.
pub(super) fn unpack(path: &Path, to: Option<&Path>, job: &Job) -> Result<BackupManifest> {
    let mut archive = Archive::new(open(path)?);
    let mut entries = archive.entries().map_err(digest::unreadable)?;
    let manifest = manifest(&mut entries)?;
    let known = manifest.file(STORE)?;
    let mut store = named(&mut entries, STORE)?;
    let told = |bytes| job.told(BackupStage::Checking, bytes, known.bytes);
    let found = match to {
        Some(to) => digest::copy(
            &mut store,
            &mut File::create(to).map_err(digest::unwritable)?,
            job,
            told,
        ),
        None => digest::copy(&mut store, &mut io::sink(), job, told),
    };
    let (bytes, sha256) = found?;
    known.check(bytes, &sha256)?;
    Ok(manifest)
}

fn open(path: &Path) -> Result<File> {
    if is_open_here(path) {
        // Closing it again would drop the lock on it.
        let error = Error::new(
            ErrorKind::InvalidArgument,
            "the file is a store that is open, and no backup",
        );
        return Err(error.during("backup.read").with("file", path.display()));
    }
    File::open(path).map_err(|error| digest::unreadable(error).with("file", path.display()))
}

fn manifest(entries: &mut tar::Entries<'_, File>) -> Result<BackupManifest> {
    let text = whole(&mut named(entries, manifest::NAME)?)?;
    let sum = whole(&mut named(entries, manifest::SUM)?)?;
    let manifest = BackupManifest::read(&text, &sum)?;
    if manifest.format == BackupFormat::Duckdb {
        Ok(manifest)
    } else {
        Err(damaged("its manifest is of a folder"))
    }
}

/// Takes the next file, which must have this name.
fn named<'a>(entries: &mut tar::Entries<'a, File>, name: &str) -> Result<tar::Entry<'a, File>> {
    let no_backup = || {
        Error::new(ErrorKind::Store, "the file is no backup, or its end is missing")
            .during("backup.read")
            .with("missing", name)
    };
    let entry = entries.next().ok_or_else(no_backup)?;
    let entry = entry.map_err(|error| no_backup().because(error))?;
    if entry.path_bytes() == name.as_bytes() {
        Ok(entry)
    } else {
        Err(no_backup())
    }
}

fn whole(entry: &mut dyn Read) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    entry
        .take(manifest::LONGEST)
        .read_to_end(&mut text)
        .map_err(digest::unreadable)?;
    Ok(text)
}
