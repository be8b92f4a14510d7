//! `axis doctor`: looks at a live installation and says what is wrong and how to mend it. It opens no store, so a server may
//! hold it meanwhile.

mod access;
mod backup;
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
pub(crate) use finding::Check;
use finding::{Finding, Severity};

/// How long one step of looking at a source may take, connecting aside.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) async fn run(context: &Context, args: &DoctorArgs) -> Result<Exit, Failure> {
    let findings = match context.config_quietly() {
        Ok(config) => {
            let mut findings = examine(context, &config, args).await;
            findings.retain(|finding| args.wants(finding.check));
            findings
        }
        // Without it nothing else can be looked at, whatever was asked for.
        Err(error) => {
            let remedy = "`axis config check` names every mistake with file and line";
            vec![Finding::problem(Check::Config, error.to_string(), remedy)]
        }
    };
    if context.output.is_json() {
        context.output.json(&finding::document(&findings))?;
    } else {
        context.output.text(&finding::text(&findings))?;
    }
    let problem = findings.iter().any(|finding| finding.severity == Severity::Problem);
    Ok(if problem { Exit::Failed } else { Exit::Done })
}

impl DoctorArgs {
    fn wants(&self, check: Check) -> bool {
        self.only.is_empty() || self.only.contains(&check)
    }
}

async fn examine(context: &Context, config: &Config, args: &DoctorArgs) -> Vec<Finding> {
    let mut findings = settings::files(config, &context.custom_dir, present(&context.custom_dir));
    findings.extend(settings::debug(&context.env));
    findings.extend(settings::secrets(config));
    findings.extend(access::access(&config.server));
    findings.extend(access::cors(&config.server));
    findings.extend(access::proxy(&config.server));
    findings.extend(volumes(config));
    findings.extend(schedule::judge(config));
    findings.push(backups(config));
    if Check::OF_SOURCES.into_iter().any(|check| args.wants(check)) {
        for checkup in check_sources(config, &SystemClock, PATIENCE).await {
            findings.extend(source::judge(&checkup));
        }
    }
    if args.wants(Check::Health) || args.wants(Check::Ready) {
        let url = health::address(args.url.as_deref(), &config.server);
        // Who asks for this check alone wants a server to be there.
        let expected = args.url.is_some() || !args.only.is_empty();
        findings.extend(health::judge(&url, expected, &health::observe(&url).await));
    }
    findings
}

/// Tells whether `duckdb.yaml` is there, which can be read but need not exist.
fn present(custom_dir: &Path) -> bool {
    custom_dir.join("config/duckdb.yaml").is_file()
}

fn backups(config: &Config) -> Finding {
    let backup = config.store.backup.as_ref();
    // The folder is made by the first backup.
    let folder = backup.map_or(Path::new(""), |backup| &backup.directory);
    backup::judge(
        backup,
        config.store.scheduler,
        &volume::measure(&folder.join("new")),
        backup::look(&config.store),
    )
}

fn volumes(config: &Config) -> Vec<Finding> {
    let store = &config.store.path;
    let bytes = std::fs::metadata(store).map_or(0, |file| file.len());
    let mut findings = volume::judge(store, &volume::measure(store), bytes);
    if let Some(spill) = &config.store.temp_directory {
        findings.extend(volume::judge_spill(spill, &volume::measure(spill)));
    }
    findings
}
