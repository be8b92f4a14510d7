//! JSON Web Tokens: one algorithm, chosen by the configuration and never by the token.

use axis_core::config::{JwtConfig, JwtKey, Role};
use axis_core::{Error, ErrorKind, Result};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::Caller;

/// The longest subject. Longer ones are refused: they would fill logs.
const SUBJECT_MAX: usize = 256;

/// Checks tokens.
pub(super) struct Tokens {
    key: DecodingKey,
    validation: Validation,
    role_claim: String,
}

impl std::fmt::Debug for Tokens {
    /// Leaves the key out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens")
            .field("role_claim", &self.role_claim)
            .finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn new(config: &JwtConfig) -> Result<Self> {
        let (key, algorithm) = match &config.key {
            JwtKey::Hs256(secret) => (DecodingKey::from_secret(secret.expose().as_bytes()), Algorithm::HS256),
            JwtKey::Rs256(pem) => (public_key(pem.as_bytes())?, Algorithm::RS256),
            JwtKey::Rs256File(path) => {
                let pem = std::fs::read(path).map_err(|error| {
                    unusable(&format!("`server.jwt.public_key`: {} cannot be read", path.display())).because(error)
                })?;
                (public_key(&pem)?, Algorithm::RS256)
            }
            _ => return Err(unusable("`server.jwt.algorithm` is not supported")),
        };
        let mut validation = Validation::new(algorithm);
        validation.leeway = config.leeway.as_secs();
        validation.validate_nbf = true;
        let mut required = vec!["exp"];
        if let Some(issuer) = &config.issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match &config.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        Ok(Self {
            key,
            validation,
            role_claim: config.role_claim.clone(),
        })
    }

    /// Returns whom a token speaks for, if it is valid.
    ///
    /// A token without the claim of the role may read. One whose claim names no role of ours is refused: it was made for
    /// something else.
    pub(super) fn check(&self, token: &str) -> Option<Caller> {
        let claims = match decode::<Map<String, Value>>(token, &self.key, &self.validation) {
            Ok(data) => data.claims,
            Err(error) => {
                tracing::debug!(%error, "a token was refused");
                return None;
            }
        };
        let role = match claims.get(&self.role_claim) {
            None | Some(Value::Null) => Role::Read,
            Some(Value::String(name)) => Role::named(name)?,
            Some(Value::Array(names)) => {
                let known = names.iter().filter_map(|name| Role::named(name.as_str()?));
                known.max()?
            }
            Some(_) => return None,
        };
        let name = match claims.get("sub") {
            // Two tokens without a name are two clients. No key and no subject gives such a name.
            None | Some(Value::Null) => format!("token-sha256:{}", short_hash(token)).into(),
            Some(Value::String(subject)) if subject.len() <= SUBJECT_MAX => format!("token:{subject}").into(),
            Some(_) => return None,
        };
        Some(Caller { name: Some(name), role })
    }
}

/// Tells tokens apart without telling them.
fn short_hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn public_key(pem: &[u8]) -> Result<DecodingKey> {
    DecodingKey::from_rsa_pem(pem)
        .map_err(|error| unusable("`server.jwt.public_key` is not the PEM of an RSA public key").because(error))
}

fn unusable(message: &str) -> Error {
    Error::new(ErrorKind::Config, message).during("server.start")
}

#[cfg(test)]
mod tests {
    use axis_core::Env;
    use axis_core::config::{Config, Files};
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const SECRET: &str = "a-secret-of-more-than-32-characters";

    #[test]
    fn tokens_without_a_subject_are_clients_of_their_own() {
        let yaml = format!("server:\n  jwt: {{algorithm: HS256, secret: {SECRET}}}\n");
        let config = Config::resolve(&Files::new("/", [("config/server.yaml", yaml)]), &Env::default()).unwrap();
        let tokens = Tokens::new(config.server.jwt.as_ref().unwrap()).unwrap();
        let name = |claims: Value| {
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            let token = encode(&Header::default(), &claims, &key).unwrap();
            tokens.check(&token).unwrap().name().unwrap().to_owned()
        };
        let one = name(json!({ "exp": 4_102_444_800_i64 }));
        let other = name(json!({ "exp": 4_102_444_801_i64 }));
        assert!(one.starts_with("token-sha256:"), "{one}");
        assert_ne!(one, other);
        assert_eq!(one, name(json!({ "exp": 4_102_444_800_i64 })));
        assert_eq!(name(json!({ "exp": 4_102_444_800_i64, "sub": "ci" })), "token:ci");
    }
}
