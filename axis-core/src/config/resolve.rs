//! Files and environment to one [`Config`]; no clock, no disk.

use std::path::PathBuf;

use super::collections::suggest;
use super::ledger::{Gathered, Ledger};
use super::node::{Block, found};
use super::yaml::{self, Data, Entry, Node, Place};
use super::{Config, DatasetConfig, Env, Origin, Setting, Warning, builtin, custom, dashboard, duckdb, server};
use crate::error::{Error, Result};
use crate::source::sql_text;

/// What [`Config::resolve`] works on.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Files {
    /// The folder against which relative paths are resolved: the parent of the custom directory.
    pub root: PathBuf,
    /// The files, in the order in which they are read.
    pub files: Vec<ConfigFile>,
    /// The custom directory itself, which also holds pictures.
    pub custom_dir: Option<PathBuf>,
    /// Why files of the dashboard could not be read.
    pub(super) unreadable: Vec<Error>,
}

/// The text of one file.
#[derive(Clone)]
#[non_exhaustive]
pub struct ConfigFile {
    /// The path relative to the custom directory, such as `config/duckdb.yaml`.
    pub name: String,
    /// The content.
    pub text: String,
}

impl Files {
    /// Creates the input of [`Config::resolve`] from pairs of name and text.
    #[must_use]
    pub fn new<N: Into<String>, T: Into<String>>(
        root: impl Into<PathBuf>,
        files: impl IntoIterator<Item = (N, T)>,
    ) -> Self {
        let files = files.into_iter().map(|(name, text)| ConfigFile {
            name: name.into(),
            text: text.into(),
        });
        Self {
            root: root.into(),
            files: files.collect(),
            custom_dir: None,
            unreadable: Vec::new(),
        }
    }

    /// Names the custom directory.
    #[must_use]
    pub fn with_custom_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.custom_dir = Some(path.into());
        self
    }

    pub(super) fn find(&self, name: &str) -> Option<&ConfigFile> {
        self.files.iter().find(|file| file.name == name)
    }
}

impl std::fmt::Debug for ConfigFile {
    /// Writes the name only: the text may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfigFile")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Looks at a dataset as a whole: what would only be noticed by a sync, and what has no effect.
fn review(dataset: &mut DatasetConfig, warnings: &mut Vec<Warning>) {
    if dataset.broken.is_some() {
        return;
    }
    for table in &dataset.tables {
        if let Err(error) = sql_text::clean_query(&table.query) {
            dataset.broken = Some(error.with("dataset", &dataset.name).with("table", &table.name));
            return;
        }
    }
    let mut warn = |message: &str| {
        warnings.push(Warning {
            place: format!("dataset `{}`", dataset.name),
            message: message.to_owned(),
        });
    };
    if dataset.enabled && dataset.connection.is_none() {
        warn("it is enabled but has no connection; set `url`, or `host` and `database`");
    }
    if dataset.reconcile_interval.is_some() {
        // A table without a cursor is rebuilt by every sync, which finds deleted rows, too.
        let refreshed = dataset.tables.iter().filter(|table| table.incremental_column.is_some());
        for table in refreshed.filter(|table| table.primary_key.is_empty()) {
            warn(&format!(
                "`reconcile_interval_minutes` needs a `primary_key` to find deleted rows; table `{}` has none",
                table.name
            ));
        }
    }
}

impl Config {
    /// Resolves the configuration: a block of a file that is not empty wins, then the environment, then the defaults.
    ///
    /// Files of other names than `config/duckdb.yaml`, `config/server.yaml`, `config/<dataset>_db.yaml`,
    /// `config/datasets/*`, `config/theme.yaml`, `config/agents.yaml` and `config/memory.yaml` are ignored.
    ///
    /// # Errors
    /// `Config`, naming file, line and key, when `duckdb.yaml`, `server.yaml` or a variable of the server is wrong. What is wrong with a
    /// dataset becomes its [`broken`](DatasetConfig::broken), with the dashboard's files [its own](super::DashboardConfig::broken).
    pub fn resolve(files: &Files, env: &Env) -> Result<Self> {
        Self::gather(files, env, &mut Gathered::default())
    }

    /// The same; also leaves in `gathered` which keys and variables were asked for.
    pub(super) fn gather(files: &Files, env: &Env, gathered: &mut Gathered) -> Result<Self> {
        let ledger = Ledger::new(env);
        let store = duckdb::read(&top_block(&ledger, files, "duckdb")?, &files.root);
        let server = server::read(top_block(&ledger, files, "server")?, &files.root);
        if let Some(error) = ledger.first_error() {
            return Err(error);
        }
        ledger.drain(gathered);
        let dashboard = dashboard::read(files, env, gathered);

        let mut datasets = Vec::new();
        for builtin in &builtin::BUILTINS {
            let ledger = Ledger::new(env);
            let name = format!("config/{}.yaml", builtin.block);
            let node = files.find(&name).map(|file| yaml::parse(&name, &file.text)).transpose();
            datasets.push(match node {
                Ok(node) => {
                    let entry = top_entry(&ledger, node.as_ref(), builtin.block);
                    builtin.read(&ledger, entry, &files.root)
                }
                // Shown as enabled: who wrote the file meant to use it.
                Err(error) => DatasetConfig {
                    enabled: true,
                    broken: Some(error),
                    ..builtin.unconfigured()
                },
            });
            ledger.drain(gathered);
        }
        let own = files.files.iter().filter(|file| file.name.starts_with(custom::FOLDER));
        datasets.extend(custom::read_all(own, env, &files.root, gathered));
        for dataset in &mut datasets {
            review(dataset, &mut gathered.warnings);
        }

        Ok(Self {
            store,
            server,
            dashboard,
            custom_dir: files.custom_dir.clone(),
            datasets,
            warnings: std::mem::take(&mut gathered.warnings),
            settings: ordered(std::mem::take(&mut gathered.settings)),
        })
    }

