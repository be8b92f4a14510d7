//! The `axis` command.

mod cli;

use std::process::ExitCode;

/// Hands the arguments and the environment over; nothing else in AXIS reads the environment of the process.
fn main() -> ExitCode {
    // A variable that is not UTF-8 cannot be one of ours.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    cli::main(&std::env::args_os().collect::<Vec<_>>(), variables.collect())
}
