//! What is served until the first certificate is there: one that nobody trusts and that says why.

use std::time::SystemTime;

use rcgen::{CertificateParams, DnType, KeyPair};

use crate::base::limits::acme as limits;
use crate::tls::{Certificate, pem};

/// What browsers show as the owner of the certificate.
const SUBJECT: &str = "Impulse has no certificate yet: see its log";

/// A certificate for these names, signed by itself.
///
/// # Errors
/// One sentence.
pub fn certificate(domains: &[String]) -> Result<Certificate, String> {
    let made = || {
        let mut params = CertificateParams::new(domains.to_vec())?;
        params.distinguished_name.push(DnType::CommonName, SUBJECT);
        let now = SystemTime::now();
        params.not_before = (now - limits::PLACEHOLDER_AGE).into();
        params.not_after = (now + limits::PLACEHOLDER_LIFE).into();
        let key = KeyPair::generate()?;
        Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
    };
    let made: Result<_, rcgen::Error> = made();
    let (certificate, key) = made.map_err(|error| format!("cannot make a certificate: {error}"))?;
    pem::parse(certificate.as_bytes(), key.as_bytes())
}
