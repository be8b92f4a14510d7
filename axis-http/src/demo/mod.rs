//! A demonstration without any server: a SQLite file with made-up AI-evaluation data, and the configuration that reads it.

mod config;
mod prng;
mod rows;
mod signals;
mod source;
#[cfg(test)]
mod tests;
mod words;

pub use config::config_yaml;
pub use rows::{Generator, Kpi, Metric, Trace};
pub use signals::{EvalCase, EvalMetric, SignalCase, SignalMetric};
pub use source::{Added, DemoSource};
