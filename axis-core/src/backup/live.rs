//! Backups of an engine that is open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::job::{Job, elapsed_ms};
use super::options::{BackupOptions, BackupReport};
use super::partial::{Partial, STREAMED};
use super::{BackupFormat, BackupManifest, BackupStage, BackupStream, archive, digest, folder, taken};
use crate::dataset::closed;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::failpoint::{Step, reach};
use crate::store::{Limits, is_open_here};

/// The ending of a backup that is not whole yet.
const PARTIAL: &str = ".partial";
/// The ending of the copy that it is made from.
const COPY: &str = ".partial.store";

impl Engine {
    /// Writes a backup of everything that is committed now, while syncs and queries go on.
    ///
    /// It appears under its name once it is whole; its directory has room for twice the store meanwhile. One file takes the place
    /// of another backup; a folder must not exist yet, or be empty.
    ///
    /// # Errors
    /// `InvalidArgument` when something else is there already, `Busy` while another backup is made, `Store` when the store cannot
    /// be read or the backup cannot be written, `Locked` when another process has taken the store over, `Cancelled`, `Closed`.
    ///
    /// # Cancellation
    /// By the token of the options, or by dropping the future. Nothing is left behind.
    pub async fn backup(&self, path: impl Into<PathBuf>, options: BackupOptions) -> Result<BackupReport> {
        let path = path.into();
        let beside = path.clone();
        Box::pin(self.back_up(path, beside, &options)).await
    }

    /// The same; what is not whole yet has a name made from `beside`.
    pub(super) async fn back_up(
        &self,
        path: PathBuf,
        beside: PathBuf,
        options: &BackupOptions,
    ) -> Result<BackupReport> {
        let since = Instant::now();
        let one = self.one_backup()?;
        check_target(&path, options.format)?;
        let job = options.job();
        let (format, writing) = (options.format, job.clone());
        let work = async {
            let created_at = self.0.clock.now();
            let copy = self.copy_to(Partial::beside(&beside, COPY)?, &job).await?;
            let open = self.0.tasks.token();
            let work = move |job: &Job| {
                let (_open, _one) = (open, one);
                let (bytes, manifest) = match format {
                    BackupFormat::Duckdb => write_file(copy, created_at, &path, &beside, job)?,
                    BackupFormat::Parquet => {
                        let facts = taken::settled(copy.path(), job)?;
                        let manifest = BackupManifest::new(format, created_at, facts);
                        folder::write(manifest, copy.path(), &path, Partial::beside(&beside, PARTIAL)?, job)?
                    }
                };
                Ok(BackupReport {
                    path,
                    bytes,
                    elapsed_ms: elapsed_ms(since),
                    manifest,
                })
            };
            writing.on_thread(work).await
        };
        self.until_closing(&job, work).await
    }

    /// Makes a backup of one file and returns it as a stream. Until the stream is dropped a copy of the store lies on disk: in
    /// `duckdb.backup.directory`, or beside the store.
    ///
    /// # Errors
    /// As [`backup`](Self::backup); `InvalidArgument` for a folder, which is no stream.
    ///
    /// # Cancellation
    /// By the token of the options, or by dropping the future or the stream.
    pub async fn backup_stream(&self, options: BackupOptions) -> Result<BackupStream> {
        if options.format != BackupFormat::Duckdb {
            let message = "a backup of several files cannot be streamed; allowed is the format duckdb";
            return Err(Error::new(ErrorKind::InvalidArgument, message).during("backup"));
        }
        let store = &self.0.config.store;
        let name = store.path.file_name().unwrap_or_default();
        let beside = store
            .backup
            .as_ref()
            .map_or_else(|| store.path.clone(), |backup| backup.directory.join(name));
        let one = self.one_backup()?;
        let job = options.job();
        let completing = job.clone();
        let work = async {
            // Several may be sent at once.
            let ending = format!("{STREAMED}{}", Uuid::new_v4().simple());
            let created_at = self.0.clock.now();
            let copy = self.copy_to(Partial::beside(&beside, &ending)?, &job).await?;
            let open = self.0.tasks.token();
            completing
                .on_thread(move |job| {
                    let (_open, _one) = (open, one);
                    BackupStream::of(copy, created_at, job)
                })
                .await
        };
        Box::pin(self.until_closing(&job, work)).await
    }

    /// Lets nobody else make a backup until the guard is dropped: both would use the same names.
    fn one_backup(&self) -> Result<OwnedMutexGuard<()>> {
        let one = Arc::clone(&self.0.backups).try_lock_owned();
        one.map_err(|_| {
            Error::new(
                ErrorKind::Busy,
                "another backup is being made; try again when it is done",
            )
            .during("backup")
        })
    }

    async fn copy_to(&self, copy: Partial, job: &Job) -> Result<Partial> {
        if self.0.is_closed() {
            return Err(closed());
        }
        self.0.check_enabled()?;
        let store = self.0.writable().await?;
        let limits = Limits {
            timeout: None,
            cancel: job.cancel.clone(),
        };
        let telling = job.clone();
        let told = move |done, total| telling.told(BackupStage::Copying, done, total);
        Box::pin(store.copy_to(copy.path(), &limits, told)).await?;
        Ok(copy)
    }

    /// Does work that ends with the engine, or when nobody waits for it any more.
    async fn until_closing<T>(&self, job: &Job, work: impl Future<Output = Result<T>>) -> Result<T> {
        let _open = self.0.tasks.token();
        let _unwanted = job.cancel.clone().drop_guard();
        let mut work = std::pin::pin!(work);
        tokio::select! {
            done = &mut work => return done,
            () = self.0.closing.cancelled() => job.cancel.cancel(),
        }
        work.await
    }
}

fn write_file(
    copy: Partial,
    created_at: chrono::DateTime<chrono::Utc>,
    path: &Path,
    beside: &Path,
    job: &Job,
) -> Result<(u64, BackupManifest)> {
    let mut stream = BackupStream::of(copy, created_at, job)?;
    let partial = Partial::beside(beside, PARTIAL)?;
    let mut file = crate::private::create(partial.path()).map_err(digest::unwritable)?;
    let total = stream.remaining();
    loop {
        job.check()?;
        let piece = &mut std::io::Read::take(&mut stream, 8 << 20);
        if std::io::copy(piece, &mut file).map_err(digest::unwritable)? == 0 {
            break;
        }
        job.told(BackupStage::Writing, total - stream.remaining(), total);
    }
    drop(file);
    reach(Step::BackupWritten);
    partial.keep(path)?;
    Ok((total, stream.manifest().clone()))
}

/// Refuses to write over what is no backup.
pub(super) fn check_target(path: &Path, format: BackupFormat) -> Result<()> {
    let refused = |message: &str| {
        let error = Error::new(ErrorKind::InvalidArgument, message).during("backup");
        Err(error.with("file", path.display()))
    };
    match format {
        BackupFormat::Duckdb if path.is_dir() => refused("the backup is one file, and a folder of this name exists"),
        BackupFormat::Duckdb if is_open_here(path) || (path.exists() && !archive::is_backup(path)) => {
            refused("a file that is no backup has this name already; name another one")
        }
        BackupFormat::Parquet if path.exists() && !folder::is_empty(path) => {
            refused("the folder exists already; name one that does not")
        }
        _ => Ok(()),
    }
}
