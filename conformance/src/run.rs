//! Plays a scenario: the source, the driver, and what is different.

use std::fmt;
use std::path::PathBuf;

use axis_core::{Engine, ErrorKind};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::driver::{Driver, Reply};
use crate::expect::{Leniency, differences};
use crate::operation::Call;
use crate::scenario::{Action, Expectation, Scenario, Step};
use crate::source::Source;

/// The most that a report shows of an answer.
const SHOWN: usize = 2_000;

/// The first step of a scenario that went otherwise than expected.
#[derive(Clone, Debug)]
pub struct Failure {
    place: String,
    problems: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "  {}", self.place)?;
        self.problems
            .iter()
            .try_for_each(|problem| write!(f, "\n    {problem}"))
    }
}

/// Plays a scenario in a directory and a database of its own. The first difference ends it.
///
/// # Errors
/// What is different.
pub fn run(scenario: &Scenario, driver: &mut dyn Driver) -> Result<(), Failure> {
    let outside = |place: &str, problem| Failure {
        place: place.to_owned(),
        problems: vec![problem],
    };
    let mut stage = Stage::set(scenario).map_err(|problem| outside("before the first step", problem))?;
    for (index, step) in scenario.steps.iter().enumerate() {
        stage.play(step, driver).map_err(|(what, problems)| {
            let note = step.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
            Failure {
                place: format!("step {} of {}{note}: {what}", index + 1, scenario.steps.len()),
                problems,
            }
        })?;
    }
    driver
        .finish()
        .map_err(|problem| outside("after the last step", problem))
}

/// What went wrong: at what, and in which ways.
type Problem = (String, Vec<String>);

struct Stage {
    directory: TempDir,
    config: Value,
    source: Source,
    runtime: Runtime,
    other: Option<Engine>,
}

