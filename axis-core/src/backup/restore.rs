//! Making a store from a backup.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::job::{Job, elapsed_ms};
use super::manifest::damaged;
use super::partial::{Partial, RESTORED};
use super::{BackupFormat, BackupManifest, RestoreOptions, RestoreReport, archive, digest, folder, taken};
use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Vacant;

/// Makes the store of a configuration from a backup, a file or a folder.
///
/// All checksums are compared before anything is written to where the store is; what comes out is opened and compared with the
/// manifest, and takes its place at once. The directory of the store has room for both until then.
///
/// # Errors
/// `InvalidArgument` when there is a store already and `force` was not asked for; `Store` when the backup is damaged, was made by a
/// newer version, or files cannot be written; `Locked` when somebody has the store open; `Cancelled`.
///
/// # Cancellation
/// By the token of the options, or by dropping the future. What was there is left as it was.
pub async fn restore(path: impl Into<PathBuf>, config: &Config, options: RestoreOptions) -> Result<RestoreReport> {
    let (path, store) = (path.into(), config.store.path.clone());
    let force = options.force;
    options
        .job()
        .on_thread(move |job| put_back(&path, &store, force, job))
        .await
}

/// Compares all checksums of a backup and returns what is in it. Makes no store, so it says nothing of the version that can.
///
/// # Errors
/// `Store` when the backup is damaged, or is none.
pub async fn check(path: impl Into<PathBuf>) -> Result<BackupManifest> {
    let path = path.into();
    RestoreOptions::default()
        .job()
        .on_thread(move |job| {
            if path.is_dir() {
                folder::check(&path, job)
            } else {
                archive::unpack(&path, None, job)
            }
        })
        .await
}

fn put_back(path: &Path, store: &Path, force: bool, job: &Job) -> Result<RestoreReport> {
    let since = Instant::now();
    // Says quickly what is wrong, before anything is made.
    manifest_of(path)?.check_restorable()?;
    let vacant = Vacant::take(store)?;
    let old = vacant.file();
    if old.is_some() && !force {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "there is a store already; it is only replaced by force (`--force`)",
        )
        .during("restore")
        .with("store", store.display()));
    }
    let partial = Partial::beside(vacant.path(), RESTORED)?;
    if old.is_some() && !path.is_dir() {
        // It gets the rights of the old one at the end, and has no more until then.
        crate::private::create(partial.path()).map_err(digest::unwritable)?;
    }
    let manifest = match path.is_dir() {
        true => {
            let manifest = folder::check(path, job)?;
            folder::load(&manifest, path, partial.path(), old.is_some(), job)?;
            manifest
        }
        false => archive::unpack(path, Some(partial.path()), job)?,
    };
    compare(&manifest, partial.path(), job)?;
    let bytes = settle(partial.path(), old.as_deref())?;
    job.check()?;
    vacant.replace(partial.path())?;
    Ok(RestoreReport {
        store: store.to_owned(),
        replaced: old.is_some(),
        bytes,
        elapsed_ms: elapsed_ms(since),
        manifest,
    })
}

/// Reads the manifest alone.
pub(super) fn manifest_of(path: &Path) -> Result<BackupManifest> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => folder::manifest_of(path),
        Ok(_) => archive::manifest_of(path),
        Err(error) => {
            let message = format!("there is no backup at {}", path.display());
            Err(Error::new(ErrorKind::NotFound, message)
                .during("backup.read")
                .because(error))
        }
    }
}

/// Opens what came out, which shows that this version can, and compares what it holds.
fn compare(manifest: &BackupManifest, store: &Path, job: &Job) -> Result<()> {
    let facts = taken::looked_at(store, job)?;
    let tables = facts
        .tables
        .iter()
        .map(|table| (&table.schema, &table.name, table.rows));
    let known = manifest
        .tables
        .iter()
        .map(|table| (&table.schema, &table.name, table.rows));
    if facts.datasets == manifest.datasets && tables.eq(known) {
        return Ok(());
    }
    let what = match manifest.format {
        BackupFormat::Duckdb => "its store does not hold what its manifest says",
        BackupFormat::Parquet => "its files do not hold what its manifest says",
    };
    Err(damaged(what))
}

/// Makes sure that a file is on disk, with the rights of the one that it replaces; returns its length.
pub(super) fn settle(file: &Path, old: Option<&Path>) -> Result<u64> {
    let settle = || {
        if let Some(old) = old {
            std::fs::set_permissions(file, std::fs::metadata(old)?.permissions())?;
        }
        let file = File::open(file)?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    };
    settle().map_err(digest::unwritable)
}
