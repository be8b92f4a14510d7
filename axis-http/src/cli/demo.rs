//! `axis demo`: everything at work on made-up data.

mod directory;
mod live;

use std::path::Path;

use arrow::util::pretty::pretty_format_batches;
use axis_core::config::{Config, SyncMode};
use axis_core::{Engine, Error, ErrorKind, Query, SyncOptions, arrow, rows_to_json};
use axis_http::ServeOptions;
use serde_json::json;

use super::args::DemoArgs;
use super::progress::{duration, thousands};
use super::sync::{Outcomes, sync_all};
use super::{Context, Exit, Failure, serve, sync};

/// The question that the demonstration answers.
const SAMPLE: &str = "select metric_name, count(*) as rows, round(avg(try_cast(metric_score as double)), 3) as average \
     from monitoring_data where metric_category = 'SCORE' group by all order by 1";

pub(crate) async fn run(context: &Context, args: &DemoArgs) -> Result<Exit, Failure> {
    // A port in use is found out before anything is written.
    let listener = if args.once {
        None
    } else {
        Some(serve::listen(&args.host, args.port).await?)
    };
    let now = chrono::Utc::now().timestamp_micros();
    let made = directory::make(&args.dir, args.rows, now).await?;
    let mut config = Config::load(&made.custom_dir, &context.env)?;
    if let Some(listener) = &listener {
        ServeOptions::default().check(config.server.authenticates(), listener.local_addr()?)?;
    }
    // The demonstration syncs what changes by itself, where it can tell about it. The schedule keeps the rest fresh.
    config.store.sync_mode = SyncMode::Manual;
    config.store.scheduler = true;
    if let Some(store) = &context.store {
        config.store.path.clone_from(store);
    }
    let engine = Engine::builder(config).open().await?;
    let names: Vec<String> = engine.syncable().map(|dataset| dataset.name().to_owned()).collect();
    let outcomes = match Box::pin(sync_all(context, &engine, &names, SyncOptions::default())).await {
        Ok(outcomes) => outcomes,
        Err(error) => {
            engine.close().await?;
            return Err(error.into());
        }
    };
    let told = tell(context, &engine, &outcomes, &made.custom_dir, args.once).await;
    let failed = outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().err().cloned());
    if let (Ok(()), None, Some(listener)) = (&told, &failed, listener) {
        return live::run(context, engine, listener, made.source).await;
    }
    engine.close().await?;
    told?;
    match failed {
        None => Ok(Exit::Done),
        Some(error) if error.kind() == ErrorKind::Cancelled && context.stop.is_cancelled() => Ok(Exit::Interrupted),
        Some(error) => {
            context.output.note_error(&error);
            Ok(Exit::Failed)
        }
    }
}

/// Prints what arrived and an answer from it.
async fn tell(
    context: &Context,
    engine: &Engine,
    outcomes: &Outcomes,
    custom_dir: &Path,
    once: bool,
) -> Result<(), Failure> {
    let batches = if outcomes.iter().all(|(_, outcome)| outcome.is_ok()) {
        engine.query(Query::sql(SAMPLE)).await?.collect().await?
    } else {
        Vec::new()
    };
    if context.output.is_json() {
        let mut document = sync::document(outcomes);
        document["custom_dir"] = json!(custom_dir);
        document["sample"] = json!({ "sql": SAMPLE, "rows": rows_to_json(&batches) });
        return Ok(context.output.json(&document)?);
    }
    let mut lines = Vec::new();
    for (name, outcome) in outcomes {
        lines.push(match outcome {
            Ok(report) => format!(
                "{name}: {} rows in {} ({})",
                thousands(report.rows_read),
                duration(report.elapsed_ms),
                report.strategy.as_str()
            ),
            Err(error) => format!("{name}: failed: {error}"),
        });
    }
    let answer = pretty_format_batches(&batches)
        .map_err(|error| Error::new(ErrorKind::Internal, "the answer cannot be printed").because(error))?;
    lines.push(format!("\nAverage score by metric:\n{answer}\n"));
    let custom_dir = custom_dir.display();
    lines.push(if once {
        "Try next:".to_owned()
    } else {
        "Try next (the first three after Ctrl-C: one process at a time has the store):".to_owned()
    });
    // As it was called, so that the lines can be pasted also where the program is not on the path.
    let axis = std::env::args().next().unwrap_or_else(|| "axis".to_owned());
    lines.push(format!("  {axis} --custom-dir '{custom_dir}' status"));
    lines.push(format!(
        "  {axis} --custom-dir '{custom_dir}' query \"select count(*) from monitoring_data\""
    ));
    lines.push(format!("  {axis} --custom-dir '{custom_dir}' sync --full"));
    Ok(context.output.text(&lines.join("\n"))?)
}
