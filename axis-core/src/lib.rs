//! Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL, and answers questions from it.
//!
//! ```no_run
//! # async fn example() -> axis_core::Result<()> {
//! use axis_core::{Engine, Env, Query, SyncOptions, config::Config};
//!
//! let config = Config::load("custom", &Env::new(std::env::vars()))?;
//! let engine = Engine::builder(config).open().await?;
//! let report = engine.dataset("monitoring")?.sync(SyncOptions::default()).await?;
//! println!("{} rows, {}", report.rows_read, report.strategy.as_str());
//! let batches = engine.query(Query::sql("select count(*) from monitoring_data")).await?.collect().await?;
//! # let _ = batches;
//! engine.close().await
//! # }
//! ```
//!
//! # How it fits together
//! * [`config`] turns YAML files and an [`Env`] into one validated [`config::Config`].
//! * [`Engine`] opens the store and hands out [`Dataset`]s; [`Dataset::sync`] brings one up to date in one commit.
//! * [`Dataset::verify`] compares source and store, row by row in sums; [`VerifyReport`] names what differs.
//! * [`SyncReport`] says what a sync did and why; [`Engine::events`] say it while it happens.
//! * [`Engine::query`], [`Dataset::page`] and [`Dataset::metadata`] read what is stored.
//! * [`blocking`] has the same words for callers that wait.
//! * [`wire`] is the JSON that the adapters of other languages send and read.
//! * [`Error`] says what to do next: [`ErrorKind`] is one table, the same in every language.
//!
//! # What it does not do
//! It never writes to a source, never reads the process environment by itself, and never shares a store with a second engine.
//!
//! # Features
//! * `bundled` compiles DuckDB into the library instead of linking a prebuilt `libduckdb`.
//! * `fail-points` lets the tests of this crate kill a sync at each of its steps. It is no part of the interface.

pub mod analytics;
pub mod backup;
pub mod blocking;
pub mod browse;
pub mod checkup;
pub mod column;
pub mod config;
pub mod signals;
pub mod source;
pub mod uploads;
pub mod wire;

mod calendar;
mod clock;
mod dataset;
mod engine;
mod error;
mod events;
mod failpoint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod metadata;
mod private;
mod query;
mod store;
mod sync;

pub use arrow;

pub use clock::{Clock, SystemClock};
pub use config::Env;
pub use dataset::{
    DataVersion, Dataset, DatasetReadiness, DatasetStatus, DerivedStatus, Readiness, RunningStatus, SyncHandle,
    SyncOptions, SyncState, VerifyOptions, Watermark, Work,
};
pub use engine::{Engine, EngineBuilder, Usage};
pub use error::{Error, ErrorKind, Result};
pub use events::{Event, EventId, Events};
#[cfg(feature = "fail-points")]
#[doc(hidden)]
pub use failpoint::FAIL_POINTS;
pub use metadata::{ColumnInfo, DatasetMetadata, SummaryStats, TimeRange};
pub use query::{
    Filters, Page, PageRequest, Query, QueryStatus, SortDirection, Value, batch_to_json, batch_to_text, column_types,
    rows_to_json, write_json,
};
pub use store::{QueryStream, RunRecord};
pub use sync::{
    ColumnDifference, Difference, Failure, FullReason, KeptAlias, Ranges, Reconciliation, Sides, Strategy, SyncEvent,
    SyncMode, SyncReport, TableReport, TableVerification, VerifyReport,
};

pub use tokio_util::sync::CancellationToken;

/// The Rust of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
