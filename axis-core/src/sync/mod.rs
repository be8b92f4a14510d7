//! One sync, from the reservation to the commit.
//!
//! ```text
//! reserve -> snapshot + horizon -> describe -> plan (pure) -> read || decode || stage -> ONE commit -> checkpoint -> events
//! ```
//!
//! Nothing that readers see changes before the commit; everything does in it. A sync that fails, is cancelled or is killed
//! leaves the old data, and the next one starts from it.

mod columns;
mod completion;
mod event;
mod jobs;
mod peek;
mod plan;
mod read;
mod reconcile;
mod report;
mod run;
mod schedule;
mod split;
mod verdict;
mod verify;
mod view;
mod window;

pub use columns::KeptAlias;
pub(crate) use columns::{final_names, lacks, missing};
pub use event::SyncEvent;
pub(crate) use peek::Memory;
pub use plan::SyncMode;
pub(crate) use plan::check as check_table;
pub use report::{Failure, FullReason, Ranges, Reconciliation, Strategy, SyncReport, TableReport};
pub(crate) use run::{Done, RunContext, run};
pub(crate) use schedule::{Due, Timing, due};
pub use verdict::{ColumnDifference, Difference, Sides, TableVerification, VerifyReport};
pub(crate) use verify::verify;
pub(crate) use view::{is_key, layout};
