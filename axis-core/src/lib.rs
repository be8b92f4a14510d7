//! Keeps a local DuckDB file exactly equal to what SQL queries return from PostgreSQL.

pub mod column;
pub mod config;
mod error;
pub mod source;

pub use error::{Error, ErrorKind, Result};
