//! A certificate in files that somebody else renews. They are read again while the server runs.
//!
//! Their contents are compared, not their times: the tools that renew certificates copy, rename or exchange links, and
//! the files are small. A certificate and its key are two files, so there is a moment in which they do not belong
//! together. What cannot be used is therefore only logged when it is still there the next time, and then once.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use httpdate::fmt_http_date;
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;

use super::certificate::Certificate;
use super::certificates::Certificates;
use super::pem;
use crate::base::limits::tls as limits;
use crate::base::shutdown::stopped;

/// The two files, and what was in them.
#[derive(Debug)]
pub struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// What the certificate that is used was read from.
    used: [u8; 32],
    /// What could not be used the last time, and whether it was logged.
    unusable: Option<(String, bool)>,
    /// When the end of the certificate was last warned of.
    warned: Option<SystemTime>,
}

/// What the files hold.
struct Contents {
    digest: [u8; 32],
    certificate: Result<Certificate, String>,
}

impl Files {
    /// Reads the files.
    ///
    /// # Errors
    /// One sentence: which of them cannot be used, and why.
    pub fn open(cert: PathBuf, key: PathBuf) -> Result<(Self, Certificate), String> {
        let mut files = Self { cert, key, used: [0; 32], unusable: None, warned: None };
        let contents = files.read()?;
        let certificate = contents.certificate?;
        files.used = contents.digest;
        Ok((files, certificate))
    }

    /// Reads them again until the server stops, and exchanges the certificate for what they hold.
    pub async fn keep(mut self, certificates: Certificates, mut stop: watch::Receiver<bool>) {
        loop {
            self.warn_of_end(&certificates.current(), SystemTime::now());
            tokio::select! {
                () = tokio::time::sleep(limits::FILES_READ_AGAIN) => {}
                () = stopped(&mut stop) => return,
            }
            // A disk may be slow.
            let (cert, key) = (self.cert.clone(), self.key.clone());
            let reading = tokio::task::spawn_blocking(move || read(&cert, &key));
            if let Ok(contents) = reading.await {
                self.take(contents, &certificates);
            }
        }
    }

    fn read(&self) -> Result<Contents, String> {
        read(&self.cert, &self.key)
    }

    /// Uses what was read, if it is new and good.
    fn take(&mut self, contents: Result<Contents, String>, certificates: &Certificates) {
        let error = match contents {
            Ok(contents) if contents.digest == self.used => {
                self.unusable = None;
                return;
            }
            Ok(Contents { digest, certificate: Ok(certificate) }) => {
                let ends = fmt_http_date(certificate.ends());
                tracing::info!(
                    names = certificate.names().join(", "),
                    ends,
                    "a new certificate is used"
                );
                certificates.replace(certificate);
                (self.used, self.unusable, self.warned) = (digest, None, None);
                return;
            }
            Ok(Contents { certificate: Err(error), .. }) | Err(error) => error,
        };
        match &mut self.unusable {
            Some((known, is_logged)) if *known == error => {
                if !std::mem::replace(is_logged, true) {
                    tracing::error!("the certificate is not replaced: {error}");
                }
            }
            _ => self.unusable = Some((error, false)),
        }
    }

    fn warn_of_end(&mut self, certificate: &Certificate, now: SystemTime) {
        let is_due = self.warned.is_none_or(|at| {
            now.duration_since(at).is_ok_and(|since| since >= limits::END_WARNED_AGAIN)
        });
        let left = certificate.ends().duration_since(now).unwrap_or(Duration::ZERO);
        if !is_due || left > limits::END_WARNED {
            return;
        }
        self.warned = Some(now);
        let (ends, file) = (fmt_http_date(certificate.ends()), self.cert.display());
        if left.is_zero() {
            tracing::error!(
                "the certificate has ended on {ends}: browsers refuse it; renew {file}"
            );
        } else {
            let days = left.as_secs() / (24 * 3_600);
            tracing::warn!("the certificate ends in {days} days, on {ends}: renew {file}");
        }
    }
}

fn read(cert: &std::path::Path, key: &std::path::Path) -> Result<Contents, String> {
    let (cert_pem, key_pem) = (pem::read(cert)?, pem::read(key)?);
    let digest = Sha256::new().chain_update(Sha256::digest(&cert_pem)).chain_update(&key_pem);
    let names = (cert.display().to_string(), key.display().to_string());
    let certificate = pem::parse_named(&cert_pem, &key_pem, &names.0, &names.1);
    let certificate = certificate.and_then(|certificate| {
        let valid = certificate.check_validity(SystemTime::now());
        valid.map_err(|error| format!("{}: {error}", names.0)).map(|()| certificate)
    });
    Ok(Contents { digest: digest.finalize().into(), certificate })
}
