//! The only part that touches the disk: reads the files and the `.env` files around them.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::ledger::config_error;
use super::{Config, Env, Files, builtin, custom, dashboard};
use crate::error::{Error, Result};

impl Config {
    /// Reads the configuration of a custom directory and resolves it.
    ///
    /// Read are `config/*.yaml` and `config/datasets/*.yaml` in the directory, and beside it `.env` and `backend/.env`.
    /// What `env` holds wins over `.env`, and `.env` over `backend/.env`. Files and folders that are missing are fine.
    ///
    /// # Errors
    /// `Config` when a file cannot be read, is not UTF-8, or is wrong in the sense of [`resolve`](Config::resolve).
    pub fn load(custom_dir: impl AsRef<Path>, env: &Env) -> Result<Self> {
        let custom_dir = absolute(custom_dir.as_ref())?;
        let root = custom_dir.parent().unwrap_or(&custom_dir).to_path_buf();

        let mut env = env.clone();
        for name in [".env", "backend/.env"] {
            if let Some(text) = read(&root.join(name), name)? {
                env = env.with_dotenv(&text, name)?;
            }
        }

        let mut files = Vec::new();
        let mut unreadable = Vec::new();
        let blocks = builtin::BUILTINS.iter().map(|builtin| builtin.block);
        for block in ["duckdb", "server"].into_iter().chain(blocks) {
            let name = format!("config/{block}.yaml");
            if let Some(text) = read(&custom_dir.join(&name), &name)? {
                files.push((name, text));
            }
        }
        for block in dashboard::BLOCKS {
            let name = format!("config/{block}.yaml");
            match read(&custom_dir.join(&name), &name) {
                Ok(text) => files.extend(text.map(|text| (name, text))),
                Err(error) => unreadable.push(error),
            }
        }
        for name in own_datasets(&custom_dir.join(custom::FOLDER))? {
            let name = format!("{}{name}", custom::FOLDER);
            if let Some(text) = read(&custom_dir.join(&name), &name)? {
                files.push((name, text));
            }
        }
        let mut files = Files::new(root, files).with_custom_dir(custom_dir);
        files.unreadable = unreadable;
        Self::resolve(&files, &env)
    }
}

/// Makes the directory absolute, in a form whose parent is its parent.
fn absolute(custom_dir: &Path) -> Result<PathBuf> {
    let unusable = |error: io::Error| cannot_read(&custom_dir.display().to_string(), error);
    let absolute = std::path::absolute(custom_dir).map_err(unusable)?;
    // `..` at the end has no parent by name.
    if absolute.file_name().is_some() {
        Ok(absolute)
    } else {
        fs::canonicalize(&absolute).map_err(unusable)
    }
}

/// Returns the names of the YAML files in a folder, sorted.
fn own_datasets(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_missing(&error) => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(custom::FOLDER, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| cannot_read(custom::FOLDER, error))?.file_name();
        let is_yaml = matches!(
            Path::new(&name).extension().and_then(OsStr::to_str),
            Some("yaml" | "yml")
        );
        let Some(name) = name.to_str().map(str::to_owned) else {
            if is_yaml {
                return Err(config_error(format!(
                    "{}: the name of a file is not UTF-8",
                    custom::FOLDER
                )));
            }
            continue;
        };
        if is_yaml && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn read(path: &Path, name: &str) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => {
                let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
                    .split(|byte| *byte == b'\n')
                    .count();
                Err(config_error(format!("{name}:{line}: the file is not UTF-8")))
            }
        },
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(cannot_read(name, error)),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn cannot_read(name: &str, error: io::Error) -> Error {
    config_error(format!("{name}: cannot be read: {}", error.kind())).because(error)
}
