//! The program, as people and other test suites run it.

use std::process::{Command, Output};

fn program(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_axis-conformance");
    Command::new(program).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_driver_that_says_what_is_expected_passes() {
    // The first answers of `locked`, which opens a store that somebody else holds.
    let locked =
        r#"error\t{"code":"AXIS_LOCKED","number":202,"message":"m","operation":"o","retryable":true,"context":{}}\n"#;
    let one = r#"ok\t{"columns":[],"rows":[{"one":1}]}\n"#;
    let null = r"ok\tnull\n";
    let answers = [locked, null, locked, locked, one, null, null, null];
    let lines: Vec<String> = answers
        .iter()
        .map(|answer| format!("read -r line; printf '{answer}'"))
        .collect();
    let output = program(&["--only", "locked", "--", "sh", "-c", &lines.join("; ")]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{}", text(&output.stderr));
    assert!(told.starts_with("ok     locked"), "{told}");
    assert!(told.contains("1 of 1 scenarios passed"), "{told}");
}

#[test]
fn a_driver_that_knows_nothing_fails() {
    let fool =
        r#"while read -r line; do printf 'error\t{"code":"AXIS_INTERNAL","message":"no such operation"}\n'; done"#;
    let output = program(&["--only", "busy", "--", "sh", "-c", fool]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.starts_with("FAILED busy"), "{told}");
    assert!(
        told.contains("step 1 of") && told.contains("no such operation"),
        "{told}"
    );
    assert!(told.contains("0 of 1 scenarios passed"), "{told}");
}

#[test]
fn a_driver_that_hangs_is_killed_and_told() {
    let output = program(&[
        "--deadline",
        "1",
        "--only",
        "locked",
        "--",
        "sh",
        "-c",
        "exec sleep 1000",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    assert!(
        told.contains("the driver did not answer within 1 s, and was killed"),
        "{told}"
    );
}

#[test]
fn nothing_to_run_is_no_success() {
    let empty = tempfile::tempdir().unwrap();
    let output = program(&["--scenarios", &empty.path().to_string_lossy(), "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output.stderr).contains("holds 0 scenarios"),
        "{}",
        text(&output.stderr)
    );
    let output = program(&["--only", "nothing", "--", "true"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(program(&[]).status.code(), Some(2));
}
