//! What happens while datasets are synced and verified. The serde form is the wire form in every surface.

use serde::Serialize;

use super::report::{Failure, Strategy, SyncReport};

/// Something that happened to a dataset, or to the engine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SyncEvent {
    /// A sync began.
    Started {
        /// The dataset.
        dataset: String,
        /// The run.
        run_id: String,
    },
    /// It is known how each table will be synced.
    Planned {
        /// The dataset.
        dataset: String,
        /// The run.
        run_id: String,
        /// Table and strategy, in the order of the configuration.
        tables: Vec<(String, Strategy)>,
    },
    /// A table is being read, or has been read.
    Progress {
        /// The dataset.
        dataset: String,
        /// The run.
        run_id: String,
        /// The table.
        table: String,
        /// Rows read so far.
        rows: u64,
        /// Bytes read so far.
        bytes: u64,
        /// Whether the table has been read to its end.
        done: bool,
    },
    /// A sync has committed.
    Committed {
        /// Its report.
        report: Box<SyncReport>,
    },
    /// A comparison with the source began.
    Verifying {
        /// The dataset.
        dataset: String,
        /// The run.
        run_id: String,
        /// The tables, in the order of the configuration.
        tables: Vec<String>,
    },
    /// A comparison with the source has ended.
    Verified {
        /// The dataset.
        dataset: String,
        /// The run.
        run_id: String,
        /// Whether both sides are equal; `None` when the comparison failed.
        equal: Option<bool>,
    },
    /// A sync has failed; what was served before is still served.
    Failed {
        /// The dataset.
        dataset: String,
        /// The failure.
        failure: Failure,
    },
    /// What the engine as a whole can answer has changed.
    Readiness {
        /// Whether every enabled dataset can be read.
        ready: bool,
        /// Whether the last sync of one that can be read has failed.
        degraded: bool,
    },
    /// Events are missing here: the listener was too slow, or they are older than what is kept. The status tells what is.
    Lost {},
}

impl SyncEvent {
    /// Returns the run that it belongs to, if to one.
    #[must_use]
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Started { run_id, .. }
            | Self::Planned { run_id, .. }
            | Self::Progress { run_id, .. }
            | Self::Verifying { run_id, .. }
            | Self::Verified { run_id, .. } => Some(run_id),
            Self::Committed { report } => Some(&report.run_id),
            Self::Failed { failure, .. } => Some(&failure.run_id),
            Self::Readiness { .. } | Self::Lost {} => None,
        }
    }

    /// Returns the dataset that it happened to, if to one.
    #[must_use]
    pub fn dataset(&self) -> Option<&str> {
        match self {
            Self::Started { dataset, .. }
            | Self::Planned { dataset, .. }
            | Self::Progress { dataset, .. }
            | Self::Verifying { dataset, .. }
            | Self::Verified { dataset, .. }
            | Self::Failed { dataset, .. } => Some(dataset),
            Self::Committed { report } => Some(&report.dataset),
            Self::Readiness { .. } | Self::Lost {} => None,
        }
    }

    /// Returns the name of its kind, as its JSON has it in `event`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "started",
            Self::Planned { .. } => "planned",
            Self::Progress { .. } => "progress",
            Self::Committed { .. } => "committed",
            Self::Verifying { .. } => "verifying",
            Self::Verified { .. } => "verified",
            Self::Failed { .. } => "failed",
            Self::Readiness { .. } => "readiness",
            Self::Lost {} => "lost",
        }
    }
}
