//! The certificate that handshakes use, and the exchange of it while the server runs.

use std::sync::{Arc, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Certificate;

/// The certificate that handshakes use. All clones are the same one.
#[derive(Debug, Clone)]
pub struct Certificates(Arc<RwLock<Certificate>>);

impl Certificates {
    /// Handshakes use this certificate until the first [`replace`](Self::replace).
    pub fn new(first: Certificate) -> Self {
        Self(Arc::new(RwLock::new(first)))
    }

    /// From now on handshakes use this one. Connections that are open keep theirs.
    pub fn replace(&self, next: Certificate) {
        *self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()) = next;
    }

    /// What handshakes use now.
    pub fn current(&self) -> Certificate {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().certified_key())
    }
}
