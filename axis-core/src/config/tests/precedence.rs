//! Who wins: a block that is not empty, then the environment, then the defaults.

use std::time::Duration;

use super::{block, broken, env, resolve, setting, warned};
use crate::config::{Config, Connection, DatasetConfig, Files, KindOptions, Origin, Secret, TlsMode, ViewConfig};

/// `host port database user password` of the connection.
fn target(dataset: &DatasetConfig) -> String {
    match &dataset.connection {
        Some(Connection::Postgres(c)) => {
            let password = c.password.as_ref().map(Secret::expose).map_or("-", String::as_str);
            format!("{} {} {} {} {password}", c.host, c.port, c.database, c.user)
        }
        other => format!("{other:?}"),
    }
}

const VARIABLES: [(&str, &str); 6] = [
    ("KPI_DB_HOST", "envhost"),
    ("KPI_DB_PORT", "7000"),
    ("KPI_DB_NAME", "envdb"),
    ("KPI_DB_USER", "envuser"),
    ("KPI_DB_PASSWORD", "envpass"),
    ("KPI_DB_QUERY", "select 1"),
];

#[test]
fn a_block_that_is_not_empty_wins_and_takes_only_what_the_rule_says() {
    let cases = [
        ("host: h\ndatabase: d", "h 5432 d postgres envpass"),
        ("host: h\ndatabase: d\npassword: own", "h 5432 d postgres own"),
        ("host: h\ndatabase: d\npassword: ''", "h 5432 d postgres envpass"),
        ("host: h\ndatabase: d\npassword:", "h 5432 d postgres envpass"),
        ("host: h\ndatabase: d\npassword: ${NONE:-}", "h 5432 d postgres envpass"),
        ("url: postgresql://h/d", "h 5432 d postgres envpass"),
        ("url: postgresql://u:own@h/d", "h 5432 d u own"),
        ("enabled: true", "None"),
    ];
    for (lines, expected) in cases {
        let (_, dataset) = block("kpi_db", lines, &VARIABLES);
        assert_eq!(
            (broken(&dataset), target(&dataset).as_str()),
            ("not broken", expected),
            "{lines}"
        );
        assert!(dataset.tables.is_empty(), "the environment does not fill a query");
    }
}

#[test]
fn a_url_of_the_environment_fills_only_a_block_without_url_and_host() {
    let variables = [("KPI_DB_URL", "postgresql://eu:ep@eh/ed")];
    let cases = [
        ("enabled: true", "eh 5432 ed eu ep"),
        ("enabled: true\nurl: ''\nhost:", "eh 5432 ed eu ep"),
        ("enabled: true\nport: 6000", "eh 6000 ed eu ep"),
        ("host: h\ndatabase: d", "h 5432 d postgres -"),
        ("url: postgresql://h/d", "h 5432 d postgres -"),
        (
            "db_type: sqlite\ndatabase: a.db",
            "Some(Sqlite { path: \"/srv/axis/a.db\" })",
        ),
    ];
    for (lines, expected) in cases {
        let (_, dataset) = block("kpi_db", lines, &variables);
        assert_eq!(
            (broken(&dataset), target(&dataset).as_str()),
            ("not broken", expected),
            "{lines}"
        );
    }
    let (config, _) = block("kpi_db", "enabled: true", &variables);
    let url = setting(&config, "kpi_db.url");
    assert_eq!(url.value, "postgresql://eu:[redacted]@eh:5432/ed");
    assert_eq!(url.origin, Origin::Env("KPI_DB_URL".to_owned()));
}

#[test]
fn without_a_block_the_environment_configures_the_dataset() {
    for text in [
        None,
        Some(""),
        Some("kpi_db:\n"),
        Some("kpi_db: {}\n"),
        Some("# nothing\n"),
    ] {
        let files: Vec<_> = text.map(|text| ("kpi_db.yaml", text)).into_iter().collect();
        let config = resolve(&files, &VARIABLES);
        let kpi = config.dataset("kpi").unwrap();
        assert!(kpi.enabled);
        assert_eq!(target(kpi), "envhost 7000 envdb envuser envpass");
        assert_eq!(kpi.tables[0].query, "select 1");
        assert_eq!(
            setting(&config, "kpi_db.port").origin,
            Origin::Env("KPI_DB_PORT".to_owned())
        );
        assert_eq!(setting(&config, "kpi_db.enabled").value, "true");
        // Neither a URL nor a host: nothing is configured, whatever else is set.
        let config = resolve(&files, &VARIABLES[1..]);
        assert_eq!(
            (
                target(config.dataset("kpi").unwrap()).as_str(),
                config.dataset("kpi").unwrap().enabled
            ),
            ("None", false)
        );
        assert_eq!(setting(&config, "kpi_db.enabled").value, "false");
    }
}

