//! A certificate with its key: what it says of itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use httpdate::fmt_http_date;
use rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::time::ASN1Time;

use crate::base::limits::api::LATEST_MS;

/// A certificate chain with its key, ready for handshakes.
#[derive(Debug, Clone)]
pub struct Certificate(Arc<Facts>);

#[derive(Debug)]
struct Facts {
    certified_key: Arc<CertifiedKey>,
    names: Vec<String>,
    begins: SystemTime,
    ends: SystemTime,
}

impl Certificate {
    /// Reads what the first certificate of the chain says of itself.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn new(certified_key: CertifiedKey) -> Result<Self, String> {
        let unreadable = || "the certificate cannot be read".to_owned();
        let der = certified_key.cert.first().ok_or_else(unreadable)?;
        let (_, parsed) = X509Certificate::from_der(der).map_err(|_| unreadable())?;
        let validity = parsed.validity();
        let (begins, ends) = (system_time(validity.not_before), system_time(validity.not_after));
        let names = names(&parsed);
        Ok(Self(Arc::new(Facts { certified_key: Arc::new(certified_key), names, begins, ends })))
    }

    /// The names and addresses it is for, in lower case, as it lists them; `*.example.org` is one of them.
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// Whether it is for this name (in lower case) or address (without brackets).
    pub fn covers(&self, name: &str) -> bool {
        self.0.names.iter().any(|own| match own.strip_prefix("*.") {
            // An asterisk stands for one label.
            Some(rest) => name.split_once('.').is_some_and(|(first, domain)| {
                !first.is_empty() && domain == rest && name.parse::<IpAddr>().is_err()
            }),
            None => own == name,
        })
    }

    /// When it ends.
    pub fn ends(&self) -> SystemTime {
        self.0.ends
    }

    /// When it begins.
    pub fn begins(&self) -> SystemTime {
        self.0.begins
    }

    /// Refuses one that is not valid at that moment.
    ///
    /// # Errors
    /// When it was, or will be.
    pub fn check_validity(&self, now: SystemTime) -> Result<(), String> {
        if now > self.0.ends {
            Err(format!("the certificate ended on {}", fmt_http_date(self.0.ends)))
        } else if now < self.0.begins {
            Err(format!(
                "the certificate begins on {} only (is the clock of this machine right?)",
                fmt_http_date(self.0.begins)
            ))
        } else {
            Ok(())
        }
    }

    /// Chain and key, for a handshake.
    pub fn certified_key(&self) -> Arc<CertifiedKey> {
        self.0.certified_key.clone()
    }
}

/// X.509 knows no year beyond 9999.
fn system_time(time: ASN1Time) -> SystemTime {
    let latest = u64::try_from(LATEST_MS / 1_000).unwrap_or(0);
    let seconds = u64::try_from(time.timestamp()).unwrap_or(0).min(latest);
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The subject alternative names: browsers have long ignored the common name.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let listed = certificate.subject_alternative_name().ok().flatten();
    let listed = listed.map(|extension| extension.value.general_names.as_slice());
    listed.unwrap_or_default().iter().filter_map(name).collect()
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(name.trim_end_matches('.').to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*bytes).ok().map(|octets| IpAddr::from(octets).to_string()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use crate::tls::pem;

    use super::*;

    #[test]
    fn a_certificate_is_refused_before_it_begins_and_after_it_has_ended() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.example.org".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2020, 4, 1);
        let cert = params.self_signed(&key).unwrap().pem();
        let cert = pem::parse(cert.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
        let second = Duration::from_secs(1);
        assert!(cert.check_validity(cert.begins()).is_ok());
        assert!(cert.check_validity(cert.ends()).is_ok());
        let early = cert.check_validity(cert.begins() - second).unwrap_err();
        assert!(early.contains("begins on Wed, 01 Jan 2020"), "{early}");
        let late = cert.check_validity(cert.ends() + second).unwrap_err();
        assert!(late.contains("ended on Wed, 01 Apr 2020"), "{late}");
    }
}