impl Stage {
    fn set(scenario: &Scenario) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the directory of the scenario cannot be made: {error}");
        let stage = Self {
            directory: tempfile::tempdir().map_err(failed)?,
            config: Value::Object(scenario.config.clone()),
            source: Source::create(&scenario.source)?,
            runtime: Runtime::new().map_err(failed)?,
            other: None,
        };
        let files = stage.directory.path().join("custom/config/datasets");
        std::fs::create_dir_all(&files).map_err(failed)?;
        for (name, content) in &scenario.config {
            let text = match stage.fill(content) {
                Value::String(text) => text,
                // JSON is YAML.
                object => object.to_string(),
            };
            std::fs::write(stage.directory.path().join("custom/config").join(name), text).map_err(failed)?;
        }
        Ok(stage)
    }

    fn store(&self) -> PathBuf {
        self.directory.path().join("store.duckdb")
    }

    /// Puts in what the placeholders stand for.
    fn fill(&self, value: &Value) -> Value {
        match value {
            Value::String(text) if text == "{{config}}" => self.fill(&self.config),
            Value::String(text) => {
                let text = text.replace("{{url}}", self.source.url());
                let text = text.replace("{{store}}", &self.store().to_string_lossy());
                json!(text.replace("{{directory}}", &self.directory.path().join("custom").to_string_lossy()))
            }
            Value::Array(elements) => elements.iter().map(|element| self.fill(element)).collect(),
            Value::Object(members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), self.fill(value)));
                Value::Object(members.collect())
            }
            _ => value.clone(),
        }
    }

    fn play(&mut self, step: &Step, driver: &mut dyn Driver) -> Result<(), Problem> {
        let done = match &step.action {
            Action::Call { call, expectation } => return self.call(call, expectation, driver),
            Action::Source(sql) => self.source.execute(sql).map_err(|error| (sql.clone(), error)),
            Action::SourceHold(name, sql) => self.source.hold(name, sql).map_err(|error| (sql.clone(), error)),
            Action::SourceRelease(name) => self
                .source
                .release(name)
                .map_err(|error| (format!("release {name}"), error)),
            Action::SourceWaits(count) => {
                let waited = self.source.wait_for_waiting(*count);
                waited.map_err(|error| ("waiting sessions".to_owned(), error))
            }
            Action::StoreHold => self.hold_store().map_err(|error| ("hold the store".to_owned(), error)),
            Action::StoreRelease => self
                .release_store()
                .map_err(|error| ("release the store".to_owned(), error)),
        };
        done.map_err(|(what, error)| (what, vec![error]))
    }

    fn hold_store(&mut self) -> Result<(), String> {
        let opened = self.runtime.block_on(Engine::open(self.store()));
        self.other = Some(opened.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn release_store(&mut self) -> Result<(), String> {
        let other = self.other.take().ok_or("nobody holds the store")?;
        self.runtime.block_on(other.close()).map_err(|error| error.to_string())
    }

    fn call(&self, call: &[Value], expectation: &Expectation, driver: &mut dyn Driver) -> Result<(), Problem> {
        let filled: Vec<Value> = call.iter().map(|part| self.fill(part)).collect();
        let call = Call::from_json(&filled).map_err(|problem| ("the call".to_owned(), vec![problem]))?;
        let problem = |problems: Vec<String>| (call.line().replace('\t', " "), problems);
        let reply = driver.call(&call).map_err(|error| problem(vec![error]))?;
        let mut problems = judge(expectation, &reply);
        if problems.is_empty() {
            return Ok(());
        }
        let answer = reply.value.to_string();
        let shown: String = answer.chars().take(SHOWN).collect();
        problems.push(format!(
            "{} {shown}",
            if reply.failed { "the error:" } else { "the answer:" }
        ));
        Err(problem(problems))
    }
}

/// Returns what is wrong with a reply.
fn judge(expectation: &Expectation, reply: &Reply) -> Vec<String> {
    let leniency = |more| Leniency {
        more,
        fewer: reply.partial,
    };
    match expectation {
        Expectation::Ok(_) | Expectation::Has(_) if reply.failed => vec!["it failed".to_owned()],
        // The surface says only that it succeeded.
        Expectation::Ok(_) | Expectation::Has(_) if reply.partial && reply.value.is_null() => Vec::new(),
        Expectation::Ok(expected) => differences(expected, &reply.value, leniency(false)),
        Expectation::Has(expected) => differences(expected, &reply.value, leniency(true)),
        Expectation::Error { code, .. } if !reply.failed => vec![format!("{code} was expected, and it succeeded")],
        Expectation::Error {
            code,
            message,
            operation,
            context,
        } => {
            let mut problems = well_formed(&reply.value, reply.partial);
            let mut expected = Map::from_iter([("code".to_owned(), json!(code))]);
            expected.extend(
                operation
                    .iter()
                    .map(|operation| ("operation".to_owned(), json!(operation))),
            );
            if !context.is_empty() {
                expected.insert("context".to_owned(), Value::Object(context.clone()));
            }
            problems.extend(differences(&Value::Object(expected), &reply.value, leniency(true)));
            let said = reply.value["message"].as_str().unwrap_or_default();
            let is_untold = reply.partial && said.is_empty();
            if let Some(part) = message
                .as_ref()
                .filter(|part| !is_untold && !said.contains(part.as_str()))
            {
                problems.push(format!(".message: `{part}` was expected in it, and it is `{said}`"));
            }
            problems
        }
    }
}

/// Checks an error against the table of kinds: the same everywhere, whatever was expected.
fn well_formed(error: &Value, partial: bool) -> Vec<String> {
    let code = error["code"].as_str().unwrap_or_default();
    let Some(kind) = ErrorKind::ALL.iter().find(|kind| kind.code() == code) else {
        return vec![format!(".code: `{code}` is no code of the table of errors")];
    };
    let mut expected = json!({
        "number": kind.number(), "retryable": kind.is_retryable(), "message": "<text>", "operation": "<any>", "context": "<any>",
    });
    if error.get("number").is_none() {
        // A language that has no use for numbers leaves them out.
        expected.as_object_mut().map(|members| members.remove("number"));
    }
    let leniency = Leniency {
        more: true,
        fewer: partial,
    };
    differences(&expected, error, leniency)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(message: Option<&str>) -> Expectation {
        Expectation::Error {
            code: "AXIS_BUSY".to_owned(),
            message: message.map(str::to_owned),
            operation: None,
            context: Map::new(),
        }
    }

    #[test]
    fn errors_are_held_against_the_table() {
        let right = json!({ "code": "AXIS_BUSY", "number": 201, "message": "a sync is running", "operation": "sync.start",
            "retryable": true, "context": { "dataset": "shop" } });
        let with = |name: &str, value: Value| {
            let mut error = right.clone();
            error[name] = value;
            Reply::error(error)
        };
        assert!(judge(&busy(Some("is running")), &Reply::error(right.clone())).is_empty());
        assert_eq!(judge(&busy(Some("has ended")), &Reply::error(right.clone())).len(), 1);
        assert_eq!(judge(&busy(None), &with("retryable", json!(false))).len(), 1);
        assert_eq!(judge(&busy(None), &with("number", json!(202))).len(), 1);
        assert_eq!(judge(&busy(None), &with("code", json!("EBUSY"))).len(), 2);
        assert_eq!(
            judge(&busy(None), &Reply::ok(json!(null))),
            ["AXIS_BUSY was expected, and it succeeded"]
        );
        assert_eq!(
            judge(&Expectation::Ok(json!(null)), &Reply::error(right.clone())),
            ["it failed"]
        );
        let short = Reply::error(json!({ "code": "AXIS_BUSY", "message": "x" }));
        assert_eq!(judge(&busy(None), &short).len(), 3);
        assert!(judge(&busy(None), &short.partial()).is_empty());
    }
}
