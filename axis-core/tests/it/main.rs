//! The engine as a user meets it, against a real PostgreSQL and real SQLite files.

mod bad_input;
mod cancel;
mod crash;
mod errors_json;
mod full;
mod incremental;
mod query;
mod readers;
mod smoke;
mod support;
mod types;
