//! `server.yaml`, and the variables that fill what it leaves out.

use std::path::Path;
use std::time::Duration;

use super::node::{Block, Text};
use super::yaml::{Data, Entry, Node, Place};
use super::{ApiKey, AuditLog, JwtConfig, JwtKey, KeyText, Network, RateLimit, Role, Secret, ServerConfig};

/// The shortest key: 16 random characters cannot be guessed.
const KEY_MIN: usize = 16;
/// The shortest secret for HS256, in bytes: as many as the hash has (RFC 7518, section 3.2).
const SECRET_MIN: usize = 32;
const MEBIBYTE: u64 = 1024 * 1024;

const ROLES: &[(&str, Role)] = &[("read", Role::Read), ("sync", Role::Sync), ("admin", Role::Admin)];

/// Reads the block; an empty one gives what the environment says, and the defaults.
pub(super) fn read(mut block: Block<'_>, root: &Path) -> ServerConfig {
    for (key, name) in [("host", "HOST"), ("port", "PORT"), ("app_name", "APP_NAME")] {
        fill(&mut block, key, name);
    }
    let block = &block;
    let text = |key: &str, default: &str| {
        let given = block.string_or(key, default);
        given.map_or_else(|| default.to_owned(), |text| text.trim().to_owned())
    };
    let count = |key: &str, most: u64, unit: &str, default: u64| block.integer_or(key, 1..=most, unit, default);
    let config = ServerConfig {
        host: text("host", "127.0.0.1"),
        port: u16::try_from(block.integer_or("port", 0..=65_535, "", 8500)).unwrap_or(8500),
        app_name: text("app_name", "AXIS"),
        origins: origins(block),
        api_keys: api_keys(block),
        jwt: jwt(block, root),
        rate_limit: rate_limit(block),
        max_body_bytes: count("max_body_bytes", 1 << 40, "bytes", 64 * MEBIBYTE),
        request_timeout: Duration::from_secs(count("request_timeout_seconds", 86_400, "seconds", 120)),
        max_concurrent_requests: to_usize(count("max_concurrent_requests", 1_000_000, "", 512)),
        cache_bytes: block.integer_or("cache_bytes", 0..=1 << 40, "bytes", 64 * MEBIBYTE),
        audit_log: audit_log(block, root),
        trusted_proxies: trusted_proxies(block),
        drain: Duration::from_secs(block.integer_or("drain_seconds", 0..=3600, "seconds", 10)),
        wizard_hosts: wizard_hosts(block),
    };
    block.finish();
    config
}

fn to_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// Adds the variable as the entry of a key that is not there.
fn fill(block: &mut Block<'_>, key: &str, name: &str) {
    if block.entry(key).is_some() {
        return;
    }
    if let Some((text, place)) = variable(block, name) {
        block.entries.retain(|entry| entry.key != key);
        block.entries.push(Entry {
            key: key.to_owned(),
            place: place.clone(),
            node: Node {
                place,
                data: Data::Scalar { text, plain: true },
            },
        });
    }
}

/// Returns a variable, unless it is missing or empty.
fn variable(block: &Block<'_>, name: &str) -> Option<(String, Place)> {
    let (text, place) = block.ledger.variable(name)?;
    Some((text.trim().to_owned(), place))
}

/// How an origin is spelled.
const ORIGIN: &str = "scheme://host or scheme://host:port";

/// The configured origins; without any the two addresses of a local frontend, and those of the environment.
fn origins(block: &Block<'_>) -> Vec<String> {
    if block.entry("origins").is_some() {
        let own = block.strings("origins", true).unwrap_or_default();
        if let Some(entry) = block.entry("origins") {
            for text in own.iter().filter(|text| !is_origin(text)) {
                block.bad("origins", &entry.place, format!("{text:?}"), ORIGIN);
            }
        }
        return distinct(own.iter().map(String::as_str));
    }
    let setting = |key: &str, name: &str, default: &str| {
        let found = variable(block, name);
        let shown = found.as_ref().map_or(default, |(text, _)| text);
        block
            .ledger
            .set(block.key(key), shown, found.as_ref().map(|(_, place)| place));
        // An installation that has always run with such an address must not stop for it.
        found.map(|(text, place)| {
            let (fits, strange): (Vec<&str>, Vec<&str>) = text.split(',').partition(|text| is_origin(text));
            for text in strange {
                let message = format!("`{name}` is ignored: {text:?} is not allowed, allowed is {ORIGIN}");
                block.ledger.warn(&place, message);
            }
            fits.join(",")
        })
    };
    let one = setting("frontend_url", "FRONTEND_URL", "http://localhost:3500").unwrap_or_default();
    let many = setting("frontend_urls", "FRONTEND_URLS", "none").unwrap_or_default();
    let local = ["http://localhost:3500", "http://127.0.0.1:3500"];
    distinct(local.into_iter().chain([one.as_str()]).chain(many.split(',')))
}

