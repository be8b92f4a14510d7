//! What an engine is opened with.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::members::{Members, kind, wrong};
use crate::config::{Config, Env, Files};
use crate::engine::Engine;
use crate::error::Result;

/// The directory of the configuration unless one is named, as the `axis` command has it.
const DIRECTORY: &str = "custom";
/// The variable that names another one.
const VARIABLE: &str = "AXIS_CUSTOM_DIR";
/// The files that a configuration may have, apart from those of own datasets.
const FILES: [&str; 9] = [
    "duckdb",
    "server",
    "monitoring_db",
    "eval_db",
    "human_signals_db",
    "kpi_db",
    "theme",
    "agents",
    "memory",
];
/// Own datasets, by name.
const DATASETS: &str = "datasets";

/// After how many seconds of silence a store may be taken over, as for `axis --take-over`.
const TAKE_OVER: RangeInclusive<u64> = 3..=86_400;

/// Everything that `open` takes, checked.
#[derive(Debug)]
pub struct Opening {
    config: Config,
    scheduler: bool,
    take_over: Option<Duration>,
}

impl Opening {
    /// Reads `{store, config, env, scheduler, take_over_seconds}`:
    ///
    /// * `store`: the path of the store, in place of `duckdb.path`.
    /// * `config`: a directory as `axis --custom-dir` takes; or the files themselves by name, such as `monitoring_db`, each as the
    ///   text of the file or as the object in it, and own datasets as `datasets: {name: {…}}`. Without it, a store alone has no
    ///   datasets configured; without either the directory is the one that the `axis` command would take.
    /// * `env`: variables in addition to `env`, over which they win.
    /// * `scheduler`: whether datasets are synced by their schedules; they are not by default.
    /// * `take_over_seconds`: 3 to 86400, as [`EngineBuilder::take_over`](crate::EngineBuilder::take_over).
    ///
    /// # Errors
    /// `InvalidArgument` for the options, `Config` for what the configuration says.
    pub fn from_json(options: Value, env: &Env) -> Result<Self> {
        let members = Members::of("the open options", options)?;
        let store: Option<PathBuf> = members.take("store")?;
        if store.as_ref().is_some_and(|store| is_no_path(&store.to_string_lossy())) {
            return Err(wrong(
                "`store` of the open options is an address; allowed is a path".to_owned(),
            ));
        }
        let given: Option<Value> = members.take("config")?;
        let more: BTreeMap<String, String> = members.take_or("env", BTreeMap::new())?;
        let scheduler = members.take_or("scheduler", false)?;
        let take_over: Option<u64> = members.take("take_over_seconds")?;
        if let Some(after) = take_over.filter(|after| !TAKE_OVER.contains(after)) {
            let (least, most) = (TAKE_OVER.start(), TAKE_OVER.end());
            let message = format!("`take_over_seconds` of the open options is {after}; allowed is {least} to {most}");
            return Err(wrong(message));
        }
        members.finish()?;
        let env = &env.clone().over(more);
        let mut config = match given {
            Some(Value::String(directory)) => directory_of(PathBuf::from(directory), env)?,
            Some(Value::Object(files)) => {
                let root = std::env::current_dir().unwrap_or_default();
                Config::resolve(&Files::new(root, inline(files)?), env)?
            }
            Some(other) => {
                let message = format!(
                    "`config` of the open options is {}; allowed is a directory, or an object of files",
                    kind(&other)
                );
                return Err(wrong(message));
            }
            None => match (&store, env.get(VARIABLE).filter(|directory| !directory.is_empty())) {
                (Some(store), _) => Config::for_store(store),
                (None, Some(directory)) => directory_of(PathBuf::from(directory), env)?,
                (None, None) => Config::load(DIRECTORY, env)?,
            },
        };
        if let Some(store) = store {
            config.store.path = store;
        }
        Ok(Self {
            config,
            scheduler,
            take_over: take_over.map(Duration::from_secs),
        })
    }

    /// Opens the engine.
    ///
    /// # Errors
    /// As [`EngineBuilder::open`](crate::EngineBuilder::open).
    pub async fn open(self) -> Result<Engine> {
        let mut builder = Engine::builder(self.config);
        if let Some(after) = self.take_over {
            builder = builder.take_over(after);
        }
        let engine = builder.open().await?;
        if self.scheduler {
            engine.start_scheduler();
        }
        Ok(engine)
    }
}

/// Tells what cannot have been meant as a path, and may hold a password.
fn is_no_path(text: &str) -> bool {
    text.contains("://") || text.contains('\n')
}

/// Reads a directory that somebody named; one that is not there is a mistake.
fn directory_of(directory: PathBuf, env: &Env) -> Result<Config> {
    if is_no_path(&directory.to_string_lossy()) {
        let message = "`config` of the open options is an address or the text of a file; allowed is a directory, or an object of files";
        return Err(wrong(message.to_owned()));
    }
    if !directory.is_dir() {
        return Err(wrong(format!("the directory {} does not exist", directory.display())));
    }
    Config::load(directory, env)
}

/// Returns name and text of files that were given without a disk.
fn inline(files: Map<String, Value>) -> Result<Vec<(String, String)>> {
    let mut all: Vec<(String, String)> = Vec::new();
    for (given, content) in files {
        let name = given.strip_suffix(".yaml").unwrap_or(&given).to_owned();
        let path = match name.strip_prefix("datasets/") {
            Some(own) if !own.is_empty() => format!("config/datasets/{own}.yaml"),
            _ if name == DATASETS => "config/datasets/given.yaml".to_owned(),
            _ if FILES.contains(&name.as_str()) => format!("config/{name}.yaml"),
            _ => {
                let named = if is_no_path(&given) {
                    "a member of `config`"
                } else {
                    &format!("`{given}`")
                };
                return Err(wrong(format!(
                    "{named} is no file of a configuration; there are {}, datasets",
                    FILES.join(", ")
                )));
            }
        };
        // With the ending and without it, it is the same file.
        if all.iter().any(|(known, _)| *known == path) {
            return Err(wrong(format!("the file `{path}` of `config` is given twice")));
        }
        let text = match content {
            Value::String(text) => text,
            // Every JSON is YAML. What has not the block around it that a file has gets one.
            Value::Object(block) if path.starts_with("config/datasets/") || block.keys().eq([&name]) => {
                json!(block).to_string()
            }
            Value::Object(block) => json!({ name: block }).to_string(),
            other => {
                return Err(wrong(format!(
                    "the file `{given}` is {}; allowed is its text, or an object",
                    kind(&other)
                )));
            }
        };
        all.push((path, text));
    }
    Ok(all)
}
