//! `${NAME}` in values.

use std::path::Path;

use super::{broken, monitoring, resolve, setting};
use crate::config::Connection;
use crate::config::substitute::{Trouble, expand};

fn lookup(name: &str) -> Option<&'static str> {
    match name {
        "SET" => Some("value"),
        "EMPTY" => Some(""),
        "NESTED" => Some("${SET}"),
        _ => None,
    }
}

#[test]
fn variables_defaults_and_escapes_are_replaced() {
    let cases = [
        ("plain", "plain"),
        ("", ""),
        ("${SET}", "value"),
        ("a${SET}b${SET}", "avaluebvalue"),
        ("${EMPTY}", ""),
        ("${EMPTY:-x}", "x"),
        ("${UNSET:-x}", "x"),
        ("${UNSET:-}", ""),
        ("${SET:-x}", "value"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("$${SET}", "${SET}"),
        ("$$${SET}", "$${SET}"),
        ("$SET $ $$ $1", "$SET $ $$ $1"),
        ("pa$$word", "pa$$word"),
        ("${NESTED}", "${SET}"),
        ("grün ${SET} 日本", "grün value 日本"),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text, lookup).unwrap().value, expected, "{text}");
    }
}

#[test]
fn what_cannot_be_replaced_is_an_error() {
    assert_eq!(expand("${UNSET}", lookup), Err(Trouble::Unset("UNSET".to_owned())));
    assert_eq!(expand("a ${SET", lookup), Err(Trouble::Unclosed));
    for text in ["${}", "${:-x}", "${A B}", "${1A}", "${A-B}", "${SET:x}"] {
        assert_eq!(expand(text, lookup), Err(Trouble::NoName), "{text}");
    }
}

#[test]
fn an_unset_variable_names_file_line_key_and_variable() {
    let (_, dataset) = monitoring("host: db\ndatabase: m\npassword: ${MONITORING_DB_PASSWORD}", &[]);
    assert_eq!(
        broken(&dataset),
        "config/monitoring_db.yaml:4: `monitoring_db.password` needs the environment variable `MONITORING_DB_PASSWORD`, \
         which is not set; set it, or give a default as in `${MONITORING_DB_PASSWORD:-default}`"
    );
}

#[test]
fn substituted_text_may_be_a_number_a_truth_value_or_an_item() {
    let lines = "enabled: ${ON}\nhost: ${HOST_NAME:-db}\nport: ${DB_PORT}\ndatabase: m\nvisible_metrics: ['${ON}', b]";
    let (config, dataset) = monitoring(lines, &[("ON", "yes"), ("DB_PORT", "6000")]);
    assert_eq!(broken(&dataset), "not broken");
    assert!(dataset.enabled);
    let Some(Connection::Postgres(connection)) = &dataset.connection else {
        panic!("no connection")
    };
    assert_eq!((connection.host.as_str(), connection.port), ("db", 6000));
    assert_eq!(setting(&config, "monitoring_db.visible_metrics").value, "[yes, b]");
}

#[test]
fn what_a_secret_variable_brings_into_another_key_is_not_shown() {
    let (config, dataset) = monitoring("table: t_${API_TOKEN}", &[("API_TOKEN", "abc123")]);
    assert_eq!(broken(&dataset), "not broken");
    assert_eq!(setting(&config, "monitoring_db.table").value, "t_[redacted]");
}

#[test]
fn keys_and_variables_themselves_are_not_substituted() {
    let config = resolve(
        &[("duckdb.yaml", "duckdb:\n  path: a/$${X}\n")],
        &[("APP_NAME", "${X}")],
    );
    assert_eq!(config.store.path, Path::new("/srv/axis/a/${X}"));
    assert_eq!(config.server.app_name, "${X}");
}
