//! Watches a sync while it runs, without async: `cargo run --bin progress -- custom monitoring`

use axis_core::blocking::Engine;
use axis_core::{Env, SyncEvent, SyncOptions, config::Config};

fn main() -> axis_core::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "custom".to_owned());
    let dataset = arguments.next().unwrap_or_else(|| "monitoring".to_owned());
    let engine = Engine::builder(Config::load(directory, &Env::new(std::env::vars()))?).open()?;
    let running = engine.dataset(&dataset)?.start_sync(SyncOptions::default())?;
    // Another thread may cancel it: `running.canceller()`.
    let report = running.watch(|event| match event {
        SyncEvent::Planned { tables, .. } => {
            for (table, strategy) in tables {
                println!("{table}: {}", strategy.as_str());
            }
        }
        SyncEvent::Progress { table, rows, .. } => println!("{table}: {rows} rows read"),
        _ => {}
    })?;
    println!("committed after {} ms", report.elapsed_ms);
    engine.close()
}
