//! `theme.yaml`: palettes, branding, and which palette is in use. `AXIS_THEME_*` wins over the file.

use std::collections::BTreeMap;

use super::variable;
use crate::config::kpi::title_case;
use crate::config::node::Block;
use crate::config::{Branding, Palette, Theme};

const SAGE: &str = "sage_green";
const BLUE: &str = "professional_blue";

/// Variables that replace a key of the palette in use.
pub(in crate::config) const VARIABLES: [(&str, &str); 16] = [
    ("AXIS_THEME_PRIMARY", "primary"),
    ("AXIS_THEME_PRIMARY_LIGHT", "primaryLight"),
    ("AXIS_THEME_PRIMARY_DARK", "primaryDark"),
    ("AXIS_THEME_PRIMARY_SOFT", "primarySoft"),
    ("AXIS_THEME_PRIMARY_PALE", "primaryPale"),
    ("AXIS_THEME_ACCENT_GOLD", "accentGold"),
    ("AXIS_THEME_ACCENT_SILVER", "accentSilver"),
    ("AXIS_THEME_HERO_IMAGE", "heroImage"),
    ("AXIS_THEME_LOGO_URL", "logoUrl"),
    ("AXIS_THEME_FAVICON_URL", "faviconUrl"),
    ("AXIS_THEME_APP_ICON_URL", "appIconUrl"),
    ("AXIS_THEME_HERO_CONTRAST", "heroContrast"),
    ("AXIS_THEME_HERO_SATURATION", "heroSaturation"),
    ("AXIS_THEME_HERO_BRIGHTNESS", "heroBrightness"),
    ("AXIS_THEME_HERO_OPACITY", "heroOpacity"),
    ("AXIS_THEME_HERO_MODE", "heroMode"),
];

/// Reads the block; an empty one gives the built-in theme.
pub(super) fn read(mut block: Block<'_>) -> Theme {
    replace(&mut block, "AXIS_THEME_ACTIVE", "active");
    let (active, palettes) = palettes(&block);
    let branding = branding(&block.child("branding"));
    block.finish();
    Theme {
        active,
        palettes,
        branding,
    }
}

/// Puts a variable that is set in the place of a key.
fn replace(block: &mut Block<'_>, name: &str, key: &str) {
    if let Some(entry) = variable(block.ledger, name, key) {
        block.entries.retain(|known| known.key != key);
        block.entries.push(entry);
    }
}

/// Reads the palettes, and the id of the one in use.
fn palettes(block: &Block<'_>) -> (String, BTreeMap<String, Palette>) {
    let outer = block.child("palettes");
    let own = outer.entries().iter().map(|entry| entry.key.clone());
    let ids: Vec<String> = [SAGE, BLUE].into_iter().map(str::to_owned).chain(own).collect();
    let active = active(block, &ids);
    let palettes = ids.into_iter().map(|id| {
        let mut own = outer.child(&id);
        let is_own = outer.entries.iter().any(|entry| entry.key == id);
        if id == active {
            for (name, key) in VARIABLES {
                replace(&mut own, name, key);
            }
        }
        // What a palette of the file leaves out is as in the built-in green one, also where its id is that of another.
        let base = match id.as_str() {
            BLUE if !is_own => blue(),
            _ => Palette {
                name: title_case(&id),
                ..sage()
            },
        };
        let palette = palette(&own, base);
        own.finish();
        (id, palette)
    });
    let palettes = palettes.collect();
    (active, palettes)
}

fn active(block: &Block<'_>, ids: &[String]) -> String {
    let Some(text) = block.text("active") else {
        block.default("active", BLUE);
        return BLUE.to_owned();
    };
    if ids.contains(&text.value) {
        block.record("active", Some(&text), "");
        return text.value;
    }
    let known = crate::config::node::either(ids.iter().map(String::as_str));
    block.bad("active", &text.place, text.found(), known);
    block.default("active", SAGE);
    SAGE.to_owned()
}

fn palette(block: &Block<'_>, base: Palette) -> Palette {
    let text = |key: &str, default: String| block.string_or(key, &default).unwrap_or(default);
    let modes = [("dark", "dark"), ("light", "light")];
    Palette {
        name: text("name", base.name),
        primary: text("primary", base.primary),
        primary_light: text("primaryLight", base.primary_light),
        primary_dark: text("primaryDark", base.primary_dark),
        primary_soft: text("primarySoft", base.primary_soft),
        primary_pale: text("primaryPale", base.primary_pale),
        accent_gold: text("accentGold", base.accent_gold),
        accent_silver: text("accentSilver", base.accent_silver),
        hero_image: block.string("heroImage"),
        logo_url: block.string("logoUrl"),
        favicon_url: block.string("faviconUrl"),
        app_icon_url: block.string("appIconUrl"),
        hero_contrast: block.optional_number("heroContrast"),
        hero_saturation: block.optional_number("heroSaturation"),
        hero_brightness: block.optional_number("heroBrightness"),
        hero_opacity: block.optional_number("heroOpacity"),
        hero_mode: block.choice("heroMode", &modes, "none").map(str::to_owned),
        shimmer_from: block.string("shimmerFrom"),
        shimmer_to: block.string("shimmerTo"),
    }
}

fn sage() -> Palette {
    colours([
        "Sage Green",
        "#8B9F4F",
        "#A4B86C",
        "#6B7A3A",
        "#B8C78A",
        "#D4E0B8",
        "#D4AF37",
        "#B8C5D3",
    ])
}

fn blue() -> Palette {
    colours([
        "Professional Blue",
        "#3D5A80",
        "#5C7AA3",
        "#2B3C73",
        "#8BA4C4",
        "#C5D4E8",
        "#D4AF37",
        "#B8C5D3",
    ])
}

fn colours(texts: [&str; 8]) -> Palette {
    let [name, primary, light, dark, soft, pale, gold, silver] = texts.map(str::to_owned);
    Palette {
        name,
        primary,
        primary_light: light,
        primary_dark: dark,
        primary_soft: soft,
        primary_pale: pale,
        accent_gold: gold,
        accent_silver: silver,
        ..Palette::default()
    }
}

fn branding(block: &Block<'_>) -> Branding {
    let text = |key: &str, default: &str| block.string_or(key, default).unwrap_or_else(|| default.to_owned());
    let app_name = text("app_name", "AXIS");
    let branding = Branding {
        tagline: text("tagline", "AI Evaluation Platform"),
        subtitle: text("subtitle", "The AI Evaluation Studio"),
        description: text("description", "Agent X-ray Interface & Statistics"),
        report_footer: text("report_footer", "Made with AXIS"),
        docs_url: text("docs_url", env!("CARGO_PKG_REPOSITORY")),
        footer_name: text("footer_name", &app_name),
        footer_icon: block.string("footer_icon"),
        app_name,
    };
    block.finish();
    branding
}
