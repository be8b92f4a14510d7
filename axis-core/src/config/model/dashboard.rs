//! What the web dashboard is told: its looks, the agents, the fields of the memory, and what is switched on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Error;

/// The dashboard's settings (`theme.yaml`, `agents.yaml`, `memory.yaml`, and the environment).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DashboardConfig {
    /// `theme.yaml` and `AXIS_THEME_*`.
    pub theme: Theme,
    /// `agents.yaml`, in the order of the file.
    pub agents: Vec<Agent>,
    /// `memory.yaml`.
    pub memory: MemoryFields,
    /// `COPILOT_ENABLED` (default true).
    pub copilot_enabled: bool,
    /// The plugins that clients know, by name; `AXIS_PLUGINS_ENABLED` says which of them are wanted.
    pub plugins: Vec<Plugin>,
    /// What is wrong in these files. The wrong values have their defaults; nothing else suffers.
    pub broken: Vec<Error>,
}

/// Colours and names.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Theme {
    /// The id of the palette in use; it is among `palettes`.
    pub active: String,
    /// Every palette by id: the built-in `sage_green` and `professional_blue`, and those of the file.
    pub palettes: BTreeMap<String, Palette>,
    /// `branding`.
    pub branding: Branding,
}

impl Theme {
    /// Returns the palette in use.
    #[must_use]
    pub fn active_palette(&self) -> Option<&Palette> {
        self.palettes.get(&self.active)
    }
}

/// One palette. Serialises with the keys of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Palette {
    /// What people call it.
    pub name: String,
    /// The main colour; this and the next six are colours of CSS.
    pub primary: String,
    /// Lighter.
    pub primary_light: String,
    /// Darker.
    pub primary_dark: String,
    /// Softer.
    pub primary_soft: String,
    /// Palest.
    pub primary_pale: String,
    /// An accent.
    pub accent_gold: String,
    /// Another accent.
    pub accent_silver: String,
    /// Address of the picture behind the title.
    pub hero_image: Option<String>,
    /// Address of the logo.
    pub logo_url: Option<String>,
    /// Address of the icon in the browser's tab.
    pub favicon_url: Option<String>,
    /// Address of the icon of the application.
    pub app_icon_url: Option<String>,
    /// Contrast of the picture.
    pub hero_contrast: Option<f64>,
    /// Its saturation.
    pub hero_saturation: Option<f64>,
    /// Its brightness.
    pub hero_brightness: Option<f64>,
    /// Its opacity.
    pub hero_opacity: Option<f64>,
    /// `dark` or `light`.
    pub hero_mode: Option<String>,
    /// Where the shimmer of the title begins.
    pub shimmer_from: Option<String>,
    /// Where it ends.
    pub shimmer_to: Option<String>,
}

/// Names and texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Branding {
    /// Default AXIS.
    pub app_name: String,
    /// Beside the name.
    pub tagline: String,
    /// Below the name.
    pub subtitle: String,
    /// What the name stands for.
    pub description: String,
    /// At the end of reports.
    pub report_footer: String,
    /// Where the documentation is.
    pub docs_url: String,
    /// The name at the end of pages; the application's by default.
    pub footer_name: String,
    /// The icon there.
    pub footer_icon: Option<String>,
}

/// One agent, as `agents.yaml` describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Agent {
    /// The name in the data.
    pub name: String,
    /// What people call it; the name by default.
    pub label: String,
    /// What it is for.
    pub role: Option<String>,
    /// Address of its picture.
    pub avatar: Option<String>,
    /// In a sentence.
    pub description: Option<String>,
    /// At length.
    pub biography: Option<String>,
    /// Whether it is in use (default true).
    pub active: bool,
    /// Its names in traces.
    pub trace_names: Vec<String>,
}

/// What the columns of the decision memory mean.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct MemoryFields {
    /// The column of each role.
    pub field_roles: BTreeMap<String, String>,
    /// The roles without which a record is not complete.
    pub required_roles: Vec<String>,
    /// What people call columns and values.
    pub labels: BTreeMap<String, String>,
    /// The roles whose values are lists.
    pub list_fields: Vec<String>,
    /// The roles that can be filtered by.
    pub filter_roles: Vec<String>,
    /// When a rule stops everything.
    pub hard_stops: HardStops,
    /// The value of each quality: `aligned`, `divergent`, `partial`.
    pub quality_values: BTreeMap<String, String>,
    /// The value that marks a soft threshold.
    pub soft_threshold_value: String,
    /// The colour of each action.
    pub action_colors: BTreeMap<String, String>,
    /// Pairs of actions that contradict each other.
    pub contradictory_pairs: Vec<Vec<String>>,
}

/// When a rule stops everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct HardStops {
    /// The action that stops (default decline).
    pub action_value: String,
    /// Whether only without mitigants (default true).
    pub require_empty_mitigants: bool,
}

/// A part of the dashboard that comes with its own routes, where it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct Plugin {
    /// Name.
    pub name: String,
    /// Version; empty for one that is not here.
    pub version: String,
    /// The version of the interface that it is written for.
    pub api_version: String,
    /// In a sentence.
    pub description: String,
    /// Where it stands in the navigation.
    pub nav: Vec<PluginNav>,
    /// Whether it answers.
    pub enabled: bool,
    /// Why it does not.
    pub error: Option<String>,
}

/// An entry of the navigation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct PluginNav {
    /// Label.
    pub name: String,
    /// The page.
    pub href: String,
    /// The name of its icon.
    pub icon: String,
    /// The group in which it stands.
    pub section: String,
    /// Its place within the group.
    pub order: u32,
}
