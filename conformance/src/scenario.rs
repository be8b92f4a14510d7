//! The files of `scenarios/`. Unknown members are refused: a word that is spelled wrongly must not weaken a scenario.

mod raw;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::expect;
use raw::RawScenario;

/// Fewer than these are a mistake in the path, and no run.
const FEWEST: usize = 26;

/// One file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The name of the file without its end.
    pub name: String,
    /// What it shows, in one sentence.
    pub title: String,
    /// What `{{config}}` stands for: files by name.
    pub config: Map<String, Value>,
    /// Statements that make the database.
    pub source: String,
    /// What happens.
    pub steps: Vec<Step>,
}

/// One step: what is done, and what comes of it.
#[derive(Clone, Debug)]
pub struct Step {
    /// Why, for readers and reports.
    pub note: Option<String>,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// A call of the driver.
    Call {
        /// The operation and its arguments.
        call: Vec<Value>,
        /// What it answers.
        expectation: Expectation,
    },
    /// Statements on the source.
    Source(String),
    /// Statements in a transaction that stays open under a name.
    SourceHold(String, String),
    /// Rolls that transaction back.
    SourceRelease(String),
    /// Waits until so many sessions wait for a lock.
    SourceWaits(i64),
    /// Opens the store by somebody else than the driver.
    StoreHold,
    /// Closes it there.
    StoreRelease,
}

/// What a call answers.
#[derive(Clone, Debug)]
pub enum Expectation {
    /// Exactly this.
    Ok(Value),
    /// At least this: objects may have further members.
    Has(Value),
    /// An error.
    Error {
        /// Its code.
        code: String,
        /// A text that its message holds.
        message: Option<String>,
        /// Where it happened.
        operation: Option<String>,
        /// Facts that its context has among others.
        context: Map<String, Value>,
    },
}

/// Returns the directory of the scenarios that belong to this crate.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// Reads every scenario of a directory, in the order of their names.
///
/// # Errors
/// What cannot be read or is written wrongly, and where; too few scenarios.
pub fn load(directory: &Path) -> Result<Vec<Scenario>, String> {
    let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", directory.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|end| end == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.len() < FEWEST {
        let (found, place) = (paths.len(), directory.display());
        return Err(format!("{place} holds {found} scenarios; there are at least {FEWEST}"));
    }
    paths.iter().map(|path| Scenario::read(path)).collect()
}

impl Scenario {
    /// Reads one file.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&name, &text).map_err(|error| format!("{name}: {error}"))
    }

    fn parse(name: &str, text: &str) -> Result<Self, String> {
        let raw: RawScenario = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let steps = raw.steps.into_iter().enumerate().map(|(index, step)| {
            let step = Step::of(step);
            step.map_err(|error| format!("step {}: {error}", index + 1))
        });
        Ok(Self {
            name: name.to_owned(),
            title: raw.title,
            config: raw.config,
            source: raw.source.join("\n"),
            steps: steps.collect::<Result<_, _>>()?,
        })
    }

    /// Returns the calls, in their order.
    pub fn calls(&self) -> impl Iterator<Item = &Vec<Value>> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Call { call, .. } => Some(call),
            _ => None,
        })
    }
}

impl Expectation {
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Ok(value) | Self::Has(value) => expect::check_patterns(value),
            Self::Error { code, context, .. } => {
                let known = axis_core::ErrorKind::ALL.iter().any(|kind| kind.code() == code);
                if !known {
                    return Err(format!("there is no error `{code}`"));
                }
                context.values().try_for_each(expect::check_patterns)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(steps: &str) -> String {
        let text = format!(r#"{{"title": "t", "steps": [{steps}]}}"#);
        Scenario::parse("x", &text).unwrap_err()
    }

    #[test]
    fn what_is_written_wrongly_is_refused() {
        assert!(wrong(r#"{"cal": []}"#).contains("unknown field `cal`"));
        assert_eq!(
            wrong(r#"{"call": ["version"]}"#),
            "step 1: a call needs `ok`, `has` or `error`"
        );
        assert_eq!(
            wrong(r#"{"ok": 1}"#),
            "step 1: `ok`, `has` and `error` belong to a call"
        );
        assert!(wrong(r#"{"call": ["version"], "ok": 1, "has": 1}"#).contains("a step does one thing"));
        assert!(wrong(r#"{"source": "select 1", "store": "hold"}"#).contains("a step does one thing"));
        assert!(wrong("{}").contains("a step does one thing"));
        assert_eq!(
            wrong(r#"{"call": ["fly"], "ok": 1}"#),
            "step 1: there is no operation `fly`"
        );
        assert!(wrong(r#"{"call": ["version"], "ok": "<tex>"}"#).contains("there is no pattern <tex>"));
        assert_eq!(
            wrong(r#"{"call": ["version"], "error": "AXIS_BAD"}"#),
            "step 1: there is no error `AXIS_BAD`"
        );
    }

    #[test]
    fn null_is_an_expectation() {
        let text = r#"{"title": "t", "steps": [{"call": ["close", "e"], "ok": null}]}"#;
        let scenario = Scenario::parse("x", text).unwrap();
        assert!(matches!(
            &scenario.steps[0].action,
            Action::Call {
                expectation: Expectation::Ok(Value::Null),
                ..
            }
        ));
    }

    #[test]
    fn a_directory_without_scenarios_is_no_success() {
        let empty = tempfile::tempdir().unwrap();
        assert!(load(empty.path()).unwrap_err().contains("holds 0 scenarios"));
    }
}
