//! What the `axis` command does: reads arguments and configuration, runs one command, turns its outcome into an exit code.

mod args;
mod backup;
mod bar;
mod config;
mod demo;
mod doctor;
mod download;
mod log;
mod output;
mod progress;
mod query;
mod reference;
mod serve;
mod status;
mod stop;
mod sync;
mod verify;
mod watermarks;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use axis_core::config::Config;
use axis_core::{CancellationToken, Engine, Env, Error, ErrorKind};
use clap::Parser as _;

use args::{Args, Command, ConfigCommand, WatermarksCommand};
use output::Output;

/// How long the end waits for threads that are inside DuckDB.
const LEAVE: Duration = Duration::from_secs(5);

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0.
    Done,
    /// 1: something failed.
    Failed,
    /// 2: the call or the configuration is wrong.
    Wrong,
    /// 130: Ctrl-C or SIGTERM ended it before its work was done.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Wrong => 2,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An error of the engine or of the call.
    Axis(Error),
    /// Standard output could not be written.
    Output(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Axis(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Context {
    env: Env,
    custom_dir: PathBuf,
    custom_dir_given: bool,
    store: Option<PathBuf>,
    take_over: Option<Duration>,
    output: Output,
    stop: CancellationToken,
}

impl Context {
    /// Reads the configuration, applies `--store` and prints the warnings.
    fn config(&self) -> Result<Config, Error> {
        let config = self.config_quietly()?;
        for warning in &config.warnings {
            self.output
                .note(&format!("warning: {}: {}", warning.place, warning.message));
        }
        for error in &config.dashboard.broken {
            self.output
                .note(&format!("warning: {error}; the dashboard has the default instead"));
        }
        Ok(config)
    }

    fn config_quietly(&self) -> Result<Config, Error> {
        if self.custom_dir_given && !self.custom_dir.is_dir() {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the custom directory {} does not exist", shown(&self.custom_dir)),
            ));
        }
        let mut config = Config::load(&self.custom_dir, &self.env)?;
        if let Some(store) = &self.store {
            config.store.path.clone_from(store);
        }
        Ok(config)
    }

    /// Opens the store of this configuration.
    async fn open(&self, config: Config) -> Result<Engine, Error> {
        let mut builder = Engine::builder(config);
        if let Some(after) = self.take_over {
            builder = builder.take_over(after);
        }
        builder.open().await
    }
}

/// Runs the command.
pub(crate) fn main(arguments: &[OsString], variables: Vec<(String, String)>) -> ExitCode {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return wrong_usage(&error, arguments.iter().any(|argument| argument == "--json")).into(),
    };
    let env = Env::new(variables);
    let output = Output::new(args.json);
    log::start(&env, args.log_format, args.command.default_level(), &output);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = Error::new(ErrorKind::Internal, "the runtime cannot be started").because(error);
            return output.fail(&error).into();
        }
    };
    let exit = runtime.block_on(async {
        // An empty variable is one that is not set.
        let custom_dir = args.custom_dir.filter(|directory| !directory.as_os_str().is_empty());
        let context = Context {
            custom_dir_given: custom_dir.is_some(),
            custom_dir: custom_dir.unwrap_or_else(|| PathBuf::from("custom")),
            store: args.store,
            take_over: args.take_over.map(Duration::from_secs),
            env,
            stop: stop::on_signal(),
            output: output.clone(),
        };
        match Box::pin(run(&context, args.command)).await {
            Ok(exit) => exit,
            Err(Failure::Axis(error)) if error.kind() == ErrorKind::Cancelled && context.stop.is_cancelled() => {
                output.fail(&error);
                Exit::Interrupted
            }
            Err(Failure::Axis(error)) => output.fail(&error),
            // Whoever read our output has read enough, as `head` does.
            Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
            Err(Failure::Output(error)) => {
                output.note(&format!("error: the output cannot be written: {}", error.kind()));
                Exit::Failed
            }
        }
    });
    // Threads that are inside DuckDB must leave it before the process takes it apart; one that does not is not waited for.
    runtime.shutdown_timeout(LEAVE);
    exit.into()
}

async fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(args) => serve::run(context, &args).await,
        Command::Sync(args) => sync::run(context, &args).await,
        Command::Verify(args) => verify::run(context, &args).await,
        Command::Status => status::run(context).await,
        Command::Watermarks(WatermarksCommand::Reset { dataset }) => watermarks::reset(context, &dataset).await,
        Command::Query(args) => query::run(context, &args).await,
        Command::Backup(args) => backup::back_up(context, &args).await,
        Command::Restore(args) => backup::restore(context, &args).await,
        Command::Compact => backup::compact(context).await,
        Command::Config(ConfigCommand::Check) => config::check(context),
        Command::Config(ConfigCommand::Explain) => config::explain(context),
        Command::Doctor(args) => doctor::run(context, &args).await,
        Command::Config(ConfigCommand::Reference) => reference::run(context),
        Command::Demo(args) => demo::run(context, &args).await,
    }
}

/// Prints what clap has to say: help and version on stdout, mistakes on stderr and, for programs, as one JSON document.
fn wrong_usage(error: &clap::Error, json: bool) -> Exit {
    // There is nobody to tell when the terminal has gone.
    let _ = error.print();
    if !error.use_stderr() {
        return Exit::Done;
    }
    if json {
        let first = error.to_string();
        let first = first
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        let _ = Output::new(true).json(&serde_json::json!({ "error": Error::new(ErrorKind::InvalidArgument, first) }));
    }
    Exit::Wrong
}

/// Says where a path is, for people: absolute where that is possible.
fn shown(path: &Path) -> String {
    std::path::absolute(path)
        .unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}
