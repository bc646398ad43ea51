//! Certificates: where they come from, when they change, and how handshakes get them.
//!
//! The handshakes themselves are made in `http`, and what is sealed after an upgrade in `delivery`.

mod certificate;
mod certificates;
pub mod challenges;
mod files;
pub mod pem;
mod server_config;

pub use certificate::Certificate;
pub use certificates::Certificates;
pub use server_config::server_config;

use std::path::Path;

use tokio::sync::watch;

use crate::config::{TlsMode, TlsSettings};
use challenges::Challenges;
use files::Files;

/// TLS of a server that speaks it.
pub struct Tls {
    /// What handshakes use.
    pub certificates: Certificates,
    /// What is answered to those who issue certificates.
    pub challenges: Challenges,
    source: Source,
}

/// Where the certificates come from.
enum Source {
    Files(Files),
}

impl Tls {
    /// The certificates that the settings name; nothing if the server speaks no TLS.
    ///
    /// # Errors
    /// One sentence that says what is wrong with them.
    pub fn open(settings: &TlsSettings, data_dir: Option<&Path>) -> Result<Option<Self>, String> {
        let _ = data_dir;
        let (source, first) = match settings.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Files => {
                let (Some(cert), Some(key)) = (&settings.cert, &settings.key) else {
                    return Err("--tls files needs IMPULSE_TLS_CERT and IMPULSE_TLS_KEY".into());
                };
                let (files, first) = Files::open(cert.clone(), key.clone())?;
                (Source::Files(files), first)
            }
            TlsMode::Auto | TlsMode::Acme => {
                return Err("--tls auto and --tls acme are not built yet".into());
            }
        };
        let certificates = Certificates::new(first);
        Ok(Some(Self { certificates, challenges: Challenges::default(), source }))
    }

    /// Renews the certificates, or reads them again, until the server stops.
    pub async fn keep(self, stop: watch::Receiver<bool>) {
        match self.source {
            Source::Files(files) => files.keep(self.certificates, stop).await,
        }
    }
}
