//! The directory of the demonstration: made anew at each start, and never over anything else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use axis_core::{Engine, Error, ErrorKind, Result};
use axis_http::demo::{DemoSource, config_yaml};

/// The file that says that the directory is ours.
const MARKER: &str = ".axis-demo";
/// The source, in the directory.
const SOURCE: &str = "source.db";
/// What a demonstration leaves behind and the next one replaces.
const REPLACED: [&str; 5] = [
    SOURCE,
    "source.db-wal",
    "source.db-shm",
    "data/demo.duckdb",
    "data/demo.duckdb.wal",
];

/// A directory that is ready.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) custom_dir: PathBuf,
    pub(super) source: DemoSource,
}

/// Makes the source and the configuration.
///
/// # Errors
/// `InvalidArgument` when the directory holds anything but a demonstration, `Locked` when one is running in it.
pub(super) async fn make(directory: &Path, rows: u64, now_micros: i64) -> Result<Made> {
    let directory = directory.to_owned();
    let claimed = tokio::task::spawn_blocking(move || claim(&directory))
        .await
        .map_err(panicked)??;
    let store = claimed.join("data/demo.duckdb");
    if store.exists() {
        // Whoever holds the store is a running demonstration, whose files must stay.
        match Engine::open(&store).await {
            Ok(engine) => engine.close().await?,
            Err(error) if error.kind() == ErrorKind::Locked => return Err(error),
            Err(_) => {}
        }
    }
    tokio::task::spawn_blocking(move || fill(&claimed, rows, now_micros))
        .await
        .map_err(panicked)?
}

/// Creates the directory, or checks that it is one of ours.
fn claim(directory: &Path) -> Result<PathBuf> {
    let unusable = |error: io::Error| cannot("be made", directory, error);
    fs::create_dir_all(directory).map_err(unusable)?;
    let marker = directory.join(MARKER);
    if !marker.exists() {
        if fs::read_dir(directory).map_err(unusable)?.next().is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`{}` holds files that no demonstration made; choose another --dir",
                    directory.display()
                ),
            ));
        }
        fs::write(&marker, "Made by `axis demo`, which replaces what is in here.\n").map_err(unusable)?;
    }
    fs::canonicalize(directory).map_err(unusable)
}

fn fill(directory: &Path, rows: u64, now_micros: i64) -> Result<Made> {
    let unusable = |error: io::Error| cannot("be written", directory, error);
    for name in REPLACED {
        match fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unusable(error)),
            _ => {}
        }
    }
    let custom_dir = directory.join("custom");
    let config = custom_dir.join("config");
    fs::create_dir_all(&config).map_err(unusable)?;
    for (name, text) in config_yaml(Path::new(SOURCE)) {
        fs::write(config.join(name), text).map_err(unusable)?;
    }
    let source = DemoSource::create(&directory.join(SOURCE), rows, now_micros).map_err(|error| {
        Error::new(ErrorKind::Internal, "the source of the demonstration cannot be made").because(error)
    })?;
    Ok(Made { custom_dir, source })
}

fn cannot(what: &str, directory: &Path, error: io::Error) -> Error {
    let message = format!(
        "the directory `{}` cannot {what}: {}",
        directory.display(),
        error.kind()
    );
    Error::new(ErrorKind::InvalidArgument, message).because(error)
}

fn panicked(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "making the demonstration panicked").because(error)
}
