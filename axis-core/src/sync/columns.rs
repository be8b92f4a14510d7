//! Final column names: one pure rule for every path by which rows enter the store.
//!
//! 1. A name in the dataset's `columns` map is final.
//! 2. Otherwise the name's key (lower case, trimmed, blanks and hyphens as `_`) is looked up in the dataset's alias table.
//!    Human signals and KPIs take the key itself as the name; a user's own dataset keeps names as they are.
//! 3. A canonical name that the source already has wins over its aliases, and the first alias wins over later ones. An
//!    alias that loses keeps its own name, and the report says so.

use std::collections::{BTreeMap, HashSet};

use crate::config::DatasetKind;
use crate::error::{Error, ErrorKind, Result};

/// The final names of a query's columns, in the query's order, and what was not renamed because its target was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) finals: Vec<String>,
    pub(crate) kept: Vec<KeptAlias>,
}

/// An alias that kept its own name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeptAlias {
    /// The source's name.
    pub column: String,
    /// The canonical name that another column already has.
    pub taken: String,
}

const MONITORING: &[(&str, &[&str])] = &[
    ("dataset_id", &["id", "record_id"]),
    ("timestamp", &["time", "created_at", "dataset_created_at"]),
    ("model_name", &["model", "agent_name", "agent"]),
    ("latency", &["latency_ms", "response_time"]),
    ("has_errors", &["error"]),
    ("query", &["input", "prompt", "user_input"]),
    ("actual_output", &["output", "response", "model_output", "completion"]),
    (
        "evaluation_name",
        &["evaluationname", "eval_name", "experiment", "experiment_name"],
    ),
    ("environment", &["env", "stage"]),
];

/// Names of the monitoring dataset that have no aliases but are recognised by their key.
const MONITORING_IDENTITY: &[&str] = &[
    "metric_id",
    "run_id",
    "llm_provider",
    "expected_output",
    "metric_name",
    "metric_score",
    "metric_type",
    "parent",
    "weight",
    "passed",
    "threshold",
    "signals",
    "explanation",
    "critique",
    "metric_category",
    "source_type",
    "source_name",
    "source_component",
    "trace_id",
    "observation_id",
    "eval_mode",
    "cost_estimate",
    "version",
];

const EVAL: &[(&str, &[&str])] = &[
    ("dataset_id", &["id", "record_id", "eval_id"]),
    ("query", &["input", "prompt", "question"]),
    ("actual_output", &["output", "response", "completion", "answer"]),
    ("expected_output", &["expected", "ground_truth", "reference"]),
    ("evaluation_name", &["experiment", "run_name", "experiment_name"]),
    ("metric_name", &["metric"]),
    ("metric_score", &["score", "metric_value", "value"]),
];

/// Gives every source column its final name.
///
/// # Errors
/// `Config` when two columns end up with one name, compared as DuckDB does, without regard to case.
pub(crate) fn names(kind: DatasetKind, custom: &BTreeMap<String, String>, source: &[String]) -> Result<Names> {
    let mut finals: Vec<Option<String>> = source.iter().map(|name| custom.get(name).cloned()).collect();
    let mut taken: HashSet<String> = finals.iter().flatten().map(|name| name.to_lowercase()).collect();
    // A column that already is canonical comes before every alias of its name.
    let targets: Vec<Option<String>> = source.iter().map(|name| target(kind, name)).collect();
    for (index, name) in source.iter().enumerate() {
        if finals[index].is_none() && targets[index].as_deref().is_none_or(|target| key(name) == target) {
            let own = targets[index].clone().unwrap_or_else(|| name.clone());
            taken.insert(own.to_lowercase());
            finals[index] = Some(own);
        }
    }
    let mut kept = Vec::new();
    for (index, name) in source.iter().enumerate() {
        if finals[index].is_some() {
            continue;
        }
        let target = targets[index]
            .clone()
            .expect("a column without a target got its own name above");
        if taken.insert(target.clone()) {
            finals[index] = Some(target);
        } else {
            taken.insert(name.to_lowercase());
            kept.push(KeptAlias {
                column: name.clone(),
                taken: target,
            });
            finals[index] = Some(name.clone());
        }
    }
    let finals: Vec<String> = finals.into_iter().flatten().collect();
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for (name, from) in finals.iter().zip(source) {
        if let Some(other) = seen.insert(name.to_lowercase(), from) {
            return Err(Error::new(
                ErrorKind::Config,
                format!("columns `{other}` and `{from}` would both be named `{name}`; rename one in the query or under `columns`"),
            )
            .during("sync.plan"));
        }
    }
    Ok(Names { finals, kept })
}

/// Gives every source column its final name; see [`names`].
pub(crate) fn final_names(
    kind: DatasetKind,
    custom: &BTreeMap<String, String>,
    source: &[String],
) -> Result<Vec<String>> {
    names(kind, custom, source).map(|names| names.finals)
}

