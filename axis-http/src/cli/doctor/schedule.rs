//! Whether data stays fresh by itself, and refreshes read only what is new.

use axis_core::config::{Config, DatasetConfig, SyncMode};

use super::finding::{Check, Finding};

pub(super) fn judge(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    let store = &config.store;
    if !store.enabled {
        let remedy = "set `enabled: true` in config/duckdb.yaml";
        findings.push(Finding::problem(
            Check::Schedule,
            "the store is disabled, so nothing is synced or answered",
            remedy,
        ));
    }
    if store.sync_mode == SyncMode::Manual {
        findings.push(Finding::warning(
            Check::Schedule,
            "`sync_mode` is manual: a store that is new stays empty until somebody asks for a sync",
            "set `sync_mode: startup` in config/duckdb.yaml",
        ));
    }
    let datasets = || {
        config
            .datasets
            .iter()
            .filter(|dataset| dataset.enabled && dataset.broken.is_none())
    };
    if !store.scheduler && datasets().any(|dataset| dataset.refresh_interval.is_some()) {
        findings.push(Finding::warning(
            Check::Schedule,
            "the schedule is off, so intervals have no effect",
            "set `scheduler: true` in config/duckdb.yaml, unless another scheduler calls POST /api/store/sync",
        ));
    }
    for dataset in datasets() {
        findings.push(scheduled(dataset, store.sync_mode == SyncMode::Startup).about(&dataset.name));
        findings.extend(dataset.tables.iter().map(|table| {
            let subject = format!("{}.{}", dataset.name, table.name);
            incremental(
                dataset,
                table.incremental_column.as_deref(),
                !table.primary_key.is_empty(),
            )
            .about(subject)
        }));
    }
    findings
}

fn scheduled(dataset: &DatasetConfig, at_startup: bool) -> Finding {
    match dataset.refresh_interval {
        None => Finding::warning(
            Check::Schedule,
            "nothing refreshes it",
            "set `refresh_interval_minutes`, or let another scheduler call POST /api/store/sync/NAME",
        ),
        Some(_) if at_startup && !dataset.auto_load => Finding::warning(
            Check::Schedule,
            "it is not synced at startup, only when its interval has passed",
            "set `auto_load: true`",
        ),
        Some(interval) => Finding::ok(
            Check::Schedule,
            format!("refreshed every {} min", interval.as_secs() / 60),
        ),
    }
}

fn incremental(dataset: &DatasetConfig, column: Option<&str>, has_key: bool) -> Finding {
    let Some(column) = column else {
        return Finding::warning(
            Check::Incremental,
            "there is no incremental column, so every refresh reads every row",
            "set `incremental_column` to a time or number that grows whenever a row is written",
        );
    };
    let compares = has_key && dataset.reconcile_interval.is_some();
    if !compares && dataset.full_refresh_interval.is_none() {
        return Finding::warning(
            Check::Incremental,
            format!("refreshed by `{column}`; rows that are deleted in the source stay"),
            "set `primary_key` and `reconcile_interval_minutes`, or `full_refresh_interval_minutes`",
        );
    }
    Finding::ok(
        Check::Incremental,
        format!("refreshed by `{column}`, and deleted rows are looked for"),
    )
}
