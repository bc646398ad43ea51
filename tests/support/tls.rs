//! Certificates for tests, and what rustls needs on both sides.

#![allow(dead_code)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// An authority, and one certificate that it has signed.
pub struct Certified {
    /// The authority's certificate, for clients.
    pub authority: String,
    pub chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
}

impl Certified {
    /// For these names and addresses.
    pub fn of(names: &[&str]) -> Self {
        Self::with(names, |_| ())
    }

    /// The same with another change.
    pub fn with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // With the name that its certificates have by default, they would look as if they had signed themselves.
        authority.distinguished_name.push(DnType::CommonName, "an authority for tests");
        let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &issuer).unwrap();
        Self { authority: issuer.pem(), chain: vec![leaf.der().clone()], key }
    }

    /// A certificate that has signed itself, as `openssl req -x509` makes it: it is an authority as well.
    pub fn by_itself(names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let leaf = params.self_signed(&key).unwrap();
        Self { authority: leaf.pem(), chain: vec![leaf.der().clone()], key }
    }

    /// The certificate, as a PEM text.
    pub fn certificate(&self) -> String {
        let lines = STANDARD.encode(&self.chain[0]);
        let lines: Vec<_> = lines.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    /// The key, as a PEM text.
    pub fn key(&self) -> String {
        self.key.serialize_pem()
    }

    /// A server with this certificate.
    pub fn server(&self) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .unwrap();
        config.ticketer = ring::Ticketer::new().unwrap();
        Arc::new(config)
    }
}
