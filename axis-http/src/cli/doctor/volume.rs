//! Where the store lies: whether it can be written, outlives the container, and has room.

use std::io;
use std::path::{Path, PathBuf};

use super::finding::{Check, Finding};

/// Below this, a store of any size is about to stop.
const LEAST: u64 = 256 << 20;

/// What a directory lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Volume {
    /// The directory, or the nearest one above that exists.
    pub(super) directory: PathBuf,
    pub(super) writable: bool,
    pub(super) free: u64,
    pub(super) kind: Kind,
}

/// What becomes of files there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They stay.
    Persistent,
    /// They are gone with the machine's memory.
    Memory,
    /// They are gone with the container.
    Layer,
    /// They stay, on another machine.
    Network,
}

/// Looks at the volume of a file that need not exist yet.
pub(super) fn measure(file: &Path) -> io::Result<Volume> {
    let file = std::path::absolute(file)?;
    let directory = file.ancestors().skip(1).find(|path| path.is_dir());
    look(&file, directory.unwrap_or(Path::new("/")))
}

#[cfg(unix)]
fn look(file: &Path, directory: &Path) -> io::Result<Volume> {
    use rustix::fs::{Access, access, statvfs};
    let space = statvfs(directory)?;
    // The log of the store is a file of its own beside it.
    let writable = access(directory, Access::WRITE_OK | Access::EXEC_OK).is_ok()
        && (!file.exists() || access(file, Access::READ_OK | Access::WRITE_OK).is_ok());
    Ok(Volume {
        directory: directory.to_owned(),
        writable,
        free: space.f_bavail.saturating_mul(space.f_frsize),
        kind: kind(directory)?,
    })
}

#[cfg(target_os = "linux")]
fn kind(directory: &Path) -> io::Result<Kind> {
    // The numbers of statfs(2): tmpfs, ramfs; overlay, aufs; NFS, SMB (three generations).
    let kind = rustix::fs::statfs(directory)?.f_type;
    Ok(match u32::try_from(kind & 0xffff_ffff).unwrap_or_default() {
        0x0102_1994 | 0x8584_58f6 => Kind::Memory,
        0x794c_7630 | 0x6175_6673 => Kind::Layer,
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 => Kind::Network,
        _ => Kind::Persistent,
    })
}

#[cfg(all(unix, not(target_os = "linux")))]
fn kind(_: &Path) -> io::Result<Kind> {
    Ok(Kind::Persistent)
}

#[cfg(not(unix))]
fn look(_: &Path, _: &Path) -> io::Result<Volume> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Judges where the store lies, which has this many bytes now.
pub(super) fn judge(file: &Path, volume: &io::Result<Volume>, bytes: u64) -> Vec<Finding> {
    let volume = match volume {
        Ok(volume) => volume,
        Err(error) => {
            let message = format!("{} cannot be looked at: {}", file.display(), error.kind());
            return vec![Finding::warning(
                Check::Store,
                message,
                "see to it yourself that it is writable, persistent and has space",
            )];
        }
    };
    let directory = volume.directory.display();
    let mount = "mount a persistent volume there (`/app/data` in the image), or set `duckdb.path` to one";
    let mut findings = Vec::new();
    if !volume.writable {
        let message = format!("{} cannot be written by this user", file.display());
        findings.push(Finding::problem(
            Check::Store,
            message,
            "give directory and file to the user that the server runs as",
        ));
    }
    match volume.kind {
        Kind::Memory => {
            let message =
                format!("{directory} is in memory: the store and every upload are gone with the next restart");
            findings.push(Finding::problem(Check::Store, message, mount));
        }
        Kind::Layer => {
            let message =
                format!("{directory} is a layer of the container: the store and every upload are gone with it");
            findings.push(Finding::problem(Check::Store, message, mount));
        }
        Kind::Network => {
            let message = format!("{directory} is on another machine, where locks and hard links may not hold");
            findings.push(Finding::warning(
                Check::Store,
                message,
                "use a disk of this machine, or block storage",
            ));
        }
        Kind::Persistent => {}
    }
    let (free, size) = (megabytes(volume.free), megabytes(bytes));
    let room = "make room, or move the store to a larger volume";
    if volume.free < LEAST {
        findings.push(Finding::problem(
            Check::Store,
            format!("{directory} has {free} MB left"),
            room,
        ));
    } else if volume.free < bytes.saturating_add(LEAST) {
        let message =
            format!("{directory} has {free} MB left, and a rebuild of the store of {size} MB needs as much again");
        findings.push(Finding::warning(Check::Store, message, room));
    }
    if findings.is_empty() {
        let message = format!("{}: {size} MB, writable, {free} MB left", file.display());
        findings.push(Finding::ok(Check::Store, message));
    }
    findings
}

