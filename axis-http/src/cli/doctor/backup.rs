//! Whether backups are made: what was uploaded exists nowhere else.

use std::io;
use std::time::Duration;

use axis_core::backup;
use axis_core::config::{BackupConfig, StoreConfig};
use chrono::Utc;

use super::finding::{Check, Finding};
use super::volume::{Kind, Volume, megabytes};

/// What there is to back up, and the scheduled backups that there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    /// Bytes of the store.
    pub(super) store: u64,
    /// How long there has been a store.
    pub(super) store_age: Option<Duration>,
    /// How many backups there are.
    pub(super) count: u64,
    /// How old the newest one is.
    pub(super) newest: Option<Duration>,
}

/// Looks at the store and at the folder of its backups.
pub(super) fn look(store: &StoreConfig) -> Kept {
    let file = std::fs::metadata(&store.path).ok();
    let born = file
        .as_ref()
        .and_then(|file| file.created().or_else(|_| file.modified()).ok());
    let backups = backup::kept(store);
    // What is from the future was made just now.
    Kept {
        store: file.map_or(0, |file| file.len()),
        store_age: born.map(|born| born.elapsed().unwrap_or_default()),
        count: backups.len() as u64,
        newest: backups
            .first()
            .map(|(at, _)| (Utc::now() - at).to_std().unwrap_or_default()),
    }
}

/// Judges the settings, the volume of the folder, and what lies in it.
pub(super) fn judge(
    backup: Option<&BackupConfig>,
    scheduler: bool,
    volume: &io::Result<Volume>,
    kept: Kept,
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
    let log = "look into the log of the server for why it makes none";
    let overdue = |age: Option<Duration>| age.is_some_and(|age| age > 2 * backup.interval);
    if overdue(kept.newest) {
        let hours = kept.newest.unwrap_or_default().as_secs() / 3600;
        let message = format!("the newest backup in {shown} is {hours} h old, two intervals or more");
        return Finding::warning(Check::Backup, message, log);
    }
    if kept.newest.is_none() && overdue(kept.store_age) {
        let message = format!("there is no backup in {shown}, and the store is older than two intervals");
        return Finding::warning(Check::Backup, message, log);
    }
    // The copy that one is made from, the new one, and those that are still to come; those of Parquet are smaller than the store.
    let more = 2 + (backup.keep as u64).saturating_sub(kept.count);
    let needed = kept.store.saturating_mul(more);
    if let Ok(volume) = volume
        && volume.free < needed
    {
        let (free, needed, keep) = (megabytes(volume.free), megabytes(needed), backup.keep);
        let message =
            format!("{shown} has {free} MB left; {keep} backups of this store and the next one need {needed} MB more");
        return Finding::warning(
            Check::Backup,
            message,
            "keep fewer (`backup.keep`), or on a larger volume",
        );
    }
    let message = match kept.newest {
        Some(_) => format!("the newest backup in {shown} is recent"),
        None => format!("backups go to {shown}; there is none yet"),
    };
    Finding::ok(Check::Backup, message)
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
        let severity = |volume: &_, kept| judge(Some(&config), true, volume, kept).severity;
        let none = Kept::default();
        let newest = |days| Kept {
            newest: Some(days * day),
            count: 7,
            ..none
        };
        assert_eq!(judge(None, true, &fine, none).severity, Severity::Warning);
        assert_eq!(judge(Some(&config), false, &fine, none).severity, Severity::Warning);
        assert_eq!(severity(&fine, none), Severity::Ok);
        assert_eq!(severity(&fine, newest(1)), Severity::Ok);
        assert_eq!(severity(&fine, newest(3)), Severity::Warning);
        let old = |days| Kept {
            store_age: Some(days * day),
            ..none
        };
        assert_eq!(severity(&fine, old(1)), Severity::Ok);
        assert_eq!(severity(&fine, old(3)), Severity::Warning, "none was ever made");
        let (closed, layer) = (volume(false, Kind::Persistent), volume(true, Kind::Layer));
        assert_eq!(severity(&closed, none), Severity::Problem);
        assert_eq!(severity(&layer, none), Severity::Problem);
    }

    #[test]
    fn there_is_room_for_as_many_as_are_kept() {
        let config = BackupConfig::new("/backups");
        let free = |gigabytes: u64| {
            Ok(Volume {
                directory: "/backups".into(),
                writable: true,
                free: gigabytes << 30,
                kind: Kind::Persistent,
            })
        };
        let kept = |count| Kept {
            store: 1 << 30,
            count,
            newest: (count > 0).then_some(Duration::ZERO),
            ..Kept::default()
        };
        let severity = |gigabytes, count| judge(Some(&config), true, &free(gigabytes), kept(count)).severity;
        assert_eq!((severity(9, 0), severity(8, 0)), (Severity::Ok, Severity::Warning));
        assert_eq!((severity(2, 7), severity(1, 7)), (Severity::Ok, Severity::Warning));
    }
}
