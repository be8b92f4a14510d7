//! Whether backups are made: what was uploaded exists nowhere else.

use std::io;
use std::path::Path;
use std::time::Duration;

use axis_core::config::BackupConfig;

use super::finding::{Check, Finding};
use super::volume::{Kind, Volume};

/// Returns how long ago the newest entry of a folder was written; `None` when there is none.
pub(super) fn age(directory: &Path) -> Option<Duration> {
    let entries = std::fs::read_dir(directory).ok()?.filter_map(Result::ok);
    let written = entries.filter_map(|entry| entry.metadata().ok()?.modified().ok());
    // One that is from the future was written just now.
    written.max().map(|time| time.elapsed().unwrap_or_default())
}

/// Judges the settings, the volume of the folder, and the age of its newest entry.
pub(super) fn judge(
    backup: Option<&BackupConfig>,
    scheduler: bool,
    volume: &io::Result<Volume>,
    age: Option<Duration>,
) -> Finding {
    let Some(backup) = backup else {
        return Finding::warning(
            Check::Backup,
            "no backups are made; after a loss everything is read again, and uploads are gone",
            "set `backup.directory` in config/duckdb.yaml, or let a scheduler of your own run `axis backup`",
        );
    };
    let shown = backup.directory.display();
    if !scheduler {
        let message = "the schedule is off, so no backups are made";
        return Finding::warning(Check::Backup, message, "set `scheduler: true` in config/duckdb.yaml");
    }
    if let Ok(volume) = volume {
        if !volume.writable {
            let message = format!("{shown} cannot be written by this user");
            return Finding::problem(Check::Backup, message, "give it to the user that the server runs as");
        }
        if matches!(volume.kind, Kind::Memory | Kind::Layer) {
            let message = format!("{shown} is gone with the machine's memory or the container, and backups with it");
            return Finding::problem(Check::Backup, message, "mount a persistent volume there");
        }
    }
    match age {
        Some(age) if age > 2 * backup.interval => {
            let hours = age.as_secs() / 3600;
            let message = format!("the newest backup in {shown} is {hours} h old, two intervals or more");
            Finding::warning(
                Check::Backup,
                message,
                "look into the log of the server for why it makes none",
            )
        }
        Some(_) => Finding::ok(Check::Backup, format!("the newest backup in {shown} is recent")),
        None => Finding::ok(Check::Backup, format!("backups go to {shown}; there is none yet")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn backups_are_made_and_outlive_the_store() {
        let day = Duration::from_secs(24 * 60 * 60);
        let config = BackupConfig::new("/backups");
        let volume = |writable, kind| {
            Ok(Volume {
                directory: "/backups".into(),
                writable,
                free: 1 << 40,
                kind,
            })
        };
        let fine = volume(true, Kind::Persistent);
        assert_eq!(judge(None, true, &fine, None).severity, Severity::Warning);
        assert_eq!(judge(Some(&config), true, &fine, None).severity, Severity::Ok);
        assert_eq!(judge(Some(&config), true, &fine, Some(day)).severity, Severity::Ok);
        assert_eq!(
            judge(Some(&config), true, &fine, Some(3 * day)).severity,
            Severity::Warning
        );
        assert_eq!(judge(Some(&config), false, &fine, None).severity, Severity::Warning);
        let closed = volume(false, Kind::Persistent);
        assert_eq!(judge(Some(&config), true, &closed, None).severity, Severity::Problem);
        let layer = volume(true, Kind::Layer);
        assert_eq!(judge(Some(&config), true, &layer, None).severity, Severity::Problem);
    }

    #[test]
    fn the_newest_entry_counts() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(age(directory.path()), None);
        std::fs::write(directory.path().join("a"), "").unwrap();
        assert!(age(directory.path()).unwrap() < Duration::from_secs(60));
        assert_eq!(age(&directory.path().join("nowhere")), None);
    }
}