/// Tells whether a browser can send this as an origin, or there is nothing. `*` is none: answers are for pages that are named.
fn is_origin(text: &str) -> bool {
    let text = text.trim().trim_end_matches('/');
    let host = text
        .split_once("://")
        .map(|(scheme, host)| (!scheme.is_empty()).then_some(host));
    let fits = |host: &str| {
        let strange = |c: char| !c.is_ascii_graphic() || "/*?#@,\\".contains(c);
        !host.is_empty() && !host.contains(strange)
    };
    text.is_empty() || host.flatten().is_some_and(fits)
}

/// The hosts that the wizard may connect to besides the configured ones; the variable has commas between them.
fn wizard_hosts(block: &Block<'_>) -> Vec<String> {
    let (hosts, place) = match block.entry("wizard_hosts") {
        Some(entry) => (
            block.strings("wizard_hosts", true).unwrap_or_default(),
            Some(entry.place.clone()),
        ),
        None => {
            let (text, place) = variable(block, "AXIS_WIZARD_HOSTS").unzip();
            let shown = text.as_deref().unwrap_or("none");
            block.ledger.set(block.key("wizard_hosts"), shown, place.as_ref());
            let hosts = text.unwrap_or_default();
            (hosts.split(',').map(str::to_owned).collect(), place)
        }
    };
    let hosts = hosts.iter().map(|host| host.trim().to_owned());
    let hosts: Vec<String> = hosts.filter(|host| !host.is_empty()).collect();
    if let Some(place) = &place
        && hosts
            .iter()
            .any(|host| host.contains("://") || host.contains(['@', ' ', ',']))
    {
        let what = "names no host; allowed are `host`, `host:port`, `*.suffix` and `*`";
        block.wrong("wizard_hosts", place, what);
    }
    hosts
}

fn distinct<'o>(given: impl Iterator<Item = &'o str>) -> Vec<String> {
    let mut origins: Vec<String> = Vec::new();
    for origin in given {
        let origin = origin.trim().trim_end_matches('/');
        if !origin.is_empty() && !origins.iter().any(|known| known == origin) {
            origins.push(origin.to_owned());
        }
    }
    origins
}

fn api_keys(block: &Block<'_>) -> Vec<ApiKey> {
    let given = block.entry("api_keys").is_some();
    let alone = variable(block, "AXIS_API_KEY");
    if let (true, Some((_, place))) = (given, &alone) {
        block.odd("api_keys", place, "has no effect beside `server.api_keys`");
    }
    if let (false, Some((text, place))) = (given, alone) {
        block.ledger.set_secret(block.key("api_keys"), &place, false);
        let key = long_enough(block, "api_keys", Text::from_variable(&text, place), KEY_MIN);
        let key = key.map(|key| ApiKey {
            name: "AXIS_API_KEY".to_owned(),
            key: KeyText::Plain(key),
            role: Role::Admin,
        });
        return key.into_iter().collect();
    }
    let mut keys: Vec<ApiKey> = Vec::new();
    for item in block.items("api_keys", None) {
        let name = item.text("name");
        item.record("name", name.as_ref(), "none");
        let key = key_text(&item);
        let role = item.choice("role", ROLES, "none");
        if role.is_none() && item.entry("role").is_none() {
            item.wrong("role", &item.place, "is missing, allowed is read, sync or admin");
        }
        item.finish();
        let Some(name) = name else {
            item.wrong("name", &item.place, "is missing; logs call the client by it");
            continue;
        };
        let (value, place) = name.into_parts();
        let value = value.trim().to_owned();
        if value.chars().count() > 64 || value.contains(char::is_control) || value.contains(':') {
            item.wrong("name", &place, "is not a name: at most 64 characters, and no colon");
        } else if keys.iter().any(|known| known.name == value) {
            item.wrong("name", &place, format!("is {value:?}, as that of another key"));
        } else if let (Some(key), Some(role)) = (key, role) {
            keys.push(ApiKey { name: value, key, role });
        }
    }
    keys
}

fn key_text(item: &Block<'_>) -> Option<KeyText> {
    match (item.text("key"), item.text("key_sha256")) {
        (Some(key), None) => {
            item.ledger
                .set_secret(item.key("key"), &key.place, key.is_literal(key.value.trim()));
            long_enough(item, "key", key, KEY_MIN).map(KeyText::Plain)
        }
        (None, Some(digest)) => {
            item.ledger.set_secret(item.key("key_sha256"), &digest.place, false);
            let read = sha256(digest.value.trim());
            if read.is_none() {
                item.wrong(
                    "key_sha256",
                    &digest.place,
                    "is not a SHA-256, which has 64 hexadecimal digits",
                );
            }
            read.map(KeyText::Sha256)
        }
        (key, _) => {
            let what = if key.is_some() {
                "stands beside `key_sha256`, allowed is one of them"
            } else {
                "is missing; give `key`, or `key_sha256`"
            };
            item.wrong("key", &item.place, what);
            None
        }
    }
}

