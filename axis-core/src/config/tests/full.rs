//! One configuration that uses every documented key.

use std::path::Path;
use std::time::Duration;

use super::{broken, resolve, warned};
use crate::column::ColumnType;
use crate::config::{Config, DatasetConfig, KindOptions, SchemaPolicy, Severity, SyncMode, Threshold, TypePolicy};

const DUCKDB: &str = "
duckdb:
  enabled: true
  path: data/other.duckdb
  sync_mode: manual
  scheduler: true
  sync_chunk_size: 10000
  max_sync_rows: 2_000_000
  query_concurrency: 4
  sync_workers: 3
  memory_limit: 2GiB
  threads: 2
  temp_directory: /tmp/spill
  max_temp_directory_size: 4GB
  query_timeout_seconds: 45
  query_max_rows: 50_000
  backup: {directory: data/backups, interval_minutes: 60, keep: 3, format: parquet}
";

const COMMON: &str = "
  enabled: true
  auto_load: yes
  db_type: postgres
  host: db.example
  port: 5433
  database: axis
  username: reader
  password: \"${DB_PASSWORD}\"
  ssl_mode: require
  ssl_root_cert: certs/ca.pem
  connect_timeout: 5
  query_timeout: 30
  sync_timeout: 3600
  row_limit: 20000
  columns:
    trace_id: dataset_id
  primary_key: [id]
  partition_column: id
  incremental_column: updated_at
  incremental_lookback_seconds: 120
  types: {amount: \"decimal(12,6)\", note: varchar, odd: null, n: bigint}
  refresh_interval_minutes: 15
  reconcile_interval_minutes: 60
  full_refresh_interval_minutes: 1440
  on_schema_change: block
";

const SPLIT: &str = "
  dataset_query: |
    select * from traces
  results_query: select * from scores
  dataset_primary_key: trace_id
  results_primary_key: [trace_id, metric_name]
  tables: [traces, scores]
  filters:
    - {column: environment, label: Environment}
    - region
";

const MONITORING: &str = "
  auto_connect: false
  schema: prod
  table: traces
  visible_metrics: [accuracy]
  thresholds:
    default: {good: 0.8, pass: 0.6}
    per_source:
      chat: {good: 0.9}
      other:
  anomaly_detection:
    enabled: true
    min_data_points: 6
    z_score: {enabled: true, threshold: 2.5, severity: error, lookback_window: 30, metrics: [a]}
    ma_enabled: off
    ma_window_size: 7
    ma_deviation_threshold: 0.2
    ma_severity: error
    roc_threshold: 0.4
    rate_of_change: {severity: warning, metrics: [b]}
";

const SIGNALS: &str = "
  auto_connect: true
  schema: prod
  table: signals
  visible_metrics: [m]
  visible_kpis: [k]
";

const KPI: &str = "
  query: select * from kpis
  visible_kpis: [csat, aht]
  visible_kpis_per_source: {chat: [csat]}
  card_display_value: avg_7d
  trend_lines: [daily]
  kpi_overrides:
    csat: {display_name: Satisfaction, unit: percent, polarity: higher_better, card_display_value: latest, trend_lines: [avg_30d]}
    empty: {}
  display_per_source:
    chat:
      card_display_value: avg_30d
      trend_lines: [avg_7d]
      kpi_overrides: {aht: {unit: seconds, polarity: lower_better}}
  categories:
    speed_of_answer: {icon: Clock}
    quality: {display_name: Quality!}
    plain:
  composition_charts:
    - title: Mix
      kpis:
        - {kpi_name: a, label: A, color: '#111111'}
        - b
      show_remainder: true
      remainder_label: Rest
      remainder_color: '#222222'
";

fn full() -> Config {
    let file = |name: &str, parts: &[&str]| (format!("{name}.yaml"), format!("{name}:{}", parts.concat()));
    let files = [
        ("duckdb.yaml".to_owned(), DUCKDB.to_owned()),
        file("monitoring_db", &[COMMON, SPLIT, MONITORING]),
        file("eval_db", &[COMMON, SPLIT, "\n  eval_runner_enabled: false\n"]),
        file("human_signals_db", &[COMMON, SPLIT, SIGNALS]),
        file("kpi_db", &[COMMON, KPI]),
    ];
    let files: Vec<_> = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    resolve(&files, &[("DB_PASSWORD", "x")])
}

fn dataset<'c>(config: &'c Config, name: &str) -> &'c DatasetConfig {
    let dataset = config.dataset(name).unwrap();
    assert_eq!(broken(dataset), "not broken");
    dataset
}

