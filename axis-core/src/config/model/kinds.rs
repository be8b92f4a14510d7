//! Settings that only one kind of dataset has.

use std::collections::BTreeMap;

/// Settings that only one kind of dataset has. Analytics read them; the sync does not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum KindOptions {
    /// `monitoring_db`.
    Monitoring(MonitoringOptions),
    /// `eval_db`.
    Eval(EvalOptions),
    /// `human_signals_db`.
    HumanSignals(HumanSignalsOptions),
    /// `kpi_db`.
    Kpi(KpiOptions),
    /// A dataset of the user's own has none.
    Custom,
}

/// `monitoring_db`'s own settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MonitoringOptions {
    /// `schema` of the legacy table mode and of the wizard (default public).
    pub schema: String,
    /// `table` of the legacy table mode.
    pub table: Option<String>,
    /// `tables`: the tables that the wizard may read; all when empty.
    pub tables: Vec<String>,
    /// `filters`: columns that the wizard offers as filters.
    pub filters: Vec<FilterHint>,
    /// `auto_connect`, as configured.
    pub auto_connect: bool,
    /// `visible_metrics`; empty means all.
    pub visible_metrics: Vec<String>,
    /// `thresholds.default`.
    pub threshold: Threshold,
    /// `thresholds.per_source`.
    pub source_thresholds: BTreeMap<String, Threshold>,
    /// `anomaly_detection`.
    pub anomalies: AnomalyOptions,
}

/// `eval_db`'s own settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EvalOptions {
    /// `eval_runner_enabled` (default true).
    pub runner_enabled: bool,
    /// `tables`: the tables that the wizard may read; all when empty.
    pub tables: Vec<String>,
    /// `filters`: columns that the wizard offers as filters.
    pub filters: Vec<FilterHint>,
}

/// `human_signals_db`'s own settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HumanSignalsOptions {
    /// `schema` of the legacy table mode and of the wizard (default public).
    pub schema: String,
    /// `table` of the legacy table mode.
    pub table: Option<String>,
    /// `tables`: the tables that the wizard may read; all when empty.
    pub tables: Vec<String>,
    /// `filters`: columns that the wizard offers as filters.
    pub filters: Vec<FilterHint>,
    /// `auto_connect`, as configured.
    pub auto_connect: bool,
    /// `visible_metrics`; empty means all.
    pub visible_metrics: Vec<String>,
    /// `visible_kpis`; empty means all.
    pub visible_kpis: Vec<String>,
}

/// A `{column, label}` pair that the wizard offers as a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterHint {
    /// Column.
    pub column: String,
    /// Label; the column's name by default.
    pub label: String,
}

/// Scores at or above `good` are good, at or above `pass` pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Default 0.7.
    pub good: f64,
    /// Default 0.5.
    pub pass: f64,
}

impl Default for Threshold {
    fn default() -> Self {
        Self { good: 0.7, pass: 0.5 }
    }
}

/// How grave an anomaly is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// `warning`
    Warning,
    /// `error`
    Error,
}

/// `anomaly_detection`. Both spellings are read: nested (`z_score.threshold`) and flat (`z_score_threshold`, `ma_window_size`, `roc_threshold`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnomalyOptions {
    /// Default false.
    pub enabled: bool,
    /// Default 5, at least 3.
    pub min_data_points: u32,
    /// Distance of the last bucket from the mean, in standard deviations (default 2.0).
    pub z_score: AnomalyRule,
    /// Buckets that the z-score looks at; 0 means all (default 20).
    pub z_score_lookback: u32,
    /// Absolute distance of the last bucket from the mean of those before (default 0.15).
    pub moving_average: AnomalyRule,
    /// Buckets before the last that the moving average looks at (default 5, at least 2).
    pub moving_average_window: u32,
    /// Absolute change from the bucket before (default 0.3).
    pub rate_of_change: AnomalyRule,
}

/// One rule of [`AnomalyOptions`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AnomalyRule {
    /// Default true.
    pub enabled: bool,
    /// The threshold above which the rule fires.
    pub threshold: f64,
    /// Default warning, for the rate of change error.
    pub severity: Severity,
    /// Metrics it applies to; empty means all.
    pub metrics: Vec<String>,
}

/// `kpi_db`'s own settings.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KpiOptions {
    /// `visible_kpis`; empty means all.
    pub visible_kpis: Vec<String>,
    /// `visible_kpis_per_source`.
    pub visible_kpis_per_source: BTreeMap<String, Vec<String>>,
    /// The global display settings: `card_display_value`, `trend_lines`, `kpi_overrides`.
    pub display: KpiDisplay,
    /// `display_per_source`.
    pub display_per_source: BTreeMap<String, KpiDisplay>,
    /// `categories`, in the order of the file.
    pub categories: Vec<KpiCategory>,
    /// `composition_charts`.
    pub composition_charts: Vec<CompositionChart>,
}

/// How KPI cards and charts look, globally or for one source.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KpiDisplay {
    /// `card_display_value`: latest, avg_7d or avg_30d.
    pub card_display_value: Option<String>,
    /// `trend_lines`: of daily, avg_7d, avg_30d.
    pub trend_lines: Option<Vec<String>>,
    /// `kpi_overrides`.
    pub overrides: BTreeMap<String, KpiOverride>,
}

/// How one KPI looks.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct KpiOverride {
    /// `display_name`.
    pub display_name: Option<String>,
    /// `unit`: percent, seconds, count or score.
    pub unit: Option<String>,
    /// `polarity`: higher_better or lower_better.
    pub polarity: Option<String>,
    /// `card_display_value`.
    pub card_display_value: Option<String>,
    /// `trend_lines`.
    pub trend_lines: Option<Vec<String>>,
}

/// One panel of KPI cards.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KpiCategory {
    /// The category in the data.
    pub slug: String,
    /// `display_name`; the title-cased slug by default.
    pub display_name: String,
    /// `icon` (default BarChart3).
    pub icon: String,
}

/// One composition chart.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CompositionChart {
    /// `title`.
    pub title: String,
    /// `kpis`: name, label (default the name) and colour (default #6B7280).
    pub kpis: Vec<(String, String, String)>,
    /// `show_remainder` (default false).
    pub show_remainder: bool,
    /// `remainder_label` (default Other).
    pub remainder_label: String,
    /// `remainder_color` (default #6B7280).
    pub remainder_color: String,
}
