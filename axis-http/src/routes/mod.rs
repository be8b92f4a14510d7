//! Every route.

mod backup;
mod config;
mod data;
mod database;
mod datasets;
mod evaluation;
mod events;
mod health;
mod kpi;
mod metrics;
mod monitoring_analytics;
pub(crate) mod policy;
mod query;
mod signals;
mod status;
mod store;
#[cfg(feature = "ui")]
pub(crate) mod ui;
mod uploads;

use std::sync::Arc;

use axis_core::{Dataset, Engine, SyncState};
use axum::Router;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::edge::Edge;
use crate::gate::ApiError;
use crate::openapi;

pub(crate) use health::Probe;
pub use status::rows_added;

/// Collects the routes. A module with routes of its own has a function `routes` and is merged here.
fn described() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(store::routes())
        .merge(backup::routes())
        .merge(status::routes())
        .merge(datasets::routes())
        .merge(events::routes())
        .merge(data::routes())
        .merge(config::routes())
        .merge(database::routes())
        .merge(evaluation::routes())
        .merge(kpi::routes())
        .merge(monitoring_analytics::routes())
        .merge(query::routes())
        .merge(signals::routes())
        .merge(uploads::routes())
}

/// Every route, and the description of them.
pub(crate) fn all(engine: Engine, edge: Arc<Edge>) -> Router {
    let app = App::new(engine, edge);
    let router = openapi::serve(described(), app.clone());
    #[cfg(feature = "ui")]
    let router = router.merge(ui::routes().with_state(app));
    router
}

/// Tells whether `/ui` has pages: the feature `ui` is on, and they were built before this crate was.
#[must_use]
pub fn has_dashboard() -> bool {
    #[cfg(feature = "ui")]
    return ui::is_built();
    #[cfg(not(feature = "ui"))]
    false
}

/// Finds a dataset by the name that syncs use.
pub(crate) fn dataset(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    Ok(engine.dataset(name)?)
}

/// Finds a dataset whose relation must be there to be asked: 503 while its first sync runs, 404 before that.
fn ready(engine: &Engine, name: &str) -> Result<Dataset, ApiError> {
    let dataset = dataset(engine, name)?;
    let status = dataset.status();
    if status.generation > 0 {
        return Ok(dataset);
    }
    if status.state == SyncState::Syncing {
        let message = format!("{name} is being synced for the first time; try again soon");
        return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).retry());
    }
    let message = format!("{name} is not available; sync it first: POST /api/store/sync/{name}");
    Err(ApiError::new(StatusCode::NOT_FOUND, message))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_the_document_and_the_router_name_the_same_routes() {
        let (router, document) = described().split_for_parts();
        let document = serde_json::to_value(document).unwrap();
        let documented = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, operations)| {
                let methods = operations.as_object().unwrap().keys();
                methods.map(move |method| (method.to_uppercase(), path.clone()))
            });
        let documented: BTreeSet<_> = documented.collect();
        let listed = policy::ROUTES.iter().filter(|policy| !policy.page);
        let listed: BTreeSet<_> = listed
            .map(|policy| (policy.method.to_owned(), policy.path.to_owned()))
            .collect();
        let unlisted: Vec<_> = documented.difference(&listed).collect();
        assert!(unlisted.is_empty(), "routes/policy.rs has no line for {unlisted:?}");
        let stale: Vec<_> = listed.difference(&documented).collect();
        assert!(
            stale.is_empty(),
            "routes/policy.rs has a line for {stale:?}, which are no routes"
        );

        // What was added without a description shows only here.
        let shown = format!("{router:?}");
        let (_, paths) = shown.split_once("paths: {").unwrap();
        let routed: BTreeSet<_> = paths
            .split("RouteId(")
            .skip(1)
            .filter_map(|entry| entry.split('"').nth(1).map(str::to_owned))
            .filter(|path| !path.contains("axum_fallback"))
            .collect();
        let described: BTreeSet<_> = documented.into_iter().map(|(_, path)| path).collect();
        assert_eq!(routed, described);
    }
}
