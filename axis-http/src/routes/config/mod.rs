//! `/api/config`: what the web dashboard is told before it shows anything, and the pictures of its owner.

mod assets;

use std::collections::BTreeMap;

use axis_core::Engine;
use axis_core::config::{Agent, Branding, Config, KindOptions, MemoryFields, Palette, Plugin};
use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

#[expect(deprecated, reason = "the document says so, too")]
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(theme))
        .routes(routes!(visibility))
        .routes(routes!(agents))
        .routes(routes!(features))
        .routes(routes!(plugins))
        .routes(routes!(memory))
        .routes(routes!(assets::asset))
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ThemeAnswer {
    /// Always true.
    success: bool,
    /// The id of the palette in use.
    active: String,
    active_palette: Palette,
    /// Every palette by id.
    palettes: BTreeMap<String, Palette>,
    branding: Branding,
}

/// Colours and names
#[utoipa::path(
    get,
    path = "/api/config/theme",
    tag = "config",
    responses((status = 200, description = "The theme", body = ThemeAnswer))
)]
async fn theme(State(engine): State<Engine>) -> Json<ThemeAnswer> {
    let theme = &engine.config().dashboard.theme;
    Json(ThemeAnswer {
        success: true,
        active: theme.active.clone(),
        active_palette: theme.active_palette().cloned().unwrap_or_default(),
        palettes: theme.palettes.clone(),
        branding: theme.branding.clone(),
    })
}

/// What is to be shown; an empty list means everything.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Visibility {
    kpi: VisibleKpis,
    monitoring: VisibleMetrics,
    human_signals: VisibleSignals,
}

#[derive(Debug, Default, Serialize, ToSchema)]
struct VisibleKpis {
    visible_kpis: Vec<String>,
    /// Instead of `visible_kpis`, by source.
    visible_kpis_per_source: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
struct VisibleMetrics {
    visible_metrics: Vec<String>,
}

#[derive(Debug, Default, Serialize, ToSchema)]
struct VisibleSignals {
    visible_metrics: Vec<String>,
    visible_kpis: Vec<String>,
}

/// Which metrics and KPIs are to be shown
#[utoipa::path(
    get,
    path = "/api/config/visibility",
    tag = "config",
    responses((status = 200, description = "Lists of names; an empty one means all", body = Visibility))
)]
async fn visibility(State(engine): State<Engine>) -> Json<Visibility> {
    let mut visibility = Visibility::default();
    for dataset in &engine.config().datasets {
        match &dataset.options {
            KindOptions::Kpi(own) => {
                visibility.kpi.visible_kpis.clone_from(&own.visible_kpis);
                let per_source = &own.visible_kpis_per_source;
                visibility.kpi.visible_kpis_per_source.clone_from(per_source);
            }
            KindOptions::Monitoring(own) => {
                visibility.monitoring.visible_metrics.clone_from(&own.visible_metrics);
            }
            KindOptions::HumanSignals(own) => {
                let signals = &mut visibility.human_signals;
                signals.visible_metrics.clone_from(&own.visible_metrics);
                signals.visible_kpis.clone_from(&own.visible_kpis);
            }
            _ => {}
        }
    }
    Json(visibility)
}

#[derive(Debug, Serialize, ToSchema)]
struct AgentsAnswer {
    /// Always true.
    success: bool,
    agents: Vec<Agent>,
}

/// The agents, in the order of the file
#[utoipa::path(
    get,
    path = "/api/config/agents",
    tag = "config",
    responses((status = 200, description = "The agents", body = AgentsAnswer))
)]
async fn agents(State(engine): State<Engine>) -> Json<AgentsAnswer> {
    Json(AgentsAnswer {
        success: true,
        agents: engine.config().dashboard.agents.clone(),
    })
}

#[derive(Debug, Serialize, ToSchema)]
struct Features {
    /// `eval_db.eval_runner_enabled`.
    eval_runner_enabled: bool,
    /// `COPILOT_ENABLED`.
    copilot_enabled: bool,
}

/// What is switched on
#[utoipa::path(
    get,
    path = "/api/config/features",
    tag = "config",
    responses((status = 200, description = "The switches", body = Features))
)]
async fn features(State(engine): State<Engine>) -> Json<Features> {
    Json(Features {
        eval_runner_enabled: runs_evaluations(engine.config()),
        copilot_enabled: engine.config().dashboard.copilot_enabled,
    })
}

fn runs_evaluations(config: &Config) -> bool {
    config.datasets.iter().all(|dataset| match &dataset.options {
        KindOptions::Eval(own) => own.runner_enabled,
        _ => true,
    })
}

#[derive(Debug, Serialize, ToSchema)]
struct PluginsAnswer {
    plugins: Vec<Plugin>,
}

/// The plugins that clients know, and why they do not answer
#[utoipa::path(
    get,
    path = "/api/config/plugins",
    tag = "config",
    responses((status = 200, description = "The plugins, by name", body = PluginsAnswer))
)]
async fn plugins(State(engine): State<Engine>) -> Json<PluginsAnswer> {
    Json(PluginsAnswer {
        plugins: engine.config().dashboard.plugins.clone(),
    })
}

#[derive(Debug, Serialize, ToSchema)]
struct MemoryAnswer {
    /// Always true.
    success: bool,
    #[serde(flatten)]
    fields: MemoryFields,
    /// What to know about this path.
    #[serde(rename = "_deprecated")]
    deprecated: &'static str,
}

/// What the columns of the decision memory mean
///
/// Deprecated: it stays until the date of the header `Sunset`.
#[utoipa::path(
    get,
    path = "/api/config/memory",
    tag = "config",
    responses((
        status = 200,
        description = "The roles of the columns",
        body = MemoryAnswer,
        headers(
            ("Deprecation" = String, description = "Since when the path is deprecated"),
            ("Sunset" = String, description = "How long it stays at least"),
            ("Link" = String, description = "Where to read more"),
        ),
    ))
)]
#[deprecated]
async fn memory(State(engine): State<Engine>) -> impl IntoResponse {
    let headers = AppendHeaders([
        ("deprecation", "@1767225600"),
        ("sunset", "Fri, 01 Jan 2027 00:00:00 GMT"),
        ("link", "</docs>; rel=\"deprecation\"; type=\"text/html\""),
    ]);
    let answer = MemoryAnswer {
        success: true,
        fields: engine.config().dashboard.memory.clone(),
        deprecated: "the fields of the memory belong to the memory plugin; this path goes with the date of Sunset",
    };
    (headers, Json(answer))
}
