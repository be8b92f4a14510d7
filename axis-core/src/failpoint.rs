//! Places at which tests stop or kill a sync: one after each step, so that each lies before the next step as well.
//!
//! Without the feature `fail-points`, which nothing but tests turns on, [`reach`] is empty and the names do not exist.

/// Defines the steps and their names in one list.
macro_rules! steps {
    ($($(#[$doc:meta])+ $step:ident = $name:literal,)+) => {
        /// A step that has just been done.
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum Step {
            $($(#[$doc])+ $step,)+
        }

        #[cfg(feature = "fail-points")]
        impl Step {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$step => $name,)+
                }
            }
        }

        /// The names of all fail points, for tests.
        #[cfg(feature = "fail-points")]
        pub const FAIL_POINTS: &[&str] = &[$($name),+];
    };
}

steps! {
    /// The lock file names this process.
    Leased = "open.leased",
    /// DuckDB has opened the file, and has replayed what was not in it yet.
    Opened = "open.opened",
    /// The catalog was made or read.
    Catalogued = "open.catalogued",
    /// What a killed process had left was dropped.
    Swept = "open.swept",
    /// The dataset is marked as running.
    Reserved = "sync.reserved",
    /// The source has given its snapshot.
    SnapshotTaken = "sync.snapshot",
    /// The source has described one table's query.
    Described = "sync.described",
    /// Every table is planned.
    Planned = "sync.planned",
    /// One batch of rows is on its way into a staging table.
    BatchRead = "stage.batch",
    /// The first batch of a rebuilt table lies in a temporary table.
    HeadStaged = "stage.head",
    /// The staging table of a rebuilt table exists, and is empty.
    StagingCreated = "stage.created",
    /// All rows of a rebuilt table are staged.
    TableStaged = "stage.table",
    /// The first rows of a window are in memory.
    WindowPeeked = "stage.peeked",
    /// All rows of a window are staged.
    WindowStaged = "stage.window",
    /// The source's keys lie in a temporary table.
    KeysStaged = "reconcile.keys",
    /// The keys are compared; those of rows that are gone lie in a temporary table.
    KeysCompared = "reconcile.compared",
    /// Every table is staged.
    Staged = "sync.staged",
    /// The commit's transaction has begun.
    CommitBegun = "commit.begun",
    /// The old table is dropped, the new one has another name still.
    TableDropped = "commit.dropped",
    /// A window's rows are deleted, the new ones are not there yet.
    WindowDeleted = "commit.deleted",
    /// The rows that are gone are deleted.
    GoneDeleted = "commit.gone",
    /// One table is as it will be.
    TableApplied = "commit.applied",
    /// The view is as it will be.
    ViewMade = "commit.view",
    /// What is derived from the view is as it will be.
    Derived = "commit.derived",
    /// The dataset's record is written.
    RecordWritten = "commit.record",
    /// The run log is written; only the commit is missing.
    RunLogged = "commit.logged",
    /// The transaction is committed.
    Committed = "commit.committed",
    /// The rebuilt tables are out of the write-ahead log, as far as readers allowed.
    Checkpointed = "commit.checkpointed",
    /// The engine knows that the sync is done.
    Finished = "sync.finished",
    /// A failed sync has dropped its staging tables.
    StagingDropped = "failed.dropped",
    /// A failure is in the store.
    FailureWritten = "failed.written",
    /// No checkpoint comes any more until the backup is copied.
    Pinned = "backup.pinned",
    /// A piece of the store is copied.
    Copied = "backup.copied",
    /// The backup is written, under another name still.
    BackupWritten = "backup.written",
    /// All work of a store that closes has ended.
    Closing = "close.idle",
    /// The write-ahead log is in the file.
    Closed = "close.checkpointed",
}

/// Does what a test has asked for at this point.
#[cfg(feature = "fail-points")]
pub(crate) fn reach(step: Step) {
    fail::fail_point!(step.name());
}

/// Does nothing.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
pub(crate) fn reach(_: Step) {}
