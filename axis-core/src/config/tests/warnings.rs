//! What is odd but not wrong.

use super::{block, broken, monitoring, resolve, warned};

#[test]
fn unknown_keys_are_warned_of_with_a_suggestion_when_one_is_near() {
    let cases = [
        (
            "pasword: x",
            "`monitoring_db.pasword` is not a known key, did you mean `password`?",
        ),
        (
            "sslmode: require",
            "`monitoring_db.sslmode` is not a known key, did you mean `ssl_mode`?",
        ),
        (
            "refresh_interval: 5",
            "`monitoring_db.refresh_interval` is not a known key, did you mean `refresh_interval_minutes`?",
        ),
        (
            "Enabled: true",
            "`monitoring_db.Enabled` is not a known key, did you mean `enabled`?",
        ),
        (
            "user: x",
            "`monitoring_db.user` is not a known key, did you mean `username`?",
        ),
        ("zzz: x", "`monitoring_db.zzz` is not a known key"),
        ("5: x", "`monitoring_db.5` is not a known key"),
        (
            "thresholds: {defaults: {good: 1}}",
            "`monitoring_db.thresholds.defaults` is not a known key, did you mean `default`?",
        ),
        (
            "thresholds: {default: {god: 1}}",
            "`monitoring_db.thresholds.default.god` is not a known key, did you mean `good`?",
        ),
        (
            "anomaly_detection: {z_score: {treshold: 1}}",
            "`monitoring_db.anomaly_detection.z_score.treshold` is not a known key, did you mean `threshold`?",
        ),
        (
            "anomaly_detection: {ma_windowsize: 5}",
            "`monitoring_db.anomaly_detection.moving_average.windowsize` is not a known key, did you mean `window_size`?",
        ),
        (
            "filters: [{column: a, lable: b}]",
            "`monitoring_db.filters[0].lable` is not a known key, did you mean `label`?",
        ),
    ];
    for (line, message) in cases {
        let (config, dataset) = monitoring(line, &[]);
        assert_eq!(broken(&dataset), "not broken");
        assert_eq!(warned(&config), [format!("config/monitoring_db.yaml:2: {message}")]);
    }
}

#[test]
fn unknown_keys_are_reported_although_the_block_is_broken() {
    let (config, dataset) = monitoring("host: h\ndatabse: d", &[]);
    assert_eq!(
        broken(&dataset),
        "config/monitoring_db.yaml:2: `monitoring_db.database` is missing, a host needs a database"
    );
    let expected = "config/monitoring_db.yaml:3: `monitoring_db.databse` is not a known key, did you mean `database`?";
    assert_eq!(warned(&config), [expected]);
}

#[test]
fn unknown_blocks_and_legacy_queries_are_warned_of() {
    let files = [
        ("duckdb.yaml", "duckbd:\n  path: x\nextra: 1\n"),
        ("kpi_db.yaml", "kpi_db:\n  dataset_query: select 1\n"),
        ("eval_db.yaml", "eval_db:\n  query: select 1\n"),
        ("monitoring_db.yaml", "monitoring_db:\n  results_query: select 1\n"),
        ("theme.yaml", "theme: {active: x}"),
        ("signals_metrics.yaml", "nonsense: ["),
    ];
    let expected = [
        "config/duckdb.yaml:1: `duckbd` is not a known block, did you mean `duckdb`?",
        "config/duckdb.yaml:3: `extra` is not a known block, this file holds `duckdb`",
        "config/monitoring_db.yaml:1: `monitoring_db.dataset_query` is missing, so `monitoring` cannot be synced",
        "config/eval_db.yaml:2: `eval_db.query` is not read; split it into `dataset_query` and `results_query`",
        "config/kpi_db.yaml:2: `kpi_db.dataset_query` is not a known key",
    ];
    assert_eq!(warned(&resolve(&files, &[])), expected);
}

#[test]
fn empty_items_are_left_out_with_a_warning() {
    let (config, dataset) = block("kpi_db", "visible_kpis:\n  - a\n  -\n  - ''", &[]);
    assert_eq!(broken(&dataset), "not broken");
    let expected = [
        "config/kpi_db.yaml:4: `kpi_db.visible_kpis[1]` is empty and left out",
        "config/kpi_db.yaml:5: `kpi_db.visible_kpis[2]` is empty and left out",
    ];
    assert_eq!(warned(&config), expected);
}

#[test]
fn what_is_said_twice_is_warned_of() {
    let (config, _) = monitoring(
        "anomaly_detection:\n  z_score: {threshold: 3}\n  z_score_threshold: 4",
        &[],
    );
    let expected = "config/monitoring_db.yaml:4: `monitoring_db.anomaly_detection.z_score_threshold` has no effect beside \
                    `monitoring_db.anomaly_detection.z_score.threshold`";
    assert_eq!(warned(&config), [expected]);
    let config = resolve(
        &[(
            "duckdb.yaml",
            "duckdb:\n  sync_mode: manual\n  auto_sync_on_startup: true\n",
        )],
        &[],
    );
    let expected = "config/duckdb.yaml:3: `duckdb.auto_sync_on_startup` has no effect beside `duckdb.sync_mode`";
    assert_eq!(warned(&config), [expected]);
}

#[test]
fn a_refreshed_table_without_a_key_cannot_be_reconciled() {
    let queries =
        "url: postgresql://h/d\ndataset_query: select 1\nresults_query: select 1\nreconcile_interval_minutes: 60\n";
    let warned = |more: &str| warned(&monitoring(&format!("{queries}{more}"), &[]).0);
    let message = |table: &str| {
        format!(
            "dataset `monitoring`: `reconcile_interval_minutes` needs a `primary_key` to find deleted rows; table `{table}` has none"
        )
    };
    let refreshed = "incremental_column: at\n";
    assert_eq!(
        warned(refreshed),
        [message("monitoring_dataset"), message("monitoring_results")]
    );
    assert_eq!(
        warned(&format!("{refreshed}dataset_primary_key: id\n")),
        [message("monitoring_results")]
    );
    let keyed = format!("{refreshed}dataset_primary_key: id\nresults_primary_key: [id, name]\n");
    assert_eq!(warned(&keyed), [""; 0]);
    // What every sync rebuilds needs no comparison.
    assert_eq!(warned(""), [""; 0]);
}
