//! What an engine is opened with.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::configured::Configured;
use super::members::{Members, wrong};
use crate::config::{Config, Env};
use crate::engine::Engine;
use crate::error::Result;

/// After how many seconds of silence a store may be taken over, as for `axis --take-over`.
const TAKE_OVER: RangeInclusive<u64> = 3..=86_400;

/// Everything that `open` takes, checked.
#[derive(Debug)]
pub struct Opening {
    config: Config,
    scheduler: bool,
    take_over: Option<Duration>,
}

impl Opening {
    /// Reads `{store, config, env, scheduler, take_over_seconds}`:
    ///
    /// * `store`: the path of the store, in place of `duckdb.path`.
    /// * `config`: a directory as `axis --custom-dir` takes; or the files themselves by name, such as `monitoring_db`, each as the
    ///   text of the file or as the object in it, and own datasets as `datasets: {name: {…}}`. Without it, a store alone has no
    ///   datasets configured; without either the directory is the one that the `axis` command would take.
    /// * `env`: variables in addition to `env`, over which they win.
    /// * `scheduler`: whether datasets are synced by their schedules; they are not by default.
    /// * `take_over_seconds`: 3 to 86400, as [`EngineBuilder::take_over`](crate::EngineBuilder::take_over).
    ///
    /// # Errors
    /// `InvalidArgument` for the options, `Config` for what the configuration says.
    pub fn from_json(options: Value, env: &Env) -> Result<Self> {
        let members = Members::of("the open options", options)?;
        let configured = Configured::take(&members)?;
        let scheduler = members.take_or("scheduler", false)?;
        let take_over: Option<u64> = members.take("take_over_seconds")?;
        if let Some(after) = take_over.filter(|after| !TAKE_OVER.contains(after)) {
            let (least, most) = (TAKE_OVER.start(), TAKE_OVER.end());
            let message = format!("`take_over_seconds` of the open options is {after}; allowed is {least} to {most}");
            return Err(wrong(message));
        }
        members.finish()?;
        Ok(Self {
            config: configured.config(env)?,
            scheduler,
            take_over: take_over.map(Duration::from_secs),
        })
    }

    /// Opens the engine.
    ///
    /// # Errors
    /// As [`EngineBuilder::open`](crate::EngineBuilder::open).
    pub async fn open(self) -> Result<Engine> {
        let mut builder = Engine::builder(self.config);
        if let Some(after) = self.take_over {
            builder = builder.take_over(after);
        }
        let engine = builder.open().await?;
        if self.scheduler {
            engine.start_scheduler();
        }
        Ok(engine)
    }
}
