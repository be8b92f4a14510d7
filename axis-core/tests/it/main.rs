//! The engine as a user meets it, against a real PostgreSQL and real SQLite files.

mod errors_json;
mod full;
mod incremental;
mod smoke;
mod support;