/// Takes a secret out of its text. A short one is refused without being quoted.
fn long_enough(block: &Block<'_>, key: &str, text: Text, least: usize) -> Option<Secret<String>> {
    let (value, place) = text.into_parts();
    let value = value.trim().to_owned();
    if value.len() < least {
        block.wrong(
            key,
            &place,
            format!("is too short, allowed are at least {least} characters"),
        );
        return None;
    }
    Some(Secret::new(value))
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

fn jwt(block: &Block<'_>, root: &Path) -> Option<JwtConfig> {
    #[derive(Clone, Copy, PartialEq)]
    enum Algorithm {
        Hs256,
        Rs256,
    }
    let mut child = block.child("jwt");
    let algorithms = [("HS256", Algorithm::Hs256), ("RS256", Algorithm::Rs256)];
    let algorithm = child.choice("algorithm", &algorithms, "HS256");
    let algorithm = algorithm.unwrap_or(Algorithm::Hs256);
    if algorithm == Algorithm::Hs256 {
        fill(&mut child, "secret", "AXIS_JWT_SECRET");
    }
    let (secret, public_key) = (child.text("secret"), child.text("public_key"));
    if let Some(secret) = &secret {
        child.ledger.set_secret(
            child.key("secret"),
            &secret.place,
            secret.is_literal(secret.value.trim()),
        );
    }
    let config = JwtConfig {
        key: match (algorithm, secret, public_key) {
            _ if child.entries.is_empty() => return None,
            (Algorithm::Hs256, Some(secret), None) => JwtKey::Hs256(long_enough(&child, "secret", secret, SECRET_MIN)?),
            (Algorithm::Rs256, None, Some(key)) if key.value.contains("-----BEGIN") => {
                child
                    .ledger
                    .set(child.key("public_key"), "a public key", Some(&key.place));
                JwtKey::Rs256(key.value)
            }
            (Algorithm::Rs256, None, Some(path)) => {
                child.record("public_key", Some(&path), "");
                JwtKey::Rs256File(root.join(path.value.trim()))
            }
            (Algorithm::Hs256, ..) => {
                child.wrong("secret", &child.place, "and no `public_key` is what HS256 needs");
                return None;
            }
            (Algorithm::Rs256, ..) => {
                child.wrong("public_key", &child.place, "and no `secret` is what RS256 needs");
                return None;
            }
        },
        issuer: child.string("issuer"),
        audience: child.string("audience"),
        role_claim: child
            .string_or("role_claim", "role")
            .unwrap_or_else(|| "role".to_owned()),
        leeway: Duration::from_secs(child.integer_or("leeway_seconds", 0..=3600, "seconds", 30)),
    };
    child.finish();
    Some(config)
}

fn rate_limit(block: &Block<'_>) -> Option<RateLimit> {
    let child = block.child("rate_limit");
    let number = |key: &str| {
        child
            .integer(key, 1..=u64::from(u32::MAX), "")
            .and_then(|n| u32::try_from(n).ok())
    };
    let (per_minute, burst) = (number("requests_per_minute"), number("burst"));
    child.finish();
    let Some(requests_per_minute) = per_minute else {
        child.default("requests_per_minute", "no limit");
        if burst.is_some() {
            child.wrong("requests_per_minute", &child.place, "is missing");
        }
        return None;
    };
    if burst.is_none() {
        child.default("burst", &requests_per_minute.to_string());
    }
    Some(RateLimit {
        requests_per_minute,
        burst: burst.unwrap_or(requests_per_minute),
    })
}

fn audit_log(block: &Block<'_>, root: &Path) -> AuditLog {
    let given = block.string_or("audit_log", "off");
    match given.as_deref().map(str::trim) {
        None | Some("off" | "false") => AuditLog::Off,
        Some("stderr") => AuditLog::Stderr,
        Some(path) => AuditLog::File(root.join(path)),
    }
}

fn trusted_proxies(block: &Block<'_>) -> Vec<Network> {
    let given = block.strings("trusted_proxies", true).unwrap_or_default();
    let place = block
        .entry("trusted_proxies")
        .map_or_else(|| block.place.clone(), |entry| entry.place.clone());
    let mut networks = Vec::new();
    for text in given {
        match Network::parse(&text) {
            Some(network) => networks.push(network),
            None => block.bad(
                "trusted_proxies",
                &place,
                format!("{text:?}"),
                "an address, or a network such as 10.0.0.0/8",
            ),
        }
    }
    networks
}
