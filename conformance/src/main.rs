//! `axis-conformance -- command…`: every scenario against a driver program.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use axis_conformance::{Process, Scenario, directory, load, run};
use clap::Parser;

/// Runs every scenario against a program that speaks the protocol of drivers (see the README beside this crate).
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The directory of the scenarios
    #[arg(long, default_value_os_t = directory())]
    scenarios: PathBuf,
    /// Run one scenario only, to look into it; the result counts for nothing else
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Seconds that the driver may take for an answer
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    deadline: u64,
    /// The driver and its arguments; it is started once a scenario
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match play(&arguments, &mut io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            // Without a standard error there is nobody to tell.
            let _ = writeln!(io::stderr(), "axis-conformance: {problem}");
            ExitCode::from(2)
        }
    }
}

/// Runs the scenarios, a line each, and tells whether all of them went as expected.
fn play(arguments: &Arguments, out: &mut impl Write) -> Result<bool, String> {
    let unwritten = |error: io::Error| format!("the result cannot be written: {error}");
    let mut scenarios = load(&arguments.scenarios)?;
    if let Some(only) = &arguments.only {
        scenarios.retain(|scenario| scenario.name == *only);
        if scenarios.is_empty() {
            return Err(format!("there is no scenario `{only}`"));
        }
    }
    let (begun, mut failed) = (Instant::now(), 0);
    for scenario in &scenarios {
        let begun = Instant::now();
        let outcome = of(scenario, arguments);
        let took = begun.elapsed().as_secs_f64();
        let word = if outcome.is_ok() { "ok    " } else { "FAILED" };
        writeln!(
            out,
            "{word} {:<24} {:>3} steps {took:>6.1} s  {}",
            scenario.name,
            scenario.steps.len(),
            scenario.title
        )
        .map_err(unwritten)?;
        if let Err(report) = outcome {
            failed += 1;
            writeln!(out, "{report}").map_err(unwritten)?;
        }
    }
    let (all, took) = (scenarios.len(), begun.elapsed().as_secs_f64());
    writeln!(out, "{} of {all} scenarios passed in {took:.1} s", all - failed).map_err(unwritten)?;
    Ok(failed == 0)
}

fn of(scenario: &Scenario, arguments: &Arguments) -> Result<(), String> {
    let mut driver = Process::start(&arguments.command, Duration::from_secs(arguments.deadline))?;
    run(scenario, &mut driver).map_err(|failure| failure.to_string())
}
