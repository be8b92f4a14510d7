//! The engine as a user meets it, against a real PostgreSQL and real SQLite files.

mod full;
mod incremental;
mod errors_json;
mod smoke;
mod support;
