//! Which certificates the client accepts.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CipherSuite, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// The protocol that the client speaks over TLS.
const ALPN: &[u8] = b"http/1.1";

/// What is offered: as by browsers, AES with the shorter key first, whose hash (SHA-256) processors have built in. A
/// handshake costs a fifth less.
fn provider() -> Arc<CryptoProvider> {
    let mut provider = ring::default_provider();
    let first = CipherSuite::TLS13_AES_128_GCM_SHA256;
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != first);
    Arc::new(provider)
}

/// Which certificates are accepted. It keeps the session tickets of servers, so that the next handshake with the
/// same one is short. Cheap to clone.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl Trust {
    /// Certificates of the public authorities that browsers know, too.
    pub fn public() -> Self {
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let provider = provider();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
        match verifier.build() {
            Ok(verifier) => Self::verified_by(verifier, provider),
            // It fails only without a root, and these are built in.
            Err(_) => Self::only(Vec::new()),
        }
    }

    /// Certificates of the authorities in a PEM file, and the certificates that are in it themselves.
    ///
    /// # Errors
    /// One sentence.
    pub fn in_file(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let pem = std::fs::read(file).map_err(|error| format!("cannot read {shown}: {error}"))?;
        Self::in_pem(&pem).map_err(|error| format!("{shown} {error}"))
    }

    /// The same of a PEM text.
    ///
    /// # Errors
    /// What is wrong with the text, as the rest of a sentence.
    pub fn in_pem(pem: &[u8]) -> Result<Self, String> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = read.map_err(|error| format!("is no PEM file: {error}"))?;
        if certificates.is_empty() {
            return Err("has no certificate in it".to_owned());
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            let added = roots.add(certificate.clone());
            added.map_err(|error| format!("has a certificate that cannot be used: {error}"))?;
        }
        let provider = provider();
        let webpki = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| format!("cannot be used: {error}"))?;
        let verifier = Listed { webpki, certificates };
        Ok(Self::verified_by(Arc::new(verifier), provider))
    }

    /// Exactly these certificates, whatever name and end they have.
    pub fn only(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self::unverified(Accepted::Only(certificates))
    }

    /// Any certificate: the connection is encrypted, but nobody knows to whom. For a server on the same machine,
    /// and for looking at a certificate.
    pub fn any() -> Self {
        Self::unverified(Accepted::Any)
    }

    /// What a handshake needs.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    fn unverified(accepted: Accepted) -> Self {
        let provider = provider();
        let verifier = Unverified { accepted, provider: provider.clone() };
        Self::verified_by(Arc::new(verifier), provider)
    }

    fn verified_by(verifier: Arc<dyn ServerCertVerifier>, provider: Arc<CryptoProvider>) -> Self {
        let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
        #[allow(clippy::expect_used)] // ring has cipher suites of both versions
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .expect("both versions are built in");
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        config.alpn_protocols = vec![ALPN.to_vec()];
        Self { config: Arc::new(config) }
    }
}

/// Accepts what authorities have signed, and the certificates themselves: one that a server has signed itself is no
/// authority's.
#[derive(Debug)]
struct Listed {
    webpki: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Listed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let webpki = &self.webpki;
        let verified =
            webpki.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            Err(_) if self.certificates.contains(end_entity) => {
                let certificate = ParsedCertificate::try_from(end_entity)?;
                rustls::client::verify_server_name(&certificate, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

/// Accepts certificates without asking who signed them. That the server has the key is checked all the same.
#[derive(Debug)]
struct Unverified {
    accepted: Accepted,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Accepted {
    Any,
    Only(Vec<CertificateDer<'static>>),
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.accepted {
            Accepted::Only(certificates) if !certificates.contains(end_entity) => {
                Err(rustls::CertificateError::UnknownIssuer.into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
