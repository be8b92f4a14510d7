//! `axis doctor`: looks at a live installation and says what is wrong and how to mend it. It opens no store, so a server may
//! hold it meanwhile.

mod access;
mod client;
mod finding;
mod health;
mod schedule;
mod settings;
mod source;
mod volume;

use std::path::Path;
use std::time::Duration;

use axis_core::SystemClock;
use axis_core::checkup::check_sources;
use axis_core::config::Config;

use super::args::DoctorArgs;
use super::{Context, Exit, Failure};
use finding::{Finding, Severity};

/// How long one step of looking at a source may take, connecting aside.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(context: &Context, args: &DoctorArgs) -> Result<Exit, Failure> {
    let findings = examine(context, args).await;
    if context.output.is_json() {
        context.output.json(&finding::document(&findings))?;
    } else {
        context.output.text(&finding::text(&findings))?;
    }
    let problem = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if problem { Exit::Failed } else { Exit::Done })
}

async fn examine(context: &Context, args: &DoctorArgs) -> Vec<Finding> {
    let mut findings = Vec::new();
    let config = match context.config_quietly() {
        Ok(config) => config,
        Err(error) => {
            let remedy = "`axis config check` names every mistake with file and line";
            findings.push(Finding::problem("config", error.to_string(), remedy));
            findings.extend(settings::debug(&context.env));
            return findings;
        }
    };
    findings.extend(settings::files(
        &config,
        &context.custom_dir,
        present(&context.custom_dir),
    ));
    findings.extend(settings::secrets(&config));
    findings.extend(settings::debug(&context.env));
    findings.extend(access::access(&config.server));
    findings.extend(access::cors(&config.server));
    findings.extend(access::proxy(&config.server));
    findings.extend(volumes(&config));
    for checkup in check_sources(&config, &SystemClock, PATIENCE).await {
        findings.extend(source::judge(&checkup));
    }
    findings.extend(schedule::judge(&config));
    let (url, given) = health::address(args.url.as_deref(), &config.server);
    let observed = health::observe(&url).await;
    findings.extend(health::judge(&url, given, &observed));
    findings
}

/// Tells whether `duckdb.yaml` is there, which can be read but need not exist.
fn present(custom_dir: &Path) -> bool {
    custom_dir.join("config/duckdb.yaml").is_file()
}

fn volumes(config: &Config) -> Vec<Finding> {
    let store = &config.store.path;
    let bytes = std::fs::metadata(store).map_or(0, |file| file.len());
    let mut findings = volume::judge("store", store, &volume::measure(store), bytes);
    if let Some(spill) = &config.store.temp_directory {
        findings.extend(volume::judge_spill(spill, &volume::measure(spill)));
    }
    findings
}
