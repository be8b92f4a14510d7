//! What the handlers share.

use std::sync::Arc;

use axis_core::Engine;
use axis_core::browse::Wizard;
use axum::extract::FromRef;

use crate::edge::Edge;
use crate::routes::Probe;
use crate::work::Workers;

/// The state of the router; handlers take the part that they need by `State<Engine>` and the like.
#[derive(Clone, Debug)]
pub(crate) struct App {
    engine: Engine,
    edge: Arc<Edge>,
    workers: Workers,
    wizard: Wizard,
    probe: Probe,
}

impl App {
    pub(crate) fn new(engine: Engine, edge: Arc<Edge>) -> Self {
        Self {
            wizard: Wizard::new(engine.config()),
            engine,
            edge,
            workers: Workers::default(),
            probe: Probe::default(),
        }
    }
}

impl FromRef<App> for Engine {
    fn from_ref(app: &App) -> Self {
        app.engine.clone()
    }
}

impl FromRef<App> for Arc<Edge> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.edge)
    }
}

impl FromRef<App> for Workers {
    fn from_ref(app: &App) -> Self {
        app.workers.clone()
    }
}

impl FromRef<App> for Wizard {
    fn from_ref(app: &App) -> Self {
        app.wizard.clone()
    }
}

impl FromRef<App> for Probe {
    fn from_ref(app: &App) -> Self {
        app.probe.clone()
    }
}
