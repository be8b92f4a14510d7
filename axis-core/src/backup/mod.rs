//! Backups of a store, restoring them, and compacting a store.
//!
//! [`Engine::backup`](crate::Engine::backup) works while syncs and queries go on. [`restore`] and [`compact`] want a store that
//! nobody has open. A backup is one file, a tar archive with a manifest and the DuckDB file, or a folder with the manifest and a
//! Parquet file a table; either way `manifest.json` has the SHA-256 of everything else, and `manifest.sha256` its own.

mod archive;
mod compact;
mod digest;
mod folder;
mod job;
mod live;
mod manifest;
mod options;
mod partial;
mod received;
mod restore;
mod retention;
mod scheduled;
mod status;
mod taken;

pub use archive::BackupStream;
pub use compact::{CompactReport, compact};
pub use manifest::{BackupManifest, DatasetBackup, FileBackup, TableBackup};
pub use options::{
    BackupFormat, BackupOptions, BackupProgress, BackupReport, BackupStage, CompactOptions, RestoreOptions,
    RestoreReport,
};
pub(crate) use partial::sweep;
pub use received::receive;
pub use restore::{check, restore};
pub use scheduled::kept;
pub(crate) use status::Outcomes;
pub use status::{BackupFailure, BackupStatus};
