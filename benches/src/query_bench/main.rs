//! `query-bench`: how fast a served store answers, over real sockets.
//!
//! 500,000 traces with 2,000,000 metrics, 200,000 indicators, 200,000 evaluation metrics and 50,000 signals are made by SQL in
//! a throw-away PostgreSQL, synced by the engine, and kept below the target directory, so that the next run starts at once. A
//! copy of that store is served on a loopback socket, and each endpoint is asked over one connection:
//!
//! * *cold*: the first request after the engine was opened (the file is in the system's cache);
//! * *warm*: the same again and again with `Cache-Control: no-cache`, so that no stored answer serves;
//! * *cached* and *unchanged*: without that header, and with the `ETag` of the answer before.
//!
//! Then so many connections as `--connections` says ask without a pause, and at last the store is opened anew until it has
//! answered its first query. The program's own client takes part of the same processors.

mod client;
mod endpoints;
mod load;
mod measure;
mod report;
mod store;

use std::path::PathBuf;

use clap::Parser;

/// Measures the HTTP interface over a store of known content.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// Size of the workload: 1 is 500,000 traces and 2,000,000 metrics.
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Warm requests of each endpoint.
    #[arg(long, default_value_t = 60)]
    rounds: usize,
    /// How often each endpoint is asked cold; each time the store is opened anew.
    #[arg(long, default_value_t = 3)]
    cold_rounds: usize,
    /// Only endpoints whose name holds one of these texts.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Seconds of each load; 0 leaves loads out.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections of the loads.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    connections: Vec<usize>,
    /// How often the store is opened for `open_ms`.
    #[arg(long, default_value_t = 7)]
    opens: usize,
    /// Makes the store anew even when there is one.
    #[arg(long)]
    fresh: bool,
    /// Where made stores are kept; below the target directory by default.
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Makes the last line one JSON object.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    /// Tells whether an endpoint was asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }
}

fn main() {
    let arguments = Arguments::parse();
    let made = store::kept(&arguments);
    let copy = store::Copy::of(&made);
    let endpoints = measure::endpoints(&arguments, &copy);
    let loads = load::loads(&arguments, &copy);
    let opened = measure::opening(&arguments, &copy);
    report::print(&arguments, &endpoints, &loads, &opened, &copy);
}
