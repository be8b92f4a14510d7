//! Settings, their order and their origins, and that no secret is among them.

use super::{SENTINEL, broken, env, from_file, monitoring, resolve, setting};
use crate::config::{Config, Files, Origin};

#[test]
fn every_setting_has_its_origin_and_the_order_is_by_key() {
    let files = [
        ("duckdb.yaml", "duckdb:\n  sync_workers: 4\n  sync_chunk_size: 500\n"),
        ("kpi_db.yaml", "kpi_db:\n  host: ${H}\n  database: k\n"),
    ];
    let config = resolve(&files, &[("H", "db"), ("PORT", "9000"), ("KPI_DB_PASSWORD", SENTINEL)]);
    let workers = setting(&config, "duckdb.sync_workers");
    assert_eq!(
        (workers.value.as_str(), &workers.origin),
        ("4", &from_file("duckdb.yaml", 2))
    );
    assert_eq!(setting(&config, "duckdb.sync_chunk_size").value, "500");
    assert_eq!(setting(&config, "duckdb.query_concurrency").origin, Origin::Default);
    assert_eq!(setting(&config, "server.port").origin, Origin::Env("PORT".to_owned()));
    assert_eq!(setting(&config, "kpi_db.host").origin, from_file("kpi_db.yaml", 2));
    let password = setting(&config, "kpi_db.password");
    assert_eq!(
        (password.value.as_str(), &password.origin),
        ("[redacted]", &Origin::Env("KPI_DB_PASSWORD".to_owned()))
    );
    assert_eq!(setting(&config, "kpi_db.ssl_mode").value, "prefer");
    assert_eq!(setting(&config, "monitoring_db.enabled").value, "false");
    assert_eq!(
        config
            .settings
            .iter()
            .filter(|setting| setting.key.starts_with("monitoring_db."))
            .count(),
        1
    );
    let keys: Vec<_> = config.explain().iter().map(|setting| setting.key.as_str()).collect();
    assert!(
        keys.windows(2).all(|pair| pair[0] < pair[1]),
        "ordered, and each key once: {keys:?}"
    );
}

/// The settings that hold a secret which is written out.
fn written_out(config: &Config) -> Vec<&str> {
    let settings = config.explain().iter();
    settings
        .filter(|setting| setting.written_out)
        .map(|setting| setting.key.as_str())
        .collect()
}

#[test]
fn a_secret_is_literal_where_a_file_holds_it() {
    let variables = [
        ("DB_PASSWORD", SENTINEL),
        ("PORT_OF_DB", "5433"),
        ("DB_URL", "postgresql://u:pw@h/d"),
    ];
    let password = |lines: &str| {
        let (config, dataset) = monitoring(lines, &variables);
        assert!(dataset.connection.is_some(), "{lines}: {}", broken(&dataset));
        !written_out(&config).is_empty()
    };
    for literal in [
        "host: h\ndatabase: d\npassword: pw",
        "host: h\ndatabase: d\npassword: ${NOT_SET:-pw}",
        "url: postgresql://u:pw@h/d",
        "url: postgresql://u:p%40w@h:${PORT_OF_DB}/d",
        "url: postgresql://u@h/d?password=pw",
    ] {
        assert!(password(literal), "{literal}");
    }
    for from_environment in [
        "host: h\ndatabase: d\npassword: ${DB_PASSWORD}",
        "host: h\ndatabase: d\npassword: ${DB_PASSWORD:-pw}",
        "host: h\ndatabase: d\npassword: ''",
        "url: postgresql://u:${DB_PASSWORD}@h/d",
        "url: postgresql://u@h/d?password=${DB_PASSWORD}",
        "url: ${DB_URL}",
        "url: postgresql://u@h/d",
    ] {
        assert!(!password(from_environment), "{from_environment}");
    }
}

#[test]
fn keys_of_the_server_are_literal_where_a_file_holds_them() {
    let long = "0123456789abcdef0123456789abcdef";
    let digest = "0".repeat(64);
    let written = format!(
        "server:\n  api_keys:\n  - {{name: a, role: read, key: {long}}}\n  - {{name: b, role: read, key: '${{KEY}}'}}\n  \
         - {{name: c, role: read, key_sha256: '{digest}'}}\n  jwt:\n    secret: {long}\n"
    );
    let config = resolve(&[("server.yaml", &written)], &[("KEY", &format!("k{long}"))]);
    assert_eq!(written_out(&config), ["server.api_keys[0].key", "server.jwt.secret"]);
    let config = resolve(&[], &[("AXIS_API_KEY", long)]);
    assert!(written_out(&config).is_empty());
}

