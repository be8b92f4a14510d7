//! The `axis` command as a process, and the server over a real connection.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod access;
mod api;
mod api_config;
mod api_kpi;
mod api_monitoring;
mod api_query;
mod api_sync;
mod audit;
mod backup;
mod book;
mod cli;
mod cli_config;
mod cli_processes;
mod cli_query;
mod contract;
mod database;
mod database_guards;
mod doctor;
mod drain;
mod evaluation;
mod events;
mod fresh;
mod limits;
mod lost_store;
mod openapi;
mod readme;
mod scripts;
mod signals;
mod support;
#[cfg(feature = "ui")]
mod ui;
mod uploads;
mod verify;
