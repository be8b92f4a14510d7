//! `theme.yaml`, `agents.yaml`, `memory.yaml` and the switches: what they say, and that no mistake in them stops anything.

use serde_json::json;

use super::{from_file, resolve, setting, warned};
use crate::config::{Config, Env, Files, Origin};

fn wrong(config: &Config) -> Vec<&str> {
    config.dashboard.broken.iter().map(crate::Error::message).collect()
}

#[test]
fn without_files_there_are_the_built_in_looks() {
    let config = resolve(&[], &[]);
    let theme = &config.dashboard.theme;
    assert_eq!(theme.active, "professional_blue");
    assert_eq!(theme.palettes.len(), 2);
    assert_eq!(
        json!(theme.active_palette().unwrap()),
        json!({
            "name": "Professional Blue", "primary": "#3D5A80", "primaryLight": "#5C7AA3", "primaryDark": "#2B3C73",
            "primarySoft": "#8BA4C4", "primaryPale": "#C5D4E8", "accentGold": "#D4AF37", "accentSilver": "#B8C5D3",
            "heroImage": null, "logoUrl": null, "faviconUrl": null, "appIconUrl": null, "heroContrast": null,
            "heroSaturation": null, "heroBrightness": null, "heroOpacity": null, "heroMode": null,
            "shimmerFrom": null, "shimmerTo": null,
        })
    );
    assert_eq!(theme.palettes["sage_green"].primary, "#8B9F4F");
    assert_eq!(
        (theme.branding.app_name.as_str(), theme.branding.footer_name.as_str()),
        ("AXIS", "AXIS")
    );
    assert!(config.dashboard.agents.is_empty() && config.dashboard.copilot_enabled);
    assert_eq!(config.dashboard.memory.field_roles.len(), 23);
    assert_eq!(config.dashboard.memory.field_roles["category"], "risk_category");
    assert_eq!(
        config.dashboard.memory.required_roles,
        ["id", "name", "action", "batch", "status"]
    );
    assert_eq!((wrong(&config), warned(&config)), (vec![], vec![]));
}

const THEME: &str = "\
theme:
  active: night
  palettes:
    night:
      primary: '#000000'
      heroMode: dark
      heroOpacity: 0.5
      logoUrl: /api/config/assets/branding/${LOGO:-logo.svg}
    professional_blue: {primary: '#0000FF'}
  branding:
    app_name: Looking Glass
    tagline: ''
";

#[test]
fn a_theme_is_the_file_and_the_variables_over_it() {
    let variables = [
        ("AXIS_THEME_PRIMARY", "#111111"),
        ("AXIS_THEME_HERO_CONTRAST", "1.25"),
        ("AXIS_THEME_HERO_IMAGE", " "),
    ];
    let config = resolve(&[("theme.yaml", THEME)], &variables);
    assert_eq!((wrong(&config), warned(&config)), (vec![], vec![]));
    let theme = &config.dashboard.theme;
    let night = theme.active_palette().unwrap();
    assert_eq!((night.name.as_str(), night.primary.as_str()), ("Night", "#111111"));
    // What the file leaves out is as in the green palette.
    assert_eq!(night.primary_light, "#A4B86C");
    assert_eq!(
        (night.hero_mode.as_deref(), night.hero_opacity),
        (Some("dark"), Some(0.5))
    );
    assert_eq!((night.hero_contrast, night.hero_image.as_deref()), (Some(1.25), None));
    assert_eq!(night.logo_url.as_deref(), Some("/api/config/assets/branding/logo.svg"));
    let blue = &theme.palettes["professional_blue"];
    assert_eq!(
        (blue.primary.as_str(), blue.primary_light.as_str()),
        ("#0000FF", "#A4B86C")
    );
    let branding = &theme.branding;
    assert_eq!(
        (branding.app_name.as_str(), branding.footer_name.as_str()),
        ("Looking Glass", "Looking Glass")
    );
    assert_eq!(branding.tagline, "AI Evaluation Platform");

    let primary = setting(&config, "theme.palettes.night.primary");
    assert_eq!(
        (primary.value.as_str(), &primary.origin),
        ("#111111", &Origin::Env("AXIS_THEME_PRIMARY".to_owned()))
    );
    assert_eq!(setting(&config, "theme.active").origin, from_file("theme.yaml", 2));
    let config = resolve(&[("theme.yaml", THEME)], &[("AXIS_THEME_ACTIVE", "sage_green")]);
    assert_eq!(config.dashboard.theme.active, "sage_green");
    assert_eq!(config.dashboard.theme.palettes["night"].primary, "#000000");
}

