//! `axis config check` and `axis config explain`.

use axis_core::Error;
use axis_core::config::{Config, Origin, Setting};
use serde_json::{Value, json};

use super::output::table;
use super::{Context, Exit, Failure, shown};

/// Characters of a value in the table.
const VALUE_WIDTH: usize = 60;

/// Names every mistake; nothing is opened and no source is asked.
pub(crate) fn check(context: &Context) -> Result<Exit, Failure> {
    let (config, errors) = match context.config_quietly() {
        Ok(config) => {
            let errors = broken(&config);
            (Some(config), errors)
        }
        Err(error) => (None, vec![(None, error)]),
    };
    if context.output.is_json() {
        context.output.json(&document(config.as_ref(), &errors))?;
    } else {
        context.output.text(&text(context, config.as_ref(), &errors))?;
    }
    Ok(if errors.is_empty() { Exit::Done } else { Exit::Wrong })
}

fn broken(config: &Config) -> Vec<(Option<String>, Error)> {
    let datasets = config.datasets.iter();
    let of_datasets = datasets.filter_map(|dataset| Some((Some(dataset.name.clone()), dataset.broken.clone()?)));
    let of_dashboard = config.dashboard.broken.iter().map(|error| (None, error.clone()));
    of_datasets.chain(of_dashboard).collect()
}

fn document(config: Option<&Config>, errors: &[(Option<String>, Error)]) -> Value {
    let errors: Vec<Value> = errors
        .iter()
        .map(|(dataset, error)| json!({ "dataset": dataset, "error": error }))
        .collect();
    let warnings = config.map_or_else(Vec::new, |config| {
        let warnings = config.warnings.iter();
        warnings
            .map(|warning| json!({ "place": warning.place, "message": warning.message }))
            .collect()
    });
    let datasets = config.map_or_else(Vec::new, |config| {
        let datasets = config.datasets.iter();
        datasets
            .map(|dataset| {
                json!({
                    "dataset": dataset.name,
                    "enabled": dataset.enabled,
                    "configured": dataset.connection.is_some() && !dataset.tables.is_empty(),
                    "ok": dataset.broken.is_none(),
                })
            })
            .collect()
    });
    json!({ "ok": errors.is_empty(), "errors": errors, "warnings": warnings, "datasets": datasets })
}

fn text(context: &Context, config: Option<&Config>, errors: &[(Option<String>, Error)]) -> String {
    let mut lines: Vec<String> = errors.iter().map(|(_, error)| format!("error: {error}")).collect();
    let warnings = config.map_or(&[][..], |config| &config.warnings);
    lines.extend(
        warnings
            .iter()
            .map(|warning| format!("warning: {}: {}", warning.place, warning.message)),
    );
    let enabled = config.map_or(0, |config| {
        config.datasets.iter().filter(|dataset| dataset.enabled).count()
    });
    lines.push(format!(
        "{}: {} errors, {} warnings, {enabled} datasets enabled",
        shown(&context.custom_dir),
        errors.len(),
        warnings.len()
    ));
    lines.join("\n")
}

/// Lists every setting.
pub(crate) fn explain(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let rows: Vec<(&str, String, Value)> = config
        .explain()
        .iter()
        .map(|setting| match (&context.store, setting.key.as_str()) {
            (Some(store), "duckdb.path") => (
                "duckdb.path",
                store.display().to_string(),
                json!({ "type": "argument", "name": "--store" }),
            ),
            _ => (setting.key.as_str(), setting.value.clone(), origin(setting)),
        })
        .collect();
    if context.output.is_json() {
        let settings: Vec<Value> = rows
            .iter()
            .map(|(key, value, origin)| json!({ "key": key, "value": value, "origin": origin }))
            .collect();
        context.output.json(&json!({ "settings": settings }))?;
    } else {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|(key, value, origin)| vec![(*key).to_owned(), short(value), origin_text(origin)])
            .collect();
        context.output.text(&table(&["key", "value", "origin"], &rows))?;
    }
    Ok(Exit::Done)
}

/// Queries are long; the table shows where they begin, and `--json` all of them.
fn short(value: &str) -> String {
    let words = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(VALUE_WIDTH) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

fn origin(setting: &Setting) -> Value {
    match &setting.origin {
        Origin::Default => json!({ "type": "default" }),
        Origin::Env(name) => json!({ "type": "environment", "name": name }),
        Origin::File { file, line } => json!({ "type": "file", "file": file, "line": line }),
    }
}

fn origin_text(origin: &Value) -> String {
    let text = |key: &str| origin[key].as_str().unwrap_or_default();
    match text("type") {
        "file" => format!("{}:{}", text("file"), origin["line"]),
        "environment" => format!("environment {}", text("name")),
        "argument" => text("name").to_owned(),
        other => other.to_owned(),
    }
}
