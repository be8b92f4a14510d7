//! Who asks: keys and tokens.

mod token;

use std::sync::Arc;

use axis_core::Result;
use axis_core::config::{ApiKey, KeyText, Role, ServerConfig};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use token::Tokens;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Who asks, and what they may do. Handlers take it by `Extension<Caller>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    name: Option<Arc<str>>,
    role: Role,
}

impl Caller {
    /// Somebody without a name, on a server that asks nobody.
    pub(crate) fn anyone() -> Self {
        Self {
            name: None,
            role: Role::Admin,
        }
    }

    /// The name of the key, or `token:` and the subject of the token.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name, to be kept.
    pub(crate) fn shared_name(&self) -> Option<Arc<str>> {
        self.name.clone()
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }
}

/// Why nobody was recognised. The client is told no more than this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Denied {
    /// The request has neither key nor token.
    Missing,
    /// What it has is not known, not valid or no longer valid.
    Invalid,
}

/// Recognises keys and tokens.
#[derive(Debug)]
pub(crate) struct Authenticator {
    required: bool,
    keys: Vec<Key>,
    tokens: Option<Tokens>,
}

#[derive(Debug)]
struct Key {
    digest: [u8; 32],
    caller: Caller,
}

impl Authenticator {
    /// # Errors
    /// `Config` when the public key for tokens cannot be read.
    pub(crate) fn new(config: &ServerConfig) -> Result<Self> {
        Ok(Self {
            required: config.authenticates(),
            keys: config.api_keys.iter().map(Key::new).collect(),
            tokens: config.jwt.as_ref().map(Tokens::new).transpose()?,
        })
    }

    /// Finds out who asks. `page` also takes a key as the password that a browser asks for.
    pub(crate) fn recognise(&self, headers: &HeaderMap, page: bool) -> Result<Caller, Denied> {
        if !self.required {
            return Ok(Caller::anyone());
        }
        let credential = bearer(headers).or_else(|| text(headers, &X_API_KEY)).map(str::to_owned);
        let credential = credential.or_else(|| page.then(|| password(headers)).flatten());
        let credential = credential.ok_or(Denied::Missing)?;
        let by_key = self.by_key(&credential);
        by_key
            .or_else(|| self.tokens.as_ref()?.check(&credential))
            .ok_or(Denied::Invalid)
    }

    /// Compares hashes, all of them and in constant time, so that how long it takes says nothing about any key.
    fn by_key(&self, credential: &str) -> Option<Caller> {
        let digest: [u8; 32] = Sha256::digest(credential.as_bytes()).into();
        let (mut found, mut index) = (Choice::from(0), 0_u64);
        for (at, key) in (0..).zip(&self.keys) {
            let same = key.digest.ct_eq(&digest);
            index.conditional_assign(&at, same);
            found |= same;
        }
        let index = usize::try_from(index).ok()?;
        bool::from(found).then(|| self.keys[index].caller.clone())
    }
}

impl Key {
    fn new(key: &ApiKey) -> Self {
        Self {
            digest: match &key.key {
                KeyText::Plain(text) => Sha256::digest(text.expose().as_bytes()).into(),
                KeyText::Sha256(digest) => *digest,
            },
            caller: Caller {
                name: Some(key.name.as_str().into()),
                role: key.role,
            },
        }
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Returns what follows a scheme in `Authorization`.
fn scheme<'h>(headers: &'h HeaderMap, wanted: &str) -> Option<&'h str> {
    let (scheme, rest) = text(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(wanted).then(|| rest.trim())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    scheme(headers, "Bearer")
}

/// The password of basic authentication; the name does not matter.
fn password(headers: &HeaderMap) -> Option<String> {
    let decoded = base64(scheme(headers, "Basic")?)?;
    let decoded = String::from_utf8(decoded).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

/// Reads base64 of RFC 4648 with its padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.trim_end_matches('=');
    let (mut bytes, mut bits, mut held) = (Vec::with_capacity(digits.len()), 0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use axis_core::Env;
    use axis_core::config::{Config, Files};
    use axum::http::HeaderValue;

    use super::*;

    const ONE: &str = "one-key-that-is-long";
    const TWO: &str = "two-key-that-is-long";

    fn authenticator() -> Authenticator {
        let digest = Sha256::digest(TWO.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let yaml = format!(
            "server:\n  api_keys:\n  - {{name: one, key: {ONE}, role: read}}\n  - {{name: two, key_sha256: {digest}, role: sync}}\n"
        );
        let config = Config::resolve(&Files::new("/", [("config/server.yaml", yaml)]), &Env::default()).unwrap();
        Authenticator::new(&config.server).unwrap()
    }

    fn ask(name: &'static str, value: &str) -> Result<Caller, Denied> {
        let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())]);
        authenticator().recognise(&headers, false)
    }

    #[test]
    fn keys_are_recognised_wherever_they_stand() {
        for (name, value) in [
            ("authorization", format!("Bearer {ONE}")),
            ("authorization", format!("bearer   {ONE} ")),
            ("x-api-key", ONE.to_owned()),
        ] {
            let caller = ask(name, &value).unwrap();
            assert_eq!(
                (caller.name(), caller.role()),
                (Some("one"), Role::Read),
                "{name}: {value}"
            );
        }
        let caller = ask("x-api-key", TWO).unwrap();
        assert_eq!((caller.name(), caller.role()), (Some("two"), Role::Sync));
    }

    #[test]
    fn everything_else_is_denied() {
        for (name, value, why) in [
            ("authorization", format!("Bearer {ONE}x"), Denied::Invalid),
            ("authorization", "Bearer".to_owned(), Denied::Missing),
            ("authorization", ONE.to_owned(), Denied::Missing),
            (
                "authorization",
                "Basic YTpvbmUta2V5LXRoYXQtaXMtbG9uZw==".to_owned(),
                Denied::Missing,
            ),
            ("x-api-key", String::new(), Denied::Invalid),
            ("cookie", ONE.to_owned(), Denied::Missing),
        ] {
            assert_eq!(ask(name, &value), Err(why), "{name}: {value}");
        }
    }

    #[test]
    fn a_page_takes_the_key_as_a_password() {
        // a:one-key-that-is-long
        let value = HeaderValue::from_static("Basic YTpvbmUta2V5LXRoYXQtaXMtbG9uZw==");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value)]);
        assert_eq!(authenticator().recognise(&headers, true).unwrap().name(), Some("one"));
        assert_eq!(base64("not base64!"), None);
    }
}