#[test]
fn what_is_wrong_in_a_theme_is_told_and_nothing_stops() {
    let text = "theme:\n  active: nihgt\n  palettes:\n    night: {heroOpacity: much, heroMode: dim, primry: x}\n  brandin: {}\n";
    let config = resolve(&[("theme.yaml", text)], &[("AXIS_THEME_HERO_OPACITY", "?")]);
    let expected = [
        "config/theme.yaml:2: `theme.active` is \"nihgt\", allowed is sage_green, professional_blue or night",
        "environment: `AXIS_THEME_HERO_OPACITY` is \"?\", allowed is a number",
        "config/theme.yaml:4: `theme.palettes.night.heroOpacity` is \"much\", allowed is a number",
        "config/theme.yaml:4: `theme.palettes.night.heroMode` is \"dim\", allowed is dark or light",
    ];
    assert_eq!(wrong(&config), expected);
    assert_eq!(config.dashboard.theme.active, "sage_green");
    let expected = [
        "config/theme.yaml:4: `theme.palettes.night.primry` is not a known key, did you mean `primary`?",
        "config/theme.yaml:5: `theme.brandin` is not a known key, did you mean `branding`?",
    ];
    assert_eq!(warned(&config), expected);

    for (file, text, place) in [
        ("theme.yaml", "theme: [", "config/theme.yaml:1: "),
        ("theme.yaml", "- a", "config/theme.yaml:1: "),
        (
            "agents.yaml",
            "agents: {name: x}",
            "config/agents.yaml:1: `agents` is a mapping, allowed is a list",
        ),
        (
            "memory.yaml",
            "\nmemory: 5",
            "config/memory.yaml:2: `memory` is a text, allowed is a mapping",
        ),
    ] {
        let config = resolve(&[(file, text)], &[]);
        assert_eq!(config.dashboard.broken.len(), 1, "{text}");
        assert!(wrong(&config)[0].starts_with(place), "{:?}", wrong(&config));
        assert_eq!(config.dashboard.theme.active, "professional_blue");
    }
}

#[test]
fn agents_have_names() {
    let text = "\
agents:
  - name: claims-triage
    label: Clara
    trace_names: [claims, claims-v2]
    active: false
  - role: nobody
  - name: help-desk
    trace_names: desk
    avatr: x.png
  - just a text
";
    let config = resolve(&[("agents.yaml", text)], &[]);
    assert_eq!(
        json!(config.dashboard.agents),
        json!([
            {
                "name": "claims-triage", "label": "Clara", "role": null, "avatar": null, "description": null,
                "biography": null, "active": false, "trace_names": ["claims", "claims-v2"],
            },
            {
                "name": "help-desk", "label": "help-desk", "role": null, "avatar": null, "description": null,
                "biography": null, "active": true, "trace_names": ["desk"],
            },
        ])
    );
    let expected = [
        "config/agents.yaml:6: `agents[1].name` is missing; the agent is left out",
        "config/agents.yaml:10: `agents[3]` is a text, allowed is a mapping",
    ];
    assert_eq!(wrong(&config), expected);
    let expected = "config/agents.yaml:9: `agents[2].avatr` is not a known key, did you mean `avatar`?";
    assert_eq!(warned(&config), [expected]);
}

