//! The scenarios in Rust: directly, and over HTTP.
#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

mod binary;
mod coverage;
mod http;
mod parity;
mod rust;

use axis_conformance::{Driver, directory, load, run};

/// Plays every scenario, each with a driver of its own, and reports all that fail.
fn play<D: Driver>(driver: impl Fn() -> D) {
    let scenarios = load(&directory()).unwrap();
    let mut failures = Vec::new();
    for scenario in &scenarios {
        if let Err(failure) = run(scenario, &mut driver()) {
            failures.push(format!("{}: {}\n{failure}", scenario.name, scenario.title));
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} scenarios failed\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n")
    );
}

#[test]
fn every_scenario_runs_in_rust() {
    play(rust::Rust::default);
}

#[test]
fn every_scenario_runs_over_http() {
    play(http::Http::default);
}