/// Judges where DuckDB spills, when that is not beside the store. What lies there need not outlive anything.
pub(super) fn judge_spill(directory: &Path, volume: &io::Result<Volume>) -> Option<Finding> {
    let volume = volume.as_ref().ok()?;
    let shown = directory.display();
    if !volume.writable {
        let message = format!("`temp_directory` {shown} cannot be written, so large queries fail");
        return Some(Finding::problem(
            Check::Store,
            message,
            "give it to the user that the server runs as",
        ));
    }
    (volume.kind == Kind::Memory).then(|| {
        let message = format!("`temp_directory` {shown} is in memory: spilling there saves none");
        Finding::warning(Check::Store, message, "name a directory on a disk")
    })
}

pub(super) fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    fn volume() -> Volume {
        Volume {
            directory: PathBuf::from("/app/data"),
            writable: true,
            free: 10 << 30,
            kind: Kind::Persistent,
        }
    }

    fn found(volume: Volume, bytes: u64) -> (Severity, String) {
        let findings = judge(Path::new("/app/data/s.duckdb"), &Ok(volume), bytes);
        let worst = findings.iter().max_by_key(|finding| finding.severity).unwrap();
        (worst.severity, worst.message.clone())
    }

    #[test]
    fn a_store_needs_a_volume_that_stays_and_has_room() {
        assert_eq!(found(volume(), 1 << 30).0, Severity::Ok);
        assert_eq!(
            found(
                Volume {
                    writable: false,
                    ..volume()
                },
                0
            )
            .0,
            Severity::Problem
        );
        assert_eq!(
            found(
                Volume {
                    kind: Kind::Memory,
                    ..volume()
                },
                0
            )
            .0,
            Severity::Problem
        );
        assert_eq!(
            found(
                Volume {
                    kind: Kind::Layer,
                    ..volume()
                },
                0
            )
            .0,
            Severity::Problem
        );
        assert_eq!(
            found(
                Volume {
                    kind: Kind::Network,
                    ..volume()
                },
                0
            )
            .0,
            Severity::Warning
        );
        let (severity, message) = found(volume(), 11 << 30);
        assert_eq!(
            (severity, message.contains("needs as much again")),
            (Severity::Warning, true)
        );
        assert_eq!(
            found(
                Volume {
                    free: 1 << 20,
                    ..volume()
                },
                0
            )
            .0,
            Severity::Problem
        );
    }

    #[test]
    fn spilled_rows_need_a_disk_and_need_not_stay() {
        let judge = |volume| judge_spill(Path::new("/tmp/axis"), &Ok(volume)).map(|finding| finding.severity);
        assert_eq!(
            judge(Volume {
                kind: Kind::Layer,
                ..volume()
            }),
            None
        );
        assert_eq!(
            judge(Volume {
                kind: Kind::Memory,
                ..volume()
            }),
            Some(Severity::Warning)
        );
        assert_eq!(
            judge(Volume {
                writable: false,
                ..volume()
            }),
            Some(Severity::Problem)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_not_there_yet_is_where_its_directory_would_be() {
        let found = measure(Path::new("/proc/self/no/such/s.duckdb")).unwrap();
        assert_eq!(found.directory, Path::new("/proc/self"));
        assert_eq!(found.free, 0);
        let directory = tempfile::tempdir().unwrap();
        let found = measure(&directory.path().join("a/b/s.duckdb")).unwrap();
        assert_eq!((found.directory.as_path(), found.writable), (directory.path(), true));
        assert_eq!(measure(Path::new("/dev/shm/s.duckdb")).unwrap().kind, Kind::Memory);
    }
}
