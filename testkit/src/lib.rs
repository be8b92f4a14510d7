//! Throw-away PostgreSQL servers, row generators and the reference model for the tests, the demo and the benches of AXIS.

pub mod bench;
pub mod model;
pub mod postgres;
