//! Completing the rows of an evaluation file.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::csv::is_missing;
use super::table::{Cell, Table};
use super::{EvalFormat, PREVIEW_ROWS, Upload, counted, literal};
use crate::config::DatasetKind;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::final_names;

/// Names that evaluation files had once.
const EXPERIMENT: [(&str, &str); 2] = [
    ("experiment_name", "evaluation_name"),
    ("experiment_metadata", "evaluation_metadata"),
];

/// Recognises the rows of a file and completes them. Each row is completed by itself: what it has, it keeps.
///
/// Where the names of the columns say nothing, the aliases that a sync knows are tried (`score` for `metric_score`).
///
/// # Errors
/// `InvalidArgument` when the rows are of no known format, or two columns would get one name.
pub fn process(table: Table) -> Result<Upload> {
    let (mut table, detected) = recognise(table)?;
    // A runner's file that is a tree as well is more useful as a tree.
    let format = match detected {
        EvalFormat::EvalRunner if EvalFormat::Tree.fits(&table.names()) => EvalFormat::Tree,
        detected => detected,
    };
    let mut warnings = Vec::new();
    let (reported, found) = match format {
        EvalFormat::Tree | EvalFormat::Flat => {
            complete_tree(&mut table, &mut warnings);
            let roots = roots(&table);
            let roots = if roots.is_empty() {
                "none".to_owned()
            } else {
                roots.join(", ")
            };
            (EvalFormat::Tree, format!("metrics at the root: {roots}"))
        }
        EvalFormat::EvalRunner => {
            complete_run(&mut table, &mut warnings);
            (format, "verdicts of an evaluation run".to_owned())
        }
        EvalFormat::SimpleJudgment => {
            table.complete("critique", &Cell::text(""));
            (format, "judgments".to_owned())
        }
        EvalFormat::FreshAnnotation => {
            table.complete("critique", &Cell::text(""));
            table.complete("evaluation_metadata", &Cell::text("{}"));
            (format, "records to annotate".to_owned())
        }
        EvalFormat::Unknown => {
            let message = format!(
                "the format is unknown; the columns must be those of one of {}",
                EvalFormat::needs()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message).during("upload.recognise"));
        }
    };
    Ok(Upload {
        success: true,
        format: reported.name().to_owned(),
        row_count: table.rows() as u64,
        columns: table.names(),
        metric_columns: None,
        preview: Some(table.head(PREVIEW_ROWS)),
        message: format!("{}; {found}", counted(table.rows(), "row")),
        data: table,
        warnings,
    })
}

/// Finds the format, with the names as they are, or else with the aliases resolved.
///
/// # Errors
/// `InvalidArgument` when two columns would get one name.
pub fn recognise(mut table: Table) -> Result<(Table, EvalFormat)> {
    let mut names = table.names();
    for (old, new) in EXPERIMENT {
        if !table.has(new)
            && let Some(name) = names.iter_mut().find(|name| *name == old)
        {
            new.clone_into(name);
        }
    }
    table.rename(names);
    let format = EvalFormat::detect(&table.names());
    if format != EvalFormat::Unknown {
        return Ok((table, format));
    }
    // An error here would hide that the format is unknown.
    let Ok(names) = final_names(DatasetKind::Eval, &BTreeMap::new(), &table.names()) else {
        return Ok((table, format));
    };
    let format = EvalFormat::detect(&names);
    if format != EvalFormat::Unknown {
        table.rename(names);
    }
    Ok((table, format))
}

fn complete_tree(table: &mut Table, warnings: &mut Vec<String>) {
    let text = Cell::text;
    table.complete("metric_type", &text("metric"));
    for name in ["parent", "weight"] {
        table.change(name, |cell| {
            if matches!(cell, Cell::Text(text) if text.trim().is_empty() || is_missing(text)) {
                *cell = Cell::Null;
            }
        });
    }
    table.complete("dataset_id", &text("test_case_1"));
    table.complete("evaluation_name", &text("Experiment 1"));
    complete_record(table);
    complete_contents(table, warnings);
    numbers(table, "metric_score", warnings);
}