    /// Creates the defaults for a store at `path`; the four built-in datasets are there but not configured.
    #[must_use]
    pub fn for_store(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let ledger_env = Env::default();
        let ledger = Ledger::new(&ledger_env);
        let place = Place::File {
            file: "".into(),
            line: 1,
        };
        let empty = |name: &str| Block::new(&ledger, name, place.clone(), Vec::new());
        let mut store = duckdb::read(&empty("duckdb"), &PathBuf::new());
        ledger.set("duckdb.path", path.display().to_string(), None);
        store.path = path;
        let server = server::read(empty("server"), &PathBuf::new());
        let datasets = builtin::BUILTINS
            .iter()
            .map(|builtin| builtin.read(&ledger, None, &PathBuf::new()))
            .collect();
        let mut gathered = Gathered::default();
        ledger.drain(&mut gathered);
        let dashboard = dashboard::read(&Files::default(), &ledger_env, &mut gathered);
        Self {
            store,
            server,
            dashboard,
            custom_dir: None,
            datasets,
            warnings: gathered.warnings,
            settings: ordered(gathered.settings),
        }
    }

    /// Returns the configuration with this dataset in it, in place of one of the same name.
    #[must_use]
    pub fn with_dataset(mut self, dataset: DatasetConfig) -> Self {
        match self.datasets.iter_mut().find(|known| known.name == dataset.name) {
            Some(known) => *known = dataset,
            None => self.datasets.push(dataset),
        }
        self
    }

    /// Returns the dataset of this name.
    #[must_use]
    pub fn dataset(&self, name: &str) -> Option<&DatasetConfig> {
        self.datasets.iter().find(|dataset| dataset.name == name)
    }

    /// Returns every setting with its value, secrets redacted, and its origin, ordered by key.
    #[must_use]
    pub fn explain(&self) -> &[Setting] {
        &self.settings
    }
}

/// Reads a file that concerns everything and returns its block, an empty one when there is none.
fn top_block<'a>(ledger: &'a Ledger<'a>, files: &Files, block: &str) -> Result<Block<'a>> {
    let name = format!("config/{block}.yaml");
    let node = files
        .find(&name)
        .map(|file| yaml::parse(&name, &file.text))
        .transpose()?;
    let first_line = Place::File {
        file: name.as_str().into(),
        line: 1,
    };
    let entry = top_entry(ledger, node.as_ref(), block);
    let (place, entries) = match entry.map(|entry| (&entry.place, &entry.node.data)) {
        Some((place, Data::Map(entries))) => (place.clone(), entries.clone()),
        Some((place, other)) => {
            if !matches!(other, Data::Null { .. }) {
                ledger.fail(place, format!("`{block}` is {}, allowed is a mapping", found(other)));
            }
            (place.clone(), Vec::new())
        }
        None => (first_line, Vec::new()),
    };
    Ok(Block::new(ledger, block, place, entries))
}

/// Returns the one block of a file, and warns of others.
pub(super) fn top_entry<'n>(ledger: &Ledger<'_>, node: Option<&'n Node>, name: &str) -> Option<&'n Entry> {
    let node = node?;
    let entries = match &node.data {
        Data::Map(entries) => entries,
        Data::Null { .. } => return None,
        other => {
            ledger.fail(
                &node.place,
                format!(
                    "the file is {}, allowed is a mapping with the block `{name}`",
                    found(other)
                ),
            );
            return None;
        }
    };
    for entry in entries.iter().filter(|entry| entry.key != name) {
        let hint = match suggest(&entry.key, std::iter::once(name)) {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("this file holds `{name}`"),
        };
        ledger.warn(&entry.place, format!("`{}` is not a known block, {hint}", entry.key));
    }
    entries.iter().find(|entry| entry.key == name)
}

/// Orders by key; of several settings of one key the last counts, and one that is not a default counts more.
fn ordered(mut settings: Vec<Setting>) -> Vec<Setting> {
    settings.sort_by(|a, b| a.key.cmp(&b.key));
    settings.dedup_by(|later, kept| {
        let same = later.key == kept.key;
        if same && (later.origin != Origin::Default || kept.origin == Origin::Default) {
            std::mem::swap(later, kept);
        }
        same
    });
    settings
}
