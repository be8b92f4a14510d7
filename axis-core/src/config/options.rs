//! The settings that only monitoring, evaluation or human signals have.

use std::collections::BTreeMap;

use super::node::Block;
use super::{
    AnomalyOptions, AnomalyRule, EvalOptions, FilterHint, HumanSignalsOptions, MonitoringOptions, Severity, Threshold,
};

const SCHEMA: &str = "public";

/// Reads `monitoring_db`'s own keys.
pub(super) fn monitoring(block: &Block<'_>) -> MonitoringOptions {
    let thresholds = block.child("thresholds");
    let threshold = read_threshold(&thresholds.child("default"), Threshold::default());
    let source_thresholds = thresholds
        .children("per_source")
        .into_iter()
        .map(|(name, own)| (name, read_threshold(&own, threshold)));
    let source_thresholds: BTreeMap<_, _> = source_thresholds.collect();
    thresholds.finish();
    MonitoringOptions {
        schema: schema(block),
        table: block.string("table"),
        tables: block.strings("tables", false).unwrap_or_default(),
        filters: filters(block),
        auto_connect: block.bool("auto_connect", false),
        visible_metrics: block.strings("visible_metrics", false).unwrap_or_default(),
        threshold,
        source_thresholds,
        anomalies: anomalies(&block.child("anomaly_detection")),
    }
}

/// Reads `eval_db`'s own keys.
pub(super) fn eval(block: &Block<'_>) -> EvalOptions {
    EvalOptions {
        runner_enabled: block.bool("eval_runner_enabled", true),
        tables: block.strings("tables", false).unwrap_or_default(),
        filters: filters(block),
    }
}

/// Reads `human_signals_db`'s own keys.
pub(super) fn human_signals(block: &Block<'_>) -> HumanSignalsOptions {
    HumanSignalsOptions {
        schema: schema(block),
        table: block.string("table"),
        tables: block.strings("tables", false).unwrap_or_default(),
        filters: filters(block),
        auto_connect: block.bool("auto_connect", false),
        visible_metrics: block.strings("visible_metrics", false).unwrap_or_default(),
        visible_kpis: block.strings("visible_kpis", false).unwrap_or_default(),
    }
}

impl Default for MonitoringOptions {
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            table: None,
            tables: Vec::new(),
            filters: Vec::new(),
            auto_connect: false,
            visible_metrics: Vec::new(),
            threshold: Threshold::default(),
            source_thresholds: BTreeMap::new(),
            anomalies: AnomalyOptions::default(),
        }
    }
}

impl Default for EvalOptions {
    fn default() -> Self {
        Self {
            runner_enabled: true,
            tables: Vec::new(),
            filters: Vec::new(),
        }
    }
}

impl Default for HumanSignalsOptions {
    fn default() -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            table: None,
            tables: Vec::new(),
            filters: Vec::new(),
            auto_connect: false,
            visible_metrics: Vec::new(),
            visible_kpis: Vec::new(),
        }
    }
}

impl Default for AnomalyOptions {
    fn default() -> Self {
        let rule = |threshold, severity| AnomalyRule {
            enabled: true,
            threshold,
            severity,
            metrics: Vec::new(),
        };
        Self {
            enabled: false,
            min_data_points: 5,
            z_score: rule(2.0, Severity::Warning),
            z_score_lookback: 20,
            moving_average: rule(0.15, Severity::Warning),
            moving_average_window: 5,
            rate_of_change: rule(0.3, Severity::Error),
        }
    }
}

fn schema(block: &Block<'_>) -> String {
    block.string_or("schema", SCHEMA).unwrap_or_else(|| SCHEMA.to_owned())
}

fn filters(block: &Block<'_>) -> Vec<FilterHint> {
    let mut filters = Vec::new();
    for item in block.items("filters", Some("column")) {
        match item.string("column") {
            Some(column) => {
                let label = item.string_or("label", &column).unwrap_or_else(|| column.clone());
                filters.push(FilterHint { column, label });
            }
            None => item.wrong("column", &item.place, "is missing"),
        }
        item.finish();
    }
    filters
}

fn read_threshold(block: &Block<'_>, default: Threshold) -> Threshold {
    let threshold = Threshold {
        good: block.number("good", f64::NEG_INFINITY, default.good),
        pass: block.number("pass", f64::NEG_INFINITY, default.pass),
    };
    block.finish();
    threshold
}

fn anomalies(block: &Block<'_>) -> AnomalyOptions {
    let base = AnomalyOptions::default();
    let enabled = block.bool("enabled", base.enabled);
    let min_data_points = count(block, "min_data_points", 3, base.min_data_points);

    let nested = block.child_or_flat("z_score", &["z_score_"]);
    let z_score = rule(&nested, "threshold", &base.z_score);
    let z_score_lookback = count(&nested, "lookback_window", 0, base.z_score_lookback);
    nested.finish();

    let nested = block.child_or_flat("moving_average", &["moving_average_", "ma_"]);
    let moving_average = rule(&nested, "deviation_threshold", &base.moving_average);
    let moving_average_window = count(&nested, "window_size", 2, base.moving_average_window);
    nested.finish();

    let nested = block.child_or_flat("rate_of_change", &["rate_of_change_", "roc_"]);
    let rate_of_change = rule(&nested, "threshold", &base.rate_of_change);
    nested.finish();

    block.finish();
    AnomalyOptions {
        enabled,
        min_data_points,
        z_score,
        z_score_lookback,
        moving_average,
        moving_average_window,
        rate_of_change,
    }
}

fn rule(block: &Block<'_>, threshold: &str, base: &AnomalyRule) -> AnomalyRule {
    let severities = [("warning", Severity::Warning), ("error", Severity::Error)];
    let default = if base.severity == Severity::Warning {
        "warning"
    } else {
        "error"
    };
    AnomalyRule {
        enabled: block.bool("enabled", base.enabled),
        threshold: block.number(threshold, 0.0, base.threshold),
        severity: block.choice("severity", &severities, default).unwrap_or(base.severity),
        metrics: block.strings("metrics", false).unwrap_or_default(),
    }
}

fn count(block: &Block<'_>, key: &str, least: u64, default: u32) -> u32 {
    let value = block.integer_or(key, least..=1_000_000, "", u64::from(default));
    u32::try_from(value).unwrap_or(default)
}
