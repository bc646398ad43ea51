//! Certificates by ACME (RFC 8555): obtained by HTTP-01, kept on disk before they serve, renewed in time. While
//! something fails, the certificate that is there goes on serving.

mod attempts;
mod failure;
mod folder;
mod order;
mod placeholder;
mod renewal;
mod transport;

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateDer;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::challenges::Challenges;
use super::{Certificate, Certificates};
use crate::base::limits::acme as limits;
use crate::config::{AcmeSettings, LETS_ENCRYPT};
use attempts::{Attempts, Waits};
use failure::{Failure, period};
use order::{Attempt, Purpose, authority};
use renewal::Advice;

pub use folder::{Folder, Stored};

/// Endings that no public authority issues certificates for.
const PRIVATE: &[&str] =
    &[".local", ".localhost", ".internal", ".test", ".invalid", ".example", ".lan", ".home.arpa"];

/// The certificate of a server that obtains it by itself.
pub struct Acme {
    purpose: Purpose,
    certificates: Certificates,
    /// What is on disk; `None` while a placeholder serves.
    stored: Option<Stored>,
    attempts: Attempts,
    waits: Waits,
    advice: Option<Advice>,
}

impl Acme {
    /// Reads what is on disk, and prepares to obtain what is not.
    ///
    /// # Errors
    /// One sentence: a name that cannot have a certificate, or a folder that cannot be used.
    pub fn open(
        domains: &[String],
        settings: &AcmeSettings,
        data_dir: &Path,
        challenges: Challenges,
    ) -> Result<Self, String> {
        let domains = distinct(domains);
        check_names(&domains, &settings.directory)?;
        // A root file that is wrong is better known now than at the first renewal.
        transport::Transport::new(settings)?;
        let folder = Folder::of(data_dir);
        folder.create()?;
        let stored = folder.certificate().unwrap_or_else(|error| {
            tracing::warn!("{error}; a new certificate is obtained");
            None
        });
        let first = match &stored {
            Some(stored) => stored.certificate.clone(),
            None => placeholder::certificate(&domains)?,
        };
        let attempts = folder.attempts();
        let purpose = Purpose { domains, settings: settings.clone(), folder, challenges };
        let certificates = Certificates::new(first);
        Ok(Self { purpose, certificates, stored, attempts, waits: Waits::default(), advice: None })
    }

    /// What handshakes use.
    pub fn certificates(&self) -> Certificates {
        self.certificates.clone()
    }

    /// Obtains and renews until the server stops.
    pub async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let obtaining = async {
            loop {
                self.wait_until_due().await;
                self.attempt().await;
            }
        };
        tokio::select! {
            () = obtaining => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
    }

    /// Returns when a certificate has to be obtained and the authority may be asked for it.
    async fn wait_until_due(&mut self) {
        let mut is_told = false;
        loop {
            let now = SystemTime::now();
            let due = self.due(now).await;
            let allowed = self.attempts.earliest(now);
            if due <= now && allowed <= now {
                return;
            }
            if due <= now && !is_told {
                let wait = period(allowed.duration_since(now).unwrap_or_default());
                let reason = self.attempts.failure().unwrap_or("too many orders were made");
                tracing::warn!(
                    "the authority is asked for a certificate in {wait} (before: {reason})"
                );
                is_told = true;
            }
            let wait = due.max(allowed).duration_since(now).unwrap_or_default();
            // Not before the second has passed in which it is due.
            sleep(wait.min(limits::LOOK) + limits::AFTER_DUE).await;
        }
    }

    /// When the next certificate is due: at once if the one that is there is another one than the settings want.
    async fn due(&mut self, now: SystemTime) -> SystemTime {
        let Some(stored) = self.stored.clone() else { return now };
        if !self.is_as_wanted(&stored) {
            return now;
        }
        if self.advice.is_none_or(|advice| advice.is_old(now)) {
            let asked = match leaf(&stored.certificate) {
                Some(leaf) => {
                    timeout(limits::ATTEMPT, renewal::ask(&self.purpose, &leaf)).await.ok()
                }
                None => None,
            };
            self.advice = asked.or(self.advice);
        }
        renewal::due(&stored.certificate, self.advice.as_ref())
    }

    /// Whether it is of the right authority, for exactly the names that are set.
    fn is_as_wanted(&self, stored: &Stored) -> bool {
        let names = distinct(stored.certificate.names());
        stored.directory == self.purpose.settings.directory && names == self.purpose.domains
    }

    /// One attempt, and the wait after one that fails.
    async fn attempt(&mut self) {
        match self.obtain().await {
            Ok(stored) => self.serve(stored),
            Err(failure) => {
                let wait = self.note(&failure);
                sleep(wait).await;
            }
        }
    }