#[test]
fn every_dataset_has_every_variable() {
    for (prefix, name) in [
        ("MONITORING_DB_", "monitoring"),
        ("EVAL_DB_", "eval"),
        ("HUMAN_SIGNALS_DB_", "human_signals"),
        ("KPI_DB_", "kpi"),
    ] {
        let variables = [
            ("URL", "postgresql://h/d"),
            ("SSL_MODE", "require"),
            ("DATASET_QUERY", "select 1"),
            ("RESULTS_QUERY", "select 2"),
            ("QUERY", "select 3"),
            ("QUERY_TIMEOUT", "7"),
            ("ROW_LIMIT", "8"),
            ("AUTO_LOAD", "true"),
            ("AUTO_CONNECT", "false"),
            ("SCHEMA", "s"),
            ("TABLE", "t"),
            ("INCREMENTAL_COLUMN", "updated_at"),
            ("REFRESH_INTERVAL_MINUTES", "15"),
        ];
        let names: Vec<_> = variables
            .iter()
            .map(|(suffix, value)| (format!("{prefix}{suffix}"), *value))
            .collect();
        let names: Vec<_> = names.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        let config = resolve(&[], &names);
        let dataset = config.dataset(name).unwrap();
        assert_eq!(broken(dataset), "not broken");
        assert_eq!(target(dataset), "h 5432 d postgres -");
        let Some(Connection::Postgres(connection)) = &dataset.connection else {
            panic!()
        };
        assert_eq!(connection.tls, TlsMode::Require);
        assert!(dataset.auto_load);
        assert_eq!(dataset.query_timeout, Duration::from_secs(7));
        assert_eq!(dataset.row_limit, 8);
        assert_eq!(dataset.refresh_interval, Some(Duration::from_secs(900)));
        let queries: Vec<_> = dataset.tables.iter().map(|table| table.query.as_str()).collect();
        assert_eq!(
            queries,
            if name == "kpi" {
                vec!["select 3"]
            } else {
                vec!["select 1", "select 2"]
            }
        );
        assert!(
            dataset
                .tables
                .iter()
                .all(|table| table.incremental_column.as_deref() == Some("updated_at"))
        );
        if let KindOptions::Monitoring(options) = &dataset.options {
            assert_eq!(
                (options.schema.as_str(), options.table.as_deref(), options.auto_connect),
                ("s", Some("t"), false)
            );
        }
    }
}

#[test]
fn auto_connect_counts_as_auto_load_where_it_exists() {
    for name in ["monitoring_db", "human_signals_db"] {
        assert!(block(name, "auto_connect: true", &[]).1.auto_load);
        assert!(block(name, "auto_load: true", &[]).1.auto_load);
        assert!(!block(name, "enabled: true", &[]).1.auto_load);
    }
    assert!(block("eval_db", "auto_load: true", &[]).1.auto_load);
    let (config, dataset) = block("eval_db", "auto_connect: true", &[]);
    assert!(!dataset.auto_load);
    assert_eq!(
        warned(&config),
        ["config/eval_db.yaml:2: `eval_db.auto_connect` is not a known key"]
    );
}

#[test]
fn without_anything_the_four_are_there_and_unconfigured() {
    let config = resolve(&[], &[]);
    let names: Vec<_> = config.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
    assert_eq!(names, ["monitoring", "eval", "human_signals", "kpi"]);
    for dataset in &config.datasets {
        assert!(!dataset.enabled && !dataset.auto_load && dataset.connection.is_none() && dataset.tables.is_empty());
    }
    assert_eq!(
        config.dataset("kpi").unwrap().view,
        ViewConfig::Table {
            name: "kpi_data".to_owned()
        }
    );
    assert_eq!(
        config.dataset("human_signals").unwrap().view.name(),
        Some("human_signals_raw")
    );
    assert_eq!(
        (
            config.dataset("kpi").unwrap().row_limit,
            config.dataset("eval").unwrap().row_limit
        ),
        (50_000, 10_000)
    );
    assert_eq!(
        (
            config.server.host.as_str(),
            config.server.port,
            config.server.app_name.as_str()
        ),
        ("127.0.0.1", 8500, "AXIS")
    );
    assert!(config.warnings.is_empty());
}

#[test]
fn the_server_reads_its_variables() {
    let variables = [
        ("HOST", "0.0.0.0"),
        ("PORT", " 9000 "),
        ("APP_NAME", "Other"),
        ("FRONTEND_URL", "https://a.example/"),
        (
            "FRONTEND_URLS",
            "https://b.example, https://a.example,,http://localhost:3500/",
        ),
    ];
    let server = Config::resolve(&Files::default(), &env(&variables)).unwrap().server;
    assert_eq!(
        (server.host.as_str(), server.port, server.app_name.as_str()),
        ("0.0.0.0", 9000, "Other")
    );
    let origins = [
        "http://localhost:3500",
        "http://127.0.0.1:3500",
        "https://a.example",
        "https://b.example",
    ];
    assert_eq!(server.origins, origins);
}
