//! AXIS for Node: the addon under `lib/`, which is what people use and read.
//!
//! Options and answers cross as JSON text and rows as text, Arrow IPC or the buffers of Arrow. [`gate`] is the only place where a call enters the
//! core: there are the runtime, cancellation, panics and errors.

pub mod dataset;
pub mod engine;
pub mod events;
pub mod gate;
pub mod log;
pub mod offline;
pub mod progress;
pub mod query;
pub mod table;
pub mod text;
