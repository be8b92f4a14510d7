//! A backup that comes from elsewhere.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Instant;

use super::job::{Job, elapsed_ms};
use super::live::check_target;
use super::partial::Partial;
use super::{BackupFormat, BackupOptions, BackupReport, BackupStage, archive, digest};
use crate::error::{Error, ErrorKind, Result};

/// Writes a backup of one file that somebody sends, as [`BackupStream`](super::BackupStream) gives it. It appears under its name once
/// it was read to its end, which is `bytes` long if that is known, and all checksums are right.
///
/// # Errors
/// `SourceUnavailable` when it cannot be read to its end, `Store` when it is damaged or cannot be written, `InvalidArgument` when
/// something else has the name, `Cancelled`.
///
/// # Cancellation
/// By the token of the options, or by dropping the future. Nothing is left behind.
pub async fn receive(
    path: impl Into<PathBuf>,
    from: impl Read + Send + 'static,
    bytes: Option<u64>,
    options: BackupOptions,
) -> Result<BackupReport> {
    let path = path.into();
    let since = Instant::now();
    options
        .job()
        .on_thread(move |job| {
            check_target(&path, BackupFormat::Duckdb)?;
            let partial = Partial::beside(&path, ".partial")?;
            let mut file = crate::private::create(partial.path()).map_err(digest::unwritable)?;
            let received = write(from, &mut file, bytes, job)?;
            drop(file);
            let manifest = archive::unpack(partial.path(), None, job)?;
            partial.keep(&path)?;
            Ok(BackupReport {
                path,
                bytes: received,
                elapsed_ms: elapsed_ms(since),
                manifest,
            })
        })
        .await
}

fn write(mut from: impl Read, to: &mut File, bytes: Option<u64>, job: &Job) -> Result<u64> {
    let mut piece = vec![0; 1 << 20];
    let mut received = 0;
    loop {
        job.check()?;
        let read = match from.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(lost().because(error)),
        };
        io::Write::write_all(to, &piece[..read]).map_err(digest::unwritable)?;
        received += read as u64;
        job.told(BackupStage::Copying, received, bytes.unwrap_or(received));
    }
    match bytes {
        Some(bytes) if bytes != received => Err(lost().with("bytes", received).with("expected", bytes)),
        _ => Ok(received),
    }
}

fn lost() -> Error {
    Error::new(ErrorKind::SourceUnavailable, "the backup ended before it was whole").during("backup.receive")
}
