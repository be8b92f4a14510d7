//! `axis sync`.

use axis_core::config::Config;
use axis_core::{Dataset, Engine, Error, ErrorKind, Result as AxisResult, SyncMode, SyncOptions, SyncReport};
use serde::Serialize;
use serde_json::{Value, json};

use super::args::SyncArgs;
use super::output::{exit_of, table};
use super::progress::{Progress, describe, duration, thousands};
use super::{Context, Exit, Failure};

/// What became of each dataset, in the order in which they were asked for.
pub(crate) type Outcomes<T = SyncReport> = Vec<(String, AxisResult<T>)>;

pub(crate) async fn run(context: &Context, args: &SyncArgs) -> Result<Exit, Failure> {
    let config = context.config()?;
    let names = chosen(&config, &args.datasets)?;
    let engine = context.open(config).await?;
    let options = SyncOptions::default().mode(match (args.full, args.reconcile) {
        (true, _) => SyncMode::Full,
        (false, true) => SyncMode::Reconcile,
        (false, false) => SyncMode::Auto,
    });
    let outcomes = Box::pin(sync_all(context, &engine, &names, options)).await;
    engine.close().await?;
    let outcomes = outcomes?;
    if context.output.is_json() {
        context.output.json(&document(&outcomes))?;
    } else {
        context.output.text(&summary(&outcomes))?;
    }
    for (_, outcome) in &outcomes {
        match outcome {
            Ok(report) => note_missing(context, report),
            Err(error) => context.output.note_error(error),
        }
    }
    Ok(exit(context, &outcomes))
}

/// Warns of columns without which the analytics have nothing to say.
fn note_missing(context: &Context, report: &SyncReport) {
    for table in &report.tables {
        if let Some(message) = table.missing() {
            context.output.note(&format!("warning: {}: {message}", report.dataset));
        }
    }
}

/// Syncs with progress on stderr; a signal cancels what is running.
pub(crate) async fn sync_all(
    context: &Context,
    engine: &Engine,
    names: &[String],
    options: SyncOptions,
) -> AxisResult<Outcomes> {
    let datasets: Vec<Dataset> = names
        .iter()
        .map(|name| engine.dataset(name))
        .collect::<AxisResult<_>>()?;
    let progress = Progress::start(engine, &context.output);
    let outcomes = engine.sync(&datasets, &options.cancel(context.stop.clone())).await;
    progress.finish().await;
    Ok(outcomes)
}

/// The datasets that are named, or all that are enabled.
pub(super) fn chosen(config: &Config, named: &[String]) -> AxisResult<Vec<String>> {
    if named.is_empty() {
        let names: Vec<String> = config
            .datasets
            .iter()
            .filter(|dataset| dataset.enabled || dataset.broken.is_some())
            .map(|dataset| dataset.name.clone())
            .collect();
        if names.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "no dataset is enabled; set `enabled: true` in a block such as `monitoring_db` of `config/monitoring_db.yaml`",
            ));
        }
        return Ok(names);
    }
    let mut names: Vec<String> = Vec::new();
    for name in named {
        if config.dataset(name).is_none() {
            let known: Vec<&str> = config.datasets.iter().map(|dataset| dataset.name.as_str()).collect();
            let message = format!("there is no dataset `{name}`; there are: {}", known.join(", "));
            return Err(Error::new(ErrorKind::NotFound, message));
        }
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    Ok(names)
}

/// 2 when nothing but the configuration stood in the way of everything, 1 when anything failed.
pub(super) fn exit<T>(context: &Context, outcomes: &Outcomes<T>) -> Exit {
    let errors: Vec<&Error> = outcomes
        .iter()
        .filter_map(|(_, outcome)| outcome.as_ref().err())
        .collect();
    let cancelled = errors.iter().any(|error| error.kind() == ErrorKind::Cancelled);
    if errors.is_empty() {
        Exit::Done
    } else if cancelled && context.stop.is_cancelled() {
        Exit::Interrupted
    } else if errors.len() == outcomes.len() && errors.iter().all(|error| exit_of(error) == Exit::Wrong) {
        Exit::Wrong
    } else {
        Exit::Failed
    }
}

/// The outcomes for programs.
pub(crate) fn document<T: Serialize>(outcomes: &Outcomes<T>) -> Value {
    let datasets: Vec<Value> = outcomes
        .iter()
        .map(|(name, outcome)| match outcome {
            Ok(report) => json!({ "dataset": name, "ok": true, "report": report }),
            Err(error) => json!({ "dataset": name, "ok": false, "error": error }),
        })
        .collect();
    json!({ "ok": outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "datasets": datasets })
}

/// The outcomes for people: one row a table.
pub(crate) fn summary(outcomes: &Outcomes) -> String {
    let mut rows = Vec::new();
    for (name, outcome) in outcomes {
        match outcome {
            Ok(report) => {
                for part in &report.tables {
                    rows.push(vec![
                        name.clone(),
                        part.table.clone(),
                        describe(part.strategy),
                        thousands(part.rows_read),
                        format!("+{} -{}", thousands(part.rows_inserted), thousands(part.rows_deleted)),
                        thousands(part.rows_total),
                        duration(report.elapsed_ms),
                    ]);
                }
            }
            Err(error) => rows.push(vec![name.clone(), "-".to_owned(), format!("failed: {}", error.code())]),
        }
    }
    table(&["dataset", "table", "how", "read", "change", "rows", "time"], &rows)
}
