//! The settings of the HTTP server: what it listens on, whom it lets in, and what it bears.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::super::Secret;

/// The server's settings (`server.yaml`; a missing key is filled from the environment).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServerConfig {
    /// `host` or `HOST` (default 127.0.0.1).
    pub host: String,
    /// `port` or `PORT` (default 8500).
    pub port: u16,
    /// `app_name` or `APP_NAME` (default AXIS).
    pub app_name: String,
    /// `origins`: pages of these origins may ask from a browser, and no others. Without it: localhost and 127.0.0.1 on port
    /// 3500, `FRONTEND_URL`, and the items of `FRONTEND_URLS`; without trailing slashes or duplicates.
    pub origins: Vec<String>,
    /// `api_keys`, or `AXIS_API_KEY` as one of the role `admin`.
    pub api_keys: Vec<ApiKey>,
    /// `jwt`; a missing `secret` is filled from `AXIS_JWT_SECRET`.
    pub jwt: Option<JwtConfig>,
    /// `rate_limit`: how often one client may ask; no limit by default.
    pub rate_limit: Option<RateLimit>,
    /// `max_body_bytes` of a request (default 64 MiB).
    pub max_body_bytes: u64,
    /// `request_timeout_seconds` until an answer begins (default 120).
    pub request_timeout: Duration,
    /// `max_concurrent_requests`: those beyond are told to come back (default 512).
    pub max_concurrent_requests: usize,
    /// `cache_bytes`: how much memory answers of an unchanged dataset may take (default 64 MiB); 0 keeps none.
    pub cache_bytes: u64,
    /// `audit_log`.
    pub audit_log: AuditLog,
    /// `trusted_proxies`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// `drain_seconds`: how long running requests may take once the server was told to stop (default 10).
    pub drain: Duration,
    /// `wizard_hosts`: hosts that the database wizard may connect to besides the configured ones: `host`, `host:port`,
    /// `*.suffix`, or `*` for every host with a public address.
    pub wizard_hosts: Vec<String>,
}

impl ServerConfig {
    /// Tells whether requests need a key or a token.
    #[must_use]
    pub fn authenticates(&self) -> bool {
        !self.api_keys.is_empty() || self.jwt.is_some()
    }
}

/// What a client may do; each role may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Ask questions about what is stored.
    Read,
    /// Start syncs, and change what is stored.
    Sync,
    /// Reach sources by the database wizard, and everything else.
    Admin,
}

impl Role {
    /// Every role, from the least.
    pub const ALL: [Self; 3] = [Self::Read, Self::Sync, Self::Admin];

    /// Returns the role as it is written in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Sync => "sync",
            Self::Admin => "admin",
        }
    }

    /// Returns the role of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// A key that a client sends as `Authorization: Bearer` or `X-API-Key`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApiKey {
    /// The name by which logs call the client.
    pub name: String,
    /// The key.
    pub key: KeyText,
    /// What the client may do.
    pub role: Role,
}

/// A key, or what is enough to recognise it.
#[derive(Clone, Debug)]
pub enum KeyText {
    /// `key`: the key itself.
    Plain(Secret<String>),
    /// `key_sha256`: its SHA-256.
    Sha256([u8; 32]),
}

/// How JSON Web Tokens are checked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JwtConfig {
    /// `algorithm`, with what the signature is checked by. A token of any other algorithm is refused.
    pub key: JwtKey,
    /// `issuer`: the `iss` that tokens must have.
    pub issuer: Option<String>,
    /// `audience`: what the `aud` of tokens must name.
    pub audience: Option<String>,
    /// `role_claim`: the claim that names the role, a text or a list of texts (default role).
    pub role_claim: String,
    /// `leeway_seconds` by which clocks may differ (default 30).
    pub leeway: Duration,
}

/// What signatures are checked by.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JwtKey {
    /// `algorithm: HS256` with `secret`.
    Hs256(Secret<String>),
    /// `algorithm: RS256` with `public_key` as PEM.
    Rs256(String),
    /// `algorithm: RS256` with `public_key` as the path of a PEM file.
    Rs256File(PathBuf),
}

/// How often one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// `requests_per_minute` in the long run.
    pub requests_per_minute: u32,
    /// `burst`: how many at once (default as many as a minute).
    pub burst: u32,
}

/// Where a line about each request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditLog {
    /// `off` (the default): nowhere.
    Off,
    /// `stderr`.
    Stderr,
    /// A file, which is appended to; a relative path is resolved like every other.
    File(PathBuf),
}

/// An address, or all that begin like it: `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `address` or `address/bits`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= most)?,
            None => most,
        };
        Some(Self { address, bits })
    }

    /// Tells whether an address belongs to it. An IPv4 address that is written as IPv6 is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32_u8.saturating_sub(self.bits);
                own.to_bits().checked_shr(shift.into()) == other.to_bits().checked_shr(shift.into())
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128_u8.saturating_sub(self.bits);
                own.to_bits().checked_shr(shift.into()) == other.to_bits().checked_shr(shift.into())
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_contain_what_begins_like_them() {
        let contains =
            |network: &str, address: &str| Network::parse(network).unwrap().contains(address.parse().unwrap());
        assert!(contains("10.0.0.0/8", "10.200.3.4"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("0.0.0.0/0", "192.0.2.1"));
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(contains("127.0.0.1", "::ffff:127.0.0.1"));
        assert!(!contains("127.0.0.1", "127.0.0.2"));
        assert!(contains("fd00::/16", "fd00:1::2"));
        assert!(contains("::/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "example.com", "::/129", "10.0.0.1/-1"] {
            assert_eq!(Network::parse(wrong), None, "{wrong}");
        }
    }
}
