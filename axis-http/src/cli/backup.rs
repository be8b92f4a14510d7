//! `axis backup`, `axis restore` and `axis compact`.

use std::sync::Arc;

use axis_core::backup::{
    self, BackupFormat, BackupManifest, BackupOptions, BackupReport, CompactOptions, RestoreOptions,
};
use axis_core::{Error, ErrorKind, Result as AxisResult};
use serde_json::json;

use super::args::{BackupArgs, RestoreArgs};
use super::bar::Bar;
use super::progress::{duration, thousands};
use super::{Context, Exit, Failure, download, shown};

pub(crate) async fn back_up(context: &Context, args: &BackupArgs) -> Result<Exit, Failure> {
    let bar = Arc::new(Bar::new(&context.output));
    let format = if args.parquet {
        BackupFormat::Parquet
    } else {
        BackupFormat::Duckdb
    };
    let telling = Arc::clone(&bar);
    let options = BackupOptions::default()
        .format(format)
        .cancel(context.stop.clone())
        .progress(move |told| telling.show(told));
    let made = match &args.from {
        Some(server) => download::backup(server, &context.env, args.file.clone(), options).await,
        None => Box::pin(own(context, args, options)).await,
    };
    drop(bar);
    let report = made?;
    if context.output.is_json() {
        context.output.json(&json!(report))?;
    } else {
        let text = format!(
            "{}: {} bytes in {}; {}",
            shown(&report.path),
            thousands(report.bytes),
            duration(report.elapsed_ms),
            describe(&report.manifest)
        );
        context.output.text(&text)?;
    }
    Ok(Exit::Done)
}

/// Makes a backup of a store that nobody else has open.
async fn own(context: &Context, args: &BackupArgs, options: BackupOptions) -> AxisResult<BackupReport> {
    let config = context.config()?;
    if config.store.enabled && !config.store.path.exists() {
        // Opening it would make an empty one, and a backup of that helps nobody.
        let message = format!("there is no store at {}", shown(&config.store.path));
        return Err(Error::new(ErrorKind::NotFound, message).during("backup"));
    }
    let engine = context.open(config).await.map_err(ask_server)?;
    let made = engine.backup(&args.file, options).await;
    engine.close().await?;
    made
}

/// Says how a store that is open elsewhere is backed up.
fn ask_server(error: Error) -> Error {
    if error.kind() != ErrorKind::Locked {
        return error;
    }
    let message = format!(
        "{}; if that is `axis serve`, let it make the backup: `axis backup FILE --from http://HOST:PORT`",
        error.message()
    );
    let told = Error::new(ErrorKind::Locked, message).during(error.operation());
    let pid = error.context().find(|(key, _)| *key == "pid");
    pid.map_or(told.clone(), |(_, pid)| told.with("pid", pid))
}

pub(crate) async fn restore(context: &Context, args: &RestoreArgs) -> Result<Exit, Failure> {
    let config = context.config()?;
    let bar = Arc::new(Bar::new(&context.output));
    let telling = Arc::clone(&bar);
    let options = RestoreOptions::default()
        .force(args.force)
        .cancel(context.stop.clone())
        .progress(move |told| telling.show(told));
    let restored = backup::restore(&args.file, &config, options).await;
    drop(bar);
    let report = restored?;
    if context.output.is_json() {
        context.output.json(&json!(report))?;
    } else {
        let text = format!(
            "{}: restored in {}; {}",
            shown(&report.store),
            duration(report.elapsed_ms),
            describe(&report.manifest)
        );
        context.output.text(&text)?;
    }
    Ok(Exit::Done)
}

pub(crate) async fn compact(context: &Context) -> Result<Exit, Failure> {
    let config = context.config()?;
    let bar = Arc::new(Bar::new(&context.output));
    let telling = Arc::clone(&bar);
    let options = CompactOptions::default()
        .cancel(context.stop.clone())
        .progress(move |told| telling.show(told));
    let compacted = Box::pin(backup::compact(&config, options)).await;
    drop(bar);
    let report = compacted?;
    if context.output.is_json() {
        context.output.json(&json!(report))?;
    } else {
        let text = format!(
            "{}: {} bytes before, {} bytes now, in {}",
            shown(&report.store),
            thousands(report.bytes_before),
            thousands(report.bytes_after),
            duration(report.elapsed_ms)
        );
        context.output.text(&text)?;
    }
    Ok(Exit::Done)
}

/// Says what a backup holds, for people.
fn describe(manifest: &BackupManifest) -> String {
    let own = manifest.tables.iter().filter(|table| table.schema != "_axis");
    let (tables, rows) = own.fold((0, 0), |(tables, rows), table| (tables + 1, rows + table.rows));
    let at = manifest.created_at.format("%Y-%m-%d %H:%M:%S");
    format!("{tables} tables, {} rows, as of {at} UTC", thousands(rows))
}
