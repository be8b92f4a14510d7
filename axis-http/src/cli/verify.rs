//! `axis verify`.

use axis_core::{Dataset, Difference, Result as AxisResult, TableVerification, VerifyOptions, VerifyReport};
use serde_json::json;

use super::args::VerifyArgs;
use super::output::table;
use super::progress::{Progress, duration, thousands};
use super::sync::{Outcomes, chosen, document, exit};
use super::{Context, Exit, Failure};

/// More columns than this are counted, not listed.
const LISTED: usize = 5;

pub(crate) async fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let config = context.config()?;
    let names = chosen(&config, &args.datasets)?;
    let engine = context.open(config).await?;
    let datasets = names
        .iter()
        .map(|name| engine.dataset(name))
        .collect::<AxisResult<Vec<Dataset>>>();
    let progress = Progress::start(&engine, &context.output);
    let options = VerifyOptions::default().sync(args.sync).cancel(context.stop.clone());
    let outcomes = match datasets {
        Ok(datasets) => Ok(Box::pin(engine.verify(&datasets, &options)).await),
        Err(error) => Err(error),
    };
    progress.finish().await;
    engine.close().await?;
    let outcomes = outcomes?;
    let equal = outcomes
        .iter()
        .all(|(_, outcome)| outcome.as_ref().is_ok_and(|report| report.equal));
    if context.output.is_json() {
        let mut document = document(&outcomes);
        document["equal"] = json!(equal);
        context.output.json(&document)?;
    } else {
        context.output.text(&summary(&outcomes))?;
    }
    for (_, outcome) in &outcomes {
        if let Err(error) = outcome {
            context.output.note_error(error);
        }
    }
    Ok(match exit(context, &outcomes) {
        Exit::Done if !equal => Exit::Failed,
        exit => exit,
    })
}

/// The outcomes for people: one row a table.
fn summary(outcomes: &Outcomes<VerifyReport>) -> String {
    let mut rows = Vec::new();
    for (name, outcome) in outcomes {
        match outcome {
            Ok(report) => {
                for part in &report.tables {
                    rows.push(vec![
                        name.clone(),
                        part.table.clone(),
                        verdict(part),
                        thousands(part.rows.source),
                        thousands(part.rows.store),
                        part.checksum.source.clone(),
                        part.checksum.store.clone(),
                        duration(report.elapsed_ms),
                    ]);
                }
            }
            Err(error) => rows.push(vec![name.clone(), "-".to_owned(), format!("failed: {}", error.code())]),
        }
    }
    let headers = [
        "dataset",
        "table",
        "verdict",
        "rows in source",
        "in store",
        "checksum of source",
        "of store",
        "time",
    ];
    table(&headers, &rows)
}

/// Says in what a table differs.
fn verdict(table: &TableVerification) -> String {
    if table.equal {
        return "equal".to_owned();
    }
    let mut reasons = Vec::new();
    if table.truncated {
        reasons.push("cut by max_sync_rows".to_owned());
    }
    if table.rows.source > table.rows.store {
        reasons.push(format!(
            "{} rows fewer",
            thousands(table.rows.source - table.rows.store)
        ));
    }
    if table.rows.source < table.rows.store {
        reasons.push(format!("{} rows more", thousands(table.rows.store - table.rows.source)));
    }
    let columns = table.columns.iter().take(LISTED);
    reasons.extend(columns.map(|found| match &found.difference {
        Difference::Values => format!("values of `{}`", found.column),
        Difference::Type { source, store } => format!("`{}` is {store}, would be {source}", found.column),
        Difference::OnlyInSource => format!("`{}` is not stored", found.column),
        Difference::OnlyInStore => format!("`{}` is only stored", found.column),
        _ => format!("`{}`", found.column),
    }));
    if table.columns.len() > LISTED {
        reasons.push(format!("{} more columns", table.columns.len() - LISTED));
    }
    if reasons.is_empty() {
        reasons.push("values in other rows".to_owned());
    }
    format!("differs: {}", reasons.join(", "))
}
