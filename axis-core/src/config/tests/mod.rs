//! Tests of the configuration, by topic.

mod bad_values;
mod connections;
mod custom;
mod dashboard;
mod dotenv;
mod embedding;
mod explain;
mod full;
mod load;
mod never_panics;
mod precedence;
mod server;
mod substitution;
mod warnings;

use super::{Config, DatasetConfig, Env, Files, Origin, Setting};
use crate::error::Result;

/// Appears as the password wherever a test needs one, and must never be printed.
const SENTINEL: &str = "s3ntinel-Pa55";

fn env(variables: &[(&str, &str)]) -> Env {
    Env::new(
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    )
}

fn try_resolve(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Config> {
    let files = files.iter().map(|(name, text)| (format!("config/{name}"), *text));
    Config::resolve(&Files::new("/srv/axis", files), &env(variables))
}

fn resolve(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Config {
    try_resolve(files, variables).unwrap()
}

/// Resolves one monitoring block, whose lines begin at 2.
fn monitoring(lines: &str, variables: &[(&str, &str)]) -> (Config, DatasetConfig) {
    block("monitoring_db", lines, variables)
}

/// Resolves one block of a built-in dataset, whose lines begin at 2.
fn block(name: &str, lines: &str, variables: &[(&str, &str)]) -> (Config, DatasetConfig) {
    let text = indented(name, lines);
    let config = resolve(&[(&format!("{name}.yaml"), &text)], variables);
    let dataset = config.dataset(name.strip_suffix("_db").unwrap()).unwrap().clone();
    (config, dataset)
}

fn indented(name: &str, lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("  {line}\n")).collect();
    format!("{name}:\n{lines}")
}

fn broken(dataset: &DatasetConfig) -> &str {
    dataset.broken.as_ref().map_or("not broken", |error| error.message())
}

fn setting<'c>(config: &'c Config, key: &str) -> &'c Setting {
    config
        .settings
        .iter()
        .find(|setting| setting.key == key)
        .unwrap_or_else(|| panic!("no setting `{key}`"))
}

fn from_file(file: &str, line: usize) -> Origin {
    Origin::File {
        file: format!("config/{file}"),
        line,
    }
}

fn warned(config: &Config) -> Vec<String> {
    config
        .warnings
        .iter()
        .map(|warning| format!("{}: {}", warning.place, warning.message))
        .collect()
}
