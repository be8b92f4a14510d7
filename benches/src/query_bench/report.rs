//! What is printed.

use std::io::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::Arguments;
use crate::measure::Opened;
use crate::store::Copy;

/// What one endpoint takes.
pub(crate) struct Measured {
    name: String,
    cold_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    bytes: usize,
}

impl Measured {
    pub(crate) fn new(name: &str, cold_ms: f64, warm: &[f64], bytes: usize) -> Self {
        Self {
            name: name.to_owned(),
            cold_ms,
            p50_ms: percentile(warm, 0.5),
            p95_ms: percentile(warm, 0.95),
            p99_ms: percentile(warm, 0.99),
            bytes,
        }
    }

    pub(crate) fn line(&self) -> String {
        format!(
            "{:<52} cold {:>8.2}  p50 {:>8.2}  p95 {:>8.2}  p99 {:>8.2} ms  {:>8} bytes",
            self.name, self.cold_ms, self.p50_ms, self.p95_ms, self.p99_ms, self.bytes
        )
    }
}

/// What one load reached.
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) connections: usize,
    pub(crate) rps: f64,
    pub(crate) p99_ms: f64,
}

impl Load {
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<52} {:>3} connections {:>8.0} requests/s  p99 {:>8.2} ms",
            self.name, self.connections, self.rps, self.p99_ms
        )
    }
}

pub(crate) fn print(arguments: &Arguments, endpoints: &[Measured], loads: &[Load], opened: &Opened, copy: &Copy) {
    if !arguments.json {
        return;
    }
    let endpoints = endpoints.iter().map(|one| {
        // An answer that is reused is never cold; JSON knows no NaN, which becomes null.
        json!({
            "name": one.name, "cold_ms": rounded(one.cold_ms), "p50_ms": rounded(one.p50_ms),
            "p95_ms": rounded(one.p95_ms), "p99_ms": rounded(one.p99_ms), "bytes": one.bytes,
        })
    });
    let loads = loads.iter().map(|one| {
        json!({
            "name": one.name, "connections": one.connections, "rps": rounded(one.rps), "p99_ms": rounded(one.p99_ms),
        })
    });
    let figures = json!({
        "scale": arguments.scale,
        "rounds": arguments.rounds,
        "file_mb": rounded(copy.megabytes()),
        "endpoints": endpoints.collect::<Vec<_>>(),
        "load": loads.collect::<Vec<_>>(),
        "open_ms": rounded(opened.first_answer_ms),
        "engine_open_ms": rounded(opened.engine_ms),
    });
    let _ = writeln!(std::io::stdout(), "{figures}");
}

fn rounded(value: f64) -> Value {
    json!((value * 1_000.0).round() / 1_000.0)
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// The value that so much of the others do not exceed.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)] // Few values, and a share of them.
pub(crate) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
