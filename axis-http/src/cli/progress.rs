//! How far syncs are: a bar for each table on a terminal, plain lines elsewhere; always on stderr.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use axis_core::{CancellationToken, Engine, Strategy, SyncEvent, SyncReport};
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

use super::output::Output;

/// How often a plain line tells how far a table is.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows the syncs of an engine until [`finish`](Self::finish) is called.
#[derive(Debug)]
pub(crate) struct Progress {
    done: CancellationToken,
    task: JoinHandle<()>,
}

impl Progress {
    pub(crate) fn start(engine: &Engine, output: &Output) -> Self {
        let mut events = engine.events();
        let done = CancellationToken::new();
        let (stop, mut screen) = (done.clone(), Screen::new(output.clone()));
        let task = tokio::spawn(async move {
            loop {
                let event = tokio::select! {
                    // What has happened is shown before the end.
                    biased;
                    event = events.next() => event,
                    () = stop.cancelled() => break,
                };
                match event {
                    Some(event) => screen.show(event.what.clone()),
                    None => break,
                }
            }
            screen.clear();
        });
        Self { done, task }
    }

    /// Shows what is left and removes the bars.
    pub(crate) async fn finish(self) {
        self.done.cancel();
        // A bar that cannot be drawn is no failure of the sync.
        let _ = self.task.await;
    }
}

struct Screen {
    output: Output,
    tables: HashMap<(String, String), Table>,
}

struct Table {
    bar: Option<ProgressBar>,
    since: Instant,
    told: Instant,
}

impl Screen {
    fn new(output: Output) -> Self {
        Self {
            output,
            tables: HashMap::new(),
        }
    }

    fn show(&mut self, event: SyncEvent) {
        match event {
            SyncEvent::Planned { dataset, tables, .. } => {
                for (table, strategy) in tables {
                    self.begin(&dataset, table, &describe(strategy));
                }
            }
            SyncEvent::Progress {
                dataset,
                table,
                rows,
                bytes,
                done,
                ..
            } => self.advance(dataset, table, rows, bytes, done),
            SyncEvent::Committed { report } => {
                self.end(&report.dataset);
                self.output.note(&committed(&report));
            }
            SyncEvent::Verifying { dataset, tables, .. } => {
                for table in tables {
                    self.begin(&dataset, table, "to compare");
                }
            }
            SyncEvent::Verified { dataset, .. } => self.end(&dataset),
            // The command itself prints the error.
            SyncEvent::Failed { dataset, .. } => self.end(&dataset),
            _ => {}
        }
    }

    fn begin(&mut self, dataset: &str, table: String, how: &str) {
        let bar = self.output.is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {prefix:<24} {msg}");
            let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            let bar = self.output.bars().add(bar);
            bar.set_prefix(table.clone());
            bar.set_message(how.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        if bar.is_none() {
            self.output.note(&format!("{dataset}: reading {table} ({how})"));
        }
        let now = Instant::now();
        let table_state = Table {
            bar,
            since: now,
            told: now,
        };
        self.tables.insert((dataset.to_owned(), table), table_state);
    }

    fn advance(&mut self, dataset: String, table: String, rows: u64, bytes: u64, done: bool) {
        let key = (dataset, table);
        let Some(state) = self.tables.get_mut(&key) else {
            return;
        };
        let line = speed(rows, bytes, state.since.elapsed());
        match &state.bar {
            Some(bar) if done => bar.finish_with_message(line),
            Some(bar) => bar.set_message(line),
            None if done || state.told.elapsed() >= LINE_EVERY => {
                state.told = Instant::now();
                let end = if done { ", read" } else { "" };
                self.output.note(&format!("{}: {} {line}{end}", key.0, key.1));
            }
            None => {}
        }
    }

    fn end(&mut self, dataset: &str) {
        self.tables.retain(|(of, _), state| {
            if of == dataset
                && let Some(bar) = &state.bar
            {
                bar.finish_and_clear();
            }
            of != dataset
        });
    }

    fn clear(&mut self) {
        for state in self.tables.values() {
            if let Some(bar) = &state.bar {
                bar.finish_and_clear();
            }
        }
    }
}

/// Says how a table is synced and why.
pub(crate) fn describe(strategy: Strategy) -> String {
    match strategy {
        Strategy::Full { because } => format!("full: {}", because.describe()),
        other => other.as_str().to_owned(),
    }
}

fn committed(report: &SyncReport) -> String {
    let what = if report.changed { "" } else { ", nothing new" };
    format!(
        "{}: {} rows read in {} ({}, generation {}{what})",
        report.dataset,
        thousands(report.rows_read),
        duration(report.elapsed_ms),
        report.strategy.as_str(),
        report.generation
    )
}

fn speed(rows: u64, bytes: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    format!(
        "{} rows, {} rows/s, {:.1} MB/s",
        thousands(rows),
        thousands((rows as f64 / seconds) as u64),
        bytes as f64 / 1e6 / seconds
    )
}

/// Writes milliseconds as people say them.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        _ => format!("{:.1} s", milliseconds as f64 / 1e3),
    }
}

/// Groups the digits of a number.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(duration(12), "12 ms");
        assert_eq!(duration(1_250), "1.2 s");
        assert_eq!(
            speed(1_000, 2_000_000, Duration::from_secs(2)),
            "1,000 rows, 500 rows/s, 1.0 MB/s"
        );
    }
}
