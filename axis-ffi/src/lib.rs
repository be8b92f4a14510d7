//! AXIS for C: the functions of `include/axis.h`, which is made from them.
//!
//! Every call enters through `gate`, which checks pointers and texts, catches panics, and writes outputs. What is done there is
//! `axis_core::blocking`.
#![expect(unsafe_code, reason = "pointers cross this border; nowhere else")]
#![allow(non_camel_case_types, reason = "the types have the names that C sees")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the conventions at the top of the header say it for all functions"
)]

mod engine;
mod error;
mod events;
mod gate;
mod handle;
mod job;
mod log;
mod options;
mod query;
mod read;
mod report;
mod restore;
mod sync;
mod text;
mod version;

pub use engine::*;
pub use error::*;
pub use events::*;
pub use job::*;
pub use log::*;
pub use options::*;
pub use query::*;
pub use read::*;
pub use report::*;
pub use restore::*;
pub use sync::*;
pub use text::*;
pub use version::*;
