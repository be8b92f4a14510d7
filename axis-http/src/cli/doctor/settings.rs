//! What the configuration itself shows: files, secrets in them, and what belongs to development.

use std::path::Path;

use axis_core::Env;
use axis_core::config::{Config, JwtKey, Origin};

use super::finding::{Check, Finding};

/// Levels of the log that are for development.
const CHATTY: [&str; 2] = ["debug", "trace"];

/// Whether the files that were expected are the ones that were read.
pub(super) fn files(config: &Config, custom_dir: &Path, has_duckdb: bool) -> Vec<Finding> {
    let shown = custom_dir.display();
    let mut names: Vec<&str> = config
        .explain()
        .iter()
        .filter_map(|setting| match &setting.origin {
            Origin::File { file, .. } => Some(file.as_str()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut findings = Vec::new();
    if names.is_empty() {
        findings.push(Finding::problem(
            Check::Config,
            format!("no configuration file is found in {shown}/config"),
            "put duckdb.yaml and one file for each dataset there, or point AXIS_CUSTOM_DIR at the directory above `config`",
        ));
    } else {
        findings.push(Finding::ok(Check::Config, format!("{shown}: {}", names.join(", "))));
        if !has_duckdb {
            findings.push(Finding::warning(
                Check::Config,
                format!("{shown}/config/duckdb.yaml is missing, so the store has every setting at its default"),
                "write it, with at least `path` on the persistent volume and `sync_mode: startup`",
            ));
        }
    }
    findings.extend(config.warnings.iter().map(|warning| {
        let message = format!("{}: {}", warning.place, warning.message);
        Finding::warning(Check::Config, message, "correct the setting, or remove it")
    }));
    let check = "`axis config check` names every mistake with file and line";
    for error in &config.dashboard.broken {
        findings.push(Finding::problem(Check::Config, error.to_string(), check));
    }
    for dataset in &config.datasets {
        if let Some(error) = &dataset.broken {
            findings.push(Finding::problem(Check::Config, error.to_string(), check).about(&dataset.name));
        } else if dataset.enabled && (dataset.connection.is_none() || dataset.tables.is_empty()) {
            let missing = if dataset.connection.is_none() {
                "connection"
            } else {
                "query"
            };
            let message = format!("it is enabled and has no {missing}");
            let remedy = "complete its block, or set `enabled: false`";
            findings.push(Finding::problem(Check::Config, message, remedy).about(&dataset.name));
        }
    }
    if let Some(JwtKey::Rs256File(path)) = config.server.jwt.as_ref().map(|jwt| &jwt.key)
        && let Err(error) = std::fs::File::open(path)
    {
        findings.push(Finding::problem(
            Check::Config,
            format!(
                "server.jwt.public_key: {} cannot be read: {}",
                path.display(),
                error.kind()
            ),
            "mount the file there; the server does not start without it",
        ));
    }
    if !config
        .datasets
        .iter()
        .any(|dataset| dataset.enabled || dataset.broken.is_some())
    {
        let remedy = "set `enabled: true` in a block such as `monitoring_db` of config/monitoring_db.yaml";
        findings.push(Finding::problem(Check::Config, "no dataset is enabled", remedy));
    }
    findings
}

/// Whether secrets stand in files that are copied, baked into images and committed.
pub(super) fn secrets(config: &Config) -> Vec<Finding> {
    let literal = config.explain().iter().filter(|setting| setting.written_out);
    let findings: Vec<Finding> = literal
        .map(|setting| {
            let place = match &setting.origin {
                Origin::File { file, line } => format!("{file}:{line}"),
                _ => String::new(),
            };
            Finding::problem(
                Check::Secrets,
                format!("the secret of `{}` is written out in {place}", setting.key),
                "write `${NAME}` there and set NAME in the environment; change the secret if others could read the file",
            )
        })
        .collect();
    if findings.is_empty() {
        vec![Finding::ok(Check::Secrets, "no file holds a password or a key")]
    } else {
        findings
    }
}

/// Whether anything of development is on.
pub(super) fn debug(env: &Env) -> Vec<Finding> {
    let mut findings = Vec::new();
    let given = |name: &str| env.get(name).map(|value| value.trim().to_ascii_lowercase());
    if given("DEBUG").is_some_and(|value| !matches!(value.as_str(), "" | "0" | "false" | "no" | "off")) {
        let message = "DEBUG is set; it does nothing here, and says that the environment is one of development";
        findings.push(Finding::warning(
            Check::Debug,
            message,
            "set DEBUG=false, or leave it away",
        ));
    }
    // As the log is started: the first that is not empty counts.
    let level = ["AXIS_LOG", "RUST_LOG"]
        .into_iter()
        .find_map(|name| Some((name, given(name).filter(|value| !value.is_empty())?)));
    if let Some((name, value)) = level {
        let words = value.split([',', '=']).map(str::trim);
        if words.into_iter().any(|word| CHATTY.contains(&word)) {
            let message = format!("{name} asks for a log of debugging, which is large and slow");
            findings.push(Finding::warning(
                Check::Debug,
                message,
                format!("set {name}=info, or leave it away"),
            ));
        }
    }
    if cfg!(debug_assertions) {
        let message = "this program is a debug build, many times slower than a release";
        findings.push(Finding::warning(
            Check::Debug,
            message,
            "build it with `cargo build --release -p axis-http`",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(Check::Debug, "nothing of development is on"));
    }
    findings
}
