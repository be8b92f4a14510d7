//! Which store, and which configuration: the members that opening, restoring and compacting have in common.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::members::{Members, kind, wrong};
use crate::config::{Config, Env, Files};
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

/// `store`, `config` and `env`, taken from options and not looked at yet.
pub(super) struct Configured {
    /// The options that they are members of, for messages.
    of: &'static str,
    store: Option<PathBuf>,
    config: Option<Value>,
    env: BTreeMap<String, String>,
}

impl Configured {
    pub(super) fn take(members: &Members) -> Result<Self> {
        let of = members.of;
        let store: Option<PathBuf> = members.take("store")?;
        if store.as_ref().is_some_and(|store| is_no_path(&store.to_string_lossy())) {
            return Err(wrong(format!("`store` of {of} is an address; allowed is a path")));
        }
        Ok(Self {
            of,
            store,
            config: members.take("config")?,
            env: members.take_or("env", BTreeMap::new())?,
        })
    }

    /// Reads the configuration that they mean.
    pub(super) fn config(self, env: &Env) -> Result<Config> {
        let Self {
            of,
            store,
            config,
            env: more,
        } = self;
        let env = &env.clone().over(more);
        let mut config = match config {
            Some(Value::String(directory)) => directory_of(PathBuf::from(directory), of, env)?,
            Some(Value::Object(files)) => {
                let root = std::env::current_dir().unwrap_or_default();
                Config::resolve(&Files::new(root, inline(files)?), env)?
            }
            Some(other) => {
                let message = format!(
                    "`config` of {of} is {}; allowed is a directory, or an object of files",
                    kind(&other)
                );
                return Err(wrong(message));
            }
            None => match (&store, env.get(VARIABLE).filter(|directory| !directory.is_empty())) {
                (Some(store), _) => Config::for_store(store),
                (None, Some(directory)) => directory_of(PathBuf::from(directory), of, env)?,
                (None, None) => Config::load(DIRECTORY, env)?,
            },
        };
        if let Some(store) = store {
            config.store.path = store;
        }
        Ok(config)
    }
}

/// Tells what cannot have been meant as a path, and may hold a password.
fn is_no_path(text: &str) -> bool {
    text.contains("://") || text.contains('\n')
}

/// Reads a directory that somebody named; one that is not there is a mistake.
fn directory_of(directory: PathBuf, of: &str, env: &Env) -> Result<Config> {
    if is_no_path(&directory.to_string_lossy()) {
        let message = format!(
            "`config` of {of} is an address or the text of a file; allowed is a directory, or an object of files"
        );
        return Err(wrong(message));
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
