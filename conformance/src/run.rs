//! Plays a scenario: the source, the driver, and what is different.

use std::fmt;
use std::path::PathBuf;

use axis_core::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::driver::Driver;
use crate::judge::judge;
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
