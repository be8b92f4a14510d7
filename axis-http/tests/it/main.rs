//! The `axis` command as a process, and the server over a real connection.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod api;
mod api_monitoring;
mod api_sync;
mod cli;
mod cli_config;
mod cli_processes;
mod cli_query;
mod contract;
mod lost_store;
mod readme;
mod scripts;
mod support;
mod verify;