    /// Obtains a certificate, at the staging directory first if the settings say so, and keeps it.
    async fn obtain(&mut self) -> Result<Stored, Failure> {
        let Self { purpose, attempts, stored, .. } = self;
        let names = purpose.domains.join(", ");
        let late = |_| Failure::refusal("the authority did not finish in time");
        if let Some(staging) = &purpose.settings.staging.0 {
            let trial = format!("{staging} {names}");
            if !attempts.has_tried(&trial) {
                tracing::info!(
                    "trying {} before {}",
                    authority(staging),
                    authority(&purpose.settings.directory)
                );
                let attempt = Attempt::new(purpose, staging, attempts)?;
                let tried = timeout(limits::ATTEMPT, attempt.run(None)).await.map_err(late)?;
                tried.map_err(|failure| Failure {
                    sentence: format!("the trial failed: {}", failure.sentence),
                    ..failure
                })?;
                attempts.remember_trial(trial);
                purpose.folder.keep_attempts(attempts).map_err(Failure::here)?;
            }
        }
        let directory = purpose.settings.directory.clone();
        tracing::info!("obtaining a certificate for {names} from {}", authority(&directory));
        let before = stored.as_ref().filter(|stored| stored.directory == directory);
        let before = before.and_then(|stored| leaf(&stored.certificate));
        let attempt = Attempt::new(purpose, &directory, attempts)?;
        let running = timeout(limits::ATTEMPT, attempt.run(before.as_ref()));
        let issued = running.await.map_err(late)??;
        purpose
            .folder
            .keep_certificate(&directory, &issued.key, &issued.chain)
            .map_err(Failure::here)
    }

    /// The new certificate is on disk and serves from now on.
    fn serve(&mut self, stored: Stored) {
        let names = stored.certificate.names().join(", ");
        let ends = httpdate::fmt_http_date(stored.certificate.ends());
        self.certificates.replace(stored.certificate.clone());
        self.stored = Some(stored);
        self.advice = None;
        self.waits.reset();
        self.attempts.set_failure("");
        if let Err(error) = self.purpose.folder.keep_attempts(&self.attempts) {
            tracing::warn!("{error}");
        }
        tracing::info!("the certificate for {names} is valid until {ends}");
    }

    /// Logs and keeps why an attempt failed; the wait before the next one.
    fn note(&mut self, failure: &Failure) -> Duration {
        let now = SystemTime::now();
        if let Some(until) = failure.not_before {
            self.attempts.hold(until);
        }
        let wait = self.waits.next(failure.cost);
        let allowed = self.attempts.earliest(now).duration_since(now).unwrap_or_default();
        self.attempts.set_failure(&failure.sentence);
        let next = period(wait.max(allowed));
        let served = match &self.stored {
            None => "browsers are warned until there is one".to_owned(),
            Some(stored) => match stored.certificate.ends().duration_since(now) {
                Ok(left) => format!("the one that serves is valid for {} more", period(left)),
                Err(_) => "the one that serves has ended".to_owned(),
            },
        };
        tracing::warn!(
            "no new certificate: {}; {served}; next attempt in {next}",
            failure.sentence
        );
        if let Err(error) = self.purpose.folder.keep_attempts(&self.attempts) {
            tracing::warn!("{error}");
        }
        wait
    }
}

/// The certificate itself, without those that certify it.
fn leaf(certificate: &Certificate) -> Option<CertificateDer<'static>> {
    certificate.certified_key().cert.first().map(|der| der.clone().into_owned())
}

fn distinct(names: &[String]) -> Vec<String> {
    let mut names = names.to_vec();
    names.sort();
    names.dedup();
    names
}

/// Refuses what no authority would issue, before one is asked in vain.
fn check_names(names: &[String], directory: &str) -> Result<(), String> {
    if names.is_empty() || names.len() > limits::NAMES {
        return Err(format!("IMPULSE_TLS_DOMAINS takes from 1 to {} names", limits::NAMES));
    }
    let is_private = |name: &&String| PRIVATE.iter().any(|ending| name.ends_with(ending));
    match names.iter().find(is_private) {
        Some(name) if directory == LETS_ENCRYPT => Err(format!(
            "no public authority issues a certificate for {name} (IMPULSE_TLS_DOMAINS): use IMPULSE_TLS=auto, \
             or a name that everybody can find in DNS"
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_no_public_authority_knows_is_refused_before_one_is_asked() {
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| (*name).to_owned()).collect()
        };
        assert!(check_names(&names(&["chat.example.org"]), LETS_ENCRYPT).is_ok());
        let error = check_names(&names(&["a.org", "chat.local"]), LETS_ENCRYPT).unwrap_err();
        assert!(error.contains("chat.local") && error.contains("IMPULSE_TLS=auto"), "{error}");
        assert!(check_names(&names(&["chat.internal"]), "https://ca.internal/dir").is_ok());
        assert!(check_names(&[], LETS_ENCRYPT).is_err());
        let many: Vec<_> = (0..=limits::NAMES).map(|n| format!("a{n}.org")).collect();
        assert!(check_names(&many, LETS_ENCRYPT).is_err());
        assert!(check_names(&many[1..], LETS_ENCRYPT).is_ok());
    }
}