#[test]
fn the_memory_has_roles_and_words() {
    let text = "\
memory:
  field_roles: {category: kind, nmae: x}
  required_roles: [id, speed]
  labels: {kind: Kind of risk}
  hard_stops: {require_empty_mitigants: false}
  quality_values: {partial: half}
  contradictory_pairs: [[approve, decline], [alone]]
";
    let config = resolve(&[("memory.yaml", text)], &[]);
    let memory = &config.dashboard.memory;
    assert_eq!(
        (
            memory.field_roles["category"].as_str(),
            memory.field_roles["name"].as_str()
        ),
        ("kind", "rule_name")
    );
    assert_eq!(memory.required_roles, ["id"]);
    assert_eq!(json!(memory.labels), json!({ "kind": "Kind of risk" }));
    assert_eq!(
        json!(memory.hard_stops),
        json!({ "action_value": "decline", "require_empty_mitigants": false })
    );
    assert_eq!(memory.quality_values["partial"], "half");
    assert_eq!(json!(memory.contradictory_pairs), json!([["approve", "decline"]]));
    let expected = [
        "config/memory.yaml:3: `memory.required_roles` is \"speed\", allowed is a list of the keys of `field_roles`",
        "config/memory.yaml:7: `memory.contradictory_pairs[1]` is no pair, allowed is a list of pairs of texts",
    ];
    assert_eq!(wrong(&config), expected);
    let expected = "config/memory.yaml:2: `memory.field_roles.nmae` is not a known key, did you mean `name`?";
    assert_eq!(warned(&config), [expected]);
}

#[test]
fn switches_come_from_the_environment() {
    let copilot = |value| resolve(&[], &[("COPILOT_ENABLED", value)]).dashboard.copilot_enabled;
    assert!(!copilot("false") && !copilot("0") && copilot("TRUE") && copilot(""));
    let config = resolve(&[], &[("COPILOT_ENABLED", "perhaps")]);
    assert_eq!(
        wrong(&config),
        ["environment: `COPILOT_ENABLED` is \"perhaps\", allowed is true or false"]
    );

    let reasons = |value: Option<&str>| {
        let variables = value.map(|value| ("AXIS_PLUGINS_ENABLED", value));
        let config = resolve(&[], variables.as_slice());
        let plugins = config.dashboard.plugins.iter();
        let told: Vec<_> = plugins
            .map(|plugin| (plugin.name.clone(), plugin.enabled, plugin.error.clone().unwrap()))
            .collect();
        (told, warned(&config))
    };
    let missing = "this server does not have the plugin";
    let unwanted = "not wanted by AXIS_PLUGINS_ENABLED";
    let expected = |replay: &str, memory: &str| {
        vec![
            ("agent_replay".to_owned(), false, replay.to_owned()),
            ("memory".to_owned(), false, memory.to_owned()),
        ]
    };
    assert_eq!(reasons(None), (expected(missing, missing), vec![]));
    assert_eq!(reasons(Some("*")), (expected(missing, missing), vec![]));
    assert_eq!(reasons(Some("")), (expected(unwanted, unwanted), vec![]));
    let warning = "environment: `AXIS_PLUGINS_ENABLED` names the unknown plugin `memroy`, did you mean `memory`?";
    assert_eq!(
        reasons(Some("agent_replay, memroy")),
        (expected(missing, unwanted), vec![warning.to_owned()])
    );
}

#[test]
fn a_file_that_cannot_be_read_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("custom/config");
    std::fs::create_dir_all(config.join("theme.yaml")).unwrap();
    std::fs::write(config.join("agents.yaml"), b"agents:\n  - name: \xff").unwrap();
    std::fs::write(config.join("memory.yaml"), "memory: {soft_threshold_value: weich}").unwrap();
    let custom_dir = directory.path().join("custom");
    let config = Config::load(&custom_dir, &Env::default()).unwrap();
    let wrong = wrong(&config);
    assert_eq!(wrong.len(), 2);
    assert!(wrong[0].starts_with("config/theme.yaml: cannot be read"), "{wrong:?}");
    assert_eq!(wrong[1], "config/agents.yaml:2: the file is not UTF-8");
    assert_eq!(config.dashboard.memory.soft_threshold_value, "weich");
    assert_eq!(config.custom_dir.as_deref(), Some(custom_dir.as_path()));
    assert_eq!(
        Config::resolve(&Files::default(), &Env::default()).unwrap().custom_dir,
        None
    );
}
