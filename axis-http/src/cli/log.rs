//! The log: on stderr, above the progress bars.

use std::io::{self, Write};

use axis_core::Env;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::args::LogFormat;
use super::output::Output;

/// Starts the log at the level of `AXIS_LOG`, else of `RUST_LOG`, else at `default`.
pub(crate) fn start(env: &Env, format: LogFormat, default: &str, output: &Output) {
    let wanted = ["AXIS_LOG", "RUST_LOG"]
        .iter()
        .find_map(|name| env.get(name).filter(|text| !text.trim().is_empty()));
    let filter = EnvFilter::try_new(wanted.unwrap_or(default)).unwrap_or_else(|_| {
        output.note(&format!(
            "warning: the level of the log cannot be read; `{default}` is used"
        ));
        EnvFilter::new(default)
    });
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(output.is_terminal())
        .with_writer(Stderr(output.clone()));
    // A second start in one process cannot happen; if it did, the first log would go on.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    log_panics();
}

/// Sends panics to the log, above the progress bars; the engine turns those of its own threads into errors.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("unknown");
        tracing::error!(place, message, "panicked");
    }));
}

/// Writes whole lines to stderr, above the progress bars.
#[derive(Clone, Debug)]
struct Stderr(Output);

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.above_bars(|| io::stderr().lock().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl MakeWriter<'_> for Stderr {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
