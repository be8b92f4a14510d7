//! `axis status`.

use axis_core::{DatasetStatus, Engine, Result as AxisResult};
use chrono::SecondsFormat;
use serde_json::{Value, json};

use super::output::table;
use super::progress::thousands;
use super::{Context, Exit, Failure, shown};

pub(crate) async fn run(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let path = shown(&config.store.path);
    let engine = context.open(config).await?;
    let collected = collect(&engine).await;
    engine.close().await?;
    let collected = collected?;
    if context.output.is_json() {
        let datasets: Vec<Value> = collected
            .iter()
            .map(|(status, rows)| with_rows(status, *rows))
            .collect();
        context.output.json(&json!({ "store": path, "datasets": datasets }))?;
    } else {
        let rows: Vec<Vec<String>> = collected.iter().map(|(status, rows)| cells(status, *rows)).collect();
        let headers = [
            "dataset",
            "state",
            "rows",
            "generation",
            "last sync",
            "strategy",
            "watermark",
            "error",
        ];
        context.output.text(&table(&headers, &rows))?;
    }
    Ok(Exit::Done)
}

async fn collect(engine: &Engine) -> AxisResult<Vec<(DatasetStatus, Option<u64>)>> {
    let mut all = Vec::new();
    for dataset in engine.datasets() {
        all.push((dataset.status(), dataset.row_count().await?));
    }
    Ok(all)
}

fn with_rows(status: &DatasetStatus, rows: Option<u64>) -> Value {
    let mut value = json!(status);
    if let Some(object) = value.as_object_mut() {
        object.insert("rows".to_owned(), json!(rows));
    }
    value
}

fn cells(status: &DatasetStatus, rows: Option<u64>) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let last = status.last_success.as_ref();
    let mut watermarks: Vec<&str> = status.watermarks.values().flatten().map(String::as_str).collect();
    watermarks.dedup();
    let state = match (status.enabled, status.configured) {
        (false, _) => "disabled".to_owned(),
        (true, false) if status.last_failure.is_none() => "not configured".to_owned(),
        // The wire form is the one spelling of a state.
        _ => json!(status.state).as_str().unwrap_or_default().to_owned(),
    };
    vec![
        status.dataset.clone(),
        state,
        or_dash(rows.map(thousands)),
        status.generation.to_string(),
        or_dash(last.map(|report| report.finished_at.to_rfc3339_opts(SecondsFormat::Secs, true))),
        or_dash(last.map(|report| report.strategy.as_str().to_owned())),
        or_dash((!watermarks.is_empty()).then(|| watermarks.join(", "))),
        or_dash(
            status
                .last_failure
                .as_ref()
                .map(|failure| format!("{} [{}]", failure.message, failure.code)),
        ),
    ]
}
