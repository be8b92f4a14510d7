//! Every class of bad value, with the exact message.

use super::{block, broken, indented, monitoring, resolve, try_resolve};
use crate::error::ErrorKind;

#[test]
fn a_wrong_store_block_is_an_error_that_names_place_key_found_and_allowed() {
    let cases = [
        (
            "enabled: maybe",
            "`duckdb.enabled` is \"maybe\", allowed is true or false",
        ),
        ("enabled: 1", "`duckdb.enabled` is 1, allowed is true or false"),
        (
            "enabled: [true]",
            "`duckdb.enabled` is a list, allowed is true or false",
        ),
        ("path: {a: b}", "`duckdb.path` is a mapping, allowed is a text"),
        (
            "sync_mode: sometimes",
            "`duckdb.sync_mode` is \"sometimes\", allowed is startup or manual",
        ),
        (
            "auto_sync_on_startup: \"2\"",
            "`duckdb.auto_sync_on_startup` is \"2\", allowed is true or false",
        ),
        (
            "scheduler: nope",
            "`duckdb.scheduler` is \"nope\", allowed is true or false",
        ),
        (
            "max_sync_rows: 0",
            "`duckdb.max_sync_rows` is 0, allowed is an integer of at least 1 rows",
        ),
        (
            "sync_chunk_size: -5",
            "`duckdb.sync_chunk_size` is -5, allowed is an integer of at least 1 rows",
        ),
        (
            "sync_workers: 65",
            "`duckdb.sync_workers` is 65, allowed is an integer from 1 to 64",
        ),
        (
            "sync_workers: 2.5",
            "`duckdb.sync_workers` is 2.5, allowed is an integer from 1 to 64",
        ),
        (
            "sync_workers: []",
            "`duckdb.sync_workers` is a list, allowed is an integer from 1 to 64",
        ),
        (
            "query_concurrency: many",
            "`duckdb.query_concurrency` is \"many\", allowed is an integer from 1 to 1024",
        ),
        (
            "threads: 0",
            "`duckdb.threads` is 0, allowed is an integer from 1 to 1024",
        ),
        (
            "memory_limit: 12 parsecs",
            "`duckdb.memory_limit` is \"12 parsecs\", allowed is a number of bytes, or one with a unit such as 512MB or 2GiB, of at least 1 MB",
        ),
    ];
    for (line, message) in cases {
        let error = try_resolve(&[("duckdb.yaml", &indented("duckdb", line))], &[]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.message(), format!("config/duckdb.yaml:2: {message}"));
    }
}

