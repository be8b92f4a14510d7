//! Syncs a dataset that somebody else syncs: waits for what may pass, and gives up on what will not.
//!
//! `cargo run --bin busy -- custom monitoring`

use std::time::Duration;

use axis_core::{Engine, Env, SyncOptions, config::Config};

#[tokio::main]
async fn main() -> axis_core::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "custom".to_owned());
    let dataset = arguments.next().unwrap_or_else(|| "monitoring".to_owned());
    let config = Config::load(directory, &Env::new(std::env::vars()))?;
    let engine = Engine::builder(config).open().await?;
    let dataset = engine.dataset(&dataset)?;
    // Somebody else: a sync in the background.
    let other = dataset.start_sync(SyncOptions::default())?;
    let mut tries = 1;
    let report = loop {
        match dataset.sync(SyncOptions::default()).await {
            Ok(report) => break report,
            Err(error) if error.is_retryable() && tries < 100 => {
                println!("{}, trying again", error.code());
                tokio::time::sleep(Duration::from_millis(50)).await;
                tries += 1;
            }
            Err(error) => return Err(error),
        }
    };
    println!("synced, generation {}", report.generation);
    other.wait().await?;
    engine.close().await
}
