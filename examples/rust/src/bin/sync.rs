//! Syncs a dataset and says what was done, without async: `cargo run --bin sync -- custom monitoring`

use std::time::Duration;

use axis_core::blocking::Engine;
use axis_core::{Env, SyncOptions, config::Config};

fn main() -> axis_core::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "custom".to_owned());
    let dataset = arguments.next().unwrap_or_else(|| "monitoring".to_owned());
    let engine = Engine::builder(Config::load(directory, &Env::new(std::env::vars()))?).open()?;
    let options = SyncOptions::default().timeout(Duration::from_mins(10));
    let report = engine.dataset(&dataset)?.sync(options)?;
    println!(
        "{}: {} rows read, generation {}",
        report.strategy.as_str(),
        report.rows_read,
        report.generation
    );
    for table in &report.tables {
        println!("  {}: {} rows stored", table.table, table.rows_total);
    }
    engine.close()
}