/// The same for what a runner exports: the run gives the evaluation its name, and a verdict without a score is one.
fn complete_run(table: &mut Table, warnings: &mut Vec<String>) {
    table.change("passed", |cell| {
        if let Some(passed) = verdict(cell) {
            *cell = Cell::Bool(passed);
        }
    });
    let cells = |table: &Table, name: &str| {
        table
            .column(name)
            .map(|column| column.cells.clone())
            .unwrap_or_default()
    };
    let mut runs = cells(table, "run_id").into_iter();
    table.change("evaluation_name", |cell| {
        let run = runs.next().unwrap_or_default();
        if cell.is_null() {
            *cell = run.label().map_or_else(|| Cell::text("Experiment 1"), Cell::text);
        }
    });
    let has_score = table.has("metric_score");
    table.complete("metric_name", &Cell::text("passed"));
    if has_score {
        numbers(table, "metric_score", warnings);
    }
    let mut verdicts = cells(table, "passed").into_iter();
    let mut names = cells(table, "metric_name").into_iter();
    table.change("metric_score", |cell| {
        let (passed, name) = (verdicts.next().unwrap_or_default(), names.next().unwrap_or_default());
        let is_verdict = matches!(&name, Cell::Text(name) if &**name == "passed");
        if let (true, true, Cell::Bool(passed)) = (cell.is_null(), is_verdict, passed) {
            *cell = Cell::Number(if passed { 1.0 } else { 0.0 });
        }
    });
    complete_record(table);
    complete_contents(table, warnings);
}

fn complete_record(table: &mut Table) {
    for name in ["query", "actual_output", "expected_output", "critique"] {
        table.complete(name, &Cell::text(""));
    }
    for name in ["evaluation_metadata", "data_metadata"] {
        table.complete(name, &Cell::text("{}"));
    }
}

/// Reads what was retrieved for a record, which is written as a list.
fn complete_contents(table: &mut Table, warnings: &mut Vec<String>) {
    if !table.has("retrieved_content") {
        return;
    }
    let mut odd = 0;
    table.change("retrieved_content", |cell| {
        let list = match cell {
            Cell::Null => Some(Value::Array(Vec::new())),
            Cell::Text(text) if text.trim().is_empty() || is_missing(text) => Some(Value::Array(Vec::new())),
            Cell::Text(text) => literal::read(text),
            _ => return,
        };
        match list {
            Some(list) => *cell = Cell::Json(Box::new(list)),
            None => odd += 1,
        }
    });
    if odd > 0 {
        warnings.push(format!(
            "`retrieved_content` is no list in {}, and stays text there",
            counted(odd, "row")
        ));
    }
}

/// Turns a column into numbers; what is none becomes null, and is counted.
pub(super) fn numbers(table: &mut Table, name: &str, warnings: &mut Vec<String>) {
    let mut odd = 0;
    table.change(name, |cell| {
        if cell.is_null() || matches!(cell, Cell::Int(_)) {
            return;
        }
        let number = cell.number();
        let missing = matches!(cell, Cell::Text(text) if is_missing(text)) || matches!(cell, Cell::Number(_));
        odd += usize::from(number.is_none() && !missing);
        *cell = number.map_or(Cell::Null, Cell::Number);
    });
    if odd > 0 {
        warnings.push(format!(
            "`{name}` is no number in {}, and null there",
            counted(odd, "row")
        ));
    }
}

fn verdict(cell: &Cell) -> Option<bool> {
    match cell.label()?.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "pass" | "passed" => Some(true),
        "false" | "0" | "no" | "fail" | "failed" => Some(false),
        _ => None,
    }
}

/// The metrics that are part of no other, by name.
fn roots(table: &Table) -> Vec<String> {
    let (Some(names), Some(parents)) = (table.column("metric_name"), table.column("parent")) else {
        return Vec::new();
    };
    let pairs = names.cells.iter().zip(&parents.cells);
    let roots = pairs.filter(|(_, parent)| parent.is_null());
    let roots: BTreeSet<String> = roots.filter_map(|(name, _)| name.label()).collect();
    roots.into_iter().collect()
}
