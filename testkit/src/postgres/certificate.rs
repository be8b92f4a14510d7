//! Certificates for servers that speak TLS.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// Creates an authority and a server certificate that it signed.
///
/// Returns PEM texts: the authority, another authority of the same name, the server's certificate, and the server's key.
pub(super) fn create(names: &[String]) -> (String, String, String, String) {
    let issuer = authority();
    let mut params = CertificateParams::new(names).expect("the names are host names or addresses");
    params.distinguished_name.push(DnType::CommonName, "AXIS test server");
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.signed_by(&key, &issuer).expect("the authority can sign");
    (issuer.pem(), authority().pem(), certificate.pem(), key.serialize_pem())
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "AXIS test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key can be made")).expect("a key can sign")
}
