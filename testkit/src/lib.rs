//! Throw-away PostgreSQL servers and row generators for the tests, the demo and the benches of AXIS.

pub mod bench;
pub mod postgres;