/// The columns without which nothing can be said about KPIs.
const KPI_REQUIRED: [&str; 4] = ["kpi_name", "kpi_category", "numeric_value", "created_at"];

/// Returns the columns that the analytics of this kind of dataset need and that are not among the final names.
pub(crate) fn missing(kind: DatasetKind, names: &[&str]) -> Vec<&'static str> {
    let needed: &[&str] = match kind {
        DatasetKind::Kpi => &KPI_REQUIRED,
        _ => &[],
    };
    let is_missing = |needed: &&str| !names.iter().any(|name| name.eq_ignore_ascii_case(needed));
    needed.iter().copied().filter(is_missing).collect()
}

/// Says which columns are missing, and what to do.
pub(crate) fn lacks<S: AsRef<str>>(missing: &[S]) -> String {
    let names: Vec<String> = missing.iter().map(|name| format!("`{}`", name.as_ref())).collect();
    format!(
        "the KPIs lack the column{} {}; add what is missing to `kpi_db.query`, or give it that name under `kpi_db.columns`",
        if missing.len() == 1 { "" } else { "s" },
        names.join(", ")
    )
}

/// The canonical name that the built-in rules give a column; `None` when they leave it alone.
fn target(kind: DatasetKind, name: &str) -> Option<String> {
    let key = key(name);
    let aliases = match kind {
        DatasetKind::Monitoring => MONITORING,
        DatasetKind::Eval => EVAL,
        DatasetKind::HumanSignals | DatasetKind::Kpi => return Some(key),
        DatasetKind::Custom => return None,
    };
    if let Some((target, _)) = aliases
        .iter()
        .find(|(target, names)| *target == key || names.contains(&key.as_str()))
    {
        return Some((*target).to_owned());
    }
    (kind == DatasetKind::Monitoring && MONITORING_IDENTITY.contains(&key.as_str())).then_some(key)
}

/// A name as the alias tables know it.
fn key(name: &str) -> String {
    name.trim().to_lowercase().replace([' ', '-'], "_")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn finals(kind: DatasetKind, custom: &[(&str, &str)], source: &[&str]) -> Names {
        let custom = custom.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let source: Vec<String> = source.iter().map(|name| (*name).to_owned()).collect();
        names(kind, &custom, &source).unwrap()
    }

    #[test]
    fn aliases_become_canonical() {
        let names = finals(
            DatasetKind::Monitoring,
            &[],
            &["Record-ID", "created_at", "Response Time", "other"],
        );
        assert_eq!(names.finals, ["dataset_id", "timestamp", "latency", "other"]);
        assert!(names.kept.is_empty());
        let names = finals(DatasetKind::Eval, &[], &["id", "question", "score", "metric"]);
        assert_eq!(names.finals, ["dataset_id", "query", "metric_score", "metric_name"]);
    }

    #[test]
    fn a_canonical_name_of_the_source_wins_and_the_alias_is_reported() {
        let names = finals(
            DatasetKind::Monitoring,
            &[],
            &["id", "created_at", "dataset_id", "timestamp", "input", "prompt"],
        );
        assert_eq!(
            names.finals,
            ["id", "created_at", "dataset_id", "timestamp", "query", "prompt"]
        );
        let kept: Vec<_> = names.kept.iter().map(|kept| kept.column.as_str()).collect();
        assert_eq!(kept, ["id", "created_at", "prompt"]);
    }

    #[test]
    fn a_custom_name_wins_over_the_table() {
        let names = finals(
            DatasetKind::Monitoring,
            &[("input", "question"), ("ts", "timestamp")],
            &["input", "ts", "created_at"],
        );
        assert_eq!(names.finals, ["question", "timestamp", "created_at"]);
    }

    #[test]
    fn signals_and_kpis_take_the_key_and_own_datasets_keep_the_name() {
        assert_eq!(finals(DatasetKind::Kpi, &[], &[" Kpi Name "]).finals, ["kpi_name"]);
        assert_eq!(finals(DatasetKind::Custom, &[], &["Order-ID"]).finals, ["Order-ID"]);
    }

    #[test]
    fn two_columns_of_one_name_are_an_error_that_names_both() {
        let custom = BTreeMap::from([("a".to_owned(), "b".to_owned())]);
        let error = names(DatasetKind::Custom, &custom, &["a".to_owned(), "B".to_owned()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("`a` and `B`"), "{error}");
    }

    proptest! {
        #[test]
        fn final_names_are_unique_or_an_error_and_keep_the_order(
            source in prop::collection::hash_set("[a-dA-D]{1,2}|id|created_at|timestamp|dataset_id|record_id|time", 1..8)
        ) {
            let source: Vec<String> = source.into_iter().collect();
            if let Ok(names) = names(DatasetKind::Monitoring, &BTreeMap::new(), &source) {
                let unique: HashSet<String> = names.finals.iter().map(|name| name.to_lowercase()).collect();
                prop_assert_eq!(unique.len(), source.len());
            }
        }
    }
}