#[test]
fn a_wrong_file_says_what_is_wrong_with_it_and_where() {
    let cases = [
        (
            "duckdb: 5",
            "config/duckdb.yaml:1: `duckdb` is a text, allowed is a mapping",
        ),
        (
            "[a, b]",
            "config/duckdb.yaml:1: the file is a list, allowed is a mapping with the block `duckdb`",
        ),
        (
            "duckdb:\n  path: a\n  path: b\n",
            "config/duckdb.yaml:3: the YAML cannot be read: the key `path` is there already, at config/duckdb.yaml:2",
        ),
        (
            "duckdb:\n\tpath: a\n",
            "config/duckdb.yaml:2: the YAML cannot be read: tabs disallowed within this context (block indentation)",
        ),
        (
            "duckdb: {path: a\n",
            "config/duckdb.yaml:1: the YAML cannot be read: while parsing a flow mapping, did not find expected ',' or '}'",
        ),
        (
            "duckdb: {}\n---\nduckdb: {}\n",
            "config/duckdb.yaml:2: the YAML cannot be read: there is a second document, allowed is one a file",
        ),
        (
            "duckdb:\n  path: !env X\n",
            "config/duckdb.yaml:2: the YAML cannot be read: tags such as `!name` are not supported",
        ),
        (
            "duckdb:\n  ? [a, b]\n  : c\n",
            "config/duckdb.yaml:2: the YAML cannot be read: a key must be a text",
        ),
        (
            "duckdb:\n  <<: 4\n",
            "config/duckdb.yaml:2: the YAML cannot be read: `<<` takes a mapping or a list of mappings",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(
            try_resolve(&[("duckdb.yaml", text)], &[]).unwrap_err().message(),
            message
        );
    }
    let deep = "- ".repeat(5000);
    let error = try_resolve(&[("duckdb.yaml", &deep)], &[]).unwrap_err();
    assert_eq!(
        error.message(),
        "config/duckdb.yaml:1: the YAML cannot be read: it is nested more than 32 levels deep"
    );
}

#[test]
fn a_wrong_value_breaks_its_dataset_and_says_so() {
    let cases = [
        (
            "query_timeout: 121",
            "`monitoring_db.query_timeout` is 121, allowed is an integer from 1 to 120 seconds",
        ),
        (
            "query_timeout: 0",
            "`monitoring_db.query_timeout` is 0, allowed is an integer from 1 to 120 seconds",
        ),
        (
            "row_limit: 50001",
            "`monitoring_db.row_limit` is 50001, allowed is an integer from 1 to 50000 rows",
        ),
        (
            "port: 65536",
            "`monitoring_db.port` is 65536, allowed is an integer from 1 to 65535",
        ),
        (
            "port: abc",
            "`monitoring_db.port` is \"abc\", allowed is an integer from 1 to 65535",
        ),
        (
            "connect_timeout: 0",
            "`monitoring_db.connect_timeout` is 0, allowed is an integer from 1 to 120 seconds",
        ),
        (
            "ssl_mode: strict",
            "`monitoring_db.ssl_mode` is \"strict\", allowed is disable, prefer, require, verify-ca, verify-full or allow",
        ),
        (
            "db_type: mysql",
            "`monitoring_db.db_type` is \"mysql\", allowed is postgres, postgresql or sqlite",
        ),
        (
            "auto_load: 'always'",
            "`monitoring_db.auto_load` is \"always\", allowed is true or false",
        ),
        (
            "refresh_interval_minutes: -1",
            "`monitoring_db.refresh_interval_minutes` is -1, allowed is an integer from 0 to 525600 minutes",
        ),
        (
            "sync_timeout: soon",
            "`monitoring_db.sync_timeout` is \"soon\", allowed is an integer from 0 to 31536000 seconds",
        ),
        (
            "on_schema_change: ignore",
            "`monitoring_db.on_schema_change` is \"ignore\", allowed is recreate, add or block",
        ),
        (
            "columns: [a]",
            "`monitoring_db.columns` is a list, allowed is a mapping",
        ),
        (
            "columns: {a: [b]}",
            "`monitoring_db.columns.a` is a list, allowed is a text",
        ),
        (
            "columns: {a: }",
            "`monitoring_db.columns.a` is empty, allowed is a text",
        ),
        (
            "primary_key: {a: b}",
            "`monitoring_db.primary_key` is a mapping, allowed is a text or a list of texts",
        ),
        (
            "visible_metrics: accuracy",
            "`monitoring_db.visible_metrics` is a text, allowed is a list of texts",
        ),
        (
            "visible_metrics: [[a]]",
            "`monitoring_db.visible_metrics[0]` is a list, allowed is a text",
        ),
        (
            "filters: [[a]]",
            "`monitoring_db.filters[0]` is a list, allowed is a mapping",
        ),
        ("filters: [{label: A}]", "`monitoring_db.filters[0].column` is missing"),
        (
            "types: {amount: money}",
            "`monitoring_db.types.amount` is \"money\", allowed is error, null, varchar, double, float, boolean, smallint, \
             integer, bigint, date, time, timestamp, timestamptz, uuid, blob or decimal(p,s)",
        ),
        (
            "types: {amount: 'decimal(39,2)'}",
            "`monitoring_db.types.amount` is \"decimal(39,2)\", allowed is decimal(p,s) with p from 1 to 38 and s from 0 to p",
        ),
        (
            "types: {amount: 'decimal(4,5)'}",
            "`monitoring_db.types.amount` is \"decimal(4,5)\", allowed is decimal(p,s) with p from 1 to 38 and s from 0 to p",
        ),
        (
            "thresholds: {default: {good: high}}",
            "`monitoring_db.thresholds.default.good` is \"high\", allowed is a number",
        ),
        (
            "thresholds: {per_source: {web: {pass: .nan}}}",
            "`monitoring_db.thresholds.per_source.web.pass` is \".nan\", allowed is a number",
        ),
        (
            "anomaly_detection: {min_data_points: 2}",
            "`monitoring_db.anomaly_detection.min_data_points` is 2, allowed is an integer from 3 to 1000000",
        ),
        (
            "anomaly_detection: {z_score: {severity: fatal}}",
            "`monitoring_db.anomaly_detection.z_score.severity` is \"fatal\", allowed is warning or error",
        ),
        (
            "anomaly_detection: {ma_window_size: 1}",
            "`monitoring_db.anomaly_detection.moving_average.window_size` is 1, allowed is an integer from 2 to 1000000",
        ),
        (
            "anomaly_detection: {roc_threshold: -1}",
            "`monitoring_db.anomaly_detection.rate_of_change.threshold` is -1, allowed is a number of at least 0",
        ),
        (
            "host: db.example",
            "`monitoring_db.database` is missing, a host needs a database",
        ),
        (
            "host: postgresql://u:p@db/shop",
            "`monitoring_db.host` looks like a url, which belongs to the key `url`",
        ),
        (
            "dataset_query: select '${OPEN",
            "`monitoring_db.dataset_query` has a `${` without its `}`; write `$${` for the characters themselves",
        ),
    ];
    for (line, message) in cases {
        let (_, dataset) = monitoring(line, &[]);
        assert_eq!(broken(&dataset), format!("config/monitoring_db.yaml:2: {message}"));
    }
}

#[test]
fn wrong_kpi_settings_break_the_dataset() {
    let cases = [
        (
            "card_display_value: newest",
            "`kpi_db.card_display_value` is \"newest\", allowed is latest, avg_7d or avg_30d",
        ),
        (
            "trend_lines: [daily, weekly]",
            "`kpi_db.trend_lines[1]` is \"weekly\", allowed is daily, avg_7d or avg_30d",
        ),
        (
            "kpi_overrides: {csat: {unit: stars}}",
            "`kpi_db.kpi_overrides.csat.unit` is \"stars\", allowed is percent, seconds, count or score",
        ),
        (
            "kpi_overrides: {csat: {polarity: up}}",
            "`kpi_db.kpi_overrides.csat.polarity` is \"up\", allowed is higher_better or lower_better",
        ),
        (
            "display_per_source: {web: {card_display_value: 7}}",
            "`kpi_db.display_per_source.web.card_display_value` is 7, allowed is latest, avg_7d or avg_30d",
        ),
        (
            "visible_kpis_per_source: {web: csat}",
            "`kpi_db.visible_kpis_per_source.web` is a text, allowed is a list of texts",
        ),
        (
            "categories: [speed]",
            "`kpi_db.categories` is a list, allowed is a mapping",
        ),
        (
            "composition_charts: [{kpis: [a]}]",
            "`kpi_db.composition_charts[0].title` is missing",
        ),
        (
            "composition_charts: [{title: T}]",
            "`kpi_db.composition_charts[0].kpis` names no KPI, at least one is needed",
        ),
        (
            "composition_charts: [{title: T, kpis: [{label: x}]}]",
            "`kpi_db.composition_charts[0].kpis[0].kpi_name` is missing",
        ),
    ];
    for (line, message) in cases {
        let (_, dataset) = block("kpi_db", line, &[]);
        assert_eq!(broken(&dataset), format!("config/kpi_db.yaml:2: {message}"));
    }
}

#[test]
fn a_broken_dataset_leaves_the_others_alone() {
    let files = [
        (
            "monitoring_db.yaml",
            "monitoring_db:\n  enabled: true\n  host: db\n  database: m\n",
        ),
        ("eval_db.yaml", "eval_db: {enabled: true, port: x}"),
        ("human_signals_db.yaml", "human_signals_db:\n - a\n"),
        ("kpi_db.yaml", "kpi_db: {a: b\n c"),
        (
            "datasets/own.yaml",
            "own: {url: 'sqlite:a.db', query: select 1}\nworse: {query: select 1, port: x}\n",
        ),
        ("datasets/torn.yaml", "torn: 'x"),
    ];
    let config = resolve(&files, &[]);
    let states: Vec<_> = config
        .datasets
        .iter()
        .map(|d| (d.name.as_str(), d.broken.is_some()))
        .collect();
    let expected = [
        ("monitoring", false),
        ("eval", true),
        ("human_signals", true),
        ("kpi", true),
        ("own", false),
        ("torn", true),
        ("worse", true),
    ];
    assert_eq!(states, expected);
    let message = |name: &str| broken(config.dataset(name).unwrap());
    assert_eq!(
        message("human_signals"),
        "config/human_signals_db.yaml:1: `human_signals_db` is a list, allowed is a mapping"
    );
    assert!(
        message("kpi").starts_with("config/kpi_db.yaml:2: the YAML cannot be read: "),
        "{}",
        message("kpi")
    );
    assert!(
        message("torn").starts_with("config/datasets/torn.yaml:"),
        "{}",
        message("torn")
    );
    assert_eq!(
        config.dataset("worse").unwrap().broken.as_ref().unwrap().kind(),
        ErrorKind::Config
    );
}

#[test]
fn a_message_is_one_line_whatever_the_key() {
    let (config, dataset) = monitoring("columns: {\"a\\nb\": []}\n\"c\\nd\": 1", &[]);
    assert_eq!(
        broken(&dataset),
        "config/monitoring_db.yaml:2: `monitoring_db.columns.a b` is a list, allowed is a text"
    );
    assert_eq!(config.warnings[0].message, "`monitoring_db.c d` is not a known key");
}

#[test]
fn a_wrong_variable_is_named_instead_of_a_line() {
    let error = try_resolve(&[], &[("PORT", "eight")]).unwrap_err();
    assert_eq!(
        error.message(),
        "environment: `PORT` is \"eight\", allowed is an integer from 0 to 65535"
    );
    let config = resolve(
        &[],
        &[("KPI_DB_HOST", "db"), ("KPI_DB_NAME", "k"), ("KPI_DB_PORT", "0")],
    );
    let message = "environment: `KPI_DB_PORT` is 0, allowed is an integer from 1 to 65535";
    assert_eq!(broken(config.dataset("kpi").unwrap()), message);
    let config = resolve(&[], &[("EVAL_DB_HOST", "db")]);
    let message = "environment: `EVAL_DB_NAME` is missing, a host needs a database";
    assert_eq!(broken(config.dataset("eval").unwrap()), message);
}
