//! Opens an engine and prints what it knows of its datasets: `cargo run --bin open -- custom`

use axis_core::{Engine, Env, config::Config};

#[tokio::main]
async fn main() -> axis_core::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "custom".to_owned());
    let config = Config::load(directory, &Env::new(std::env::vars()))?;
    let engine = Engine::builder(config).open().await?;
    for dataset in engine.datasets() {
        let status = dataset.status();
        println!(
            "{}: {:?}, generation {}",
            status.dataset, status.state, status.generation
        );
    }
    engine.close().await
}
