//! Connection URLs. Nothing of a URL is repeated in an error: a mistyped password may stand anywhere.

use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::TlsMode;

/// A URL taken apart.
#[derive(Debug)]
pub(super) enum ParsedUrl {
    Postgres(Box<PostgresUrl>),
    /// The path of a SQLite file, and whether parameters were left out.
    Sqlite {
        path: String,
        has_parameters: bool,
    },
}

/// What a PostgreSQL URL says; `None` where it says nothing.
#[derive(Default)]
pub(super) struct PostgresUrl {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// The password as it stands in the URL, with what is before and behind it, so that it is not found elsewhere by chance.
    pub(super) password_in_place: Option<String>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<TlsMode>,
    pub(super) root_certificate: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    /// Names of parameters that have no effect.
    pub(super) ignored: Vec<String>,
}

impl std::fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresUrl([redacted])")
    }
}

/// The words for TLS modes.
pub(super) const TLS_MODES: &[(&str, TlsMode)] = &[
    ("disable", TlsMode::Disable),
    ("prefer", TlsMode::Prefer),
    ("require", TlsMode::Require),
    ("verify-ca", TlsMode::VerifyCa),
    ("verify-full", TlsMode::VerifyFull),
    ("allow", TlsMode::Prefer),
];

/// Takes a URL apart; the error is the end of a sentence that begins with the key.
pub(super) fn parse(url: &str) -> Result<ParsedUrl, String> {
    let url = url.trim();
    let Some((scheme, rest)) = url.split_once(':') else {
        return Err("has no scheme, allowed are postgresql://, postgres:// and sqlite:".to_owned());
    };
    match scheme.to_ascii_lowercase().as_str() {
        "postgresql" | "postgres" => {
            let rest = rest.strip_prefix("//").ok_or("lacks the // after its scheme")?;
            postgres(rest).map(|url| ParsedUrl::Postgres(Box::new(url)))
        }
        "sqlite" => sqlite(rest),
        _ => Err("has an unknown scheme, allowed are postgresql://, postgres:// and sqlite:".to_owned()),
    }
}

fn sqlite(rest: &str) -> Result<ParsedUrl, String> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() || path.contains(":memory:") {
        return Err("names no file, expected sqlite:path/of/the/file".to_owned());
    }
    Ok(ParsedUrl::Sqlite {
        path: path.to_owned(),
        has_parameters: !parameters.is_empty(),
    })
}

fn postgres(rest: &str) -> Result<PostgresUrl, String> {
    let (rest, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    // A password with one of these characters in it would be cut and its end taken for a host or a database.
    if rest.contains('#') || path.contains(['@', '/']) || parameters.contains(['@', '#']) {
        return Err(
            "has a special character in the wrong place; percent-encode `@ / ? # :` within the user and the password"
                .to_owned(),
        );
    }
    let mut url = PostgresUrl::default();
    let (userinfo, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = userinfo
        .split_once(':')
        .map_or((userinfo, None), |(user, word)| (user, Some(word)));
    url.user = filled(decode(user, "user")?);
    url.password = filled(decode(password.unwrap_or_default(), "password")?);
    url.password_in_place = url.password.as_ref().and(password).map(|word| format!(":{word}@"));
    let (host, port) = address_parts(address)?;
    url.host = filled(decode(host, "host")?);
    if let Some(port) = port {
        url.port = Some(parse_port(port)?);
    }
    url.database = filled(decode(path, "database")?);
    for pair in parameters.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameter(&mut url, name, &decode(value, "parameters")?)?;
        if name == "password" && url.password.is_some() {
            url.password_in_place = Some(pair.to_owned());
        }
    }
    if url.host.as_deref().is_some_and(|host| host.contains([',', '@', ' '])) {
        return Err("must name exactly one host".to_owned());
    }
    Ok(url)
}

fn parameter(url: &mut PostgresUrl, name: &str, value: &str) -> Result<(), String> {
    match name {
        "host" => url.host = filled(value.to_owned()),
        "port" => url.port = Some(parse_port(value)?),
        "user" => url.user = filled(value.to_owned()),
        "password" => url.password = filled(value.to_owned()),
        "dbname" => url.database = filled(value.to_owned()),
        "sslmode" => {
            let mode = TLS_MODES.iter().find(|(word, _)| *word == value).map(|(_, mode)| *mode);
            url.tls = Some(
                mode.ok_or("has an unknown sslmode, allowed is disable, prefer, require, verify-ca or verify-full")?,
            );
        }
        "sslrootcert" if value == "system" => {}
        "sslrootcert" => url.root_certificate = filled(value.to_owned()),
        "connect_timeout" => {
            let seconds = value.parse().ok().filter(|seconds| (1..=120).contains(seconds));
            let seconds = seconds.ok_or("has a wrong connect_timeout, allowed is an integer from 1 to 120 seconds")?;
            url.connect_timeout = Some(Duration::from_secs(seconds));
        }
        // A name that is none may be part of a password that lacks its percent-encoding.
        _ if name.chars().all(|c| c.is_ascii_lowercase() || c == '_') => url.ignored.push(name.to_owned()),
        _ => return Err("has a parameter that PostgreSQL does not know".to_owned()),
    }
    Ok(())
}

fn address_parts(address: &str) -> Result<(&str, Option<&str>), String> {
    let (host, tail) = match address.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("has a `[` without its `]`")?,
        None => match address.split_once(':') {
            Some((host, _)) => (host, &address[host.len()..]),
            None => (address, ""),
        },
    };
    match tail.strip_prefix(':') {
        Some(port) => Ok((host, (!port.is_empty()).then_some(port))),
        None if tail.is_empty() => Ok((host, None)),
        None => Err("has text between the host and the port".to_owned()),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        "has a wrong port, allowed is an integer from 1 to 65535 (are special characters in the password percent-encoded?)"
            .to_owned()
    })
}

fn decode(text: &str, part: &str) -> Result<String, String> {
    match percent_decode_str(text).decode_utf8() {
        Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
        _ => Err(format!("has a {part} that is not UTF-8 once it is percent-decoded")),
    }
}

fn filled(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
