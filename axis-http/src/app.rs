//! What the handlers share.

use axis_core::Engine;
use axum::extract::FromRef;

/// The state of the router; handlers take the part that they need by `State<Engine>` and the like.
#[derive(Clone, Debug)]
pub(crate) struct App {
    engine: Engine,
}

impl App {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

impl FromRef<App> for Engine {
    fn from_ref(app: &App) -> Self {
        app.engine.clone()
    }
}
