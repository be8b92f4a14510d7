//! The engine as a user meets it, against a real PostgreSQL and real SQLite files.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod bad_days;
mod bad_input;
mod cancel;
mod crash;
mod ddl;
mod edges;
mod errors_json;
mod every_type;
mod full;
mod full_disk;
mod horizon;
mod incremental;
mod lost_store;
mod model;
mod pages;
mod policies;
mod proxy;
mod query;
mod ranges;
mod readers;
mod reconcile;
mod rewrites;
mod schedule;
mod shared;
mod size;
mod smoke;
mod spelled;
mod status;
mod support;
mod takeover;
mod types;
mod verify;
mod verify_stop;
mod victim;
mod writers;
