//! SHA-256 of files, in hexadecimal digits.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::job::Job;
use crate::error::{Error, ErrorKind, Result};

/// How much is read at once.
const PIECE: usize = 1 << 20;

/// Returns the sum of a text.
pub(super) fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new().chain_update(bytes))
}

/// Returns length and sum of a file; `told` hears how many bytes were read.
pub(super) fn of_file(path: &Path, job: &Job, told: impl FnMut(u64)) -> Result<(u64, String)> {
    let mut file = File::open(path).map_err(unreadable)?;
    copy(&mut file, &mut io::sink(), job, told)
}

/// Copies everything; returns how much that was and its sum.
pub(super) fn copy(
    from: &mut dyn Read,
    to: &mut dyn Write,
    job: &Job,
    mut told: impl FnMut(u64),
) -> Result<(u64, String)> {
    let mut piece = vec![0; PIECE];
    let (mut bytes, mut sum) = (0, Sha256::new());
    loop {
        job.check()?;
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok((bytes, hexadecimal(sum))),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        sum.update(&piece[..read]);
        to.write_all(&piece[..read]).map_err(unwritable)?;
        bytes += read as u64;
        told(bytes);
    }
}

fn hexadecimal(sum: Sha256) -> String {
    let mut text = String::new();
    for byte in sum.finalize() {
        // A text takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

pub(super) fn unreadable(error: io::Error) -> Error {
    Error::new(ErrorKind::Store, "the backup cannot be read")
        .during("backup.read")
        .because(error)
}

pub(super) fn unwritable(error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::StorageFull {
        "the disk is full"
    } else {
        "the file cannot be written; its directory must be writable"
    };
    Error::new(ErrorKind::Store, message)
        .during("backup.write")
        .because(error)
}
