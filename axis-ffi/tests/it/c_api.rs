//! The programs below `tests/c`, compiled strictly and run with sanitizers.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use axis_testkit::postgres::TestDatabase;
use serde_json::{Value, json};

use super::support::{Checks, Program, Shop};

/// Compiles and runs a program that takes an engine's options.
fn run(name: &str) {
    let shop = Shop::create("c_api");
    Program::compile(name, Checks::Sanitizers).run(&[&shop.options()]);
}

#[test]
fn the_version_is_that_of_the_package() {
    let printed = Program::compile("version.c", Checks::Sanitizers).run(&[]);
    assert_eq!(printed.trim(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_header_is_good_cpp_beside_other_headers_of_arrow() {
    Program::compile("header.cpp", Checks::Sanitizers).run(&[]);
}

#[test]
fn every_function_does_what_it_says() {
    run("smoke.c");
}

#[test]
fn what_goes_wrong_is_an_error_and_never_a_crash() {
    run("errors.c");
}

#[test]
fn answers_are_arrow_streams() {
    run("stream.c");
}

#[test]
fn one_engine_serves_many_threads() {
    run("threads.c");
}

#[test]
fn the_log_is_heard() {
    run("log.c");
}

#[test]
fn jobs_tell_progress_and_can_be_cancelled() {
    let (shop, gated) = (Shop::create("c_jobs"), Shop::create("c_gated"));
    gated.close_gate();
    let program = Program::compile("jobs.c", Checks::Sanitizers);
    program.run(&[&shop.options(), &gated.gated()]);
}

#[test]
fn opening_and_closing_grows_nothing() {
    let soaks = std::env::var_os("AXIS_SOAK").is_some_and(|value| !value.is_empty());
    let directory = tempfile::tempdir().unwrap();
    let options = json!({ "store": directory.path().join("s.duckdb") }).to_string();
    let program = Program::compile("cycles.c", Checks::None);
    program.run(&[&options, if soaks { "10000" } else { "300" }]);
}
