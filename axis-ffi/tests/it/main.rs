//! The library as C programs meet it: its header, its symbols, programs that are compiled against it, and what is installed.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod c_api;
mod examples;
mod header;
mod support;
mod symbols;
