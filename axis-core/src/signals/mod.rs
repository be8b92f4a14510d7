//! People's feedback on conversations: rows of signals become cases, one a conversation, with a schema and a way to show them.
//!
//! ```text
//! human_signals_raw --(in the commit of the sync)--> human_signals_cases + what they look like
//! ```
//!
//! [`Engine::signals`](crate::Engine::signals) is where adapters begin. A row of signals has at least `dataset_id`,
//! `metric_name`, `signals` and `source_name`; rows of one `dataset_id` are one case.

mod answer;
mod case;
mod columns;
mod database;
mod derive;
mod display;
mod dump;
mod example;
mod import;
mod literal;
mod overrides;
mod read;
mod record;
mod schema;
mod upload;

pub use answer::{CasesAnswer, SchemaAnswer};
pub use database::{DatabaseAnswer, DatabaseConnection};
pub(crate) use derive::CASES;
pub use import::Bring;
pub(crate) use overrides::Overrides;
pub use schema::{MetricSchema, MetricSignals, SignalType};

use crate::config::{DatasetKind, HumanSignalsOptions, KindOptions};
use crate::dataset::Dataset;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};

/// The table of cases.
const RELATION: &str = "human_signals_cases";
/// What answers call the rows that cases are made from.
const FORMAT: &str = "hitl_feedback";

/// People's feedback in one engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Signals {
    engine: Engine,
    dataset: Dataset,
}

impl Signals {
    /// Finds the dataset of an engine that holds people's feedback.
    pub(crate) fn of(engine: &Engine) -> Result<Self> {
        let mut datasets = engine.datasets();
        match datasets.find(|dataset| dataset.config().kind == DatasetKind::HumanSignals) {
            Some(dataset) => Ok(Self {
                engine: engine.clone(),
                dataset,
            }),
            None => Err(Error::new(ErrorKind::NotFound, "there is no dataset of human signals")),
        }
    }

    /// Returns the dataset from whose rows the cases are made.
    #[must_use]
    pub fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    fn options(&self) -> Option<&HumanSignalsOptions> {
        match &self.dataset.config().options {
            KindOptions::HumanSignals(options) => Some(options),
            _ => None,
        }
    }

    fn visible_metrics(&self) -> Vec<String> {
        self.options()
            .map(|options| options.visible_metrics.clone())
            .unwrap_or_default()
    }
}