#[test]
fn a_configured_dataset_explains_every_key_it_could_have() {
    let config = resolve(&[("monitoring_db.yaml", "monitoring_db: {host: h, database: d}")], &[]);
    let keys: Vec<_> = config
        .settings
        .iter()
        .filter_map(|setting| setting.key.strip_prefix("monitoring_db."))
        .collect();
    let expected = "anomaly_detection.enabled anomaly_detection.min_data_points \
        anomaly_detection.moving_average.deviation_threshold anomaly_detection.moving_average.enabled \
        anomaly_detection.moving_average.metrics anomaly_detection.moving_average.severity \
        anomaly_detection.moving_average.window_size anomaly_detection.rate_of_change.enabled \
        anomaly_detection.rate_of_change.metrics anomaly_detection.rate_of_change.severity \
        anomaly_detection.rate_of_change.threshold anomaly_detection.z_score.enabled \
        anomaly_detection.z_score.lookback_window anomaly_detection.z_score.metrics \
        anomaly_detection.z_score.severity anomaly_detection.z_score.threshold auto_connect auto_load columns \
        connect_timeout database dataset_primary_key dataset_query db_type enabled filters full_refresh_interval_minutes host \
        incremental_column incremental_lookback_seconds on_schema_change partition_column password port primary_key \
        query_timeout reconcile_interval_minutes refresh_interval_minutes results_primary_key results_query row_limit \
        schema ssl_mode ssl_root_cert sync_timeout table tables thresholds.default.good thresholds.default.pass \
        thresholds.per_source types url username visible_metrics";
    assert_eq!(keys, expected.split_whitespace().collect::<Vec<_>>());
}

#[test]
fn the_password_appears_nowhere() {
    let texts = [
        format!("host: h\n  database: d\n  username: u\n  password: {SENTINEL}"),
        format!("url: postgresql://u:{SENTINEL}@h/d"),
        format!("url: postgresql://h/d?user=u&password={SENTINEL}"),
        "url: postgresql://u:${DB_PASSWORD}@h/d".to_owned(),
        "host: h\n  database: d\n  password: ${DB_PASSWORD}".to_owned(),
        format!("host: h\n  database: d\n  password: ${{NONE:-{SENTINEL}}}"),
        format!("url: postgresql://u:{SENTINEL}@h/d\n  password: other-{SENTINEL}\n  port: x\n  hots: y"),
        "enabled: true".to_owned(),
    ];
    for text in texts {
        let blocks = ["monitoring_db", "eval_db", "human_signals_db", "kpi_db"];
        let mut files: Vec<_> = blocks
            .iter()
            .map(|name| (format!("config/{name}.yaml"), format!("{name}:\n  {text}\n")))
            .collect();
        files.push((
            "config/datasets/own.yaml".to_owned(),
            format!("own:\n  query: select 1\n  {text}\n"),
        ));
        let files = Files::new("/srv/axis", files);
        let url = format!("postgresql://u:{SENTINEL}@h/d");
        let env = env(&[
            ("DB_PASSWORD", SENTINEL),
            ("KPI_DB_PASSWORD", SENTINEL),
            ("EVAL_DB_URL", &url),
        ]);
        let config = Config::resolve(&files, &env).unwrap();
        let errors: String = config
            .datasets
            .iter()
            .filter_map(|dataset| dataset.broken.as_ref())
            .map(crate::error::Error::chain)
            .collect();
        let wire: String = config
            .datasets
            .iter()
            .map(|d| serde_json::to_string(&d.broken).unwrap())
            .collect();
        let everything = format!("{config:?} {config:#?} {errors} {wire} {files:?} {env:?}");
        assert!(!everything.contains(SENTINEL), "{text}: {everything}");
        // And yet it is there.
        let own = config
            .dataset(if text.contains("enabled") { "eval" } else { "monitoring" })
            .unwrap();
        if own.broken.is_none() {
            let Some(crate::config::Connection::Postgres(connection)) = &own.connection else {
                panic!("{text}")
            };
            assert_eq!(connection.password.as_ref().unwrap().expose(), SENTINEL, "{text}");
        }
    }
}

#[test]
fn a_wrong_secret_is_not_repeated() {
    let lines = [
        format!("password: [{SENTINEL}]"),
        format!("password: {{{SENTINEL}: x}}"),
        format!("url: [{SENTINEL}]"),
        format!("url: {SENTINEL}"),
        format!("url: mysql://u:{SENTINEL}@h/d"),
        format!("url: postgresql://u:{SENTINEL}/x@h/d"),
        format!("url: postgresql://u:{SENTINEL}#x@h/d"),
        format!("url: postgresql://u:?{SENTINEL}@h/d"),
        format!("url: postgresql://u:12/{SENTINEL}@h/d"),
        format!("url: postgresql://u:%ff{SENTINEL}@h/d"),
        format!("url: postgresql://h/d?password{SENTINEL}"),
        format!("url: postgresql://h/d?sslmode={SENTINEL}"),
        format!("url: postgresql://u:{SENTINEL}@h"),
        format!("host: u:{SENTINEL}@h"),
        "port: ${DB_PASSWORD}".to_owned(),
        "query_timeout: 1${DB_PASSWORD}".to_owned(),
        "ssl_mode: ${DB_PASSWORD}".to_owned(),
    ];
    for line in lines {
        let (config, dataset) = monitoring(&line, &[("DB_PASSWORD", SENTINEL)]);
        assert!(dataset.broken.is_some(), "{line}");
        let shown = format!("{config:?} {dataset:?} {}", broken(&dataset));
        assert!(!shown.contains(SENTINEL), "{line}: {shown}");
    }
}
