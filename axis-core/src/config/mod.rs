//! Configuration: YAML files and environment in, one validated [`Config`] out.
//!
//! One rule of precedence: a YAML block that exists and is not empty wins; the environment fills only a missing password,
//! or a URL when the block names neither url nor host. Without a block, `<PREFIX>_URL` or `<PREFIX>_HOST` configures a
//! dataset from the environment alone.
//!
//! [`Config::load`] reads the files, [`Config::resolve`] does the rest without touching anything. Values may hold
//! `${NAME}` and `${NAME:-default}`. Errors name file, line, key, what was found and what is allowed; a wrong dataset is
//! listed as broken and the others work.

mod builtin;
mod collections;
mod connection;
mod custom;
mod dashboard;
mod dataset;
mod document;
mod dotenv;
mod duckdb;
mod env;
mod files;
mod kpi;
mod ledger;
mod model;
mod node;
mod options;
mod reference;
mod resolve;
mod secret;
mod server;
mod substitute;
mod table;
mod url;
mod yaml;

#[cfg(test)]
mod tests;

pub(crate) use document::document;
pub use env::Env;
pub(crate) use kpi::title_case;
pub use model::*;
pub use reference::{Key, Reference, Variable, reference};
pub use resolve::{ConfigFile, Files};
pub use secret::Secret;
