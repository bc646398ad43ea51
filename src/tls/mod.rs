//! Certificates: where they come from, when they change, and how handshakes get them.
//!
//! The handshakes themselves are made in `http`, and what is sealed after an upgrade in `delivery`.

pub mod acme;
mod authority;
mod auto;
mod certificate;
mod certificates;
pub mod challenges;
mod constraints;
mod files;
pub mod names;
pub mod pem;
pub mod private_file;
mod server_config;
pub mod trust_page;
mod trust_texts;

pub use authority::Authority;
pub use auto::{Auto, Times};
pub use certificate::Certificate;
pub use certificates::Certificates;
pub use constraints::Name;
pub use server_config::server_config;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::watch;

use crate::config::{Host, TlsMode, TlsSettings};
use acme::Acme;
use challenges::Challenges;
use files::Files;
use names::Machine;

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
    Auto(Box<Auto>),
    Acme(Box<Acme>),
}

impl Tls {
    /// The certificates that the settings name; nothing if the server speaks no TLS. What is made or obtained is kept in
    /// the data directory. `hosts` are names of the server that this machine need not know itself.
    ///
    /// # Errors
    /// One sentence that says what is wrong with them.
    pub fn open(
        settings: &TlsSettings,
        hosts: &[Host],
        data_dir: &Path,
    ) -> Result<Option<Self>, String> {
        let challenges = Challenges::default();
        let (source, first) = match settings.mode {
            TlsMode::Off => return Ok(None),
            TlsMode::Files => {
                let (Some(cert), Some(key)) = (&settings.cert, &settings.key) else {
                    return Err("--tls files needs IMPULSE_TLS_CERT and IMPULSE_TLS_KEY".into());
                };
                let (files, first) = Files::open(cert.clone(), key.clone())?;
                (Source::Files(files), first)
            }
            TlsMode::Auto => {
                let machine = Machine::here();
                let machine = machine.map_err(|error| {
                    format!("cannot list the addresses of this machine: {error}")
                })?;
                let hosts: Vec<_> = hosts.iter().map(|host| host.name().to_owned()).collect();
                let now = SystemTime::now();
                let auto =
                    Auto::open(&data_dir.join("tls"), &hosts, Times::default(), &machine, now)?;
                let first = auto.certificate().clone();
                (Source::Auto(Box::new(auto)), first)
            }
            TlsMode::Acme => {
                let (domains, acme) = (&settings.domains, &settings.acme);
                let acme = Acme::open(domains, acme, data_dir, challenges.clone())?;
                let certificates = acme.certificates();
                let source = Source::Acme(Box::new(acme));
                return Ok(Some(Self { certificates, challenges, source }));
            }
        };
        Ok(Some(Self { certificates: Certificates::new(first), challenges, source }))
    }

    /// The authority behind the certificates, if it is the server's own.
    pub fn authority(&self) -> Option<Arc<Authority>> {
        match &self.source {
            Source::Auto(auto) => Some(auto.authority().clone()),
            Source::Files(_) | Source::Acme(_) => None,
        }
    }

    /// Renews the certificates, or reads them again, until the server stops.
    pub async fn keep(self, stop: watch::Receiver<bool>) {
        match self.source {
            Source::Files(files) => files.keep(self.certificates, stop).await,
            Source::Auto(auto) => auto.keep(self.certificates, stop).await,
            Source::Acme(acme) => acme.run(stop).await,
        }
    }
}
