//! What the fuzzers feed: any bytes are survived, and what comes out keeps the rules. A broken rule is a panic.

use crate::config::{Config, Env, Files};
use crate::error::Error;
pub use crate::source::postgres::fuzz::copy_stream;

/// The files that the first byte of an input chooses from.
const NAMES: [&str; 10] = [
    "config/duckdb.yaml",
    "config/server.yaml",
    "config/monitoring_db.yaml",
    "config/eval_db.yaml",
    "config/human_signals_db.yaml",
    "config/kpi_db.yaml",
    "config/datasets/own.yaml",
    "config/theme.yaml",
    "config/agents.yaml",
    "config/memory.yaml",
];

/// Resolves a configuration: one byte that chooses the file, the file, and behind a NUL the lines of a `.env` file.
///
/// # Panics
/// When an error does not name its place, or two readings differ.
pub fn yaml(input: &[u8]) {
    let Some((choice, rest)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (text, variables) = text.split_once('\0').unwrap_or((text, ""));
    let name = NAMES[usize::from(*choice) % NAMES.len()];
    let env = match Env::default().with_dotenv(variables, ".env") {
        Ok(env) => env,
        Err(error) => return assert!(names_a_line(&error, ".env"), "{error}"),
    };
    let files = Files::new("/srv", [(name, text)]);
    let resolved = Config::resolve(&files, &env);
    assert_eq!(format!("{resolved:?}"), format!("{:?}", Config::resolve(&files, &env)));
    let placed = |error: &Error| names_a_line(error, name) || error.message().contains("(.env)");
    match resolved {
        Err(error) => assert!(placed(&error), "{error}"),
        Ok(config) => {
            for error in &config.dashboard.broken {
                assert!(placed(error), "{error}");
            }
            for error in config.datasets.iter().filter_map(|dataset| dataset.broken.as_ref()) {
                // What is wrong with the text of a query is told by the table's name.
                assert!(
                    placed(error) || error.context().any(|(key, _)| key == "table"),
                    "{error}"
                );
            }
        }
    }
}

fn names_a_line(error: &Error, file: &str) -> bool {
    let behind = error
        .message()
        .split_once(file)
        .and_then(|(_, rest)| rest.strip_prefix(':'));
    behind.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The inputs that the fuzzers begin with, and those that once broke something.
    fn seeds(target: &str) -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
        let files = std::fs::read_dir(folder).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }

    #[test]
    fn every_seed_is_survived() {
        let (streams, files) = (seeds("copy_stream"), seeds("yaml"));
        assert!(streams.len() > 3 && files.len() > 3);
        for seed in streams {
            super::copy_stream(&seed);
        }
        for seed in files {
            super::yaml(&seed);
        }
    }
}
