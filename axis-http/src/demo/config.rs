//! The configuration files that read the demonstration's SQLite file.

use std::path::Path;

/// Returns the names and texts of the five files that belong into `custom/config`, for the SQLite file at `source`: a path that is
/// relative is so to the directory of `custom`, and can be moved with it.
#[must_use]
pub fn config_yaml(source: &Path) -> [(&'static str, String); 5] {
    // A JSON text is a YAML text, so blanks, quotes and backslashes in the path need no further care.
    let url = serde_json::Value::from(format!("sqlite:{}", source.display())).to_string();
    let with_url = |template: &str| template.replace("{url}", &url);
    [
        ("duckdb.yaml", DUCKDB.to_owned()),
        ("monitoring_db.yaml", with_url(MONITORING)),
        ("eval_db.yaml", with_url(EVAL)),
        ("human_signals_db.yaml", with_url(HUMAN_SIGNALS)),
        ("kpi_db.yaml", with_url(KPI)),
    ]
}

const DUCKDB: &str = "\
duckdb:
  enabled: true
  path: data/demo.duckdb
  sync_mode: startup
  query_concurrency: 8
";

const MONITORING: &str = "\
monitoring_db:
  enabled: true
  auto_load: true
  url: {url}
  dataset_query: |
    select dataset_id, created_at, environment, source_name, source_component, source_type, query, actual_output,
           expected_output, model_name, latency, has_errors, trace_id, cost_estimate
    from traces
  results_query: |
    select dataset_id, created_at, metric_name, metric_score, metric_category, metric_type, explanation, threshold,
           passed, signals, evaluation_name
    from metrics
  incremental_column: created_at
  refresh_interval_minutes: 1
  thresholds:
    default: {good: 0.75, pass: 0.5}
    per_source:
      policy-search: {good: 0.85, pass: 0.6}
  anomaly_detection:
    enabled: true
    min_data_points: 5
";

const EVAL: &str = "\
eval_db:
  enabled: true
  auto_load: true
  url: {url}
  dataset_query: |
    select dataset_id, created_at, evaluation_name, query, actual_output, expected_output, model_name, latency,
           evaluation_metadata
    from eval_cases
  results_query: |
    select dataset_id, created_at, evaluation_name, metric_name, metric_score, metric_type, metric_category, parent,
           weight, threshold, passed
    from eval_metrics
  incremental_column: created_at
  refresh_interval_minutes: 1
";

// The columns of human signals keep their names, so the query itself has to name the time `timestamp`.
const HUMAN_SIGNALS: &str = "\
human_signals_db:
  enabled: true
  auto_load: true
  url: {url}
  dataset_query: |
    select dataset_id, created_at as timestamp, source_name, source_component, source_type, environment, conversation,
           conversation_stats, additional_input
    from signal_cases
  results_query: |
    select dataset_id, created_at as timestamp, metric_name, metric_category, signals
    from signal_metrics
  incremental_column: timestamp
  refresh_interval_minutes: 1
";

const KPI: &str = "\
kpi_db:
  enabled: true
  auto_load: true
  url: {url}
  query: |
    select id, created_at, source_name, source_type, kpi_name, kpi_category, dataset_id, numeric_value,
           source_component, environment, segment, tags, metadata
    from kpis
  incremental_column: created_at
  refresh_interval_minutes: 1
  card_display_value: avg_7d
  kpi_overrides:
    task_success_rate: {unit: percent}
    customer_satisfaction: {display_name: Customer Satisfaction (of 5), unit: score}
    escalation_rate: {unit: percent, polarity: lower_better}
    avg_handle_time: {display_name: Handle Time, unit: seconds, polarity: lower_better}
    cost_per_case: {display_name: Cost per Case (USD), polarity: lower_better}
    cases_handled: {unit: count}
  categories:
    quality: {display_name: Quality, icon: Target}
    efficiency: {display_name: Efficiency, icon: Zap}
    volume: {display_name: Volume, icon: BarChart3}
  composition_charts:
    - title: Outcomes
      kpis:
        - {kpi_name: task_success_rate, label: Solved, color: \"#8B9F4F\"}
        - {kpi_name: escalation_rate, label: Escalated, color: \"#E74C3C\"}
      show_remainder: true
      remainder_label: Open
";
