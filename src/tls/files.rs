//! A certificate in files that somebody else renews. They are read again while the server runs.
//!
//! Their contents are compared, not their times: the tools that renew certificates copy, rename or exchange links, and
//! the files are small. A certificate and its key are two files, so there is a moment in which they do not belong
//! together. What cannot be used is therefore only logged when it is still there the next time, and then once.

use std::path::{Path, PathBuf};
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
        if let Some(sentence) = self.end_to_warn_of(certificate, now) {
            tracing::warn!("{sentence}");
        }
    }

    /// What is to be said of the end of the certificate now, once a day from two weeks before.
    fn end_to_warn_of(&mut self, certificate: &Certificate, now: SystemTime) -> Option<String> {
        let left = certificate.ends().duration_since(now).unwrap_or(Duration::ZERO);
        let since = self.warned.and_then(|at| now.duration_since(at).ok());
        let is_due = since.is_none_or(|since| since >= limits::END_WARNED_AGAIN);
        if !is_due || left > limits::END_WARNED {
            return None;
        }
        self.warned = Some(now);
        let (ends, file) = (fmt_http_date(certificate.ends()), self.cert.display());
        Some(match left.as_secs() / (24 * 3_600) {
            _ if left.is_zero() => {
                format!("the certificate ended on {ends}, and browsers refuse it: renew {file}")
            }
            0 => format!("the certificate ends today, on {ends}: renew {file}"),
            days => format!("the certificate ends in {days} days, on {ends}: renew {file}"),
        })
    }
}

fn read(cert: &Path, key: &Path) -> Result<Contents, String> {
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

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tempfile::TempDir;

    use super::*;

    /// Two files in a folder, and what is made of them.
    struct Place {
        folder: TempDir,
        files: Files,
        certificates: Certificates,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (cert, key) = issued("first.example.org", 2);
            let (cert_file, key_file) = (folder.path().join("cert"), folder.path().join("key"));
            fs::write(&cert_file, cert).unwrap();
            fs::write(&key_file, key).unwrap();
            let (files, first) = Files::open(cert_file, key_file).unwrap();
            Self { folder, files, certificates: Certificates::new(first) }
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.folder.path().join(name), text).unwrap();
        }

        /// What is used after the files were read again, and what waits to be logged.
        fn read_again(&mut self) -> (String, Option<(String, bool)>) {
            let contents = self.files.read();
            self.files.take(contents, &self.certificates);
            (self.certificates.current().names()[0].clone(), self.files.unusable.clone())
        }
    }

    fn issued(name: &str, years: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2030 + years, 1, 1);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    #[test]
    fn a_new_pair_is_used_as_soon_as_its_second_file_is_there() {
        let mut place = Place::new();
        assert_eq!(place.read_again(), ("first.example.org".into(), None));
        let (cert, key) = issued("second.example.org", 3);
        place.write("cert", &cert);
        let (used, unusable) = place.read_again();
        let (error, is_logged) = unusable.unwrap();
        assert_eq!((used.as_str(), is_logged), ("first.example.org", false));
        assert!(error.contains("does not belong to"), "{error}");
        place.write("key", &key);
        assert_eq!(place.read_again(), ("second.example.org".into(), None));
    }

    #[test]
    fn what_stays_unusable_is_logged_once_and_the_old_certificate_stays() {
        let mut place = Place::new();
        let (cert, _) = issued("second.example.org", 3);
        place.write("cert", &cert[..cert.len() / 2]);
        assert!(!place.read_again().1.unwrap().1, "it may be half written");
        for _ in 0..2 {
            let (used, unusable) = place.read_again();
            let (error, is_logged) = unusable.unwrap();
            assert_eq!((used.as_str(), is_logged), ("first.example.org", true));
            assert!(error.contains("cut off or damaged"), "{error}");
        }
        let ended = issued("ended.example.org", -10);
        place.write("cert", &ended.0);
        place.write("key", &ended.1);
        let (used, unusable) = place.read_again();
        assert!(unusable.unwrap().0.contains("ended on"));
        assert_eq!(used, "first.example.org");
        fs::remove_file(place.folder.path().join("key")).unwrap();
        let (used, unusable) = place.read_again();
        assert!(unusable.unwrap().0.contains("No such file"));
        assert_eq!(used, "first.example.org");
        let good = issued("third.example.org", 3);
        place.write("cert", &good.0);
        place.write("key", &good.1);
        assert_eq!(place.read_again(), ("third.example.org".into(), None));
    }

    #[test]
    fn the_end_of_a_certificate_is_warned_of_once_a_day_from_two_weeks_before() {
        let Place { mut files, certificates, .. } = Place::new();
        let certificate = certificates.current();
        let (ends, second) = (certificate.ends(), Duration::from_secs(1));
        let mut said = |now| files.end_to_warn_of(&certificate, now);
        assert_eq!(said(ends - limits::END_WARNED - second), None);
        let first = said(ends - limits::END_WARNED + second).unwrap();
        assert!(first.contains("ends in 13 days, on Thu, 01 Jan 2032"), "{first}");
        assert_eq!(said(ends - limits::END_WARNED + limits::END_WARNED_AGAIN), None);
        let again = said(ends - limits::END_WARNED + limits::END_WARNED_AGAIN + second);
        assert!(again.unwrap().contains("in 12 days"));
        let last = said(ends + second).unwrap();
        assert!(last.contains("ended on"), "{last}");
    }
}
