//! `.env` files.

use super::{SENTINEL, env};
use crate::config::Env;

#[test]
fn names_are_case_insensitive_and_capitals_win() {
    let env = env(&[("port", "1"), ("PORT", "2"), ("Port", "3"), ("lower", "x")]);
    assert_eq!(env.get("pOrT"), Some("2"));
    assert_eq!(env.get("LOWER"), Some("x"));
    assert_eq!(env.get("missing"), None);
    assert_eq!(env.origin("port"), Some("environment"));
}

#[test]
fn every_form_of_line_is_read() {
    let text = "\u{feff}# comment\n\nA=1\nexport B = two words \r\n  C='lit $${A} ${A} \\' x'\nD=\"a\\n\\\"b\\\" ${A}\" # tail\n\
                E=bare # comment\nF=pa#ss\nG=\nH=\"two\nlines\"\nI=p$a$$ss\nJ=${A}-${NOPE:-d}-${NOPE}\nK=\nL=${open\nexport=5\nM='#'#x";
    let env = Env::default().with_dotenv(text, ".env").unwrap();
    let expected = [
        ("A", "1"),
        ("B", "two words"),
        ("C", "lit $${A} ${A} ' x"),
        ("D", "a\n\"b\" 1"),
        ("E", "bare"),
        ("F", "pa#ss"),
        ("G", ""),
        ("H", "two\nlines"),
        ("I", "p$a$$ss"),
        ("J", "1-d-"),
        ("K", ""),
        ("L", "${open"),
        ("EXPORT", "5"),
        ("M", "#"),
    ];
    for (name, value) in expected {
        assert_eq!(env.get(name), Some(value), "{name}");
        assert_eq!(env.origin(name), Some(".env"));
    }
}

#[test]
fn an_existing_variable_is_not_overridden() {
    let env = env(&[("a", "process")])
        .with_dotenv("A=file\nB=1\nB=2\n", ".env")
        .unwrap();
    assert_eq!(env.get("A"), Some("process"));
    assert_eq!(env.get("B"), Some("1"));
}

#[test]
fn a_bad_line_is_named_without_its_content() {
    let cases = [
        (
            format!("A=1\n{SENTINEL}\n"),
            ".env:2: there is no `=` after the name, expected `NAME=value`",
        ),
        (
            format!("A=\"1\n2\"\n={SENTINEL}"),
            ".env:3: the line does not begin with the name of a variable, expected `NAME=value`",
        ),
        (
            format!("\n\nA='{SENTINEL}"),
            ".env:3: the quote that begins here is never closed",
        ),
        (
            format!("A='x'{SENTINEL}"),
            ".env:1: there is text after the closing quote",
        ),
        (
            format!("1A={SENTINEL}"),
            ".env:1: the line does not begin with the name of a variable, expected `NAME=value`",
        ),
    ];
    for (text, message) in cases {
        let error = Env::default().with_dotenv(&text, ".env").unwrap_err();
        assert_eq!(error.message(), message);
        assert!(!error.chain().contains(SENTINEL));
    }
}

#[test]
fn debug_shows_names_and_no_values() {
    let env = env(&[("A_PASSWORD", SENTINEL)])
        .with_dotenv(&format!("B={SENTINEL}"), ".env")
        .unwrap();
    assert_eq!(format!("{env:?}"), r#"{"A_PASSWORD": "environment", "B": ".env"}"#);
}
