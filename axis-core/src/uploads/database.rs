//! What is configured for monitoring, as the pages that show it read it; without secrets.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::{AnomalyOptions, DatasetKind, KindOptions, MonitoringOptions, Severity, Threshold};
use crate::engine::Engine;
use crate::signals::DatabaseConnection;

/// What is configured for monitoring.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MonitoringConfig {
    /// True.
    pub success: bool,
    /// Whether a connection is configured.
    pub configured: bool,
    /// `auto_connect`, when a connection is configured.
    pub auto_connect: bool,
    /// Whether it is synced at startup.
    pub auto_load: bool,
    /// Whether both queries are configured.
    pub has_query: bool,
    /// `row_limit`.
    pub row_limit: u64,
    /// `query_timeout`, in seconds.
    pub query_timeout: u64,
    /// The connection, when one is configured.
    pub connection: Option<DatabaseConnection>,
    /// `thresholds`.
    pub thresholds: Thresholds,
    /// `anomaly_detection`.
    pub anomaly_detection: AnomalyConfig,
}

/// From where on scores are good, and from where on they pass.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Thresholds {
    /// For every source that is not named.
    pub default: ThresholdPair,
    /// By source.
    pub per_source: BTreeMap<String, ThresholdPair>,
}

/// Two thresholds.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ThresholdPair {
    /// Good from here on.
    pub good: f64,
    /// Passing from here on.
    pub pass: f64,
}

/// The rules by which the last bucket of a trend stands out.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AnomalyConfig {
    /// Whether any rule applies.
    pub enabled: bool,
    /// Buckets that a metric must have.
    pub min_data_points: u32,
    /// By standard deviations.
    pub z_score: ZScoreConfig,
    /// By the distance from the mean of the buckets before.
    pub moving_average: MovingAverageConfig,
    /// By the change from the bucket before.
    pub rate_of_change: RateOfChangeConfig,
}

/// The rule about standard deviations.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ZScoreConfig {
    /// Whether it applies.
    pub enabled: bool,
    /// Standard deviations.
    pub threshold: f64,
    /// How grave a finding is.
    pub severity: Severity,
    /// Buckets that it looks at; 0 means all.
    pub lookback_window: u32,
    /// Metrics it applies to; empty means all.
    pub metrics: Vec<String>,
}

/// The rule about the mean of the buckets before.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MovingAverageConfig {
    /// Whether it applies.
    pub enabled: bool,
    /// Buckets before the last.
    pub window_size: u32,
    /// The absolute distance.
    pub deviation_threshold: f64,
    /// How grave a finding is.
    pub severity: Severity,
    /// Metrics it applies to; empty means all.
    pub metrics: Vec<String>,
}

/// The rule about the bucket before.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RateOfChangeConfig {
    /// Whether it applies.
    pub enabled: bool,
    /// The absolute change.
    pub threshold: f64,
    /// How grave a finding is.
    pub severity: Severity,
    /// Metrics it applies to; empty means all.
    pub metrics: Vec<String>,
}

impl Engine {
    /// Tells what is configured for monitoring; the defaults when nothing is.
    #[must_use]
    pub fn monitoring_config(&self) -> MonitoringConfig {
        let dataset = self
            .datasets()
            .find(|dataset| dataset.config().kind == DatasetKind::Monitoring);
        let config = dataset.as_ref().map(crate::Dataset::config);
        let defaults = MonitoringOptions::default();
        let options = match config.map(|config| &config.options) {
            Some(KindOptions::Monitoring(options)) => options,
            _ => &defaults,
        };
        let connection = config.and_then(|config| config.connection.as_ref());
        let configured = connection.is_some();
        MonitoringConfig {
            success: true,
            configured,
            auto_connect: configured && options.auto_connect,
            auto_load: configured && config.is_some_and(|config| config.auto_load),
            has_query: config.is_some_and(|config| !config.tables.is_empty()),
            row_limit: config.map_or(0, |config| config.row_limit),
            query_timeout: config.map_or(0, |config| config.query_timeout.as_secs()),
            connection: connection.map(|connection| {
                let settings = &self.config().settings;
                let (schema, table) = (options.schema.clone(), options.table.clone());
                DatabaseConnection::of(connection, settings, "monitoring_db", schema, table)
            }),
            thresholds: Thresholds {
                default: options.threshold.into(),
                per_source: options
                    .source_thresholds
                    .iter()
                    .map(|(source, threshold)| (source.clone(), (*threshold).into()))
                    .collect(),
            },
            anomaly_detection: (&options.anomalies).into(),
        }
    }
}

impl From<Threshold> for ThresholdPair {
    fn from(threshold: Threshold) -> Self {
        Self {
            good: threshold.good,
            pass: threshold.pass,
        }
    }
}

impl From<&AnomalyOptions> for AnomalyConfig {
    fn from(options: &AnomalyOptions) -> Self {
        let (z_score, average, change) = (&options.z_score, &options.moving_average, &options.rate_of_change);
        Self {
            enabled: options.enabled,
            min_data_points: options.min_data_points,
            z_score: ZScoreConfig {
                enabled: z_score.enabled,
                threshold: z_score.threshold,
                severity: z_score.severity,
                lookback_window: options.z_score_lookback,
                metrics: z_score.metrics.clone(),
            },
            moving_average: MovingAverageConfig {
                enabled: average.enabled,
                window_size: options.moving_average_window,
                deviation_threshold: average.threshold,
                severity: average.severity,
                metrics: average.metrics.clone(),
            },
            rate_of_change: RateOfChangeConfig {
                enabled: change.enabled,
                threshold: change.threshold,
                severity: change.severity,
                metrics: change.metrics.clone(),
            },
        }
    }
}
