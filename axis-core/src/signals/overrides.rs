//! `signals_metrics.yaml`: what its author wants shown instead of what is chosen by itself. Read again when the file changes.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use serde_json::{Map, Value};

use crate::config::document;
use crate::dataset::lock;

/// The file, below the custom directory.
const FILE: &str = "config/signals_metrics.yaml";
const BLOCK: &str = "signals_metrics";
/// The keys that replace what is chosen, whole.
const LISTS: [&str; 4] = ["kpi_strip", "chart_sections", "filters", "table_columns"];
/// The key whose entries replace those of the same name.
const COLORS: &str = "color_maps";

/// The file, as it was when it was last looked at.
#[derive(Debug)]
pub(crate) struct Overrides {
    path: Option<PathBuf>,
    read: Mutex<Option<(Stamp, Arc<Given>)>>,
}

/// Tells versions of a file apart.
type Stamp = (Option<SystemTime>, u64);

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct Given {
    values: Map<String, Value>,
    /// What cannot be used, and why.
    pub(super) warnings: Vec<String>,
}

impl Overrides {
    pub(crate) fn new(custom_dir: Option<&Path>) -> Self {
        Self {
            path: custom_dir.map(|directory| directory.join(FILE)),
            read: Mutex::new(None),
        }
    }

    /// Returns what the file says now; nothing when there is none. Touches the disk.
    pub(super) fn given(&self) -> Arc<Given> {
        let Some(path) = &self.path else {
            return Arc::default();
        };
        let Ok(found) = std::fs::metadata(path) else {
            return Arc::default();
        };
        let stamp = (found.modified().ok(), found.len());
        let mut read = lock(&self.read);
        if let Some((known, given)) = &*read
            && *known == stamp
        {
            return Arc::clone(given);
        }
        let given = Arc::new(Given::read(path));
        for warning in &given.warnings {
            tracing::warn!(warning, "signals_metrics.yaml is not followed everywhere");
        }
        *read = Some((stamp, Arc::clone(&given)));
        given
    }
}

impl Given {
    fn read(path: &Path) -> Self {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => return Self::unusable(format!("{FILE}: cannot be read: {}", error.kind())),
        };
        match document(FILE, &text) {
            Ok(document) => Self::from(document),
            Err(error) => Self::unusable(error.message().to_owned()),
        }
    }

    fn unusable(warning: String) -> Self {
        Self {
            values: Map::new(),
            warnings: vec![warning],
        }
    }

    /// Adds what was given to what was chosen.
    pub(super) fn apply(&self, config: &mut Map<String, Value>) {
        for (key, value) in &self.values {
            match (config.get_mut(key), value) {
                (Some(Value::Object(chosen)), Value::Object(given)) => {
                    chosen.extend(given.iter().map(|(name, colors)| (name.clone(), colors.clone())));
                }
                _ => {
                    config.insert(key.clone(), value.clone());
                }
            }
        }
    }
}

impl From<Value> for Given {
    fn from(document: Value) -> Self {
        let block = match document {
            Value::Null => return Self::default(),
            Value::Object(mut document) => document.remove(BLOCK).unwrap_or_default(),
            _ => return Self::unusable(format!("{FILE}: the file is no mapping")),
        };
        let block = match block {
            Value::Null => return Self::default(),
            Value::Object(block) => block,
            _ => return Self::unusable(format!("{FILE}: `{BLOCK}` is no mapping")),
        };
        let mut given = Self::default();
        for (key, value) in block {
            let fits = match &value {
                // A key without a value is one whose entries are commented out.
                Value::Null => continue,
                Value::Array(_) => LISTS.contains(&&*key),
                Value::Object(_) => key == COLORS,
                _ => false,
            };
            if fits {
                given.values.insert(key, value);
            } else if LISTS.contains(&&*key) {
                given.warnings.push(format!("{FILE}: `{BLOCK}.{key}` is no list"));
            } else if key == COLORS {
                given.warnings.push(format!("{FILE}: `{BLOCK}.{key}` is no mapping"));
            } else {
                given.warnings.push(format!("{FILE}: `{BLOCK}.{key}` is not known"));
            }
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn chosen() -> Map<String, Value> {
        let chosen = json!({ "kpi_strip": [1], "filters": [2], "color_maps": { "a__x": { "y": "#1" }, "b__x": {} } });
        chosen.as_object().unwrap().clone()
    }

    #[test]
    fn lists_are_replaced_and_colours_merged() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("config")).unwrap();
        let overrides = Overrides::new(Some(directory.path()));
        let mut config = chosen();
        overrides.given().apply(&mut config);
        assert_eq!(config, chosen());

        let write = |text: &str| std::fs::write(directory.path().join(FILE), text).unwrap();
        write("signals_metrics:\n  kpi_strip: []\n  filters:\n  color_maps: {a__x: {z: '#2'}}\n");
        overrides.given().apply(&mut config);
        assert_eq!(
            Value::Object(config),
            json!({ "kpi_strip": [], "filters": [2], "color_maps": { "a__x": { "z": "#2" }, "b__x": {} } })
        );
        // Same file, same answer, not read again.
        assert!(Arc::ptr_eq(&overrides.given(), &overrides.given()));

        write("signals_metrics:\n  color_maps:\n  filters: [{field: environment, n: 1}]\n");
        let mut config = chosen();
        overrides.given().apply(&mut config);
        assert_eq!(config["filters"], json!([{ "field": "environment", "n": 1 }]));
        assert_eq!(config["color_maps"], chosen()["color_maps"]);
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("config")).unwrap();
        for (text, warning) in [
            (
                "signals_metrics: [1]",
                "config/signals_metrics.yaml: `signals_metrics` is no mapping",
            ),
            ("- 1", "config/signals_metrics.yaml: the file is no mapping"),
            (
                "signals_metrics:\n  filters: {}\n",
                "config/signals_metrics.yaml: `signals_metrics.filters` is no list",
            ),
            (
                "signals_metrics:\n  source_filters: []\n",
                "config/signals_metrics.yaml: `signals_metrics.source_filters` is not known",
            ),
        ] {
            std::fs::write(directory.path().join(FILE), text).unwrap();
            let given = Overrides::new(Some(directory.path())).given();
            assert_eq!(given.warnings, [warning]);
            let mut config = chosen();
            given.apply(&mut config);
            assert_eq!(config, chosen());
        }
        std::fs::write(directory.path().join(FILE), "signals_metrics: {").unwrap();
        let given = Overrides::new(Some(directory.path())).given();
        assert!(
            given.warnings[0].contains("the YAML cannot be read"),
            "{:?}",
            given.warnings
        );
    }
}