#[test]
fn nothing_of_it_is_unknown() {
    let config = full();
    let unknown = warned(&config);
    assert!(unknown.is_empty(), "{unknown:#?}");
    for dataset in &config.datasets {
        assert_eq!(broken(dataset), "not broken");
    }
}

#[test]
fn the_store() {
    let store = full().store;
    assert_eq!(store.path, Path::new("/srv/axis/data/other.duckdb"));
    assert_eq!((store.sync_mode, store.scheduler), (SyncMode::Manual, true));
    assert_eq!(store.max_sync_rows, Some(2_000_000));
    assert_eq!(
        (store.query_concurrency, store.sync_workers, store.threads),
        (4, 3, Some(2))
    );
    assert_eq!(store.memory_limit, Some(2 * 1024 * 1024 * 1024));
    assert_eq!(store.temp_directory.as_deref(), Some(Path::new("/tmp/spill")));
    assert_eq!(store.max_temp_directory_size, 4_000_000_000);
    let backup = store.backup.as_ref().unwrap();
    assert!(backup.directory.ends_with("data/backups"));
    assert_eq!((backup.interval, backup.keep), (Duration::from_secs(3600), 3));
    assert_eq!(
        (store.query_timeout, store.query_max_rows),
        (Duration::from_secs(45), 50_000)
    );
}

