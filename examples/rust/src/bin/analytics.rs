//! Asks for what a dashboard draws, as JSON: `cargo run --bin analytics -- custom`

use axis_core::analytics::monitoring::{Filter, Granularity, summary, trends};
use axis_core::{Engine, Env, config::Config};
use serde_json::json;

#[tokio::main]
async fn main() -> axis_core::Result<()> {
    let directory = std::env::args().nth(1).unwrap_or_else(|| "custom".to_owned());
    let config = Config::load(directory, &Env::new(std::env::vars()))?;
    let engine = Engine::builder(config).open().await?;
    let monitoring = engine.dataset("monitoring")?;
    let filter = Filter::default();
    let (summary, trends) = tokio::try_join!(
        summary(&monitoring, &filter),
        trends(&monitoring, &filter, Granularity::Daily)
    )?;
    println!("{}", json!({"summary": summary, "trends": trends}));
    engine.close().await
}
