//! The server's settings, which only the environment holds.

use super::ServerConfig;
use super::ledger::Ledger;
use super::yaml::Place;

const PORT: u16 = 8500;

/// Reads `HOST`, `PORT`, `APP_NAME`, `FRONTEND_URL` and `FRONTEND_URLS`.
pub(super) fn read(ledger: &Ledger<'_>) -> ServerConfig {
    let host = setting(ledger, "server.host", "HOST", "127.0.0.1");
    let port = setting(ledger, "server.port", "PORT", &PORT.to_string());
    let port = port.parse().unwrap_or_else(|_| {
        if let Some(place) = place(ledger, "PORT") {
            ledger.fail(
                &place,
                format!("`PORT` is {port:?}, allowed is an integer from 0 to 65535"),
            );
        }
        PORT
    });
    let app_name = setting(ledger, "server.app_name", "APP_NAME", "AXIS");
    let one = setting(ledger, "server.frontend_url", "FRONTEND_URL", "http://localhost:3500");
    let many = setting(ledger, "server.frontend_urls", "FRONTEND_URLS", "none");
    let many = if place(ledger, "FRONTEND_URLS").is_some() {
        many
    } else {
        String::new()
    };
    ServerConfig {
        host,
        port,
        app_name,
        origins: origins([one.as_str()].into_iter().chain(many.split(','))),
    }
}

/// The two addresses of a local frontend, and those that are configured.
fn origins<'o>(configured: impl Iterator<Item = &'o str>) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    for origin in ["http://localhost:3500", "http://127.0.0.1:3500"]
        .into_iter()
        .chain(configured)
    {
        let origin = origin.trim().trim_end_matches('/');
        if !origin.is_empty() && !origins.iter().any(|known| known == origin) {
            origins.push(origin.to_owned());
        }
    }
    origins
}

/// Returns the variable, unless it is missing or empty, and records it.
fn setting(ledger: &Ledger<'_>, key: &str, name: &str, default: &str) -> String {
    let place = place(ledger, name);
    let value = match &place {
        Some(_) => ledger.env.get(name).unwrap_or(default).trim().to_owned(),
        None => default.to_owned(),
    };
    ledger.set(key, &value, place.as_ref());
    value
}

fn place(ledger: &Ledger<'_>, name: &str) -> Option<Place> {
    let env = ledger.env;
    env.get(name).filter(|value| !value.trim().is_empty())?;
    Some(Place::Env {
        name: name.to_owned(),
        label: env.origin(name).unwrap_or_default().to_owned(),
    })
}
