//! The programs below `tests/c`, compiled strictly and run with sanitizers.

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};

use super::support::{Checks, Program, Shop};

/// Ids of queries.
const FIRST: &str = "5d1e2f0e-7a55-4e9f-8a52-6f6c0a6f4b51";
const SECOND: &str = "0c4b8f6a-52d3-4a3b-9e0d-7b1f5f0f2f10";
/// Hours of work.
const ENDLESS: &str = "select count(*) from range(10000000000) a, range(1000) b where a.range % 7 = b.range";

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
fn a_forked_child_is_refused_and_never_waits() {
    run("fork.c");
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
fn backups_are_made_restored_and_given_up() {
    let shop = Shop::create("c_backup");
    let (store, elsewhere) = (shop.path("store.duckdb"), tempfile::tempdir().unwrap());
    let program = Program::compile("backup.c", Checks::Sanitizers);
    program.run(&[
        &shop.options(),
        store.to_str().unwrap(),
        elsewhere.path().to_str().unwrap(),
    ]);
}

#[test]
fn events_are_told_resumed_and_ended() {
    run("events.c");
}

#[test]
fn opening_and_closing_grows_nothing() {
    let soaks = std::env::var_os("AXIS_SOAK").is_some_and(|value| !value.is_empty());
    let directory = tempfile::tempdir().unwrap();
    let options = json!({ "store": directory.path().join("s.duckdb") }).to_string();
    let program = Program::compile("cycles.c", Checks::None);
    program.run(&[&options, if soaks { "10000" } else { "150" }]);
}

#[test]
fn the_conformance_driver_answers_a_line_for_each_line() {
    let shop = Shop::create("c_driver");
    let options = shop.options();
    let open = format!("open\te\t{options}");
    let short = format!("query_start\t{FIRST}\te\t\"select id from shop order by id\"\tnull\t{{\"max_rows\":1}}");
    let waited = format!("query_wait\t{FIRST}");
    // Nobody waits for it: the driver stops it at its end.
    let endless = format!("query_start\t{SECOND}\te\t\"{ENDLESS}\"\tnull\tnull");
    let exchanges: [(&str, Value); 22] = [
        ("version", json!("0.1.0")),
        (&open, json!(null)),
        ("sync_start\tj\te\tshop\tnull", json!(null)),
        ("sync_wait\tj", json!({"rows_read": 100})),
        (
            "progress\te\tshop\t{\"mode\":\"full\"}",
            json!(["started", "planned", "progress", "committed"]),
        ),
        (
            "sync\te\tshop\t{\"mode\":\"odd\"}",
            json!({"code": "AXIS_INVALID_ARGUMENT"}),
        ),
        (
            "query\te\t\"select $1 as \\\"\\u00e9\\\"\"\t[7]\tnull",
            json!({"rows": [{"é": 7}]}),
        ),
        (
            "query_arrow\te\t\"select id, name from shop\"",
            json!({"rows": 100, "columns": ["id", "name"]}),
        ),
        (
            "query_arrow\te\t\"select error('late') from range(10)\"",
            json!({"code": "AXIS_QUERY"}),
        ),
        ("queries\te", json!([])),
        (&short, json!(null)),
        (&waited, json!({"rows": [{"id": 1}]})),
        (&endless, json!(null)),
        ("reset_watermarks\te\tshop", json!(1)),
        ("cancel_sync\te\tshop", json!(false)),
        ("verify\te\tshop\tnull", json!({"equal": true})),
        ("sync_all\te\t{\"timeout_ms\":60000}", json!({})),
        ("page\te\tshop\t{\"page_size\":1}", json!({"total": 100})),
        ("status\te\tnothing", json!({"code": "AXIS_NOT_FOUND", "number": 102})),
        ("close\te", json!(null)),
        ("status\te\tshop", json!({"code": "AXIS_CLOSED"})),
        ("dance\te", json!({"code": "unknown"})),
    ];
    let program = Program::compile("conformance_driver.c", Checks::Sanitizers);
    let mut driver = program
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<&str> = exchanges.iter().map(|(line, _)| *line).collect();
    let mut stdin = driver.stdin.take().unwrap();
    writeln!(stdin, "{}", lines.join("\n")).unwrap();
    drop(stdin);
    let output = driver.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let told = String::from_utf8(output.stdout).unwrap();
    assert_eq!(told.lines().count(), exchanges.len(), "{told}");
    for (answer, (line, expected)) in told.lines().zip(exchanges) {
        let (_, json) = answer.split_once('\t').unwrap();
        let json: Value = serde_json::from_str(json).unwrap();
        let matches = match &expected {
            Value::Object(members) => members.iter().all(|(name, value)| json.get(name) == Some(value)),
            other => json == *other,
        };
        assert!(matches, "{line}: {answer}");
    }
}
