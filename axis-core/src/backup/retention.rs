//! Which backups of a folder are a schedule's own, and which of them have had their day.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{BackupFormat, partial, restore};

/// When a backup was made, as its name tells.
const STAMP: &str = "%Y%m%dT%H%M%SZ";
/// The ending of a backup of one file.
const FILE: &str = ".axis";

/// Names the backup of a store that is made at this time, such as `local_store-20261121T113000Z.axis`.
pub(super) fn name(stem: &str, at: DateTime<Utc>, format: BackupFormat) -> String {
    let ending = if format == BackupFormat::Parquet { "" } else { FILE };
    format!("{stem}-{}{ending}", at.format(STAMP))
}

/// Reads such a name.
fn made_at(stem: &str, name: &str) -> Option<DateTime<Utc>> {
    let stamp = name.strip_prefix(stem)?.strip_prefix('-')?;
    let stamp = stamp.strip_suffix(FILE).unwrap_or(stamp);
    let at = NaiveDateTime::parse_from_str(stamp, STAMP).ok()?.and_utc();
    // Only what this code would have written.
    (at.format(STAMP).to_string() == stamp).then_some(at)
}

/// Lists a schedule's backups, newest first: what has such a name and the manifest of a backup.
pub(super) fn found(directory: &Path, stem: &str) -> Vec<(DateTime<Utc>, PathBuf)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| Some((made_at(stem, entry.file_name().to_str()?)?, entry.path())));
    let mut backups: Vec<_> = named.filter(|(_, path)| restore::manifest_of(path).is_ok()).collect();
    backups.sort_by(|a, b| b.cmp(a));
    backups
}

/// Removes all but the newest.
pub(super) fn prune(directory: &Path, stem: &str, keep: usize) {
    for (_, path) in found(directory, stem).into_iter().skip(keep) {
        match partial::remove(&path) {
            Ok(()) => tracing::info!(backup = %path.display(), "removed an old backup"),
            Err(error) => tracing::warn!(backup = %path.display(), %error, "an old backup stays"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_schedule_writes_are_its_own() {
        let at = DateTime::from_timestamp(1_795_000_000, 0).unwrap();
        for format in [BackupFormat::Duckdb, BackupFormat::Parquet] {
            assert_eq!(made_at("s", &name("s", at, format)), Some(at));
        }
        for name in [
            "s.axis",
            "s-20261121.axis",
            "s-20261121T113000Z.bak",
            "s-20261121T113000Z.axis.partial",
            "s2-20261121T113000Z.axis",
            "my-s-20261121T113000Z.axis",
            "s-2026112T1113000Z.axis",
            "s",
        ] {
            assert_eq!(made_at("s", name), None, "{name}");
        }
    }
}
