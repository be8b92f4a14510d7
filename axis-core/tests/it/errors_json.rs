//! `conformance/errors.json`: the table of error kinds, for everybody who is not Rust.

use axis_core::ErrorKind;
use serde_json::{Value, json};

/// The file as it must be: an array, one kind a line.
fn table() -> String {
    let lines: Vec<String> = ErrorKind::ALL
        .iter()
        .map(|kind| {
            let value: Value = json!({
                "code": kind.code(),
                "number": kind.number(),
                "http_status": kind.http_status(),
                "retryable": kind.is_retryable(),
                "python_class": kind.python_class(),
                "python_bases": kind.python_bases(),
            });
            format!("  {value}")
        })
        .collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

#[test]
fn the_table_of_errors_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/errors.json");
    let wanted = table();
    let parsed: Vec<Value> = serde_json::from_str(&wanted).unwrap();
    assert_eq!(parsed.len(), ErrorKind::ALL.len());
    if std::env::var_os("AXIS_BLESS").is_some() {
        std::fs::write(path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        found == wanted,
        "conformance/errors.json is not current; AXIS_BLESS=1 cargo test -p axis-core errors_json writes it"
    );
}
