//! What callers ask for, and what they hear.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::BackupManifest;
use super::job::Job;

/// The form of a backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BackupFormat {
    /// One file, with the DuckDB file in it.
    #[default]
    Duckdb,
    /// A folder with a Parquet file a table.
    Parquet,
}

impl BackupFormat {
    /// Returns `duckdb` or `parquet`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Duckdb => "duckdb",
            Self::Parquet => "parquet",
        }
    }
}

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum BackupStage {
    /// The store is copied; bytes.
    Copying,
    /// The backup, or the compacted store, is written; bytes, or tables of a folder.
    Writing,
    /// Checksums are compared; bytes, or tables of a folder.
    Checking,
    /// Tables are made from files; tables.
    Loading,
}

impl BackupStage {
    /// Returns the word for it, such as `copying`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Copying => "copying",
            Self::Writing => "writing",
            Self::Checking => "checking",
            Self::Loading => "loading",
        }
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BackupProgress {
    /// What is being done.
    pub stage: BackupStage,
    /// How much of it is done, in bytes or tables.
    pub done: u64,
    /// How much there is.
    pub total: u64,
}

pub(super) type Listener = Arc<dyn Fn(BackupProgress) + Send + Sync>;

macro_rules! options {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
            /// Stops the work with `Cancelled`; nothing is left behind.
            pub cancel: CancellationToken,
            pub(super) progress: Option<Listener>,
        }

        impl $name {
            $(
                $(#[$field_doc])*
                #[must_use]
                pub fn $field(mut self, $field: $ty) -> Self {
                    self.$field = $field;
                    self
                }
            )*

            /// Stops the work with `Cancelled` when this token fires.
            #[must_use]
            pub fn cancel(mut self, cancel: CancellationToken) -> Self {
                self.cancel = cancel;
                self
            }

            /// Calls this every now and then, on a thread of the work.
            #[must_use]
            pub fn progress(mut self, progress: impl Fn(BackupProgress) + Send + Sync + 'static) -> Self {
                self.progress = Some(Arc::new(progress));
                self
            }

            pub(super) fn job(&self) -> Job {
                Job::new(self.cancel.child_token(), self.progress.clone())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}

options! {
    /// How a backup is made.
    BackupOptions {
        /// Its form; one file by default.
        format: BackupFormat,
    }
}

options! {
    /// How a backup is restored.
    RestoreOptions {
        /// Whether a store that is there already is replaced; refused by default.
        force: bool,
    }
}

options! {
    /// How a store is compacted.
    CompactOptions {}
}

/// What became of a backup.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BackupReport {
    /// The file or the folder.
    pub path: PathBuf,
    /// Bytes of the backup on disk.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What is in it.
    pub manifest: BackupManifest,
}

/// What became of a restore.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RestoreReport {
    /// The store.
    pub store: PathBuf,
    /// Whether another store was there, and is gone.
    pub replaced: bool,
    /// Bytes of the store on disk.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
    /// What was in the backup.
    pub manifest: BackupManifest,
}
