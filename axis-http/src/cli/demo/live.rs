//! The demonstration goes on: new rows arrive, incremental syncs follow, and the server answers.

use std::time::Duration;

use axis_core::{CancellationToken, Dataset, Engine, ErrorKind, SyncOptions};
use axis_http::demo::DemoSource;
use tokio::net::TcpListener;
use tokio::time::interval;

use super::super::progress::{duration, thousands};
use super::super::{Context, Exit, Failure};

/// How often new rows arrive.
const APPEND_EVERY: Duration = Duration::from_secs(2);
/// How often they are synced.
const SYNC_EVERY: Duration = Duration::from_secs(5);
/// Traces that arrive at a time.
const TRACES: u64 = 3;

pub(super) async fn run(
    context: &Context,
    engine: Engine,
    listener: TcpListener,
    source: DemoSource,
) -> Result<Exit, Failure> {
    let url = format!("http://{}", listener.local_addr()?);
    if context.output.is_json() {
        context.output.note(&format!("serving on {url}"));
    } else {
        context.output.text(&format!(
            "  curl {url}/api/store/status\n  curl '{url}/api/store/data/monitoring?page_size=3'\n\n\
             Serving on {url}; {TRACES} new traces every {} s, synced every {} s. Ctrl-C ends it.",
            APPEND_EVERY.as_secs(),
            SYNC_EVERY.as_secs()
        ))?;
        // The last line is what people read.
        if axis_http::has_dashboard() {
            context.output.text(&format!("\nLook at it: {url}/ui/\n"))?;
        }
    }
    let dataset = engine.dataset("monitoring")?;
    let server = axis_http::serve(engine.clone(), listener, context.stop.clone());
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    let syncing = keep_syncing(context, &dataset, &ended);
    let appending = keep_appending(context, source, &ended);
    let server = async {
        let outcome = Box::pin(server).await;
        drop(guard);
        outcome
    };
    let (outcome, synced, ()) = tokio::join!(server, syncing, appending);
    outcome?;
    synced?;
    Ok(Exit::Done)
}

async fn keep_appending(context: &Context, source: DemoSource, ended: &CancellationToken) {
    let mut ticks = interval(APPEND_EVERY);
    loop {
        tokio::select! {
            () = ended.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let source = source.clone();
        let now = chrono::Utc::now().timestamp_micros();
        let appended = tokio::task::spawn_blocking(move || source.append(TRACES, now)).await;
        if !matches!(appended, Ok(Ok(_))) {
            context
                .output
                .note("warning: the demonstration could not write new rows; it tries again");
        }
    }
}

/// Tells of every sync that brought something.
async fn keep_syncing(context: &Context, dataset: &Dataset, ended: &CancellationToken) -> Result<(), Failure> {
    let mut ticks = interval(SYNC_EVERY);
    ticks.tick().await;
    loop {
        tokio::select! {
            () = ended.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        match dataset.sync(SyncOptions::default().cancel(context.stop.clone())).await {
            Ok(report) if report.changed && !context.output.is_json() => {
                let written = context.output.text(&format!(
                    "{}: +{} rows in {} ({}, generation {})",
                    report.dataset,
                    thousands(axis_http::rows_added(dataset, &report)),
                    duration(report.elapsed_ms),
                    report.strategy.as_str(),
                    report.generation
                ));
                if let Err(error) = written {
                    // Nobody reads any more: the server ends, too.
                    context.stop.cancel();
                    return Err(error.into());
                }
            }
            Ok(_) => {}
            // A sync over HTTP is as good, and the end is the end.
            Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::Cancelled | ErrorKind::Closed) => {}
            Err(error) => context.output.note_error(&error),
        }
    }
}
