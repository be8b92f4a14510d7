//! The same words without `async`, for scripts and for languages that wait.
//!
//! ```no_run
//! # fn example() -> axis_core::Result<()> {
//! use axis_core::blocking::Engine;
//! use axis_core::{Env, Query, SyncOptions, config::Config};
//!
//! let config = Config::load("custom", &Env::new(std::env::vars()))?;
//! let engine = Engine::builder(config).open()?;
//! let report = engine.dataset("monitoring")?.sync(SyncOptions::default())?;
//! println!("{} rows, {}", report.rows_read, report.strategy.as_str());
//! for batch in engine.query(Query::sql("select * from monitoring_data"))? {
//!     println!("{} rows", batch?.num_rows());
//! }
//! engine.close()
//! # }
//! ```
//!
//! Work runs on the threads of a tokio runtime: one of the engine's own, or one that is handed in. Calls wait for it, on a
//! stack of any size. Handles are cheap to clone, may be used from several threads at once, and keep the engine and its
//! runtime alive.
//!
//! On a thread of an async runtime, `spawn_blocking`'s included, a call would keep others waiting, or itself for ever. There
//! whatever waits is `InvalidArgument`: use [`crate::Engine`], or a thread of your own.
//!
//! What has no method here, such as the analytics, goes through [`Engine::run`].

mod dataset;
mod engine;
mod events;
mod handle;
mod offline;
mod query;
mod runtime;

pub use dataset::Dataset;
pub use engine::{Engine, EngineBuilder};
pub use events::Events;
pub use handle::SyncHandle;
pub use offline::{compact, restore};
pub use query::{QueryStream, RecordReader};
