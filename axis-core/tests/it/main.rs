//! The engine as a user meets it, against a real PostgreSQL and real SQLite files.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod bad_input;
mod cancel;
mod crash;
mod errors_json;
mod full;
mod incremental;
mod pages;
mod policies;
mod query;
mod ranges;
mod readers;
mod rewrites;
mod schedule;
mod shared;
mod smoke;
mod status;
mod support;
mod types;
