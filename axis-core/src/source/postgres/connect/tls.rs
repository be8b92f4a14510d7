//! What a server's certificate must show, mode by mode.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::config::TlsMode;
use crate::error::{Error, ErrorKind, Result};

/// Creates the client's side of TLS; reads the root file, or the system's authorities, when the mode needs them.
///
/// # Errors
/// `Config` when the root file cannot be read or holds no certificate, or when the system has no authorities.
pub(super) fn client_config(mode: TlsMode, root_file: Option<&Path>) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let trust = match mode {
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => Trust::Anything,
        TlsMode::VerifyCa => Trust::Chain {
            authorities: authorities(root_file)?,
            name: false,
        },
        TlsMode::VerifyFull => Trust::Chain {
            authorities: authorities(root_file)?,
            name: true,
        },
    };
    let verifier = Verifier {
        provider: Arc::clone(&provider),
        trust,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Internal, "TLS cannot be set up").because(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(config)
}

#[derive(Debug)]
struct Authorities {
    store: RootCertStore,
    /// The certificates of the root file: one of them may be the server's own, as PostgreSQL's manual sets it up.
    listed: Vec<CertificateDer<'static>>,
}

fn authorities(root_file: Option<&Path>) -> Result<Authorities> {
    let mut store = RootCertStore::empty();
    let Some(file) = root_file else {
        let found = rustls_native_certs::load_native_certs();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            let message = "this machine lists no certificate authorities; name a PEM file as `ssl_root_cert`";
            return Err(Error::new(ErrorKind::Config, message));
        }
        return Ok(Authorities {
            store,
            listed: Vec::new(),
        });
    };
    let wrong = |message: &str| Error::new(ErrorKind::Config, message).with("ssl_root_cert", file.display());
    let text = fs::read(file).map_err(|error| wrong("the root certificate file cannot be read").because(error))?;
    let listed = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong("the root certificate file is not PEM").because(error))?;
    for certificate in &listed {
        store
            .add(certificate.clone())
            .map_err(|error| wrong("the root certificate file holds a malformed certificate").because(error))?;
    }
    if listed.is_empty() {
        return Err(wrong("the root certificate file holds no certificate"));
    }
    Ok(Authorities { store, listed })
}

#[derive(Debug)]
enum Trust {
    Anything,
    Chain { authorities: Authorities, name: bool },
}

#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    trust: Trust,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Trust::Chain { authorities, name } = &self.trust else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(certificate)?;
        let algorithms = self.provider.signature_verification_algorithms.all;
        let chain =
            verify_server_cert_signed_by_trust_anchor(&parsed, &authorities.store, intermediates, now, algorithms);
        match chain {
            // A certificate that is trusted by itself needs no chain, but must not have expired.
            Err(error) if !authorities.listed.contains(certificate) || expired(&error) => return Err(error),
            _ => {}
        }
        if *name {
            verify_server_name(&parsed, server_name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn expired(error: &rustls::Error) -> bool {
    use CertificateError as E;
    matches!(
        error,
        rustls::Error::InvalidCertificate(
            E::Expired | E::ExpiredContext { .. } | E::NotValidYet | E::NotValidYetContext { .. }
        )
    )
}