#[test]
fn sync_modes_and_memory_limits() {
    let store = |line: &str| resolve(&[("duckdb.yaml", &format!("duckdb: {{{line}}}"))], &[]).store;
    let modes = [
        ("", SyncMode::Startup, true),
        ("sync_mode: startup", SyncMode::Startup, true),
        ("sync_mode: manual", SyncMode::Manual, false),
        ("sync_mode: manual, scheduler: true", SyncMode::Manual, true),
        ("scheduler: false", SyncMode::Startup, false),
        ("auto_sync_on_startup: false", SyncMode::Manual, false),
        ("auto_sync_on_startup: true", SyncMode::Startup, true),
        (
            "auto_sync_on_startup: false, sync_mode: startup",
            SyncMode::Startup,
            true,
        ),
    ];
    for (line, mode, scheduler) in modes {
        let store = store(line);
        assert_eq!((store.sync_mode, store.scheduler), (mode, scheduler), "{line}");
    }
    for (text, bytes) in [
        ("512MB", 512_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("2000000", 2_000_000),
        ("1g", 1_000_000_000),
    ] {
        let limits = store(&format!("memory_limit: {text}, frame_memory_limit: {text}"));
        assert_eq!(
            (limits.memory_limit, limits.frame_memory_limit),
            (Some(bytes), Some(bytes)),
            "{text}"
        );
    }
}

#[test]
fn what_every_dataset_has() {
    let config = full();
    for name in ["monitoring", "eval", "human_signals", "kpi"] {
        let dataset = dataset(&config, name);
        assert!(dataset.enabled && dataset.auto_load);
        assert_eq!(dataset.columns["trace_id"], "dataset_id");
        assert_eq!(dataset.refresh_interval, Some(Duration::from_secs(15 * 60)));
        assert_eq!(dataset.reconcile_interval, Some(Duration::from_secs(60 * 60)));
        assert_eq!(dataset.full_refresh_interval, Some(Duration::from_secs(86_400)));
        assert_eq!(dataset.query_timeout, Duration::from_secs(30));
        assert_eq!(dataset.sync_timeout, Some(Duration::from_secs(3600)));
        assert_eq!(
            (dataset.row_limit, dataset.on_schema_change),
            (20_000, SchemaPolicy::Block)
        );
        for table in &dataset.tables {
            assert_eq!(table.incremental_column.as_deref(), Some("updated_at"));
            assert_eq!(table.partition_column.as_deref(), Some("id"));
            assert_eq!(table.lookback, Some(Duration::from_secs(120)));
            assert_eq!(
                table.types["amount"],
                TypePolicy::Type(ColumnType::Decimal {
                    precision: 12,
                    scale: 6
                })
            );
            assert_eq!(table.types["odd"], TypePolicy::Null);
            assert_eq!(table.types["note"], TypePolicy::Varchar);
            assert_eq!(table.types["n"], TypePolicy::Type(ColumnType::BigInt));
        }
    }
    let tables = &dataset(&config, "eval").tables;
    assert_eq!(
        (tables[0].name.as_str(), tables[0].query.as_str()),
        ("eval_dataset", "select * from traces")
    );
    assert_eq!(tables[0].primary_key, ["trace_id"]);
    assert_eq!(tables[1].primary_key, ["trace_id", "metric_name"]);
    assert_eq!(dataset(&config, "kpi").tables[0].primary_key, ["id"]);
}

#[test]
fn what_monitoring_has() {
    let config = full();
    let KindOptions::Monitoring(own) = &dataset(&config, "monitoring").options else {
        panic!()
    };
    assert_eq!((own.schema.as_str(), own.table.as_deref()), ("prod", Some("traces")));
    assert_eq!(own.tables, ["traces", "scores"]);
    let filters: Vec<_> = own
        .filters
        .iter()
        .map(|f| (f.column.as_str(), f.label.as_str()))
        .collect();
    assert_eq!(filters, [("environment", "Environment"), ("region", "region")]);
    assert_eq!(own.threshold, Threshold { good: 0.8, pass: 0.6 });
    assert_eq!(own.source_thresholds["chat"], Threshold { good: 0.9, pass: 0.6 });
    assert_eq!(own.source_thresholds["other"], own.threshold);
    let anomalies = &own.anomalies;
    assert!(anomalies.enabled && anomalies.z_score.enabled && !anomalies.moving_average.enabled);
    assert_eq!(
        (
            anomalies.min_data_points,
            anomalies.z_score_lookback,
            anomalies.moving_average_window
        ),
        (6, 30, 7)
    );
    let thresholds = (
        anomalies.z_score.threshold,
        anomalies.moving_average.threshold,
        anomalies.rate_of_change.threshold,
    );
    assert_eq!(thresholds, (2.5, 0.2, 0.4));
    let severities =
        [&anomalies.z_score, &anomalies.moving_average, &anomalies.rate_of_change].map(|rule| rule.severity);
    assert_eq!(severities, [Severity::Error, Severity::Error, Severity::Warning]);
    assert_eq!(
        (
            anomalies.z_score.metrics.as_slice(),
            anomalies.rate_of_change.metrics.as_slice()
        ),
        (["a".to_owned()].as_slice(), ["b".to_owned()].as_slice())
    );
}

#[test]
fn what_evaluation_and_human_signals_have() {
    let config = full();
    let KindOptions::Eval(own) = &dataset(&config, "eval").options else {
        panic!()
    };
    assert!(!own.runner_enabled && own.filters.len() == 2 && own.tables.len() == 2);
    let KindOptions::HumanSignals(own) = &dataset(&config, "human_signals").options else {
        panic!()
    };
    assert!(own.auto_connect);
    assert_eq!(
        (own.visible_metrics.as_slice(), own.visible_kpis.as_slice()),
        (["m".to_owned()].as_slice(), ["k".to_owned()].as_slice())
    );
}

#[test]
fn what_kpis_have() {
    let config = full();
    let KindOptions::Kpi(own) = &dataset(&config, "kpi").options else {
        panic!()
    };
    assert_eq!(own.visible_kpis, ["csat", "aht"]);
    assert_eq!(own.visible_kpis_per_source["chat"], ["csat"]);
    assert_eq!(own.display.card_display_value.as_deref(), Some("avg_7d"));
    assert_eq!(
        own.display.trend_lines.as_deref(),
        Some(["daily".to_owned()].as_slice())
    );
    assert_eq!(own.display.overrides.len(), 1, "an empty override is dropped");
    assert_eq!(
        own.display.overrides["csat"].display_name.as_deref(),
        Some("Satisfaction")
    );
    assert_eq!(
        own.display_per_source["chat"].overrides["aht"].unit.as_deref(),
        Some("seconds")
    );
    let categories: Vec<_> = own
        .categories
        .iter()
        .map(|c| (c.slug.as_str(), c.display_name.as_str(), c.icon.as_str()))
        .collect();
    let expected = [
        ("speed_of_answer", "Speed Of Answer", "Clock"),
        ("quality", "Quality!", "BarChart3"),
        ("plain", "Plain", "BarChart3"),
    ];
    assert_eq!(categories, expected);
    let chart = &own.composition_charts[0];
    assert_eq!((chart.title.as_str(), chart.show_remainder), ("Mix", true));
    let kpis: Vec<_> = chart
        .kpis
        .iter()
        .map(|(name, label, color)| (name.as_str(), label.as_str(), color.as_str()))
        .collect();
    assert_eq!(kpis, [("a", "A", "#111111"), ("b", "b", "#6B7280")]);
    assert_eq!(
        (chart.remainder_label.as_str(), chart.remainder_color.as_str()),
        ("Rest", "#222222")
    );
}
