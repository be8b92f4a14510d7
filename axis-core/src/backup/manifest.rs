//! What a backup says of itself.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackupFormat, digest};
use crate::error::{Error, ErrorKind, Result};
use crate::store::{LAYOUT, check_versions, duckdb_version};

/// The name of the manifest in a backup.
pub(super) const NAME: &str = "manifest.json";
/// The name of its checksum, in the form of `sha256sum`.
pub(super) const SUM: &str = "manifest.sha256";
/// The version of the form of backups.
const VERSION: u32 = 1;
/// More than any manifest is long.
pub(super) const LONGEST: u64 = 64 << 20;

/// What a backup holds, and who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackupManifest {
    /// The version of the form of backups.
    pub version: u32,
    /// One file, or a folder of Parquet files.
    pub format: BackupFormat,
    /// When the backup was begun.
    pub created_at: DateTime<Utc>,
    /// The version of AXIS.
    pub axis_version: String,
    /// The version of DuckDB.
    pub duckdb_version: String,
    /// The version of the layout of the store's own tables.
    pub layout: i64,
    /// The datasets, by name.
    pub datasets: BTreeMap<String, DatasetBackup>,
    /// The tables, the store's own in the schema `_axis` included.
    pub tables: Vec<TableBackup>,
    /// The SQL of the views; for Parquet alone, as a DuckDB file has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<String>,
    /// The other files of the backup.
    pub files: Vec<FileBackup>,
}

/// One dataset of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatasetBackup {
    /// The generation of the data.
    pub generation: u64,
    /// The run that made it.
    pub revision: String,
}

/// One table of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TableBackup {
    /// The schema: `main`, or `_axis` for the store's own.
    pub schema: String,
    /// The name.
    pub name: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its file; for Parquet alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The SQL that makes it; for Parquet alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<String>,
}

/// One file of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileBackup {
    /// The name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum, in hexadecimal digits.
    pub sha256: String,
}

/// What a store says of itself, for a manifest.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) duckdb_version: String,
    pub(super) datasets: BTreeMap<String, DatasetBackup>,
    pub(super) tables: Vec<TableBackup>,
    /// The SQL of the views, those first that others may need.
    pub(super) views: Vec<String>,
}

impl BackupManifest {
    pub(super) fn new(format: BackupFormat, created_at: DateTime<Utc>, facts: Facts) -> Self {
        Self {
            version: VERSION,
            format,
            created_at,
            axis_version: env!("CARGO_PKG_VERSION").to_owned(),
            duckdb_version: facts.duckdb_version,
            layout: LAYOUT,
            datasets: facts.datasets,
            tables: facts.tables,
            views: match format {
                BackupFormat::Duckdb => Vec::new(),
                BackupFormat::Parquet => facts.views,
            },
            files: Vec::new(),
        }
    }

    /// Returns the text of the manifest, and that of its checksum.
    pub(super) fn write(&self) -> Result<(String, String)> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new(ErrorKind::Internal, "a manifest cannot be written as JSON").because(error))?;
        let sum = format!("{}  {NAME}\n", digest::of_bytes(text.as_bytes()));
        Ok((text, sum))
    }

    /// Reads a manifest whose checksum is right.
    pub(super) fn read(text: &[u8], sum: &[u8]) -> Result<Self> {
        let told = std::str::from_utf8(sum).unwrap_or_default();
        if told.split_whitespace().next() != Some(&*digest::of_bytes(text)) {
            return Err(damaged("its manifest does not have the checksum that it had"));
        }
        #[derive(Deserialize)]
        struct Version {
            version: u32,
        }
        let parsed: Version = serde_json::from_slice(text).map_err(|_| damaged("its manifest is no manifest"))?;
        if parsed.version > VERSION {
            return Err(Error::new(
                ErrorKind::Store,
                "the backup was made by a newer version; restore it with that version",
            )
            .during("backup.read")
            .with("found", format!("version {} of backups", parsed.version))
            .with("allowed", format!("version {VERSION} or older")));
        }
        serde_json::from_slice(text).map_err(|error| damaged("its manifest is no manifest").because(error))
    }

    /// Refuses a backup of a store that this version cannot open.
    pub(super) fn check_restorable(&self) -> Result<()> {
        check_versions(self.layout, &self.duckdb_version, &duckdb_version()?)
    }

    /// Returns what is known of a file.
    pub(super) fn file(&self, name: &str) -> Result<&FileBackup> {
        let file = self.files.iter().find(|file| file.name == name);
        file.ok_or_else(|| damaged("its manifest does not name a file that it needs").with("file", name))
    }
}

impl FileBackup {
    /// Compares with what was found.
    pub(super) fn check(&self, bytes: u64, sha256: &str) -> Result<()> {
        if bytes != self.bytes {
            let found = damaged("a file is not as long as it was").with("file", &self.name);
            return Err(found.with("bytes", bytes).with("expected", self.bytes));
        }
        if sha256 == self.sha256 {
            return Ok(());
        }
        Err(damaged("a file does not have the checksum that it had").with("file", &self.name))
    }
}

/// The error of a backup that is not as it was made.
pub(super) fn damaged(why: &str) -> Error {
    Error::new(ErrorKind::Store, format!("the backup is damaged: {why}")).during("backup.read")
}
