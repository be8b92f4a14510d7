//! The plugins that clients know. None of them is part of this engine, and the list says so.

use super::variable;
use crate::config::collections::suggest;
use crate::config::ledger::Ledger;
use crate::config::{Plugin, PluginNav};

const VARIABLE: &str = "AXIS_PLUGINS_ENABLED";
const SETTING: &str = "dashboard.plugins_enabled";
/// Name, title, page, icon and place.
const KNOWN: [(&str, &str, &str, &str, u32); 2] = [
    ("agent_replay", "Agent Replay", "/agent-replay", "PlayCircle", 45),
    ("memory", "Memory", "/memory", "Brain", 50),
];

/// Reads `AXIS_PLUGINS_ENABLED`: all (`*`) by default, none when it is empty, else the names of a comma-separated list.
pub(super) fn read(ledger: &Ledger<'_>) -> Vec<Plugin> {
    let place = variable(ledger, VARIABLE, SETTING).map(|entry| entry.place);
    // One that is there and empty switches all of them off.
    let given = ledger.env.get(VARIABLE);
    let wanted: Vec<&str> = given
        .unwrap_or("*")
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    ledger.set(SETTING, wanted.join(","), place.as_ref());
    if let Some(place) = &place {
        let is_known = |name: &str| name == "*" || KNOWN.iter().any(|known| known.0 == name);
        for name in wanted.iter().filter(|name| !is_known(name)) {
            let hint = suggest(name, KNOWN.iter().map(|known| known.0));
            let hint = hint.map_or_else(String::new, |name| format!(", did you mean `{name}`?"));
            ledger.warn(place, format!("`{VARIABLE}` names the unknown plugin `{name}`{hint}"));
        }
    }
    let plugins = KNOWN.into_iter().map(|(name, title, href, icon, order)| Plugin {
        name: name.to_owned(),
        version: String::new(),
        api_version: "1".to_owned(),
        description: format!("{title}, of the Python backend"),
        nav: vec![PluginNav {
            name: title.to_owned(),
            href: href.to_owned(),
            icon: icon.to_owned(),
            section: "plugins".to_owned(),
            order,
        }],
        enabled: false,
        error: Some(if wanted.contains(&"*") || wanted.contains(&name) {
            "this server does not have the plugin".to_owned()
        } else {
            format!("not wanted by {VARIABLE}")
        }),
    });
    plugins.collect()
}
